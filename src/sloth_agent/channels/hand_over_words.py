"""Words after which a person is to answer: the customer's own, and those that the firm names."""

import re
from collections.abc import Mapping, Sequence

from sloth_agent.channels.asking_for_a_person import asks_for_a_person
from sloth_agent.errors import InvalidInput

HAND_OVER_WORDS = "hand_over_words"
"""The setting of an integration that lists them."""

MOST_WORDS = 100
LONGEST_WORD = 100


def checked_words(given: Sequence[str]) -> list[str]:
    """Each once, without space at its ends.

    Raises:
        InvalidInput: too many, or one that is empty, too long, or no line of text.
    """
    words = list(dict.fromkeys(word.strip() for word in given))
    if len(words) > MOST_WORDS or not all(
        1 <= len(word) <= LONGEST_WORD and word.isprintable() for word in words
    ):
        raise InvalidInput(
            f"These are at most {MOST_WORDS} phrases of 1 to {LONGEST_WORD} characters.",
            field="words",
        )
    return words


def wants_a_person(text: str, settings: Mapping[str, object]) -> bool:
    """Whether it asks for one, or has one of the firm's phrases in it.

    Where words have endings, their beginning is to be named.
    """
    listed = settings.get(HAND_OVER_WORDS)
    phrases = listed if isinstance(listed, list) else []
    said = _plain(text)
    return asks_for_a_person(text) or any(
        re.search(rf"(?<!\w){re.escape(_plain(str(word)))}", said) for word in phrases
    )


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
