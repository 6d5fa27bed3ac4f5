"""Cuts a text into messages that a channel takes."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from sloth_agent.channels.messages import Capabilities, Measure

_BREAKS = (
    re.compile(r"\n\s*\n"),  # between paragraphs
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…])\s+"),  # between sentences
    re.compile(r"\s+"),
)
_LEAST = 0.3
"""A cut earlier than this share of what would fit makes a message too short: a lesser break comes
before it."""

_JOINER = "\u200d"  # between the parts of one emoji


def split(text: str, capabilities: Capabilities) -> Sequence[str]:
    """Pieces in order, none of them blank; cut where a reader would pause, never in a character."""
    return list(_pieces(text.strip(), capabilities))


def length(text: str, measure: Measure) -> int:
    return len(text) if measure is Measure.CHARACTERS else len(text.encode("utf-16-le")) // 2


def _pieces(text: str, capabilities: Capabilities) -> Iterator[str]:
    while text:
        room = _fitting(text, capabilities)
        cut = len(text) if room == len(text) else _cut(text, room)
        if piece := text[:cut].rstrip():
            yield piece
        text = text[cut:].lstrip()


def _fitting(text: str, capabilities: Capabilities) -> int:
    """How many of the first characters fit into one message."""
    longest = capabilities.longest_text
    if capabilities.measure is Measure.CHARACTERS:
        return min(longest, len(text))
    units = 0
    for number, character in enumerate(text):
        units += 1 if ord(character) < 0x10000 else 2
        if units > longest:
            return number
    return len(text)


def _cut(text: str, room: int) -> int:
    for pattern in _BREAKS:
        # One more character: a break just behind what fits is one that fits.
        places = [found.start() for found in pattern.finditer(text, 0, room + 1)]
        if places and places[-1] >= room * _LEAST:
            return places[-1]
    return _between_characters(text, room)


def _between_characters(text: str, room: int) -> int:
    """The last place in front of it that is not within a character as people see it."""
    cut = room
    while cut > 1 and _belongs_to_the_last(text, cut):
        cut -= 1
    return cut if cut > 1 else room


def _belongs_to_the_last(text: str, at: int) -> bool:
    here, before = text[at], text[at - 1]
    if _JOINER in (here, before) or unicodedata.combining(here):
        return True
    if here in "\ufe0e\ufe0f\u20e3" or "\U0001f3fb" <= here <= "\U0001f3ff":
        return True  # how an emoji looks, and its skin
    return _is_flag(here) and _is_flag(before) and _flags_before(text, at) % 2 == 1


def _is_flag(character: str) -> bool:
    """Two of these letters are one flag."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, at: int) -> int:
    count = 0
    while count < at and _is_flag(text[at - 1 - count]):
        count += 1
    return count
