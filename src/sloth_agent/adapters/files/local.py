"""Original files in a folder on disk, one folder for each tenant."""

import errno
import os
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import anyio.to_thread

from sloth_agent.adapters.private_folders import hand_to_owner, make_private, private
from sloth_agent.errors import DiskFull, InvalidInput, NotFound, StorageUnavailable

_KEY = re.compile(r"[0-9a-z]{1,128}")


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """`FileStore` below `folder`, which lies in `home`; keys are our own names, never a user's."""

    folder: Path
    home: Path

    async def write(self, key: str, content: bytes) -> None:
        await anyio.to_thread.run_sync(_write, self._path(key), content, self.home)

    async def read(self, key: str) -> bytes:
        return await anyio.to_thread.run_sync(_read, self._path(key))

    async def delete(self, key: str) -> None:
        await anyio.to_thread.run_sync(_delete, self._path(key))

    async def sweep(self, kept: Collection[str], *, before: datetime) -> int:
        return await anyio.to_thread.run_sync(_sweep, self.folder, kept, before.timestamp())

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise InvalidInput(f"{key!r} cannot name a stored file.", field="key")
        return self.folder / key[:2] / key


@dataclass(frozen=True, slots=True)
class LocalFolders:
    """`TenantFolders` below `root`."""

    root: Path

    async def untouched(self, *, since: datetime) -> Sequence[str]:
        return await anyio.to_thread.run_sync(_untouched, self.root, since.timestamp())

    async def remove(self, name: str) -> None:
        await anyio.to_thread.run_sync(_remove, self.root / name)


def _write(path: Path, content: bytes, home: Path) -> None:
    """Whole or not at all: a temporary twin, flushed to disk, takes the name in one step."""
    twin = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with _as_our_errors():
        make_private(path.parent, home=home)
        try:
            with open(twin, "xb", opener=private) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            hand_to_owner(twin, home=home)
            twin.replace(path)
        finally:
            twin.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    with _as_our_errors():
        return path.read_bytes()


def _delete(path: Path) -> None:
    with _as_our_errors():
        path.unlink(missing_ok=True)


def _untouched(root: Path, since: float) -> list[str]:
    with _as_our_errors():
        return [
            folder.name
            for folder in root.glob("*/")
            if all(_written_before(path, since) for path in (folder, *folder.rglob("*")))
        ]


def _remove(folder: Path) -> None:
    with _as_our_errors(), suppress(FileNotFoundError):  # somebody else removes it
        shutil.rmtree(folder)


def _sweep(folder: Path, kept: Collection[str], before: float) -> int:
    swept = 0
    with _as_our_errors():
        for path in folder.glob("*/*"):
            if path.name not in kept and _written_before(path, before):
                path.unlink(missing_ok=True)
                swept += 1
    return swept


def _written_before(path: Path, moment: float) -> bool:
    try:
        return path.stat().st_mtime < moment
    except FileNotFoundError:  # somebody else swept it
        return False


@contextmanager
def _as_our_errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("The original file is not in the file store.") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("The disk is full.", hint="Free some space.") from error
        raise StorageUnavailable(
            f"The file store cannot be used: {error.strerror}.",
            hint="Check the rights of SLOTH_HOME.",
            backend="local files",
        ) from error
