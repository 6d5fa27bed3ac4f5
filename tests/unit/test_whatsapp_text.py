"""Light Markdown as WhatsApp writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.adapters.channels.whatsapp_text import whatsapp_text
from sloth_agent.channels.messages import Button, Part

WRITTEN = [
    ("Стрижка **40 євро**", "Стрижка *40 євро*"),
    ("*soft* and _soft_", "_soft_ and _soft_"),
    ("see [the list](https://x.test/a_b)", "see the list (https://x.test/a_b)"),
    ("## Prices\ntext", "*Prices*\ntext"),
    ("- one\n1. two\n> three", "- one\n1. two\n> three"),
    ("`**as it is**`", "`**as it is**`"),
    ("2 * 3 * 4 = 24", "2 * 3 * 4 = 24"),
    ("5*3*2", "5*3*2"),
    ("", ""),
]


@pytest.mark.parametrize(("markdown", "written"), WRITTEN)
def test_written(markdown: str, written: str) -> None:
    assert whatsapp_text(Part(text=markdown)) == written


def test_buttons_are_lines_to_be_sent_back() -> None:
    buttons = (Button(label="English", command="language en"),)
    assert whatsapp_text(Part(text="Which?", buttons=buttons)) == "Which?\nEnglish: /language en"


@given(st.text(alphabet="ab *_~`[]()#\\\n-+!>"))
def test_it_never_grows(markdown: str) -> None:
    assert len(whatsapp_text(Part(text=markdown))) <= len(markdown)
