"""Cutting documents: whatever they are made of, nothing is lost and every offset is true."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.errors import InvalidInput
from sloth_agent.knowledge.chunking import ChunkSizes, cut, full_text
from sloth_agent.knowledge.models import Block, BlockKind, Chunk, Place

SMALL = ChunkSizes(size=60, overlap=20)

letters = st.sampled_from(list("abcde ґїß漢.!?\n\t\u00a0\u2003\"'»"))
long_words = st.integers(1, 300).map("x".__mul__)
texts = st.lists(st.text(letters, max_size=150) | long_words, max_size=3).map(" ".join)
sizes = st.integers(50, 400).flatmap(
    lambda size: st.builds(ChunkSizes, size=st.just(size), overlap=st.integers(0, size - 1))
)
places = st.builds(
    Place,
    member=st.sampled_from([None, "a.docx"]),
    page=st.sampled_from([None, 1, 2]),
    sheet=st.sampled_from([None, "Hair"]),
    headings=st.sampled_from([(), ("Prices",), ("Prices", "Hair")]),
)
prose = st.builds(
    Block,
    text=texts,
    kind=st.sampled_from([BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.ITEM]),
    place=places,
)


@st.composite
def tables(draw: st.DrawFn) -> list[Block]:
    header = draw(st.sampled_from(["", "Service | Price"]))
    first = draw(st.integers(1, 9))
    steps = draw(st.lists(st.integers(1, 2), min_size=1, max_size=6))
    numbers = [first + sum(steps[:count]) for count in range(len(steps))]
    place = draw(places)
    return [
        Block(
            text=draw(texts.filter(str.strip)),
            kind=BlockKind.ROW,
            place=replace(place, row=number),
            header=header,
        )
        for number in numbers
    ]


documents = st.lists(prose.map(lambda block: [block]) | tables(), max_size=8).map(
    lambda parts: [block for part in parts for block in part]
)


def spans(blocks: list[Block]) -> list[tuple[int, int, Block]]:
    start = 0
    found = []
    for block in blocks:
        found.append((start, start + len(block.text), block))
        start += len(block.text) + 1
    return found


def plain(chunks: list[Chunk]) -> list[tuple[object, ...]]:
    return [(c.position, c.text, c.start, c.end, c.place, c.header) for c in chunks]


@given(documents, sizes)
def test_every_visible_character_stands_in_a_chunk(blocks: list[Block], sizes: ChunkSizes) -> None:
    covered = {at for chunk in cut(blocks, sizes) for at in range(chunk.start, chunk.end)}
    text = full_text(blocks)
    assert [at for at, sign in enumerate(text) if not sign.isspace() and at not in covered] == []


@given(documents, sizes)
def test_offsets_are_true_and_in_order(blocks: list[Block], sizes: ChunkSizes) -> None:
    text, chunks = full_text(blocks), cut(blocks, sizes)
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text == chunk.text.strip() != ""
    for before, after in pairwise(chunks):
        assert before.start < after.start
        assert before.end < after.end


@given(documents, sizes)
def test_sizes_are_kept(blocks: list[Block], sizes: ChunkSizes) -> None:
    rows = {(start, end) for start, end, block in spans(blocks) if block.kind is BlockKind.ROW}
    chunks = cut(blocks, sizes)
    for chunk in chunks:
        holds_long_row = any(
            start - sizes.size <= chunk.start <= end and end - start > sizes.size
            for start, end in rows
        )
        assert len(chunk.text) <= sizes.size or holds_long_row
    for before, after in pairwise(chunks):
        assert before.end - after.start <= sizes.overlap


@given(documents, sizes)
def test_rows_are_whole_and_stand_in_one_chunk(blocks: list[Block], sizes: ChunkSizes) -> None:
    chunks = cut(blocks, sizes)
    for start, end, block in spans(blocks):
        if block.kind is BlockKind.ROW:
            first = start + len(block.text) - len(block.text.lstrip())
            last = end - len(block.text) + len(block.text.rstrip())
            touching = [c for c in chunks if c.start < last and c.end > first]
            assert len(touching) == 1
            assert touching[0].start <= first
            assert last <= touching[0].end
            assert touching[0].header == block.header


@given(documents, sizes)
def test_places_are_those_of_the_blocks(blocks: list[Block], sizes: ChunkSizes) -> None:
    for chunk in cut(blocks, sizes):
        inside = [
            block
            for start, end, block in spans(blocks)
            if start < chunk.end and end > chunk.start and block.text.strip()
        ]
        assert chunk.place in [block.place for block in inside]
        assert len({(b.place.member, b.place.page, b.place.sheet) for b in inside}) == 1
        body = [block for block in inside if block.kind is not BlockKind.HEADING]
        assert len({block.place.headings for block in body}) <= 1
        assert len({block.header for block in body}) <= 1
        assert all(chunk.place.headings == block.place.headings for block in body)


@given(documents, sizes)
def test_the_same_document_is_cut_the_same(blocks: list[Block], sizes: ChunkSizes) -> None:
    assert plain(cut(blocks, sizes)) == plain(cut(blocks, sizes))


@pytest.mark.parametrize("blocks", [[], [Block(text="")], [Block(text=" \n\t")] * 3])
def test_nothing_to_say_gives_no_chunk(blocks: list[Block]) -> None:
    assert cut(blocks) == []


def test_sentences_stay_whole_where_they_fit() -> None:
    text = "One short sentence here. Another short one follows! Is there a third one? Yes."
    chunks = cut([Block(text=text)], ChunkSizes(size=60, overlap=0))
    assert [chunk.text for chunk in chunks] == [
        "One short sentence here. Another short one follows!",
        "Is there a third one? Yes.",
    ]


def test_the_overlap_repeats_whole_sentences() -> None:
    text = "One short sentence. Two is short. Three is also short. Four ends it."
    chunks = cut([Block(text=text)], ChunkSizes(size=50, overlap=25))
    assert chunks[0].text.endswith("Two is short.")
    assert chunks[1].text.startswith("Two is short.")


def test_a_word_is_cut_only_where_it_is_longer_than_a_chunk() -> None:
    chunks = cut([Block(text=f"{'word ' * 30}{'x' * 130} end")], ChunkSizes(size=60, overlap=0))
    assert "".join(chunk.text for chunk in chunks if set(chunk.text) == {"x"}).count("x") >= 60
    assert all(set(chunk.text.split()) <= {"word", "end"} or "x" in chunk.text for chunk in chunks)


def test_a_heading_stands_with_what_it_stands_over() -> None:
    prices, hours = Place(headings=("Prices",)), Place(headings=("Hours",))
    blocks = [
        Block(text="Prices", kind=BlockKind.HEADING, place=prices),
        Block(text="A haircut costs 40.", place=prices),
        Block(text="Hours", kind=BlockKind.HEADING, place=hours),
        Block(text="From 9 to 18.", place=hours),
    ]
    chunks = cut(blocks)
    assert [chunk.text for chunk in chunks] == [
        "Prices\nA haircut costs 40.",
        "Hours\nFrom 9 to 18.",
    ]
    assert [chunk.place.section for chunk in chunks] == ["Prices", "Hours"]


def test_the_header_row_goes_with_each_piece_and_the_row_number_with_the_first() -> None:
    rows = [
        Block(
            text=f"Service number {n} | {n} euro",
            kind=BlockKind.ROW,
            place=Place(sheet="Hair", row=n + 1),
            header="Service | Price",
        )
        for n in range(1, 7)
    ]
    chunks = cut(rows, SMALL)
    assert len(chunks) == 3
    assert [chunk.header for chunk in chunks] == ["Service | Price"] * 3
    assert [chunk.place.row for chunk in chunks] == [2, 4, 6]
    assert all(chunk.searched_text.startswith("Hair\nService | Price\n") for chunk in chunks)


def test_rows_with_a_gap_are_apart() -> None:
    rows = [
        Block(text=f"row {n}", kind=BlockKind.ROW, place=Place(sheet="A", row=n)) for n in (1, 2, 5)
    ]
    assert [chunk.text for chunk in cut(rows)] == ["row 1\nrow 2", "row 5"]


@pytest.mark.parametrize(("size", "overlap"), [(49, 0), (100, 100), (100, -1), (0, 0)])
def test_sizes_that_make_no_sense(size: int, overlap: int) -> None:
    with pytest.raises(InvalidInput):
        ChunkSizes(size=size, overlap=overlap)
