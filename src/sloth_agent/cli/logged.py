"""What is logged while a command runs, as far as a person should see it."""

import logging

from sloth_agent.cli.output import note


def show_warnings() -> None:
    """Our own warnings are notes; what other libraries have to say is in our errors already."""
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger("sloth_agent").addHandler(_Notes(logging.WARNING))


class _Notes(logging.Handler):
    """Each warning once: a conversation need not repeat at every turn what has not changed."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self._told:
            self._told.add(message)
            note(message)
