"""Small pictures of any size, each of a kind that is kept as a photo."""

import struct
import zlib


def png(width: int = 3, height: int = 2, *, comment: bytes = b"") -> bytes:
    """The comment makes it another file."""
    row = b"\0" + b"\0" * ((width + 7) // 8)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
        (b"tEXt", b"Comment\0" + comment),
        (b"IDAT", zlib.compress(row * min(height, 100))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def jpeg(width: int = 3, height: int = 2, *, thumbnail: bytes = b"") -> bytes:
    """The outside of one: decoders find no colours in it."""
    frame = struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)
    return (
        b"\xff\xd8"
        + _segment(0xE1, b"Exif\0\0" + thumbnail)
        + b"\xff"  # fill bytes may stand before any marker
        + _segment(0xC2, frame)
        + _segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")
        + b"pixels \xff\x00\xff\xd0 pixels"
        + b"\xff\xd9"
    )


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data


def gif(width: int = 3, height: int = 2) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0x80) + bytes(6)
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0x81, 0, 0)
        + bytes(12)
        + b"\x21\xf9\x04\0\0\0\0\0"
        + (frame + b"\x02\x02\x44\x01\x03abc\0")
        + b";"
    )


def webp(form: bytes = b"VP8 ", width: int = 3, height: int = 2) -> bytes:
    if form == b"VP8 ":
        data = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width | 0x4000, height)
    elif form == b"VP8L":
        data = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(5)
    else:
        data = bytes(4) + _three(width - 1) + _three(height - 1)
    chunk = form + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def _three(value: int) -> bytes:
    return value.to_bytes(3, "little")
