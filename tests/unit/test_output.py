"""What reaches a terminal cannot steer it."""

import contextlib
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.cli.output import (
    PARTS_OF_TEXT,
    harmless,
    note,
    say,
    show_fields,
    show_json,
    show_table,
)

anything = st.text(st.characters(), max_size=80)
ATTACKS = [
    "\x1b[31mred",
    "\x9b2J",
    "a\rb",
    "\x07",
    "\x08\x08",
    "\u202egnp.exe",
    "\x1b]0;t\x07",
    "\ud800",
]


def steering(text: str) -> set[str]:
    steers = ("Cc", "Cf", "Cs")
    return {c for c in text if unicodedata.category(c) in steers and c not in PARTS_OF_TEXT}


@given(anything)
def test_harmless_text_keeps_its_length_and_its_words(text: str) -> None:
    shown = harmless(text)
    assert len(shown) == len(text)
    assert not steering(shown)
    assert all(a == b for a, b in zip(text, shown, strict=True) if b != "\N{REPLACEMENT CHARACTER}")


def test_fields_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    show_fields(
        {
            "slug": "anna",
            "active": True,
            "pages": None,
            "errors": [],
            "unread": [{"part": "page 2", "code": "no_text"}],
            "index": {"chunks": 3, "model": None},
        }
    )
    assert capsys.readouterr().out.splitlines() == [
        "slug: anna", "active: yes", "pages:", "errors: none",
        "unread:", "  part: page 2", "  code: no_text", "index:", "  chunks: 3", "  model:",
    ]  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_first_cell_is_whole_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    identifier = "0197c3a2-0000-7000-8000-000000000000"
    with contextlib.redirect_stdout(Terminal()) as shown:
        show_table(("id", "title"), [[identifier, "a long title " * 5]])
    assert identifier in shown.getvalue()


def test_plain_text_in_four_languages_is_left_alone() -> None:
    text = "Haircut 40 €\nМанікюр 600 грн\tGłówna Stra\u00ads\u00adse"
    assert harmless(text) == text


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_is_printed_steers(attack: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(attack)
    note(attack)
    show_table(("name", attack), [[attack, attack]])
    show_json({"name": attack, attack: [attack]})
    captured = capsys.readouterr()
    assert not steering(captured.out + captured.err)


@given(anything)
def test_json_comes_back_as_it_was(text: str) -> None:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        show_json({"text": text})
    assert json.loads(out.getvalue()) == {"text": text}
    assert not steering(out.getvalue())
