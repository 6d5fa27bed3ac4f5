"""Opens files of this machine, to be learned from."""

from pathlib import Path

from sloth_agent.errors import NotFound, UnreadableFile
from sloth_agent.knowledge.documents import too_large
from sloth_agent.knowledge.off_limits import OffLimits


def content_of(path: Path, off_limits: OffLimits, *, max_bytes: int) -> bytes:
    """Read a whole file, unless it belongs to the install itself.

    Raises:
        UnreadableFile, NotFound, Forbidden: with a sentence that names the file.
    """
    off_limits.check(path)
    try:
        if path.is_dir():
            raise UnreadableFile(f"The folder {path.name} cannot be opened.")
        if path.exists() and not path.is_file():
            raise UnreadableFile(f"{path.name} is a device or a pipe, not a file.")
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.", hint="Check the path.") from error
    except OSError as error:
        reason = error.strerror or "unknown error"
        raise UnreadableFile(f"{path.name} cannot be opened: {reason}.") from error
    except ValueError as error:
        raise UnreadableFile(f"{path} cannot be the name of a file.") from error
    if len(content) > max_bytes:
        raise too_large(path.name, max_bytes)
    return content
