"""A line of JSON for each request."""

import logging
import sys
from collections.abc import Mapping

import structlog

_errors = logging.getLogger(__name__)


class AccessLog:
    """To stderr: ids, no content, no secrets, no personal data but the address."""

    def __init__(self) -> None:
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(sys.stderr),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
        )

    def request(self, **values: object) -> None:
        self._log.info("request", **values)

    def failed(self, error: Exception, about: Mapping[str, str]) -> None:
        """With its traceback."""
        _errors.error("A request failed.", exc_info=error, extra=about)
