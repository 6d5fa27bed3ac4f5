"""Errors that nobody expected, told to who runs the install."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sloth_agent.settings import Settings


@contextmanager
def reporting(settings: Settings) -> Iterator[None]:
    """Report what is logged with its traceback, where SENTRY_DSN says to whom.

    Raises:
        MissingExtra: the library for it is not installed.
        ConfigurationError: SENTRY_DSN is not one.
    """
    if settings.sentry_dsn is None:
        yield
        return
    from sloth_agent.adapters.reports.sentry import from_settings

    reports = from_settings(settings)
    log = logging.getLogger("sloth_agent")
    log.addHandler(reports)
    try:
        yield
    finally:
        log.removeHandler(reports)
        reports.close()
