"""`sloth keys`: the secret keys that this install seals with."""

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.exits import DONE, SOME_FAILED
from sloth_agent.cli.options import Json
from sloth_agent.cli.output import note, say, show_json
from sloth_agent.cli.session import opened

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth keys rotate")


@app.command("rotate", epilog="Example: sloth keys rotate --json")
def rotate(as_json: Json = False) -> int:
    """Seal the credentials of all tenants with the newest secret of SECRET_KEY.

    Everybody goes on working meanwhile; stopped, it is run again.
    """
    from sloth_agent.app.bodies.integrations import rotation_body

    with opened() as sloth:
        report = sloth.run(lambda sloth: sloth.rotation.rotate(by=operator()))
    body = rotation_body(report)
    if as_json:
        show_json(body)
    else:
        say(
            f"{report.resealed} resealed, {report.unchanged} unchanged,"
            f" {report.unreadable} unreadable."
        )
        for problem in body["problems"]:
            where = " ".join(filter(None, (problem["tenant"], problem["integration_id"])))
            note(f"error: {where}: {problem['error']['message']}")
    return SOME_FAILED if report.problems else DONE
