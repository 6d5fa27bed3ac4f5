"""Files that commands make where a person says."""

import errno
import os
from pathlib import Path

from sloth_agent.errors import Conflict, DiskFull, NotFound, StorageUnavailable


def save_new(path: Path, content: bytes) -> None:
    """Whole or not at all, for the eyes of its owner alone.

    Raises:
        Conflict: there is something already.
        NotFound: there is no such folder.
        StorageUnavailable: it cannot be written; `DiskFull` where that is the reason.
    """
    try:
        _write_new(path, content)
    except FileExistsError as error:
        raise Conflict(f"There is a file {path} already.", hint="Choose another name.") from error
    except FileNotFoundError as error:
        raise NotFound(f"There is no folder {path.parent}.", hint="Check the path.") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("The disk is full.", hint="Free some space.") from error
        raise StorageUnavailable(
            f"{path} cannot be written: {error.strerror}.", hint="Check the path and its rights."
        ) from error


def _write_new(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            path.unlink(missing_ok=True)
            raise
