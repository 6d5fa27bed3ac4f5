"""What an account has: senders, customers, templates, messages, files."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

Json = dict[str, Any]
Parameters: TypeAlias = tuple[tuple[str, str], ...]  # of a form; a name may stand there twice

PREFIX = "whatsapp:"
ADDRESS = re.compile(r"whatsapp:\+[1-9]\d{6,14}")


def address(phone: str) -> str:
    """`+14155238886` as WhatsApp's address; an address stays what it is."""
    return phone if phone.startswith(PREFIX) else PREFIX + phone


class Status(StrEnum):
    """The order is that of a message's life."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    RECEIVED = "received"


@dataclass(kw_only=True)
class Sender:
    """A number of the account."""

    address: str
    webhook: str | None = None  # the public address, which signatures are made over
    fallback: str | None = None  # asked where the webhook does not answer as it should
    status_callback: str | None = None  # for messages that name none of their own
    sandbox: str | None = (
        None  # its word: only who wrote `join <word>` is spoken to, for three days
    )


@dataclass(kw_only=True)
class Customer:
    """A person with a phone."""

    address: str
    name: str = "Anna"
    on_whatsapp: bool = True
    reachable: bool = True
    blocks: set[str] = field(default_factory=set)  # senders
    joined: dict[str, int] = field(default_factory=dict)  # sandboxes, and when
    wrote: dict[str, int] = field(default_factory=dict)  # to which sender, and when last


@dataclass(frozen=True, kw_only=True)
class Template:
    """A text with places such as `{{1}}`, which may be sent at any time once it is approved."""

    sid: str
    body: str
    defaults: dict[str, str] = field(default_factory=dict)
    approved: bool = True


@dataclass(frozen=True, kw_only=True)
class Media:
    sid: str
    content_type: str
    created: int
    content: bytes | None = None  # None: of an outgoing message, which was not fetched
    source: str | None = None  # the address that an outgoing message gave


@dataclass(kw_only=True)
class Message:
    sid: str
    direction: Literal["inbound", "outbound-api", "outbound-reply"]
    sender: str  # its address
    recipient: str
    created: int
    updated: int
    status: Status
    body: str = ""
    media: list[Media] = field(default_factory=list)
    template: Template | None = None
    complete: bool = True  # each place of the template is filled
    location: str | None = None  # `geo:50.45,30.52|Salon`
    status_callback: str | None = None
    sent_at: int | None = None
    error: int | None = None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a webhook has to hear."""

    kind: Literal["message", "status"]
    message: str  # its sid
    status: Status
    url: str | None
    fallback: str | None
    parameters: Parameters
    token: str  # the same on each try
