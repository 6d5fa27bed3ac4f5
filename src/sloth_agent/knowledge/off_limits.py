"""The install's own folder, which nobody may learn from: it holds the files of all tenants."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sloth_agent.errors import Forbidden


@dataclass(frozen=True, slots=True)
class OffLimits:
    """What lies in `home`, also where a part of it is a link to another disk."""

    home: Path | None  # None: the install is on another machine

    def holds(self, path: Path) -> bool:
        """Tell by the folders that the path really leads through, not by how they are spelled."""
        if self.home is None:
            return False
        try:
            real = Path(os.path.realpath(path))
        except ValueError:  # not a name
            return False
        closed = [look for folder in (self.home, *_parts(self.home)) if (look := _look(folder))]
        passed = [look for folder in (real, *real.parents) if (look := _look(folder))]
        return any(os.path.samestat(one, other) for one in passed for other in closed)

    def check(self, path: Path) -> None:
        """Raises:
        Forbidden: it lies in there.
        """
        if self.holds(path):
            raise Forbidden(
                f"{path} belongs to SLOTH_HOME, where the files of all tenants are kept.",
                hint="Keep documents in another folder.",
            )


def _parts(home: Path) -> list[Path]:
    with suppress(OSError):  # not made yet
        return list(home.iterdir())
    return []


def _look(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # gone meanwhile, or in a folder that is closed to us
        return None
