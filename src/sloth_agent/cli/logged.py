"""What is logged while a command runs, as far as a person should see it."""

import logging

from sloth_agent.cli.output import note

_OURS = logging.getLogger("sloth_agent")


def show_log() -> None:
    """All of our log: bugs that cost one file of many are told there, with their tracebacks."""
    _OURS.addHandler(logging.StreamHandler())


def show_warnings() -> None:
    """Our warnings as notes. Errors, and what other libraries log, are in the result already."""
    logging.getLogger().addHandler(logging.NullHandler())
    if not _OURS.handlers:
        _OURS.addHandler(_Notes())


class _Notes(logging.Handler):
    """Each warning once: a conversation need not repeat at every turn what has not changed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.levelno == logging.WARNING and message not in self._told:
            self._told.add(message)
            note(message)
