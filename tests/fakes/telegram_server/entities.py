"""What Telegram finds in plain text by itself: commands, mentions, links."""

import re
from collections.abc import Iterator

from fakes.telegram_server import utf16
from fakes.telegram_server.records import Json

# In this order: what an earlier pattern has taken, a later one does not get.
PATTERNS = [
    ("url", re.compile(r"https?://[^\s<>\"]*[^\s<>\".,:;!?)]")),
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("bot_command", re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z]\w{2,31})?(?![\w/])")),
    ("mention", re.compile(r"(?<![\w@])@[A-Za-z]\w{2,31}\b", re.ASCII)),
    ("hashtag", re.compile(r"(?<!\w)#\w*[^\W\d]\w*")),
    ("phone_number", re.compile(r"(?<!\w)\+\d[\d ()-]{8,18}\d(?!\w)")),
]


def found(text: str) -> list[Json]:
    """In the order of the text; none overlaps another."""
    taken = sorted(_found(text))
    return [
        {
            "type": type,
            "offset": utf16.length(text[:start]),
            "length": utf16.length(text[start:end]),
        }
        for start, end, type in taken
    ]


def _found(text: str) -> list[tuple[int, int, str]]:
    taken: list[tuple[int, int, str]] = []
    for type, pattern in PATTERNS:
        for match in pattern.finditer(text):
            if not any(match.start() < end and start < match.end() for start, end, _ in taken):
                taken.append((match.start(), match.end(), type))
    return taken


def with_found(text: str, given: list[Json]) -> list[Json]:
    """Those of the markup, and those found outside of them."""
    others = [each for each in found(text) if not any(_overlap(each, other) for other in given)]
    return in_order(given + others)


def in_order(entities: list[Json]) -> list[Json]:
    return sorted(entities, key=lambda each: (each["offset"], -each["length"]))


def _overlap(one: Json, other: Json) -> bool:
    if other["type"] in ("bold", "italic", "underline", "strikethrough", "spoiler", "blockquote"):
        return False
    start, end = one["offset"], one["offset"] + one["length"]
    return bool(start < other["offset"] + other["length"] and other["offset"] < end)


def said(message: Json, type: str) -> Iterator[str]:
    """Parts of a message's text, or caption, that are of a type."""
    for text, name in (("text", "entities"), ("caption", "caption_entities")):
        for entity in message.get(name, []):
            if entity["type"] == type:
                yield utf16.cut(message[text], entity["offset"], entity["length"])
