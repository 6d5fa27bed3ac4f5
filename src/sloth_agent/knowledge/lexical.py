"""Words as the lexical search sees them, in any language and without a dictionary."""

import re

PREFIX_LETTERS = 5
"""Words that share this many letters are one term: inflection mostly changes what follows."""

_WORD = re.compile(r"[^\W_]+(?:['][^\W_]+)*")
_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "‘": "'", "`": "'", "´": "'"})


def words(text: str) -> list[str]:
    """Lower-case words in order of appearance; apostrophe variants are one sign."""
    return _WORD.findall(text.lower().translate(_APOSTROPHES))


def terms(text: str) -> list[str]:
    """The index terms of a text: each word's first letters, each once, in order of appearance."""
    return list(dict.fromkeys(word[:PREFIX_LETTERS] for word in words(text)))
