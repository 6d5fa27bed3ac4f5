"""What Twilio's numbers of errors mean to us: https://www.twilio.com/docs/api/errors."""

from sloth_agent.errors import (
    ChannelRefused,
    ChannelUnavailable,
    InvalidInput,
    RateLimited,
    RecipientGone,
    SlothError,
    WindowClosed,
)

OUTSIDE_WINDOW = 63016
NOT_IN_SANDBOX = 63015
NOT_OUR_NUMBER = 63007
SAME_PARTIES = frozenset({21266, 63031})

TEMPLATE = frozenset({21655, 21656, 63027, 63028, 63040, 63041, 63042})
LIMITS = {20429: 1.0, 63018: 60.0, 63038: 3600.0}
"""How many seconds to wait, where Twilio does not say."""

SUSPENDED = frozenset({20005, 30002, 63020, 63051})

_GONE = frozenset({21211, 21610, 21614, 63003, 63014, NOT_IN_SANDBOX, 63024})
_REFUSED = frozenset({20003, 63001, 63002, NOT_OUR_NUMBER}) | SUSPENDED
_PASSING = frozenset({20500, 20503, 63009, 63010, 63012})


def failure(code: int, text: str, *, retry_after: float | None = None) -> SlothError:
    """Why a request was refused, or a message did not arrive. Details: twilio_code."""
    said = f"Twilio says {code}: {text.rstrip('.')}."
    if code == OUTSIDE_WINDOW:
        return WindowClosed(
            "The person wrote more than 24 hours ago; WhatsApp takes only templates then.",
            hint="Set an approved content template, or wait until they write.",
            twilio_code=code,
        )
    if code in LIMITS:
        wait = LIMITS[code] if retry_after is None else retry_after
        return RateLimited(said, retry_after_seconds=wait, twilio_code=code)
    if code in TEMPLATE:
        hint = "Correct the content template."
        return InvalidInput(said, hint=hint, field="template", twilio_code=code)
    return _lasting(code, said)


def _lasting(code: int, said: str) -> SlothError:
    if code in _REFUSED:
        return ChannelRefused(said, hint=_REPAIRS.get(code, _LOCKED), twilio_code=code)
    if code in _GONE:
        return RecipientGone(said, hint=_REPAIRS.get(code), twilio_code=code)
    if code in _PASSING:
        return ChannelUnavailable(said, backend="Twilio", twilio_code=code)
    return InvalidInput(said, field="text", twilio_code=code)


_REPAIRS = {
    20003: "Copy the account SID and the auth token from Twilio's console.",
    63001: "Look at the number under Messaging > Senders > WhatsApp senders.",
    63002: "Look at the number under Messaging > Senders > WhatsApp senders.",
    NOT_OUR_NUMBER: "Use a number that stands under Messaging > Senders > WhatsApp senders.",
    NOT_IN_SANDBOX: "They have to send the sandbox its `join` words, again every three days.",
}
_LOCKED = "Look into Twilio's console: account or number are locked."
