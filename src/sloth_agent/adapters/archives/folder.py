"""Where backups are kept on this machine."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import anyio.to_thread

from sloth_agent.adapters.private_folders import make_private
from sloth_agent.errors import DiskFull, NotFound, StorageUnavailable
from sloth_agent.tenants.backup_ports import BackupFile


@dataclass(frozen=True, slots=True)
class LocalBackupFolder:
    """`BackupFolder` at `root` in `home`, which is made with the first backup."""

    root: Path
    home: Path

    async def new(self, at: datetime) -> Path:
        with as_our_errors(self.root):
            await anyio.to_thread.run_sync(partial(make_private, self.root, home=self.home))
        return self.root / f"backup-{at:%Y%m%d-%H%M%S}.zip"

    async def files(self, folder: Path | None) -> Sequence[BackupFile]:
        if folder is None and not await anyio.Path(self.root).exists():
            return []
        return await anyio.to_thread.run_sync(_files, folder or self.root)

    async def size(self, path: Path) -> int:
        with as_our_errors(path):
            return (await anyio.Path(path).stat()).st_size


def _files(folder: Path) -> list[BackupFile]:
    with as_our_errors(folder):
        paths = [path for path in folder.iterdir() if path.suffix == ".zip" and path.is_file()]
        found = [(path.stat(), path) for path in paths if not path.name.startswith(".")]
    found.sort(key=lambda file: (file[0].st_mtime, file[1].name))
    return [BackupFile(path=path, size=stat.st_size) for stat, path in found]


@contextmanager
def as_our_errors(path: Path) -> Iterator[None]:
    """What the disk says of a file or folder that a person has named."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"There is no file or folder {path}.", hint="Check the path.") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("The disk is full.", hint="Free some space.") from error
        reason = error.strerror or "unknown error"
        raise StorageUnavailable(
            f"{path} cannot be used: {reason}.", hint="Check the path and its rights."
        ) from error
