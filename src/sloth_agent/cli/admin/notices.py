"""`sloth admin notices`: what a tenant was told about its limits."""

from typing import Annotated

import typer

from sloth_agent.cli.options import Json
from sloth_agent.cli.output import show_list
from sloth_agent.cli.session import opened

EXAMPLE = "Example: sloth admin notices salon-anna"


def notices(
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="The tenant, such as salon-anna.")],
    as_json: Json = False,
) -> None:
    """List what a tenant was told about limits that are near or reached, newest first."""
    from sloth_agent.app.bodies.billing import notice_body

    with opened() as sloth:
        items = [notice_body(notice) for notice in sloth.tenant(slug).limit_notices()]
    show_list(items, ("noticed_at", "resource", "percent", "used", "limit"), as_json=as_json)
