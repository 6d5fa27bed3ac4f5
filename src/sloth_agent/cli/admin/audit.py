"""`sloth admin audit`: who did what."""

from typing import Annotated
from uuid import UUID

import typer

from sloth_agent.cli.options import Json, Limit
from sloth_agent.cli.output import show_list
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
    limit: Limit = 50,
    before: Annotated[
        UUID | None, typer.Option(metavar="ID", help="Older than this event: the next page.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List events, newest first."""
    from sloth_agent.app.bodies.tenants import audit_body

    with opened() as sloth:
        organization = sloth.show_tenant(tenant).id if tenant else None
        events = sloth.run(
            lambda sloth: sloth.audit.list(
                organization=organization, action=action, before=before, limit=limit
            )
        )
        slugs = {each.id: each.slug for each in sloth.tenants()}
    items = [
        audit_body(event, slugs.get(event.organization) if event.organization else None)
        for event in events
    ]
    columns = ("at", "actor", "action", "subject", "tenant")
    cursor = items[-1]["id"] if len(items) == limit else None
    show_list(items, columns, next_cursor=cursor, next_option="--before", as_json=as_json)
