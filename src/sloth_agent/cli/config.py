"""`sloth config`: effective settings, and where each came from."""

from sloth_agent.cli.options import Json
from sloth_agent.cli.output import show_json, show_table


def config(as_json: Json = False) -> None:
    """Show all settings and their sources; secrets are masked."""
    from sloth_agent.app.effective_settings import effective_settings

    settings = effective_settings()
    if as_json:
        show_json(
            {found.name: {"value": found.value, "source": found.source} for found in settings}
        )
    else:
        rows = [(found.name, found.value, found.source) for found in settings]
        show_table(("setting", "value", "source"), rows)
