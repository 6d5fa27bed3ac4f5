"""Archives as ZIP files of parts stored as they are, under a seal over every byte.

Nothing is compressed: an archive cannot expand, and each part stands in the file as one piece. The
ZIP's comment is a seal with the SHA-256 of all bytes before it, so that a change anywhere is
noticed, also where ZIP itself would not look. A part may be such an archive again.
"""

import hashlib
import io
import json
import os
import re
import struct
import zipfile
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Any

import anyio
import anyio.to_thread

from sloth_agent.adapters.archives.folder import as_our_errors
from sloth_agent.errors import ArchiveRefused, Conflict
from sloth_agent.tenants.archive_parts import Member, ScannedMember

MANIFEST = "manifest.json"
LARGEST_MANIFEST_BYTES = 256 * 1024 * 1024

_PIECE_BYTES = 1024 * 1024
_EPOCH = (1980, 1, 1, 0, 0, 0)
_BEFORE_NAME_BYTES = 26  # of a part's own header
_SEAL = b"sloth-agent sha256:"
_SEAL_BYTES = len(_SEAL) + 64
_PART = re.compile(r"[a-z0-9_]+(/[a-z0-9_-]+)?(\.[a-z]+)?")


class ZippedArchives:
    """`ArchiveFormat` on disk; whoever else uses the machine cannot read what is written."""

    @asynccontextmanager
    async def create(self, path: Path) -> AsyncIterator["ZipWriter"]:
        twin = path.with_name(f".{path.name}.{os.getpid()}.part")
        with as_our_errors(path):
            if await anyio.Path(path).exists():
                raise Conflict(f"There is a file {path} already.", hint="Choose another name.")
            descriptor = os.open(twin, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    with _written(file) as writer:
                        yield writer
                    file.flush()
                    await anyio.to_thread.run_sync(os.fsync, file.fileno())
                twin.replace(path)
            finally:
                twin.unlink(missing_ok=True)

    @asynccontextmanager
    async def open(self, path: Path) -> AsyncIterator["ZipReader"]:
        with as_our_errors(path), path.open("rb") as file:
            yield await anyio.to_thread.run_sync(opened, file)


class ZipWriter:
    """`ArchiveWriter` into an open file."""

    def __init__(self, zip: zipfile.ZipFile, out: "_Sealed") -> None:
        self._zip = zip
        self._out = out
        self._members: list[Member] = []

    @property
    def members(self) -> Sequence[Member]:
        return self._members

    async def add(self, name: str, content: AsyncIterable[bytes]) -> ScannedMember:
        with self._part(name) as part:
            async for piece in _pieces(content):
                await anyio.to_thread.run_sync(part.write, piece)
        return part.counted.member

    @asynccontextmanager
    async def nested(self, name: str) -> AsyncIterator["ZipWriter"]:
        with self._part(name) as part, _written(part) as writer:
            yield writer

    @contextmanager
    def _part(self, name: str) -> Iterator["_Part"]:
        """Known as a member however far it came."""
        counted = _Counted(name)
        try:
            with self._zip.open(zipfile.ZipInfo(name, _EPOCH), "w", force_zip64=True) as part:
                yield _Part(part, counted)
        finally:
            self._members.append(counted.member.plain)

    async def finish(self, manifest: Mapping[str, Any]) -> None:
        text = json.dumps(manifest, ensure_ascii=False, indent=1)
        self._zip.writestr(zipfile.ZipInfo(MANIFEST, _EPOCH), text.encode())
        self._zip.comment = bytes(_SEAL_BYTES)  # the seal will take its place
        self._zip.close()
        self._out.seal()


class ZipReader:
    """`ArchiveReader` of an open file whose seal was right."""

    def __init__(self, zip: zipfile.ZipFile, file: IO[bytes]) -> None:
        self._zip = zip
        self._file = file

    async def manifest(self) -> object:
        return await anyio.to_thread.run_sync(self._manifest)

    async def scan(self) -> Sequence[ScannedMember]:
        return await anyio.to_thread.run_sync(self._scan)

    async def read(self, name: str) -> AsyncIterator[bytes]:
        with _refusing(), self._zip.open(name) as part:
            while piece := await anyio.to_thread.run_sync(part.read, _PIECE_BYTES):
                yield piece

    @asynccontextmanager
    async def nested(self, name: str) -> AsyncIterator["ZipReader"]:
        yield await anyio.to_thread.run_sync(self._nested, name)

    def _nested(self, name: str) -> "ZipReader":
        with _refusing():
            part = self._zip.getinfo(name)
            self._file.seek(part.header_offset + _BEFORE_NAME_BYTES)
            lengths = struct.unpack("<HH", self._file.read(4))  # of name and extra field
            start = part.header_offset + _BEFORE_NAME_BYTES + 4 + sum(lengths)
            return opened(io.BufferedReader(_Window(self._file, start, part.file_size)))

    def _manifest(self) -> object:
        with _refusing():
            if self._zip.getinfo(MANIFEST).file_size > LARGEST_MANIFEST_BYTES:
                raise ArchiveRefused("The archive's manifest is too large.")
            return json.loads(self._zip.read(MANIFEST))

    def _scan(self) -> list[ScannedMember]:
        with _refusing():
            names = [name for name in self._zip.namelist() if name != MANIFEST]
            return [self._scanned(name) for name in names]

    def _scanned(self, name: str) -> ScannedMember:
        counted = _Counted(name)
        with self._zip.open(name) as part:
            while piece := part.read(_PIECE_BYTES):
                counted.add(piece)
        return counted.member


def opened(file: IO[bytes]) -> ZipReader:
    """Raises:
    ArchiveRefused: the seal is not right, or the parts are not such as we write.
    """
    with _refusing():
        size = _checked_seal(file)
        archive = zipfile.ZipFile(file)
        _check_parts(archive.infolist(), size)
        return ZipReader(archive, file)


def _checked_seal(file: IO[bytes]) -> int:
    """The size of a file that is as it was written."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _SEAL_BYTES))
    seal = file.read()
    if not seal.startswith(_SEAL):
        raise ArchiveRefused(
            "This is no archive of sloth-agent, or its end is missing.",
            hint="Copy it again from where it was made.",
        )
    file.seek(0)
    digest, left = hashlib.sha256(), size - _SEAL_BYTES
    while left:
        piece = file.read(min(left, _PIECE_BYTES))
        if not piece:
            break
        digest.update(piece)
        left -= len(piece)
    if seal != _SEAL + digest.hexdigest().encode():
        raise ArchiveRefused(
            "The archive was changed since it was made, or is damaged.",
            hint="Copy it again from where it was made.",
        )
    return size


def _check_parts(parts: Sequence[zipfile.ZipInfo], size: int) -> None:
    names = {part.filename for part in parts}
    plain = all(
        part.compress_type == zipfile.ZIP_STORED
        and part.compress_size == part.file_size
        and not part.flag_bits & 1  # encrypted
        and _PART.fullmatch(part.filename)
        for part in parts
    )
    # Together they take no more room than the file has: none overlaps another.
    if not plain or len(names) < len(parts) or sum(part.file_size for part in parts) > size:
        raise ArchiveRefused("The archive holds parts that sloth-agent does not write.")


@contextmanager
def _written(out: "IO[bytes] | _Part") -> Iterator[ZipWriter]:
    """Closed before the file is, whatever happens."""
    sealed = _Sealed(out)
    with zipfile.ZipFile(sealed, "w") as archive:
        yield ZipWriter(archive, sealed)


class _Counted:
    """Sums up a part while it passes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._digest = hashlib.sha256()
        self._size = self._lines = self._tabs = 0

    def add(self, piece: bytes) -> None:
        self._digest.update(piece)
        self._size += len(piece)
        self._lines += piece.count(b"\n")
        self._tabs += piece.count(b"\t")

    @property
    def member(self) -> ScannedMember:
        return ScannedMember(
            name=self._name,
            size=self._size,
            sha256=self._digest.hexdigest(),
            lines=self._lines,
            tabs=self._tabs,
        )


class _Part(io.RawIOBase):
    """Passes on what is written into a part, and sums it up."""

    def __init__(self, part: IO[bytes], counted: _Counted) -> None:
        self._part = part
        self.counted = counted

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.counted.add(data)
        return self._part.write(data)


class _Window(io.RawIOBase):
    """A part, stored as it is, as a file of its own."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        self._file.seek(self._start + self._position)
        left = max(0, self._size - self._position)
        piece = self._file.read(min(len(buffer), left))
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


class _Sealed(io.RawIOBase):
    """Passes on what is written, a seal's length late, and takes its digest. Cannot go back."""

    def __init__(self, file: IO[bytes] | _Part) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._held = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        held = self._held + bytes(data)
        passed = held[:-_SEAL_BYTES]
        self._held = held[-_SEAL_BYTES:]
        self._digest.update(passed)
        self._file.write(passed)
        return len(data)

    def seal(self) -> None:
        """In the place of the last bytes."""
        self._file.write(_SEAL + self._digest.hexdigest().encode())


async def _pieces(content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The same in pieces of some size: rows come one by one."""
    waiting: list[bytes] = []
    size = 0
    async for part in content:
        waiting.append(part)
        size += len(part)
        if size >= _PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


@contextmanager
def _refusing() -> Iterator[None]:
    """Whatever a crafted archive makes the libraries say."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        struct.error,
        NotImplementedError,
        ValueError,
        KeyError,
        EOFError,
        OverflowError,
        RecursionError,
    ) as error:
        raise ArchiveRefused("The archive cannot be read.") from error
