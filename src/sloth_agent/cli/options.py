"""Options that many commands share, spelled and explained once."""

from typing import Annotated

import typer

Tenant = Annotated[
    str | None,
    typer.Option("--tenant", metavar="SLUG", help="Whose assistant. [default: SLOTH_TENANT]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
