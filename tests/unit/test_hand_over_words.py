"""Words after which a person is to answer."""

import pytest

from sloth_agent.channels.hand_over_words import HAND_OVER_WORDS, checked_words, wants_a_person
from sloth_agent.errors import InvalidInput

SETTINGS = {HAND_OVER_WORDS: ["complaint", "скарг", "Money back", "(!)"]}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("I have a COMPLAINT.", True),
        ("Complaints go where?", True),
        ("У мене скарга!", True),
        ("хочу подати скаргу", True),
        ("I want my money\n back", True),
        ("How much is a haircut?", False),
        ("оскаржити", False),  # within a word
        ("", False),
    ],
)
def test_a_phrase_is_found_at_the_beginning_of_words(text: str, wanted: bool) -> None:
    assert wants_a_person(text, SETTINGS) is wanted


@pytest.mark.parametrize("settings", [{}, {HAND_OVER_WORDS: "complaint"}, {HAND_OVER_WORDS: []}])
def test_without_words_nobody_is_called(settings: dict[str, object]) -> None:
    assert not wants_a_person("A complaint", settings)


@pytest.mark.parametrize("words", [[""], ["x" * 101], ["two\nlines"], [str(n) for n in range(101)]])
def test_what_are_no_words(words: list[str]) -> None:
    with pytest.raises(InvalidInput):
        checked_words(words)


def test_words_are_kept_once() -> None:
    assert checked_words([" complaint ", "complaint", "скарг"]) == ["complaint", "скарг"]
