"""A reading survives its journey; anything else that arrives is damage."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.adapters.parsers import wire
from sloth_agent.errors import FileDamaged, NoText, UnreadableFile
from sloth_agent.knowledge.models import Block, BlockKind, Place, Reading, Unread

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
numbers = st.none() | st.integers(1, 2**31 - 1)
places = st.builds(
    Place,
    member=st.none() | texts,
    page=numbers,
    sheet=st.none() | texts,
    row=numbers,
    headings=st.lists(texts, max_size=3).map(tuple),
)
blocks = st.builds(Block, text=texts, kind=st.sampled_from(BlockKind), place=places, header=texts)
readings = st.builds(
    Reading,
    media_type=texts,
    blocks=st.lists(blocks, max_size=8).map(tuple),
    pages=numbers,
    unread=st.lists(
        st.builds(Unread, part=texts, code=st.sampled_from(sorted(wire.ERRORS)), message=texts),
        max_size=2,
    ).map(tuple),
)


@given(readings)
def test_a_reading_arrives_as_it_was_sent(reading: Reading) -> None:
    assert wire.unpack(wire.pack(reading)) == reading


def test_an_error_arrives_as_it_was_raised() -> None:
    sent = NoText("Only scans.", hint="Export it.", pages=[1, 2])
    with pytest.raises(NoText, match=r"Only scans\.") as caught:
        wire.unpack(wire.pack_error(sent))
    assert (caught.value.hint, caught.value.details) == (sent.hint, sent.details)


EMPTY: dict[str, object] = {
    "media_type": "a",
    "pages": None,
    "unread": [],
    "places": [],
    "headers": [],
    "blocks": [],
}


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"not json",
        b"[" * 100_000,
        b"[]",
        b"null",
        b"{}",
        b'{"code": "not_ours", "message": "m", "hint": null, "details": {}}',
        b'{"code": "no_text", "message": 5, "hint": null, "details": {}}',
        b'{"code": "no_text", "message": "m", "hint": null, "details": {"self": 1}}',
        json.dumps({**EMPTY, "blocks": [[0, "t", 0, 0]]}).encode(),
        json.dumps({**EMPTY, "media_type": "a\0b"}).encode(),
        json.dumps({**EMPTY, "media_type": "\ud800"}).encode(),
        json.dumps({**EMPTY, "pages": -1}).encode(),
        json.dumps({**EMPTY, "pages": True}).encode(),
        json.dumps({**EMPTY, "unread": [["part", "backend_unavailable", "m"]]}).encode(),
    ],
)
def test_nonsense_is_damage(message: bytes) -> None:
    with pytest.raises(FileDamaged):
        wire.unpack(message)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_reading_or_an_error_of_ours(message: bytes) -> None:
    with pytest.raises(UnreadableFile):
        wire.unpack(message)
