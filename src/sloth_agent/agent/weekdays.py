"""Days of the week in time tables: a span of days names those between its ends, too."""

import re
from typing import Final

from sloth_agent.agent.matching import sound
from sloth_agent.agent.questions import topics
from sloth_agent.agent.vocabulary import EVERYDAY_THINGS

_LINES: Final = EVERYDAY_THINGS.strip().splitlines()
_MONDAY: Final = next(at for at, line in enumerate(_LINES) if line.startswith("monday "))
WEEKDAYS: Final = tuple(range(_MONDAY, _MONDAY + 7))
"""The topics that are days, from Monday on."""

OPENING: Final = frozenset(
    at for at, line in enumerate(_LINES) if line.startswith(("open ", "closed "))
)
"""The topics that a time table is about, though it seldom says so."""

# Outside a span most of these are other words.
_SHORT: Final = dict(zip(("mo", "di", "mi", "do", "fr", "sa", "so"), WEEKDAYS, strict=True))
_WIDE: Final = (
    (("weekend", "wochenend", "вихідні", "вихідних"), WEEKDAYS[5:]),
    (("weekdays", "workdays", "werktag", "wochentag", "будн", "robocz"), WEEKDAYS[:5]),
    (("daily", "täglich", "щодня", "щоденно", "codzien"), WEEKDAYS),
)
_WORD: Final = r"[^\W\d_]+(?:['’ʼ][^\W\d_]+)?"
_WORDS: Final = re.compile(_WORD)
_SPAN: Final = re.compile(
    rf"({_WORD})\.?\s*(?:[-–—]|\b(?:to|through|until|bis|do|по|до)\b)\s*({_WORD})"
)


def names_day(text: str) -> bool:
    """Whether the text names a day of the week."""
    return any(_day(word) is not None for word in _WORDS.findall(text.lower()))


def opens_with_day(text: str) -> bool:
    """Whether the text begins like a line of a time table: "Fri 9-18", "From Monday to Friday"."""
    return any(_day(word) is not None for word in _WORDS.findall(text.lower())[:2])


def spanned_days(text: str) -> set[int]:
    """The topics of all days within "Monday to Friday", "пн–пт", "Di-Sa", "at the weekend"."""
    lowered = text.lower()
    days = {day for names, wide in _WIDE if any(name in lowered for name in names) for day in wide}
    for match in _SPAN.finditer(lowered):
        first, last = (_SHORT.get(word, _day(word)) for word in match.groups())
        if first is not None and last is not None:
            days.update(range(first, last + 1))
    return days


def _day(word: str) -> int | None:
    heard = sound(word.replace("’", "'").replace("ʼ", "'"))
    return next((topic for topic in topics(heard) if topic in WEEKDAYS), None)
