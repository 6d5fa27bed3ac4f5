"""What a picture file says of itself: its kind, its size, and whether all of it is there.

Nothing is decoded. Every step goes forward in the file, so the time is bounded by its length.
"""

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sloth_agent.errors import FileDamaged, FileEmpty, FileTooLarge, UnsupportedFile

MAX_PIXELS = 100_000_000

Size = tuple[int, int]
"""Width and height in pixels."""


class PictureKind(StrEnum):
    """The value is the media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    GIF = "image/gif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Width and height are as stored: a camera may ask in its EXIF to turn it afterwards."""

    kind: PictureKind
    width: int  # pixels
    height: int


_KINDS = {
    PictureKind.JPEG: re.compile(rb"\xff\xd8\xff"),
    PictureKind.PNG: re.compile(rb"\x89PNG\r\n\x1a\n"),
    PictureKind.WEBP: re.compile(rb"RIFF....WEBP", re.DOTALL),
    PictureKind.GIF: re.compile(rb"GIF8[79]a"),
}
_HEIF = re.compile(rb"....ftyp(?:heic|heix|hevc|heim|heis|mif1|msf1|avif|avis)", re.DOTALL)

_JPEG_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_END = b"\xff\xd9"


def examined(content: bytes) -> Picture:
    """Tell a picture that can be kept, by its content.

    Raises:
        FileEmpty: no content.
        UnsupportedFile: not a picture, or of a kind that is not taken.
        FileDamaged: broken, or cut off.
        FileTooLarge: more than `MAX_PIXELS`.
    """
    kind = _kind(content)
    try:
        width, height = _SIZES[kind](content)
    except (struct.error, IndexError, ValueError) as error:
        raise _damaged() from error
    if not width or not height:
        raise _damaged()
    if width * height > MAX_PIXELS:
        raise FileTooLarge(
            f"The picture claims {width:,} by {height:,} pixels,"
            f" and {MAX_PIXELS // 1_000_000} megapixels are the most.",
            hint="Save it in a smaller size.",
        )
    return Picture(kind=kind, width=width, height=height)


def _kind(content: bytes) -> PictureKind:
    if not content:
        raise FileEmpty("The file is empty.", hint="Check that it was copied completely.")
    for kind, beginning in _KINDS.items():
        if beginning.match(content):
            return kind
    if _HEIF.match(content):
        raise UnsupportedFile(
            "This is a HEIC or AVIF picture, which is not taken as a photo.",
            hint="Export it as JPEG; an iPhone makes them with Camera > Formats > Most Compatible.",
        )
    raise UnsupportedFile(
        "This is not a picture that can be kept as a photo.",
        hint="Photos are JPEG, PNG, WebP or GIF.",
    )


def _damaged() -> FileDamaged:
    return FileDamaged("The picture is broken or cut off.", hint="Export or copy it again.")


def jpeg_size(content: bytes) -> Size:
    """Of a JPEG, of which the end may be missing.

    Raises:
        ValueError, IndexError, struct.error: it is broken before it tells its size.
    """
    return _jpeg_frame(content)[0]


def _whole_jpeg(content: bytes) -> Size:
    size, after = _jpeg_frame(content)
    # Within the data of pixels no other marker looks like it; cameras append videos behind it.
    if content.find(_JPEG_END, after) < 0:
        raise ValueError("no end")
    return size


def _jpeg_frame(content: bytes) -> tuple[Size, int]:
    """The size, and where it stands: a thumbnail inside the segments before has one of its own."""
    at = 2
    while True:
        if content[at] != 0xFF:
            raise ValueError("no marker")
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return (width, height), at
        else:
            at += 2 + struct.unpack_from(">H", content, at + 2)[0]


def _whole_png(content: bytes) -> Size:
    length, name, width, height = struct.unpack_from(">I4sII", content, 8)
    if (length, name) != (13, b"IHDR"):
        raise ValueError("no header")
    at = 8
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", content, at)
        at += 12 + length
    if at > len(content):
        raise ValueError("no end")
    return width, height


def _whole_gif(content: bytes) -> Size:
    size: Size = struct.unpack_from("<HH", content, 6)
    at = 13 + _palette(content[10])
    while content[at] != 0x3B:  # the end
        if content[at] == 0x2C:  # a frame
            at += 11 + _palette(content[at + 9])
        elif content[at] == 0x21:  # an extension
            at += 2
        else:
            raise ValueError("no block")
        while content[at]:  # pieces, each after its length
            at += 1 + content[at]
        at += 1
    return size


def _palette(flags: int) -> int:
    """Bytes of a table of colours, which may follow."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _whole_webp(content: bytes) -> Size:
    if len(content) < max(30, 8 + struct.unpack_from("<I", content, 4)[0]):
        raise ValueError("cut off")
    form, data = content[12:16], content[20:30]
    if form == b"VP8X":
        return 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
    if form == b"VP8L" and data[0] == 0x2F:
        bits = int.from_bytes(data[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if form == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("no such form")


_SIZES: Mapping[PictureKind, Callable[[bytes], Size]] = {
    PictureKind.JPEG: _whole_jpeg,
    PictureKind.PNG: _whole_png,
    PictureKind.WEBP: _whole_webp,
    PictureKind.GIF: _whole_gif,
}
