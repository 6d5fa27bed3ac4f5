"""The pages on which a firm shows its chat, and how it greets there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from sloth_agent.errors import InvalidInput

MOST_ORIGINS = 20
LONGEST_GREETING = 300

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPages:
    """What a web integration is told when it is connected."""

    origins: tuple[str, ...]  # as browsers name them: `https://salon.example`
    greeting: str | None = None  # None: ours, in the visitor's language

    @classmethod
    def given(cls, origins: Sequence[str], greeting: str | None = None) -> Self:
        """As people write them.

        Raises:
            InvalidInput: no origin, too many, or what is none; a greeting that is too long.
        """
        if not 1 <= len(origins) <= MOST_ORIGINS:
            raise InvalidInput(f"Name 1 to {MOST_ORIGINS} origins.", field="origins")
        checked = dict.fromkeys(checked_origin(origin) for origin in origins)
        return cls(origins=tuple(checked), greeting=checked_greeting(greeting or "") or None)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """As `settings` wrote them."""
        return cls(origins=tuple(settings["origins"]), greeting=settings.get("greeting"))

    @property
    def settings(self) -> Mapping[str, object]:
        greeting = {"greeting": self.greeting} if self.greeting else {}
        return {"origins": list(self.origins), **greeting}


def checked_origin(text: str) -> str:
    """An origin as browsers send it: in small letters, without the port that goes without saying.

    Raises:
        InvalidInput: no scheme or host, or more than those and a port.
    """
    try:
        parts = urlsplit(text.strip())
        host = (parts.hostname or "").encode("idna").decode()
        port = parts.port
    except ValueError as error:  # UnicodeError is one, too
        raise _no_origin(text) from error
    says_more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in _PORTS or not host or says_more or "*" in host:
        raise _no_origin(text)
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + (
        "" if port in (None, _PORTS[parts.scheme]) else f":{port}"
    )


def _no_origin(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text[:100]!r} is no origin of a web site.",
        hint="Write it as https://salon.example, one for each name of the site.",
        field="origins",
    )


def checked_greeting(greeting: str) -> str:
    """Without space at its ends.

    Raises:
        InvalidInput: too long, or not one line of text.
    """
    greeting = greeting.strip()
    if len(greeting) > LONGEST_GREETING or not greeting.isprintable():
        raise InvalidInput(
            f"The greeting is one line of at most {LONGEST_GREETING} characters.", field="greeting"
        )
    return greeting
