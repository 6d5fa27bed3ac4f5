"""Light Markdown, as models write it, in pieces that each channel writes its own way."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Style(StrEnum):
    PLAIN = "plain"
    BOLD = "bold"
    ITALIC = "italic"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    style: Style


_MARKED = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|\*\*(?P<bold>[^\s*](?:[^*\n]*[^\s*])?)\*\*"
    r"|(?<![\w*])\*(?P<italic>[^\s*](?:[^*\n]*[^\s*])?)\*(?![\w*])"
    r"|^\#{1,6}[ \t]+(?P<heading>.+)$"
    r"|\[(?P<label>[^\]\n]+)\]\((?P<address>https?://[^\s)]+)\)",
    re.MULTILINE,
)
_STYLES = {"code": Style.CODE, "bold": Style.BOLD, "italic": Style.ITALIC, "heading": Style.BOLD}


def spans(text: str) -> Iterator[Span]:
    """The text in order, without its marks. What is marked wrongly stays as it is written.

    A link is its label, and the address in brackets: so it is seen where it leads.
    """
    done = 0
    for found in _MARKED.finditer(text):
        if before := text[done : found.start()]:
            yield Span(before, Style.PLAIN)
        yield _span(found)
        done = found.end()
    if rest := text[done:]:
        yield Span(rest, Style.PLAIN)


def _span(found: re.Match[str]) -> Span:
    kind = found.lastgroup
    if kind == "address":
        return Span(f"{found['label']} ({found['address']})", Style.PLAIN)
    assert kind is not None, "each of the patterns has a name"
    return Span(found[kind], _STYLES[kind])
