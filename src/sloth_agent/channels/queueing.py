"""Texts as what is to be sent, in pieces that the channel takes."""

from sloth_agent.channels.chats import Chat, Outgoing
from sloth_agent.channels.messages import Capabilities, Inbound, Original, Part
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
    answered: Inbound | None = None,
    last: Part | None = None,
) -> tuple[Outgoing, ...]:
    """A text to be sent in a chat; `last` has the buttons that belong under its end.

    Where several people speak it is shown what is `answered`.
    """
    now = clock()
    buttons = last.buttons if last else ()
    question = answered.reference if answered and answered.in_group else None
    pieces = split(text, capabilities)
    return tuple(
        Outgoing(
            id=OutgoingId(new_id()),
            chat=chat.id,
            recipient=chat.external_id,
            part=Part(
                text=piece,
                buttons=buttons if number == len(pieces) - 1 else (),
                reply_to=None if number else question,
                thread=chat.thread,
            ),
            queued_at=now,
            about=about,
        )
        for number, piece in enumerate(pieces)
    )


def shown(chat: Chat, original: Original, clock: Clock, *, about: ChatId | None = None) -> Outgoing:
    """What another chat of the account has, to be sent in this one."""
    return Outgoing(
        id=OutgoingId(new_id()),
        chat=chat.id,
        recipient=chat.external_id,
        part=Part(text="", original=original, thread=chat.thread),
        queued_at=clock(),
        about=about,
    )
