"""What people type, made fit for a search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.errors import InvalidInput
from sloth_agent.knowledge.queries import LONGEST_QUERY, cleaned


@given(st.text(st.characters(), max_size=300))
def test_whatever_is_left_can_be_stored(query: str) -> None:
    try:
        text = cleaned(query)
    except InvalidInput:
        assert query.replace("\0", " ").strip() == ""
        return
    assert "\0" not in text
    assert text == text.strip() != ""
    assert text.encode()
    assert cleaned(text) == text


@pytest.mark.parametrize("query", ["", " ", "\n\t\u00a0", "\0\0"])
def test_nothing_is_no_question(query: str) -> None:
    with pytest.raises(InvalidInput, match="empty"):
        cleaned(query)


def test_a_letter_fits_and_a_book_does_not() -> None:
    assert cleaned("я" * LONGEST_QUERY)
    with pytest.raises(InvalidInput) as caught:
        cleaned("x" * 1_000_000)
    assert caught.value.details == {"field": "question"}


def test_lone_surrogates_are_replaced() -> None:
    assert cleaned("hair\ud800cut") == "hair?cut"
