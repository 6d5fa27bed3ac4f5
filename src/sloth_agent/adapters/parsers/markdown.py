"""Markdown, cut at headings, list items and table rows."""

import re
from collections.abc import Iterator
from dataclasses import replace

from sloth_agent.adapters.parsers.cleaning import clean, one_line
from sloth_agent.adapters.parsers.headings import HeadingPath
from sloth_agent.adapters.parsers.markdown_inline import readable, without_pictures
from sloth_agent.knowledge.models import CELL_SEPARATOR, Block, BlockKind, Place

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\S")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_TABLE_LINE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SCRIPT = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_PIPE = re.compile(r"(?<!\\)\|")
_MARKS = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n(?:---|\.\.\.)\n", re.DOTALL)


def blocks(text: str) -> Iterator[Block]:
    """Yield blocks in order. Emphasis and pictures leave only words in the text."""
    hidden_cut = _SCRIPT.sub("", _COMMENT.sub("", clean(text)))
    body = _FRONT_MATTER.sub("", hidden_cut)
    yield from _Reader(body.split("\n")).blocks()


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._next = 0
        self._path = HeadingPath()
        self._paragraph: list[str] = []
        self._kind = BlockKind.PARAGRAPH

    @property
    def _place(self) -> Place:
        return Place(headings=self._path.headings)

    def blocks(self) -> Iterator[Block]:
        while self._next < len(self._lines):
            line = self._lines[self._next]
            self._next += 1
            yield from self._line(line)
        yield from self._finished()

    def _line(self, line: str) -> Iterator[Block]:
        if fence := _FENCE.match(line):
            yield from self._finished()
            yield from self._fenced(fence[1])
        elif heading := _HEADING.match(line):
            yield from self._finished()
            yield from self._heading(len(heading[1]), heading[2] or "", line)
        elif self._is_underlined(line):
            title = self._paragraph.pop()
            yield from self._finished()
            yield from self._heading(1 if "=" in line else 2, title, title)
        elif self._opens_table(line):
            yield from self._finished()
            yield from self._table(line)
        elif not line.strip() or _RULE.match(line):
            yield from self._finished()
        elif _ITEM.match(line):
            yield from self._finished()
            self._kind = BlockKind.ITEM
            self._paragraph.append(line.rstrip())
        else:
            self._paragraph.append(line.rstrip())

    def _finished(self) -> Iterator[Block]:
        text = readable("\n".join(self._paragraph)).strip()
        if text:
            yield Block(text=text, kind=self._kind, place=self._place)
        self._paragraph.clear()
        self._kind = BlockKind.PARAGRAPH

    def _heading(self, level: int, title: str, line: str) -> Iterator[Block]:
        words = plain_text(title)
        if words:
            self._path.enter(level, words)
            yield Block(text=readable(line.strip()), kind=BlockKind.HEADING, place=self._place)

    def _is_underlined(self, line: str) -> bool:
        only_line = len(self._paragraph) == 1 and self._kind is BlockKind.PARAGRAPH
        return only_line and _UNDERLINE.match(line) is not None

    def _fenced(self, fence: str) -> Iterator[Block]:
        body = []
        while self._next < len(self._lines):
            line = self._lines[self._next]
            self._next += 1
            if line.strip().startswith(fence):
                break
            body.append(line)
        text = without_pictures("\n".join(body)).strip("\n")
        if text.strip():
            yield Block(text=text, place=self._place)

    def _opens_table(self, line: str) -> bool:
        if "|" not in line or self._next >= len(self._lines):
            return False
        below = self._lines[self._next]
        return (
            _TABLE_LINE.match(below) is not None
            and "-" in below
            and len(_cells(below)) == len(_cells(line))
        )

    def _table(self, line: str) -> Iterator[Block]:
        self._next += 1  # the line of dashes
        header = CELL_SEPARATOR.join(plain_text(cell) for cell in _cells(line))
        yield Block(text=header, kind=BlockKind.ROW, place=self._place)
        while self._next < len(self._lines):
            row = self._lines[self._next]
            if "|" not in row or not row.strip():
                break
            self._next += 1
            yield replace(
                Block(
                    text=CELL_SEPARATOR.join(readable(cell) for cell in _cells(row)),
                    kind=BlockKind.ROW,
                    place=self._place,
                ),
                header=header,
            )


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return [cell.strip().replace("\\|", "|") for cell in _PIPE.split(inner)]


def plain_text(marked: str) -> str:
    """Markdown within a line, without its marks."""
    return one_line(_MARKS.sub(lambda found: found[1] or "", marked))
