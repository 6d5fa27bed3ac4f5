"""Locks on files: the kernel lets go of them when their holder dies, however it dies."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sloth_agent.errors import DatabaseUnavailable

if sys.platform == "win32":
    import msvcrt
    import secrets

    # Windows has no shared lock here: each holder takes one byte, the exclusive one takes all.
    _EVERY_BYTE = 1 << 30

    def _take(file: int, *, exclusive: bool) -> None:
        os.lseek(file, 0 if exclusive else secrets.randbelow(_EVERY_BYTE), os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, _EVERY_BYTE if exclusive else 1)

else:
    import fcntl

    def _take(file: int, *, exclusive: bool) -> None:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)


def acquire(path: Path, *, exclusive: bool) -> int | None:
    """Take the lock now and return the open file that holds it, or None where it is taken.

    Closing the file lets go of the lock.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        _take(file, exclusive=exclusive)
    except (BlockingIOError, PermissionError):  # the second one is how Windows says it
        os.close(file)
        return None
    except OSError:
        os.close(file)
        raise
    return file


def acquire_patiently(path: Path, *, exclusive: bool, patience_seconds: float) -> int:
    """Take the lock as soon as it is free.

    Raises:
        DatabaseUnavailable: somebody else had it for longer than the patience.
    """
    end = time.monotonic() + patience_seconds
    while (file := acquire(path, exclusive=exclusive)) is None:
        if time.monotonic() > end:
            raise DatabaseUnavailable(
                "Another process has been starting or stopping the database for too long.",
                hint=f"Find the process that holds {path}, end it, and try again.",
                backend="postgresql",
            )
        time.sleep(0.01)
    return file


@contextmanager
def exclusively(path: Path, *, patience_seconds: float) -> Iterator[None]:
    """Run the block while nobody else runs one under the same path."""
    file = acquire_patiently(path, exclusive=True, patience_seconds=patience_seconds)
    try:
        yield
    finally:
        os.close(file)
