"""Cuts a read document into pieces that are searched and cited, along its own structure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sloth_agent.errors import InvalidInput
from sloth_agent.ids import ChunkId, new_ids
from sloth_agent.knowledge.models import Block, BlockKind, Chunk

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'»”)\]]*\s+|\n+")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSizes:
    """How long pieces are, in characters, and how much of one is repeated in the next."""

    size: int = 1000
    overlap: int = 200

    def __post_init__(self) -> None:
        if self.size < 50 or not 0 <= self.overlap < self.size:
            raise InvalidInput(
                f"Chunks of {self.size} characters cannot overlap by {self.overlap}.",
                hint="The size is at least 50, the overlap smaller than the size.",
                field="chunk_size",
            )


DEFAULT_SIZES = ChunkSizes()


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is never cut again: a sentence, a row, a heading."""

    start: int
    end: int
    block: Block


def full_text(blocks: Sequence[Block]) -> str:
    """The document as one text; the offsets of chunks count its characters."""
    return "\n".join(block.text for block in blocks)


def cut(blocks: Sequence[Block], sizes: ChunkSizes = DEFAULT_SIZES) -> list[Chunk]:
    """Cut a document into chunks, in its order.

    A chunk never mixes pages, sheets, sections or tables; a table row is never split, even one
    longer than `sizes.size`. Every visible character of the document stands in some chunk.
    """
    text = full_text(blocks)
    runs = [
        run
        for neighbours in _neighbourhoods(_pieces(blocks, sizes.size))
        for run in _packed(neighbours, sizes)
    ]
    named = zip(new_ids(len(runs)), runs, strict=True)
    return [_chunk(ChunkId(id), text, run, position) for position, (id, run) in enumerate(named)]


def _neighbourhoods(pieces: Iterable[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces that may share a chunk; headings wait for what they stand over."""
    together: list[_Piece] = []
    for piece in pieces:
        if together and not _belongs(piece, together[-1]):
            yield together
            together = []
        together.append(piece)
    if together:
        yield together


def _belongs(piece: _Piece, before: _Piece) -> bool:
    here, there = piece.block.place, before.block.place
    if (here.member, here.page, here.sheet) != (there.member, there.page, there.sheet):
        return False
    if before.block.kind is BlockKind.HEADING:
        return True
    if piece.block.kind is BlockKind.HEADING:
        return False
    if here.headings != there.headings:
        return False
    if piece.block.header not in (before.block.header, before.block.text):
        return False  # neither of one table nor the first row under its header row
    # Rows of one chunk follow each other, so that the number of the first tells all the others.
    return here.row is None or there.row is None or here.row - there.row <= 1


def _pieces(blocks: Iterable[Block], size: int) -> Iterator[_Piece]:
    start = 0
    for block in blocks:
        end = start + len(block.text)
        if block.kind is BlockKind.ROW or len(block.text) <= size:
            spans: Iterable[tuple[int, int]] = [(0, len(block.text))]
        else:
            spans = _sentences(block.text, size)
        for first, last in spans:
            if block.text[first:last].strip():
                yield _Piece(start + first, start + last, block)
        start = end + 1


def _sentences(text: str, size: int) -> Iterator[tuple[int, int]]:
    """Spans that cover the text: sentences, and parts of a sentence that is too long."""
    start = 0
    for boundary in _SENTENCE_END.finditer(text):
        yield from _words(text, start, boundary.end(), size)
        start = boundary.end()
    if start < len(text):
        yield from _words(text, start, len(text), size)


def _words(text: str, start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    while end - start > size:
        spaces = list(_SPACE.finditer(text, start + size // 2, start + size))
        middle = spaces[-1].end() if spaces else start + size
        yield start, middle
        start = middle
    if start < end:
        yield start, end


def _packed(pieces: Sequence[_Piece], sizes: ChunkSizes) -> Iterator[Sequence[_Piece]]:
    """Runs of neighbouring pieces, each as long as the size allows."""
    first = 0
    while first < len(pieces):
        last = first + 1
        while last < len(pieces) and pieces[last].end - pieces[first].start <= sizes.size:
            last += 1
        yield pieces[first:last]
        if last == len(pieces):
            return
        first = _repeated_from(pieces, first, last, sizes)


def _repeated_from(pieces: Sequence[_Piece], first: int, last: int, sizes: ChunkSizes) -> int:
    """Where the next run starts: so far back that the overlap is filled but never exceeded."""
    if pieces[last].block.kind is BlockKind.ROW:
        return last  # rows are whole by themselves, and the header goes with each run
    room = min(sizes.overlap, sizes.size - (pieces[last].end - pieces[last].start))
    start = last
    while start - 1 > first and pieces[last].start - pieces[start - 1].start <= room:
        start -= 1
    return start


def _chunk(id: ChunkId, text: str, pieces: Sequence[_Piece], position: int) -> Chunk:
    start, end = pieces[0].start, pieces[-1].end
    raw = text[start:end]
    start += len(raw) - len(raw.lstrip())
    end -= len(raw) - len(raw.rstrip())
    block = next(
        (p.block for p in pieces if p.block.kind is not BlockKind.HEADING), pieces[0].block
    )
    return Chunk(
        id=id,
        position=position,
        text=text[start:end],
        start=start,
        end=end,
        place=block.place,
        header=pieces[-1].block.header,
    )
