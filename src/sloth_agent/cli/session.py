"""Opens the library for one command."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sloth_agent.app.blocking import Sloth


@contextmanager
def opened() -> Iterator["Sloth"]:
    """The library with the settings of this machine; its warnings are notes."""
    from sloth_agent.app.blocking import Sloth
    from sloth_agent.cli.logged import show_warnings

    show_warnings()
    with Sloth() as sloth:
        yield sloth
