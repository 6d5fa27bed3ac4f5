"""Opens the library for one command."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sloth_agent.app.blocking import Sloth


@contextmanager
def opened() -> Iterator["Sloth"]:
    """The library with the settings of this machine."""
    import logging

    from sloth_agent.app.blocking import Sloth

    # What libraries have to say is in our errors already, in words for people.
    logging.getLogger().addHandler(logging.NullHandler())
    with Sloth() as sloth:
        yield sloth
