"""`sloth db`: the database behind it all."""

import typer

from sloth_agent.cli.options import Json
from sloth_agent.cli.output import note, say, show_fields, show_json

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth db status")


@app.command("upgrade", epilog="Example: sloth db upgrade")
def upgrade(as_json: Json = False) -> None:
    """Bring shared tables and all tenants to the newest version."""
    from sloth_agent.cli.session import opened

    with opened() as sloth:
        upgraded = sloth.upgrade_tenants()
    if as_json:
        show_json({"tenants": upgraded})
    else:
        say(f"{upgraded} tenants are up to date.")


@app.command("status", epilog="Example: sloth db status --json")
def status(as_json: Json = False) -> None:
    """Show where the database is and whether it runs; starts nothing."""
    from sloth_agent.app.database_status import database_status
    from sloth_agent.settings import Settings

    body = database_status(Settings.load())
    if as_json:
        show_json(body)
    else:
        show_fields(body)


@app.command("stop", epilog="Example: sloth db stop")
def stop(as_json: Json = False) -> None:
    """Stop the embedded server, also under its users; the next command starts it again."""
    from sloth_agent.app.database_status import stop_embedded
    from sloth_agent.settings import Settings

    stopped = stop_embedded(Settings.load())
    if as_json:
        show_json({"stopped": stopped})
    else:
        note("Stopped." if stopped else "It was not running.")
