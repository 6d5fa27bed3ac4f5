"""Numbers of messages at Telegram that may be those of a message of ours."""

from collections.abc import Sequence

from sloth_agent.channels.messages import EarlierTry

MOST = 100
BEYOND = 10
"""So many of others may have come after the last that we know of."""


def unknown_ids(chat: str, earlier: EarlierTry) -> Sequence[int]:
    """Numbers that an earlier try may have been given, as nobody is known to have them.

    They grow: in a supergroup within it, and else in all chats of a bot together.
    """
    neighbours = [
        known
        for known in earlier.known
        if known.reference.isdecimal() and _counted_with(chat, known.chat)
    ]
    taken = {int(known.reference) for known in neighbours}
    former = [int(known.reference) for known in neighbours if known.known_at < earlier.since]
    if not former:
        return []
    numbers = range(max(former) + 1, max(taken) + BEYOND + 1)
    return [id for id in numbers if id not in taken][:MOST]


def _counted_with(chat: str, other: str) -> bool:
    if _is_supergroup(chat):
        return other == chat
    return not _is_supergroup(other)


def _is_supergroup(chat: str) -> bool:
    return chat.startswith("-100")
