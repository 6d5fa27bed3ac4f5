"""Pictures: not read here, but a harmful or broken one is told from a good one."""

import struct

from sloth_agent.adapters.parsers.damage import damaged
from sloth_agent.errors import FileTooLarge, UnreadableFile, UnsupportedFile
from sloth_agent.knowledge.pictures import MAX_PIXELS, jpeg_size


def refusal(content: bytes) -> UnreadableFile:
    """Say why a picture is not read as a document."""
    try:
        width, height = _size(content)
    except (struct.error, IndexError, ValueError):
        return damaged()
    if width * height > MAX_PIXELS:
        return FileTooLarge(
            f"The picture claims {width:,} by {height:,} pixels.",
            hint="Save it in a smaller size.",
        )
    return UnsupportedFile(
        "This is a picture, and pictures are not read as documents.",
        hint="Write what it says into a document.",
    )


def _size(content: bytes) -> tuple[int, int]:
    """Width and height in pixels; 0 by 0 for kinds whose size lies deep inside."""
    if content.startswith(b"\x89PNG"):
        return struct.unpack_from(">II", content, 16)
    if content.startswith(b"GIF8"):
        return struct.unpack_from("<HH", content, 6)
    if content.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", content, 18)
        return abs(width), abs(height)
    if content.startswith(b"\xff\xd8"):
        return jpeg_size(content)
    if content[4:8] == b"ftyp":
        _check_boxes(content)
    return 0, 0


def _check_boxes(content: bytes) -> None:
    """HEIC is a row of boxes that bear their sizes: together they fill the file."""
    at = 0
    while at < len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        if size == 1:
            size = struct.unpack_from(">Q", content, at + 8)[0]
        elif size == 0:
            size = len(content) - at
        if size < 8 or at + size > len(content):
            raise ValueError(f"box {name!r} is cut off")
        at += size
