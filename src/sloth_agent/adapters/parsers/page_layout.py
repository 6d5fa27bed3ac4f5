"""Lines of pages back to paragraphs, list items and headings."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from sloth_agent.adapters.parsers.headings import HeadingPath
from sloth_agent.knowledge.models import Block, BlockKind, Place

_BULLET = re.compile(r"(?:[•●▪■◦‣·–—*-]|\d{1,3}[.)]|\(?[a-zа-яіїєґ]\))\s+\S", re.IGNORECASE)
# Not the question mark: in tables and lists of questions the answer follows it.
_SENTENCE_END = re.compile(r"""[.!…:;]["'»”’)\]]*$""")
_HYPHEN_END = re.compile(r"[^\W\d_]-$")
_NUMBER = re.compile(r"\d+")
_LONGEST_HEADING = 120
_LONGEST_BLOCK = 2_000
_SHORTEST_PRINT = 30
_FULL = 0.7  # of the usual longest line: one that ends there goes on in the next

UNKNOWN = 0.0
"""The size of type that could not be had."""


class Line(NamedTuple):
    """A tuple, since a long document has a hundred thousand of them."""

    text: str
    size: float = UNKNOWN  # of its first letter
    breaks_word: bool = False  # ends in a hyphen that is not part of the word


def blocks(pages: Sequence[Sequence[Line]]) -> Iterator[Block]:
    """Yield the blocks of a document; headings reach over pages, paragraphs do not."""
    types = _Types(pages)
    repeated = _repeated(pages)
    path = HeadingPath()
    for number, lines in enumerate(pages, 1):
        yield from _Page(number, lines, types, repeated, path).blocks()


class _Types:
    """What sizes of type a document uses, and for what."""

    def __init__(self, pages: Sequence[Sequence[Line]]) -> None:
        letters: Counter[float] = Counter()
        for lines in pages:
            for line in lines:
                letters[line.size] += len(line.text)
        del letters[UNKNOWN]
        body = max(letters, key=letters.__getitem__, default=UNKNOWN)
        self._larger = {size for size in letters if size > body * 1.12}
        # On a poster or a slide nothing stands under anything.
        few = sum(letters[size] for size in self._larger) * 3 <= letters.total()
        ranked = sorted(self._larger, reverse=True) if few else []
        self.levels = {size: min(level, 6) for level, size in enumerate(ranked, 1)}

    def change(self, line: Line, following: Line) -> bool:
        """Whether another kind of text begins, such as the small print."""
        if line.size == following.size or UNKNOWN in (line.size, following.size):
            return False
        if self._larger & {line.size, following.size}:
            return True
        # Formulas and raised marks change size within a sentence, and are short.
        goes_on = following.text[:1].islower()
        return not goes_on and min(len(line.text), len(following.text)) >= _SHORTEST_PRINT


def _repeated(pages: Sequence[Sequence[Line]]) -> set[str]:
    """Running heads and feet: alike on most pages but for the page number."""
    if len(pages) < 3:
        return set()
    seen = Counter(
        mask for lines in pages for mask in {_mask(line.text) for line in [*lines[:2], *lines[-2:]]}
    )
    return {mask for mask, times in seen.items() if times * 2 > len(pages)}


def _mask(text: str) -> str:
    return _NUMBER.sub("#", text)


class _Page:
    def __init__(
        self,
        number: int,
        lines: Sequence[Line],
        types: _Types,
        repeated: set[str],
        path: HeadingPath,
    ) -> None:
        self._number = number
        self._lines = lines
        self._types = types
        self._repeated = repeated
        self._path = path
        lengths = sorted(len(line.text) for line in lines)
        self._full = lengths[len(lengths) * 9 // 10] * _FULL if lengths else 0
        self._open: list[Line] = []
        self._open_length = 0

    def blocks(self) -> Iterator[Block]:
        last, last_role = None, None
        for line in self._lines:
            role = self._role(line)
            if last is not None and (role != last_role or self._parts(last, line, role)):
                yield self._block(last_role)
            self._open.append(line)
            self._open_length += len(line.text)
            last, last_role = line, role
        if self._open:
            yield self._block(last_role)

    def _role(self, line: Line) -> float | str | None:
        """What sets a line apart from its neighbours: its size as a heading, or running along."""
        if self._repeated and _mask(line.text) in self._repeated:
            return line.text
        if line.size in self._types.levels and len(line.text) <= _LONGEST_HEADING:
            return line.size
        return None

    def _parts(self, line: Line, following: Line, role: float | str | None) -> bool:
        if role is not None:
            return len(self._open) >= 3
        if _BULLET.match(following.text):
            return not line.breaks_word
        if self._types.change(line, following):
            return not line.breaks_word
        if self._is_full(line):
            return False
        return self._open_length > _LONGEST_BLOCK or _SENTENCE_END.search(line.text) is not None

    def _is_full(self, line: Line) -> bool:
        return line.breaks_word or len(line.text) >= self._full

    def _block(self, role: float | str | None) -> Block:
        lines, self._open, self._open_length = self._open, [], 0
        if isinstance(role, float) and any(map(str.isalpha, lines[0].text)):
            title = " ".join(line.text for line in lines)
            self._path.enter(self._types.levels[role], title)
            return Block(text=title, kind=BlockKind.HEADING, place=self._place())
        is_item = _BULLET.match(lines[0].text) is not None
        kind = BlockKind.ITEM if is_item else BlockKind.PARAGRAPH
        return Block(text=self._joined(lines), kind=kind, place=self._place())

    def _place(self) -> Place:
        return Place(page=self._number, headings=self._path.headings)

    def _joined(self, lines: list[Line]) -> str:
        text = lines[0].text
        for line, following in pairwise(lines):
            if self._goes_on(line, following):
                text = text if line.breaks_word else text[:-1]
            else:
                text += " " if self._is_full(line) else "\n"
            text += following.text
        return text

    def _goes_on(self, line: Line, following: Line) -> bool:
        """Whether a word that the first line ends with ends in the second."""
        if line.breaks_word or line.text.endswith("-"):
            hyphened = self._is_full(line) and _HYPHEN_END.search(line.text) is not None
            return following.text[:1].islower() and (line.breaks_word or hyphened)
        return False
