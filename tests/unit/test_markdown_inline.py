"""Markdown as answers quote it."""

import time

import pytest

from sloth_agent.adapters.parsers.markdown_inline import readable


@pytest.mark.parametrize(
    ("marked", "seen"),
    [
        ("See ![our door](http://evil.example/x.png) here.", "See our door here."),
        ("![](http://evil.example/x.png)", ""),
        ("![door][1] and ![a [b] c](x.png 'title')", "door and a [b] c"),
        ("[![door](x.png)](https://salon.example)", "[door](https://salon.example)"),
        ("![![no](https://a.example)](https://b.example)", "[no](https://a.example)"),
        ("`![no](https://a.example)`", "`no`"),
        ('<img src="https://a.example" alt="door"> <IMG src=x>', "door "),
        ("_so_ *it* __is__ ~~not~~ ***here***", "so it is not ***here***"),
        ("snake_case_name, 2 * 3 * 4, 5*6*7 and ~5", "snake_case_name, 2 * 3 * 4, 5*6*7 and ~5"),
        ("`_kept_` and ``*ke`pt*``", "`_kept_` and ``*ke`pt*``"),
        ("[_so_](https://a.example/_x_)", "[so](https://a.example/_x_)"),
        ("**Do you tow?** Yes.", "**Do you tow?** Yes."),
        (r"\*not so\* and \_x\_", r"\*not so\* and \_x\_"),
        ("- wash\n* dry", "- wash\n* dry"),
    ],
)
def test_pictures_and_emphasis_are_words(marked: str, seen: str) -> None:
    assert readable(marked) == seen


@pytest.mark.parametrize(
    "sign", ["[", "![", "[[]", "_a", "*a", "`", "~~a", "<img ", "[a](", "](", "\\["]
)
def test_marks_without_end_take_no_time(sign: str) -> None:
    started = time.process_time()
    readable(sign * 20_000)
    assert time.process_time() - started < 5
