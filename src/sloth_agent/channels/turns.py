"""What a person said in one go: several messages that are answered together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile
from typing import Self

from sloth_agent.channels.chats import Event
from sloth_agent.channels.messages import Inbound, MessageKind, Original
from sloth_agent.ids import EventId

MOST_JOINED = 20

_FILES = (MessageKind.PHOTO, MessageKind.DOCUMENT)


@dataclass(frozen=True, slots=True)
class Kept:
    """A photo or document that came with a message, and is ours now."""

    kind: MessageKind
    words: str  # that stand for it wherever the message is shown


Heard = tuple[Event, Inbound]


@dataclass(frozen=True, slots=True)
class Turn:
    """What is handled at once."""

    heard: tuple[Heard, ...]  # oldest first
    inbound: Inbound  # the first, with the text of them all
    kept: Mapping[EventId, Kept] = field(default_factory=dict)  # what came with it and was taken
    is_late: bool = False  # the rest of an album that was answered already

    @property
    def events(self) -> tuple[EventId, ...]:
        return tuple(event.id for event, _ in self.heard)

    def after(self, album: str | None) -> Self:
        """Knowing what was answered before it."""
        return replace(self, is_late=album is not None and album == self.inbound.album)

    @property
    def came_at(self) -> datetime:
        """When the last of it did."""
        return self.heard[-1][0].received_at

    @property
    def text(self) -> str:
        return self.inbound.text

    @property
    def originals(self) -> Sequence[Original]:
        """What words do not say all of."""
        return [each.original for _, each in self.heard if each.original is not None]


def next_turn(heard: Sequence[Heard], *, joined: bool = True) -> Turn | None:
    """The first messages that belong together; what was edited is read as it is now.

    What staff say is not `joined`: each reply is one of its own.
    """
    if not heard:
        return None
    first = heard[0][1]
    together = [heard[0]]
    if joined:
        together += takewhile(lambda each: _goes_with(first, each[1]), heard[1:MOST_JOINED])
    words = _joined([inbound for _, inbound in together])
    return Turn(tuple(together), replace(first, text=words))


def _goes_with(first: Inbound, other: Inbound) -> bool:
    if first.is_edit or _speaks_of(first) != _speaks_of(other):
        return False
    if first.kind in _FILES and first.album is not None:
        return first.album == other.album and other.kind in _FILES and not other.is_edit
    return first.kind is other.kind is MessageKind.TEXT


def _speaks_of(inbound: Inbound) -> tuple[str, str | None, str | None]:
    """Who speaks, where, and of which message."""
    return inbound.sender, inbound.thread, inbound.reply_to


def _joined(messages: Sequence[Inbound]) -> str:
    """An edit takes the place of what it changes; of what was answered it is left out."""
    if len(messages) == 1:
        return messages[0].text
    texts: dict[str | None, str] = {}
    for number, message in enumerate(messages):
        key = message.reference or str(number)
        if not message.is_edit or key in texts:
            texts[key] = message.text
    return "\n".join(filter(None, texts.values()))
