"""`sloth audit`: proofs on the live install."""

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
    from sloth_agent.app.bodies import isolation_body
    from sloth_agent.app.isolation import examine_isolation

    with opened() as sloth:
        found = sloth.run(examine_isolation)
    if as_json:
        show_json(isolation_body(found))
    else:
        for leak in found.leaks:
            note(f"error: {leak.attempt}: {leak.what}")
        say(f"{found.attempts} attempts / {len(found.leaks)} leaks")
        if not found.both_walls:
            note("The database's user may not make roles: see `sloth doctor`.")
    return FAILED if found.leaks else DONE
