"""`sloth admin audit`: who did what."""

from typing import Annotated
from uuid import UUID

import typer

from sloth_agent.cli.options import Json
from sloth_agent.cli.output import show_json, show_table
from sloth_agent.cli.session import opened

app = typer.Typer(
    no_args_is_help=True, epilog="Example: sloth admin audit list --tenant salon-anna"
)


@app.command("list", epilog='Example: sloth admin audit list --action "code.*" --json')
def list_events(
    tenant: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Only what was done to this tenant.")
    ] = None,
    action: Annotated[str | None, typer.Option(help="Only this action; * for anything.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    before: Annotated[
        UUID | None, typer.Option(metavar="ID", help="Older than this event: the next page.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List events, newest first."""
    from sloth_agent.app.bodies import audit_body

    with opened() as sloth:
        organization = sloth.show_tenant(tenant).id if tenant else None
        events = sloth.run(
            lambda sloth: sloth.audit.list(
                organization=organization, action=action, before=before, limit=limit
            )
        )
    items = [audit_body(event) for event in events]
    if as_json:
        cursor = items[-1]["id"] if len(items) == limit else None
        show_json({"items": items, "next_cursor": cursor})
        return
    columns = ("at", "actor", "action", "subject", "organization_id")
    show_table(columns, [[item[column] for column in columns] for item in items])
