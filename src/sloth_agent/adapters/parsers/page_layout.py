"""Lines of pages back to paragraphs, list items and headings."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sloth_agent.adapters.parsers.headings import HeadingPath
from sloth_agent.knowledge.models import Block, BlockKind, Place

_BULLET = re.compile(r"(?:[•●▪■◦‣·–—*-]|\d{1,3}[.)]|\(?[a-zа-яіїєґ]\))\s+\S", re.IGNORECASE)
# Not the question mark: in tables and lists of questions the answer follows it.
_SENTENCE_END = re.compile(r"""[.!…:;]["'»”’)\]]*$""")
_HYPHEN_END = re.compile(r"[^\W\d_]-$")
_LONGEST_HEADING = 120
_LONGEST_BLOCK = 2_000
_FULL = 0.7  # of the usual longest line: one that ends there goes on in the next


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    size: float = 0.0  # of its first letter; 0 where unknown
    breaks_word: bool = False  # ends in a hyphen that is not part of the word


def blocks(pages: Sequence[Sequence[Line]]) -> Iterator[Block]:
    """Yield the blocks of a document; headings reach over pages, paragraphs do not."""
    levels = _levels(pages)
    repeated = _repeated(pages)
    path = HeadingPath()
    for number, lines in enumerate(pages, 1):
        yield from _Page(number, lines, levels, repeated, path).blocks()


def _levels(pages: Sequence[Sequence[Line]]) -> dict[float, int]:
    """Sizes of type well above that of most letters, the largest being level 1."""
    letters: Counter[float] = Counter()
    counts: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            letters[line.size] += len(line.text)
            counts[line.size] += 1
    if len(letters) < 2:
        return {}
    body = letters.most_common(1)[0][0]
    larger = sorted((size for size in letters if size > body * 1.12), reverse=True)
    if sum(counts[size] for size in larger) * 3 > sum(counts.values()):
        return {}  # a poster, a slide: nothing stands under anything
    return {size: min(level, 6) for level, size in enumerate(larger, 1)}


def _repeated(pages: Sequence[Sequence[Line]]) -> set[str]:
    """Running heads and feet: alike on most pages but for the page number."""
    if len(pages) < 3:
        return set()
    seen = Counter(
        mask for lines in pages for mask in {_mask(line.text) for line in [*lines[:2], *lines[-2:]]}
    )
    return {mask for mask, times in seen.items() if times * 2 > len(pages)}


def _mask(text: str) -> str:
    return re.sub(r"\d+", "#", text)


class _Page:
    def __init__(
        self,
        number: int,
        lines: Sequence[Line],
        levels: dict[float, int],
        repeated: set[str],
        path: HeadingPath,
    ) -> None:
        self._number = number
        self._lines = lines
        self._levels = levels
        self._repeated = repeated
        self._path = path
        lengths = sorted(len(line.text) for line in lines)
        self._usual = lengths[len(lengths) * 9 // 10] if lengths else 0
        self._open: list[Line] = []

    def blocks(self) -> Iterator[Block]:
        for line in self._lines:
            if self._open and self._parts(self._open[-1], line):
                yield self._block()
            self._open.append(line)
        if self._open:
            yield self._block()

    def _parts(self, line: Line, following: Line) -> bool:
        if self._runs_along(line) or self._runs_along(following):
            return True
        if self._level(line) != self._level(following):
            return True
        if self._level(line) is not None:
            return line.size != following.size or len(self._open) >= 3
        if _BULLET.match(following.text):
            return not line.breaks_word
        if self._is_full(line):
            return False
        long = sum(len(each.text) for each in self._open) > _LONGEST_BLOCK
        return long or _SENTENCE_END.search(line.text) is not None

    def _runs_along(self, line: Line) -> bool:
        return bool(self._repeated) and _mask(line.text) in self._repeated

    def _level(self, line: Line) -> int | None:
        if self._runs_along(line) or len(line.text) > _LONGEST_HEADING:
            return None
        return self._levels.get(line.size)

    def _is_full(self, line: Line) -> bool:
        return line.breaks_word or len(line.text) >= self._usual * _FULL

    def _block(self) -> Block:
        lines, self._open = self._open, []
        level = self._level(lines[0])
        if level is not None and any(map(str.isalpha, lines[0].text)):
            title = " ".join(line.text for line in lines)
            self._path.enter(level, title)
            return Block(text=title, kind=BlockKind.HEADING, place=self._place())
        is_item = _BULLET.match(lines[0].text) is not None
        kind = BlockKind.ITEM if is_item else BlockKind.PARAGRAPH
        return Block(text=self._joined(lines), kind=kind, place=self._place())

    def _place(self) -> Place:
        return Place(page=self._number, headings=self._path.headings)

    def _joined(self, lines: list[Line]) -> str:
        text = ""
        for line, following in zip(lines, [*lines[1:], None], strict=True):
            text += line.text
            if following is None:
                return text
            goes_on = following.text[:1].islower()
            if line.breaks_word and goes_on:
                continue
            if goes_on and _HYPHEN_END.search(line.text) and self._is_full(line):
                text = text[:-1]
                continue
            text += " " if self._is_full(line) else "\n"
        return text
