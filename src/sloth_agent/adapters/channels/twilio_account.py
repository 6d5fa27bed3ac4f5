"""What opens a firm's WhatsApp at Twilio."""

import re
from dataclasses import dataclass, field
from typing import Self

from sloth_agent.channels.models import Credentials
from sloth_agent.errors import ChannelRefused

PREFIX = "whatsapp:"
PHONE = re.compile(r"whatsapp:\+[1-9][0-9]{6,14}")
"""Of a person or a number of ours, as Twilio writes it."""

_SID = re.compile(r"AC[0-9a-f]{32}")
_TOKEN = re.compile(r"[!-~]{16,128}")
_BETWEEN_DIGITS = re.compile(r"[\s().-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioAccount:
    sid: str
    token: str = field(repr=False)
    number: str  # such as `whatsapp:+14155238886`

    @property
    def phone(self) -> str:
        return self.number.removeprefix(PREFIX)

    @classmethod
    def of(cls, credentials: Credentials) -> Self:
        """From `account_sid`, `auth_token` and `number`, which may be written with spaces.

        Raises:
            ChannelRefused: one of them is missing, or cannot be one.
        """
        given = credentials.values
        sid, token = given.get("account_sid", "").strip(), given.get("auth_token", "").strip()
        phone = _BETWEEN_DIGITS.sub("", given.get("number", "").strip().removeprefix(PREFIX))
        if not _SID.fullmatch(sid):
            raise _not_usable("account_sid", "an account SID is AC and 32 letters and digits")
        if not _TOKEN.fullmatch(token):
            raise _not_usable("auth_token", "it stands below the account SID in the console")
        if not PHONE.fullmatch(PREFIX + phone):
            raise _not_usable("number", "write it with its country, as in +14155238886")
        return cls(sid=sid, token=token, number=PREFIX + phone)


def _not_usable(field: str, hint: str) -> ChannelRefused:
    name = field.replace("_", " ").replace("sid", "SID")
    return ChannelRefused(f"Twilio has no such {name}: {hint}.", field=field)
