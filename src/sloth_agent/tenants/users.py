"""What a user is."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sloth_agent.errors import InvalidInput
from sloth_agent.ids import TenantId, UserId
from sloth_agent.language import Language

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 256
LONGEST_EMAIL = 254
LONGEST_PICTURE = 2000

_MAILBOX = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(
    r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
)
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_PICTURE = re.compile(r"https://[a-z0-9.-]+(?::[0-9]+)?/[!#-&(-;=?-\[\]_a-z~]*", re.IGNORECASE)


class Role(StrEnum):
    """What a user may do within the organization."""

    OWNER = "owner"  # everything, billing and other owners included; there is always one
    ADMIN = "admin"  # everything but billing and owners
    MEMBER = "member"  # works with the assistant


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who signs in. The password is kept elsewhere, hashed."""

    id: UserId
    email: str  # normalised; unique
    organization: TenantId | None  # None: an operator who belongs to none
    role: Role | None
    language: Language
    created_at: datetime
    referral_code: str  # unique; who signs up a firm with it makes it count for this user
    referred_by: UserId | None = None  # whose code this user signed up with
    is_superuser: bool = False  # an operator of the platform
    phone: str | None = None  # as +48123456789
    avatar: str | None = None  # the address of a picture
    is_active: bool = True
    token_version: int = 0  # what was signed for an earlier one is void


def normalised_email(email: str, *, field: str = "email") -> str:
    """One spelling for each mailbox: lower case, the domain as the network spells it.

    Letters beyond ASCII are refused before the @, where they would only look like others.

    Raises:
        InvalidInput: not an e-mail address.
    """
    mailbox, _, domain = email.strip().rpartition("@")
    mailbox, ascii_domain = mailbox.lower(), _ascii_domain(domain)
    if len(mailbox) <= 64 and _MAILBOX.fullmatch(mailbox) and ascii_domain:
        address = f"{mailbox}@{ascii_domain}"
        if len(address) <= LONGEST_EMAIL:
            return address
    raise InvalidInput(
        f"The {field.replace('_', ' ')} is not an e-mail address.",
        hint="Write it as anna@example.com.",
        field=field,
    )


def normalised_domain(domain: str, *, field: str = "domain") -> str:
    """Lower case, in the letters that the network knows: `żaba.pl` becomes `xn--aba-22a.pl`.

    Raises:
        InvalidInput: not a domain name.
    """
    ascii_domain = _ascii_domain(domain)
    if ascii_domain is None:
        raise InvalidInput(
            f"The {field.replace('_', ' ')} is not a domain name.",
            hint="Write it as example.com.",
            field=field,
        )
    return ascii_domain


def _ascii_domain(domain: str) -> str | None:
    try:
        ascii_domain = domain.strip().rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    return ascii_domain if _DOMAIN.fullmatch(ascii_domain) else None


def checked_password(password: str) -> str:
    """Raises:
    InvalidInput: too short to be safe, or too long.
    """
    if SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return password
    raise InvalidInput(
        f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.",
        hint="Several words in a row are easy to remember.",
        field="password",
    )


def checked_phone(phone: str) -> str:
    """Without spaces, dots, hyphens and brackets.

    Raises:
        InvalidInput: not an international number.
    """
    number = re.sub(r"[\s().-]", "", phone)
    if _PHONE.fullmatch(number):
        return number
    raise InvalidInput(
        "This is not a phone number.", hint="Write it as +48 123 456 789.", field="phone"
    )


def checked_picture(address: str) -> str:
    """Raises:
    InvalidInput: not an address that a page may show a picture from.
    """
    if len(address) <= LONGEST_PICTURE and _PICTURE.fullmatch(address):
        return address
    raise InvalidInput(
        "This is not the address of a picture.",
        hint="Write it as https://example.com/anna.png.",
        field="avatar",
    )
