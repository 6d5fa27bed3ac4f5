"""Unexpected errors go to Sentry: what failed and where, and nothing that anybody wrote."""

import logging
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sloth_agent.errors import ConfigurationError, MissingExtra, SlothError
from sloth_agent.settings import Settings

try:
    import sentry_sdk
    from sentry_sdk.utils import BadDsn, event_from_exception
except ModuleNotFoundError as error:
    raise MissingExtra.named("observability", needed_for="SENTRY_DSN") from error

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

TAGS = ("request_id", "method", "route", "tenant")

LAST_SECONDS = 2.0
"""How long a process that ends waits for its reports to be gone."""

_KEPT = ("event_id", "timestamp", "level", "platform", "release", "environment", "tags", "user")
_KEPT_OF_FRAMES = ("module", "function", "filename", "lineno", "in_app")


class SentryReports(logging.Handler):
    """Reports what is logged as an error with its exception, unless the exception is ours.

    It has a client of its own: a program that this is a part of may have another one.
    """

    def __init__(self, client: sentry_sdk.Client) -> None:
        super().__init__(logging.ERROR)
        self._client = client

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or isinstance(error, SlothError):
            return
        event, hint = event_from_exception(error, client_options=self._client.options)
        known = {name: getattr(record, name) for name in TAGS if hasattr(record, name)}
        event["tags"] = {"logger": record.name, **known}
        if hasattr(record, "user"):
            event["user"] = {"id": record.user}
        self._client.capture_event(event, hint)

    def close(self) -> None:
        self._client.close(timeout=LAST_SECONDS)
        super().close()


def from_settings(settings: Settings) -> SentryReports:
    """Raises:
    ConfigurationError: SENTRY_DSN is not one.
    """
    assert settings.sentry_dsn is not None
    try:
        client = sentry_sdk.Client(
            dsn=settings.sentry_dsn.get_secret_value(),
            release=f"sloth-agent@{version('sloth-agent')}",
            before_send=_without_words,
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            send_client_reports=False,
            include_local_variables=False,
            include_source_context=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
        )
    except BadDsn:  # without the cause: it may quote the key
        raise ConfigurationError(
            "SENTRY_DSN cannot be used.", hint="Copy it from the settings of the Sentry project."
        ) from None
    return SentryReports(client)


def _without_words(event: "Event", _hint: "Hint") -> "Event":
    """Only what is named here leaves: an exception's message may hold anything."""
    given: Mapping[str, Any] = event
    kept: Any = {name: given[name] for name in _KEPT if name in given}
    errors: Sequence[Mapping[str, Any]] = given.get("exception", {}).get("values", ())
    kept["exception"] = {"values": [_error(each) for each in errors]}
    told: Event = kept
    return told


def _error(told: Mapping[str, Any]) -> dict[str, Any]:
    frames = (told.get("stacktrace") or {}).get("frames", ())
    return {
        "type": told.get("type"),
        "module": told.get("module"),
        "stacktrace": {
            "frames": [{name: frame.get(name) for name in _KEPT_OF_FRAMES} for frame in frames]
        },
    }
