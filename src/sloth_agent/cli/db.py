"""`sloth db`: the database behind it all."""

import typer

from sloth_agent.cli.exits import DONE, FAILED, SOME_FAILED
from sloth_agent.cli.options import Json
from sloth_agent.cli.output import note, say, show_fields, show_json
from sloth_agent.cli.session import opened

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth db status")


@app.command("upgrade", epilog="Example: sloth db upgrade")
def upgrade(as_json: Json = False) -> int:
    """Bring shared tables and all tenants to the newest version."""
    from sloth_agent.app.bodies.tenants import upgrade_body

    with opened() as sloth:
        report = sloth.upgrade_tenants(on_progress=lambda done, total: note(f"{done} of {total}"))
        body = upgrade_body(report, sloth.tenants() if report.failed else ())
    if as_json:
        show_json(body)
    else:
        say(f"{report.upgraded} tenants upgraded, {len(report.failed)} failed.")
        for database in body["unreached_databases"]:
            note(f"error: database {database['name']}: {database['error']['message']}")
        for failure in body["failed"]:
            note(f"error: {failure['slug']}: {failure['error']['message']}")
    return DONE if report.whole else SOME_FAILED


@app.command("status", epilog="Example: sloth db status --json")
def status(as_json: Json = False) -> int:
    """Show where the database is, whether it runs, and how far its tenants are."""
    import anyio

    from sloth_agent.app.bodies.tenants import versions_body
    from sloth_agent.app.database_status import database_status, recorded_versions
    from sloth_agent.errors import SlothError
    from sloth_agent.settings import Settings

    settings = Settings.load()
    body = database_status(settings)
    try:
        body["tenants"] = versions_body(anyio.run(recorded_versions, settings))
    except SlothError as error:
        body["tenants"] = None
        note(f"The versions of the tenants cannot be read: {error.message}")
    show_fields(body, as_json=as_json)
    return FAILED if body["tenants"] is None else DONE


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
