"""Folders and files of the install that nobody but its owner may look into."""

import os
from pathlib import Path


def make_private(folder: Path, *, home: Path) -> None:
    """Make what is missing of the home and of the folders from there down to this one.

    A home that is there stays as it is; what root makes in it belongs to its owner.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    below = [step for step in (folder, *folder.parents) if home in step.parents]
    for step in (home, *reversed(below)):
        try:
            step.mkdir(mode=0o700)
        except FileExistsError:
            continue
        hand_to_owner(step, home=home)


def private(path: str, flags: int) -> int:
    """An `opener` for files that are made."""
    return os.open(path, flags, 0o600)


def hand_to_owner(path: Path, *, home: Path) -> None:
    """Leave what root has made to whom the home belongs, who is to use it as well."""
    if os.name == "posix" and os.geteuid() == 0:
        owner = home.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
