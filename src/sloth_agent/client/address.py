"""Where a server is, and the key that opens it."""

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from sloth_agent.errors import ConfigurationError, NotOffered


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server, as `AsyncSloth(base_url=..., api_key=...)` names it."""

    base_url: str
    api_key: str = field(repr=False)

    @classmethod
    def given(cls, base_url: str | None, api_key: str | None) -> Self | None:
        """None: neither was given, and the install is on this machine.

        Raises:
            ConfigurationError: one without the other, or not a web address or a key.
        """
        if base_url is None and api_key is None:
            return None
        if not base_url or not api_key:
            raise ConfigurationError(
                "A server is reached by `base_url` and `api_key`, both of them.",
                hint="Is a variable unset? An owner of the tenant makes the key.",
            )
        if not _is_web_address(base_url):
            raise ConfigurationError(
                f"{base_url!r} is not the address of a server.",
                hint="Write it as https://assistant.example.com.",
            )
        if not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
            raise ConfigurationError("That is not an API key.", hint="It begins with sloth_.")
        return cls(base_url=base_url, api_key=api_key)


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # such as a port that is no number
        return False


def not_offered() -> NotOffered:
    """For what only the library has, where the install is."""
    return NotOffered(
        "That is not offered over HTTP.",
        hint="Open the install itself, without `base_url`, on a machine that reaches its database.",
    )
