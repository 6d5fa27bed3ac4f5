"""Texts as what is to be sent, in pieces that the channel takes."""

from sloth_agent.channels.chats import Chat, Outgoing
from sloth_agent.channels.messages import Capabilities, Original, Part
from sloth_agent.channels.splitting import split
from sloth_agent.clock import Clock
from sloth_agent.ids import ChatId, OutgoingId, new_id


def queued(
    chat: Chat,
    text: str,
    capabilities: Capabilities,
    clock: Clock,
    *,
    about: ChatId | None = None,
    last: Part | None = None,
) -> tuple[Outgoing, ...]:
    """A text to be sent in a chat; `last` has the buttons that belong under its end."""
    now = clock()
    buttons = last.buttons if last else ()
    pieces = split(text, capabilities)
    return tuple(
        Outgoing(
            id=OutgoingId(new_id()),
            chat=chat.id,
            recipient=chat.external_id,
            part=Part(text=piece, buttons=buttons if number == len(pieces) - 1 else ()),
            queued_at=now,
            about=about,
        )
        for number, piece in enumerate(pieces)
    )


def shown(
    chat: Chat, original: Original, clock: Clock, *, about: ChatId | None = None
) -> tuple[Outgoing, ...]:
    """What another chat of the account has, to be sent in this one."""
    return (
        Outgoing(
            id=OutgoingId(new_id()),
            chat=chat.id,
            recipient=chat.external_id,
            part=Part(text="", original=original),
            queued_at=clock(),
            about=about,
        ),
    )
