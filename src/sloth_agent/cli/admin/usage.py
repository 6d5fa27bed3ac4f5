"""`sloth admin usage`: what a tenant uses of its plan."""

from typing import Annotated

import typer

from sloth_agent.cli.options import Json
from sloth_agent.cli.output import say, show_json, show_table
from sloth_agent.cli.session import opened

EXAMPLE = "Example: sloth admin usage salon-anna"


def usage(
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="The tenant, such as salon-anna.")],
    as_json: Json = False,
) -> None:
    """Show what a tenant uses of what its plan allows."""
    from sloth_agent.app.bodies.billing import usage_body

    with opened() as sloth:
        body = usage_body(sloth.tenant(slug).usage())
    if as_json:
        show_json(body)
        return
    say(f"{body.pop('period_start')} to {body.pop('period_end')}")
    columns = ("used", "reserved", "limit", "resets_at")
    show_table(
        ("resource", *columns),
        [[name, *(meter[column] for column in columns)] for name, meter in body.items()],
    )
