"""`sloth channels`: messengers and calendars that the firm has connected."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.input import confirm
from sloth_agent.cli.options import Json, Tenant, Yes
from sloth_agent.cli.output import note, show_json, show_list
from sloth_agent.cli.session import opened
from sloth_agent.ids import IntegrationId

if TYPE_CHECKING:
    from sloth_agent.app.blocking import Tenant as Assistant
    from sloth_agent.channels.models import Integration

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth channels list")

COLUMNS = ("id", "type", "status", "messages_in", "messages_out", "last_activity_at")

Id = Annotated[UUID, typer.Argument(metavar="ID", help="As `sloth channels list` shows it.")]


@app.command("list", epilog="Example: sloth channels list --json")
def list_channels(tenant: Tenant = None, as_json: Json = False) -> None:
    """List what is connected, oldest first; credentials are never shown."""
    from sloth_agent.app.bodies.integrations import integration_body

    with opened() as sloth:
        items = [integration_body(one) for one in _all(sloth.tenant(tenant))]
    show_list(items, COLUMNS, as_json=as_json)
    if not as_json:
        for item in items:
            if error := item["error"]:
                note(f"{item['id']}: {error['message']} [{error['code']}]")


@app.command("disconnect", epilog="Example: sloth channels disconnect 0197c3a2-... --yes")
def disconnect(id: Id, tenant: Tenant = None, yes: Yes = False, as_json: Json = False) -> None:
    """Forget an integration and its credentials; what was said there stays."""
    with opened() as sloth:
        assistant = sloth.tenant(tenant)
        if not yes:
            confirm(f"Disconnect {id}? Its credentials are forgotten.")
        assistant.disconnect(IntegrationId(id), by=operator())
    if as_json:
        show_json({"id": str(id), "disconnected": True})
    else:
        note(f"Disconnected {id}.")


def _all(assistant: "Assistant") -> "Iterator[Integration]":
    """Page by page: the library never hands over more at once."""
    page = assistant.integrations()
    while page:
        yield from page
        page = assistant.integrations(after=page[-1].id)
