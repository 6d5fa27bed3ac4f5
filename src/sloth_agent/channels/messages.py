"""What comes in by a channel and goes out by it, in nobody's form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sloth_agent.errors import Problem
from sloth_agent.language import Language

Payload = Mapping[str, Any]
"""An event as the vendor tells it: JSON."""


class MessageKind(StrEnum):
    TEXT = "text"
    COMMAND = "command"  # such as `/help`, or a pressed button that stands for one
    PHOTO = "photo"
    DOCUMENT = "document"
    VOICE = "voice"
    LOCATION = "location"
    OTHER = "other"  # such as a sticker: nothing that can be answered
    LEFT = "left"  # the person does not want to hear from us any more
    CAME_BACK = "came_back"


_MORE_THAN_WORDS = (
    MessageKind.PHOTO,
    MessageKind.DOCUMENT,
    MessageKind.VOICE,
    MessageKind.LOCATION,
    MessageKind.OTHER,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came with a message, and is still at the vendor's."""

    key: str  # by which the channel fetches it
    name: str
    media_type: str
    size_bytes: int | None = None  # None: nobody said


@dataclass(frozen=True, slots=True)
class Original:
    """A message of an account, to be shown as it is in another of its chats."""

    chat: str  # the vendor's name of it
    reference: str  # the vendor's name of the message


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One event of a channel."""

    id: str  # the vendor's, never twice within an integration
    chat: str  # where to answer, by the vendor's name for it
    sender: str  # the person, likewise
    kind: MessageKind
    text: str = ""
    command: str | None = None  # without the slash, in small letters; its arguments are the text
    attachment: Attachment | None = None
    reference: str | None = None  # the vendor's name of the message
    reply_to: str | None = None  # of the message that this one answers
    thread: str | None = None  # the vendor's name of the topic, where the chat has several
    album: str | None = None  # the vendor's name of what was sent as one, in several messages
    press: str | None = None  # the vendor's name of a pressed button
    language: Language | None = None  # of the person's own program; None: none of ours
    name: str = ""  # how the person is called
    in_group: bool = False
    group: str = ""  # how the group is called
    moved_from: str | None = None  # the vendor's former name of the chat, where it has another now
    for_us: bool = True  # in a group: whether it speaks to the assistant
    is_edit: bool = False
    sent_at: datetime

    @property
    def original(self) -> Original | None:
        """The message itself, where words do not say all of it."""
        if self.kind not in _MORE_THAN_WORDS or self.reference is None:
            return None
        return Original(self.chat, self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Pressed, it comes in as the command."""

    label: str
    command: str  # such as `language uk`


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One message to be sent: light Markdown, no longer than the channel takes."""

    text: str
    original: Original | None = None  # sent in place of the text
    buttons: tuple[Button, ...] = ()
    reply_to: str | None = None
    thread: str | None = None  # the topic that it goes to


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMessage:
    """One that both we and the vendor have, whoever wrote it."""

    chat: str  # the vendor's name of it
    reference: str  # the vendor's name of the message
    known_at: datetime  # when we heard of it, or had sent it


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierTry:
    """A try to send something, of which nobody knows whether it came through."""

    since: datetime  # not before that
    known: Sequence[KnownMessage]  # the account's messages of about that time


class DeliveryState(StrEnum):
    SENT = "sent"  # the messenger has it
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a message of ours, as a vendor tells later; the same may come again."""

    reference: str  # as `send` returned it
    state: DeliveryState
    problem: Problem | None = None  # why it failed


class Measure(StrEnum):
    """What a channel counts where it limits a text."""

    CHARACTERS = "characters"
    UTF16 = "utf16"  # code units: most emoji are two


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a channel can do."""

    longest_text: int
    measure: Measure = Measure.CHARACTERS
    has_buttons: bool = False
    shows_typing: bool = False
    shows_originals: bool = False  # of one chat in another
    writes_first_within: timedelta | None = None  # since the person's last message; None: always


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """What somebody sent to an integration's address."""

    url: str  # as the sender saw it
    body: bytes
    headers: Mapping[str, str]  # names in small letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who an integration is at the vendor's."""

    key: str  # one account is connected once in an install, such as `telegram:7000001`
    settings: Mapping[str, object] = field(default_factory=dict)  # shown to the firm


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, and what to do where it is wrong."""

    name: str  # such as `token` or `webhook`
    is_well: bool
    message: str
    hint: str | None = None
