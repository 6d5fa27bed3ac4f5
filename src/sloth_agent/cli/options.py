"""Options that many commands share, spelled and explained once."""

from typing import Annotated

import typer

Tenant = Annotated[
    str | None,
    typer.Option("--tenant", metavar="SLUG", help="Whose assistant. [default: SLOTH_TENANT]"),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")]
