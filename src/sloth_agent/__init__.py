"""An assistant over your own documents, and a business of assistants for many firms.

from sloth_agent import Sloth

with Sloth() as sloth:
    assistant = sloth.tenant()
    assistant.ingest("docs")
    print(assistant.chat("When are you open?").text)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sloth_agent.app.blocking import Sloth as Sloth
    from sloth_agent.app.sloth import AsyncSloth as AsyncSloth
    from sloth_agent.errors import SlothError as SlothError
    from sloth_agent.settings import Settings as Settings

__all__ = ["AsyncSloth", "Settings", "Sloth", "SlothError"]

_HOMES = {
    "AsyncSloth": "sloth_agent.app.sloth",
    "Settings": "sloth_agent.settings",
    "Sloth": "sloth_agent.app.blocking",
    "SlothError": "sloth_agent.errors",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
