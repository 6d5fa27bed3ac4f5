"""What activation codes look like, and how people type them."""

import re
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.billing.code_text import RANDOM_SIGNS, SIGNS, digest_of, new_code

CODES = st.builds(new_code)
PLACES = st.integers(0, RANDOM_SIGNS)


def test_a_code_is_readable_and_cannot_be_guessed() -> None:
    code = new_code()
    assert re.fullmatch(rf"[{SIGNS}]{{5}}(-[{SIGNS}]{{5}}){{3}}", code)
    assert not set("01OIL") & set(SIGNS)
    assert RANDOM_SIGNS * log2(len(SIGNS)) >= 80


def test_codes_differ() -> None:
    assert len({new_code() for _ in range(10_000)}) == 10_000


@given(code=CODES)
def test_it_is_read_however_it_is_typed(code: str) -> None:
    bare = code.replace("-", "")
    typed = [bare, code.lower(), f"  {code}\n", " ".join(bare), code.replace("-", "–"), bare + " "]
    assert {digest_of(each) for each in typed} == {digest_of(code)}
    assert digest_of(code) is not None


@given(code=CODES, place=PLACES, sign=st.sampled_from(SIGNS))
def test_one_wrong_sign_is_noticed(code: str, place: int, sign: str) -> None:
    bare = code.replace("-", "")
    wrong = bare[:place] + sign + bare[place + 1 :]
    assert (digest_of(wrong) is None) == (wrong != bare)


@given(code=CODES, one=PLACES, other=PLACES)
def test_two_signs_that_changed_places_are_noticed(code: str, one: int, other: int) -> None:
    signs = list(code.replace("-", ""))
    before = list(signs)
    signs[one], signs[other] = signs[other], signs[one]
    assert (digest_of("".join(signs)) is None) == (signs != before)


@pytest.mark.parametrize(
    "typed", ["", " ", "-", "A" * 19, "A" * 21, "ß" * 20, "Ａ" * 20, "0" * 20, "\0", "A" * 10**6]
)
def test_what_is_no_code(typed: str) -> None:
    assert digest_of(typed) is None


@given(typed=st.text(max_size=200))
def test_any_text_is_looked_at_without_an_error(typed: str) -> None:
    assert digest_of(typed) is None
