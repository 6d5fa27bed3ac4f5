"""`sloth doctor`: every configured backend checked, with what to do about each failure."""

import typer

from sloth_agent.cli.exits import FAILED
from sloth_agent.cli.options import Json
from sloth_agent.cli.output import say, show_json

SIGNS = {"ok": "✓", "warning": "!", "failed": "✗"}


def doctor(as_json: Json = False) -> None:
    """Check this machine, the database and every backend."""
    from functools import partial

    import anyio

    from sloth_agent.app.diagnosis import Health, examine
    from sloth_agent.settings import Settings

    findings = anyio.run(partial(examine, Settings.load()))
    if as_json:
        checks = [
            {"name": f.name, "status": f.health.value, "message": f.message, "hint": f.hint}
            for f in findings
        ]
        show_json({"checks": checks})
    else:
        for finding in findings:
            say(f"{SIGNS[finding.health]} {finding.name}: {finding.message}")
            if finding.hint:
                say(f"    {finding.hint}")
    if any(finding.health is Health.FAILED for finding in findings):
        raise typer.Exit(FAILED)
