"""Numbers that several server processes count together, each in files of its own in one folder."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder, also to prometheus_client, which looks when it is imported."""

ENDED = "ended"
"""In the place of a process's number: what all that have ended had counted."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from reading and taking over meanwhile."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def take_over(folder: Path) -> None:
    """Keep what ended processes had counted, and remove their files: no total ever falls."""
    if sys.platform == "win32":  # where asking for a process may end it
        return
    for file in folder.glob("*.db"):
        kind, _, process = file.stem.partition("_")
        if process.isdigit() and not _lives(int(process)):
            _add(file, folder / f"{kind}_{ENDED}.db")
            file.unlink()


def _add(file: Path, to: Path) -> None:
    total = MmapedDict(str(to))  # type: ignore[no-untyped-call]
    for key, value, *_ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
        before, _ = total.read_value(key)  # type: ignore[no-untyped-call]
        total.write_value(key, before + value, 0.0)  # type: ignore[no-untyped-call]
    total.close()  # type: ignore[no-untyped-call]


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
