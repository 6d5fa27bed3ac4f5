"""How alike two words are, across inflection, compounds, scripts and spelling habits."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

LONGEST_ENDING = 3
"""Words of one stem differ by no more letters than this."""

SHORT_ENDINGS: Final = frozenset("aeious")
"""One of these ends a form of a word with three other letters; cars and card are two words."""

SHORTEST_PART = 2
"""Letters that a word within a longer one has beside it, at least: there is no wolf in zwölf."""

_CYRILLIC: Final = str.maketrans(
    dict(zip("абвгґдезиійклмнопрстуфіьъы", "abvhgdeziijklmnoprstufi  y", strict=True))
    | {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "iu", "я": "ia"}
    | {"є": "ie", "ї": "i", "ё": "io", "э": "e"}
)
_LETTERS: Final = str.maketrans({"ł": "l", "ß": "ss", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"})
# One sound, as Polish, German, English and transliterated Ukrainian write it.
_SOUNDS: Final = (
    ("tsch", "ch"),
    ("sch", "sh"),
    ("sz", "sh"),
    ("cz", "ch"),
    ("rz", "zh"),
    ("ph", "f"),
    ("w", "v"),
    ("y", "i"),
    ("j", "i"),
    ("qu", "kv"),
    ("x", "ks"),
)


def _plain(word: str) -> str:
    """Without the marks on its letters."""
    apart = unicodedata.normalize("NFD", word.translate(_LETTERS))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


@lru_cache(maxsize=20_000)
def sound(word: str) -> str:
    """A lower-case word as one spelling for all scripts: Марчук, Marczuk, Marchuk are alike."""
    plain = _plain(word.translate(_CYRILLIC).replace(" ", "").replace("'", ""))
    for spelled, heard in _SOUNDS:
        plain = plain.replace(spelled, heard)
    return plain.replace("ck", "k").replace("c", "k").replace("kh", "h").replace("ii", "i")


_LATIN_PAIRS: Final = re.compile("shch|tsch|sch|sh|sz|ch|cz|kh|zh|rz|ts|ja|ya|ia|ju|yu|iu|je|ye|.")
_TO_CYRILLIC: Final = (
    dict(zip("abcdefghijklmnopqrstuvwxyz", "абцдефгхійклмнопкрстуввкиз", strict=True))
    | {"shch": "щ", "tsch": "ч", "sch": "ш", "sh": "ш", "sz": "ш", "ch": "ч", "cz": "ч", "kh": "х"}
    | {"zh": "ж", "rz": "ж", "ts": "ц", "ja": "я", "ya": "я", "ia": "я", "ju": "ю", "yu": "ю"}
    | {"iu": "ю", "je": "є", "ye": "є"}
)


def other_script(word: str) -> str:
    """The word as the other alphabet would roughly spell it: names and loan words meet there."""
    if not word.isascii() and word.translate(_CYRILLIC) != word:
        return sound(word)
    return "".join(_TO_CYRILLIC.get(part, part) for part in _LATIN_PAIRS.findall(_plain(word)))


@lru_cache(maxsize=50_000)
def likeness(one: str, other: str) -> float:
    """From 0 to 1, for two words as `sound` gives them."""
    if one == other:
        return 1.0
    if one.isdigit() or other.isdigit():
        return 0.0
    short, long = sorted((len(one), len(other)))
    same = _shared_start(one, other)
    if _is_inflected(one, other, same):
        return 0.95
    if same >= 5 and same >= 0.5 * long:
        return 0.8
    return _inner_likeness(one, other) if short >= 4 else 0.0


def _inner_likeness(one: str, other: str) -> float:
    """Of words that begin differently: compounds, prefixes, other spellings."""
    short, long = sorted((one, other), key=len)
    if short in long and len(long) - len(short) >= SHORTEST_PART:
        return 0.75
    if len(short) < 6:
        return 0.0
    if len(long) >= 9 and (short[:-1] in long or short[:-2] in long[3:]):
        return 0.65
    shared = _overlap(one, other)
    return 0.8 * shared if shared >= 0.6 else 0.0


def _is_inflected(one: str, other: str, same: int) -> bool:
    long = max(len(one), len(other))
    if same < 4:
        return same == 3 and long <= 4 and SHORT_ENDINGS.issuperset(one[same:] + other[same:])
    return long - same <= LONGEST_ENDING and same >= 0.6 * long


def _shared_start(one: str, other: str) -> int:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length


def _overlap(one: str, other: str) -> float:
    """Dice coefficient of the pairs of letters."""
    left, right = _pairs(one), _pairs(other)
    return 2 * len(left & right) / (len(left) + len(right))


@lru_cache(maxsize=20_000)
def _pairs(word: str) -> frozenset[str]:
    marked = f"^{word}"
    return frozenset(marked[i : i + 2] for i in range(len(marked) - 1))
