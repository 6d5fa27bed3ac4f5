"""`sloth audit`: proofs on the live install."""

from typing import Any

import typer

from sloth_agent.cli.exits import DONE, FAILED
from sloth_agent.cli.options import Json
from sloth_agent.cli.output import note, say, show_json
from sloth_agent.cli.session import opened

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth audit isolation")


@app.callback()
def audit() -> None:
    """Proofs on the live install."""


@app.command("isolation", epilog="Example: sloth audit isolation --json")
def isolation(as_json: Json = False) -> int:
    """Try to cross the walls between two tenants that are made for it, and removed."""
    from sloth_agent.app.bodies.tenants import isolation_body
    from sloth_agent.app.isolation import examine_isolation

    with opened() as sloth:
        body = isolation_body(sloth.run(examine_isolation))
    if as_json:
        show_json(body)
    else:
        _tell(body)
    return FAILED if body["leaks"] else DONE


def _tell(body: dict[str, Any]) -> None:
    for leak in body["leaks"]:
        note(f"error: {leak['database']}: {leak['attempt']}: {leak['what']}")
    for found in body["databases"]:
        if len(body["databases"]) > 1:
            say(f"{found['name']}: {found['attempts']} attempts / {found['leaks']} leaks")
        if not found["both_walls"]:
            note(
                f"{found['name']}: the second wall is missing, since the database's user may make"
                " no roles; what only it would stop was not tried. See `sloth doctor`."
            )
    say(f"{body['attempts']} attempts / {len(body['leaks'])} leaks")
