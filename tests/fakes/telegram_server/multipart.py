"""Forms with files in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Upload:
    name: str
    media_type: str
    data: bytes


def parts(content_type: str, body: bytes) -> Iterator[tuple[str, str | Upload]]:
    """Names and values, in the order of the body."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if boundary is None:
        return
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())[1:]:
        head, separator, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if separator and not part.startswith(b"--"):
            yield _part(head.decode("utf-8", "replace"), data)


def _part(head: str, data: bytes) -> tuple[str, str | Upload]:
    name = re.search(r'(?i)\bname="([^"]*)"', head)
    file = re.search(r'(?i)filename="([^"]*)"', head)
    kind = re.search(r"(?im)^content-type:\s*(\S+)", head)
    key = name[1] if name else ""
    if file is None:
        return key, data.decode("utf-8", "replace")
    media_type = kind[1] if kind else "application/octet-stream"
    return key, Upload(name=file[1], media_type=media_type, data=data)
