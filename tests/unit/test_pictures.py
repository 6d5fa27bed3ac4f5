"""What a picture says of itself, and which ones are not taken."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.pictures import gif, jpeg, png, webp
from sloth_agent.errors import (
    FileDamaged,
    FileEmpty,
    FileTooLarge,
    UnreadableFile,
    UnsupportedFile,
)
from sloth_agent.knowledge.pictures import MAX_PIXELS, PictureKind, examined

WHOLE = {
    "png": (png(640, 480), PictureKind.PNG),
    "jpeg": (jpeg(640, 480), PictureKind.JPEG),
    "gif": (gif(640, 480), PictureKind.GIF),
    "webp, lossy": (webp(b"VP8 ", 640, 480), PictureKind.WEBP),
    "webp, lossless": (webp(b"VP8L", 640, 480), PictureKind.WEBP),
    "webp, extended": (webp(b"VP8X", 640, 480), PictureKind.WEBP),
}


@pytest.mark.parametrize("name", WHOLE)
def test_kind_and_size(name: str) -> None:
    content, kind = WHOLE[name]
    picture = examined(content)
    assert (picture.kind, picture.width, picture.height) == (kind, 640, 480)


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_cut_off_anywhere_is_no_picture(name: str) -> None:
    content, _ = WHOLE[name]
    for length in range(len(content)):
        with pytest.raises(UnreadableFile) as raised:
            examined(content[:length])
        assert isinstance(raised.value, FileDamaged | FileEmpty | UnsupportedFile)
        if length > 12:
            assert isinstance(raised.value, FileDamaged)


def test_a_thumbnail_is_not_the_picture() -> None:
    content = jpeg(4000, 3000, thumbnail=jpeg(160, 120))
    assert (examined(content).width, examined(content).height) == (4000, 3000)
    with pytest.raises(FileDamaged):
        examined(content[:-10])


@pytest.mark.parametrize("content", [png(), jpeg(), gif(), webp()])
def test_what_stands_behind_a_picture_is_left_alone(content: bytes) -> None:
    """Phones append a film to a photo."""
    assert examined(content + b"film" * 100) == examined(content)


@pytest.mark.parametrize("content", [png(0, 5), jpeg(5, 0), gif(0, 0), webp(b"VP8 ", 0, 5)])
def test_a_picture_of_nothing_is_damaged(content: bytes) -> None:
    with pytest.raises(FileDamaged):
        examined(content)


def test_a_picture_too_large_to_be_unpacked() -> None:
    assert examined(png(10_000, MAX_PIXELS // 10_000)).width == 10_000
    for content in (png(10_000, MAX_PIXELS // 10_000 + 1), webp(b"VP8X", 16_000_000, 16_000_000)):
        with pytest.raises(FileTooLarge, match="100 megapixels") as raised:
            examined(content)
        assert raised.value.code == "file_too_large"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(100), "JPEG"),
        (b"\0\0\0\x18ftypavif" + bytes(100), "JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "PNG"),
        (b"BM" + bytes(100), "PNG"),
        (b"II*\0" + bytes(100), "PNG"),
        (b"%PDF-1.7", "PNG"),
        (b"A haircut costs 40 euro.", "PNG"),
    ],
)
def test_another_kind_is_refused_with_the_way_out(content: bytes, says: str) -> None:
    with pytest.raises(UnsupportedFile) as raised:
        examined(content)
    assert says in (raised.value.hint or "")


def test_nothing() -> None:
    with pytest.raises(FileEmpty):
        examined(b"")


@given(
    start=st.sampled_from([content for content, _ in WHOLE.values()]),
    cut=st.integers(0, 80),
    rest=st.binary(max_size=300),
)
def test_whatever_comes_is_a_picture_or_refused(start: bytes, cut: int, rest: bytes) -> None:
    try:
        picture = examined(start[:cut] + rest)
    except UnreadableFile:
        return
    assert 0 < picture.width * picture.height <= MAX_PIXELS


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8" + b"\xff\xe0\0\2" * 500_000,
        b"\xff\xd8" + b"\xff" * 2_000_000,
        png()[:33] + b"\0\0\0\0aaaa\0\0\0\0" * 150_000,
        gif()[:-1] + b"\x21\xff\0" * 600_000,
    ],
    ids=["segments", "fill bytes", "chunks", "extensions"],
)
def test_millions_of_parts_take_a_moment(content: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises(FileDamaged):
        examined(content)
    assert time.perf_counter() - started < 5
