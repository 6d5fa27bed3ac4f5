"""What a person said in one go: several messages that are answered together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sloth_agent.channels.chats import Event
from sloth_agent.channels.messages import Inbound, MessageKind
from sloth_agent.ids import EventId

MOST_JOINED = 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A photo or document that came with a message, and is ours now."""

    kind: MessageKind
    words: str  # that stand for it wherever the message is shown


@dataclass(frozen=True, slots=True)
class Turn:
    """Events that are handled at once, oldest first."""

    events: tuple[EventId, ...]
    inbound: Inbound  # with the text of them all
    kept: Kept | None = None  # None: nothing came with it, or it was not taken

    @property
    def text(self) -> str:
        return self.inbound.text


Heard = tuple[Event, Inbound]


def next_turn(heard: Sequence[Heard], *, joined: bool = True) -> Turn | None:
    """The first messages that belong together; what was edited is read as it is now.

    What staff say is not `joined`: each reply is one of its own.
    """
    if not heard:
        return None
    first = heard[0][1]
    together = [heard[0]]
    if joined and first.kind is MessageKind.TEXT and not first.is_edit:
        for event, inbound in heard[1:MOST_JOINED]:
            if inbound.kind is not MessageKind.TEXT or _speaks_of(inbound) != _speaks_of(first):
                break
            together.append((event, inbound))
    return Turn(
        events=tuple(event.id for event, _ in together),
        inbound=replace(first, text=_joined([inbound for _, inbound in together])),
    )


def _speaks_of(inbound: Inbound) -> tuple[str, str | None]:
    """Who speaks, and of which message."""
    return inbound.sender, inbound.reply_to


def _joined(messages: Sequence[Inbound]) -> str:
    """An edit takes the place of what it changes; of what was answered it is left out."""
    if len(messages) == 1:
        return messages[0].text
    texts: dict[str | None, str] = {}
    for number, message in enumerate(messages):
        key = message.reference or str(number)
        if not message.is_edit or key in texts:
            texts[key] = message.text
    return "\n".join(texts.values())
