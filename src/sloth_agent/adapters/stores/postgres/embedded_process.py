"""Processes of the embedded server: as whom they run, how they start, which ones are alive."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sloth_agent.errors import ConfigurationError

if sys.platform != "win32":
    import pwd

    def _entry_of(owner: int) -> pwd.struct_passwd:
        with contextlib.suppress(KeyError):
            if owner != 0:
                return pwd.getpwuid(owner)
        with contextlib.suppress(KeyError):
            return pwd.getpwnam("nobody")
        raise ConfigurationError(
            "PostgreSQL refuses to run as root, and there is no account `nobody` to run it.",
            hint="Run as an ordinary user, or set DATABASE_URL.",
        )


# Nothing else of the caller's environment: PGPORT, PGDATA or a locale would change the server,
# and it has no business with the caller's keys.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP")
_HAS_PROC = Path("/proc/self/cwd").exists()


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's account of the server."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server, as it describes itself in `postmaster.pid`."""

    pid: int
    port: int
    socket_folder: Path | None  # None: it listens on 127.0.0.1 (Windows)


def account_for(data: Path) -> Account | None:
    """Return as whom the server of that data folder runs, or None for: as ourselves.

    PostgreSQL refuses to run as root, so root starts it as the owner of the data, or of the folder
    where the data will be; where root owns that too, or nobody knows the owner, as `nobody`.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    made = data.exists()
    owner = (data if made else data.parent).stat()
    if made and owner.st_uid:
        return Account(owner.st_uid, owner.st_gid)
    entry = _entry_of(owner.st_uid)
    return Account(entry.pw_uid, entry.pw_gid)


def itself(account: Account | None) -> str:
    """Name the data folder for a program that runs in it.

    Neither name has anything that a shell would read differently, and the longer one reaches a
    folder whose parents the account may not enter, such as root's home.
    """
    return "/proc/self/cwd" if account and _HAS_PROC else "."


def run(
    program: Path,
    *arguments: str,
    account: Account | None,
    folder: Path,
    said: str = "",
    keeps_running: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs inside the folder and return what it printed.

    One that leaves a server behind (`keeps_running`) gets no pipes: they would stay open with it.
    The new session keeps the caller's Ctrl-C away from a half-done start.
    """
    pipe = subprocess.DEVNULL if keeps_running else subprocess.PIPE
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        process = subprocess.Popen(  # noqa: S603 - a program of the wheel, no shell
            [program, *arguments],
            cwd=folder,
            env=environment | {"LC_ALL": "C"},
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows alone has it
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except OSError as error:
        if account and error.errno in {errno.EPERM, errno.EINVAL}:
            raise ConfigurationError(
                "PostgreSQL refuses to run as root, and this root may not act as another user.",
                hint="Run as an ordinary user, or set DATABASE_URL.",
            ) from error
        raise
    with process:
        output, complaints = process.communicate(None if keeps_running else said)
    return subprocess.CompletedProcess(process.args, process.returncode, output, complaints)


def find_server(data: Path) -> Server | None:
    """Return the living server of the data folder; leftovers of a dead one do not count."""
    try:
        lines = (data / "postmaster.pid").read_text("utf-8", "surrogateescape").splitlines()
        pid, port, sockets = int(lines[0]), int(lines[3]), lines[4]
    except (OSError, ValueError, IndexError):
        return None
    if not _serves(pid, data):
        return None
    return Server(pid=pid, port=port, socket_folder=Path(sockets) if sockets else None)


def end_orphans(data: Path) -> None:
    """Kill what a killed server left behind on this data folder, and wait until it is gone.

    PostgreSQL does not start beside them, and a busy one notices late that its server is dead.
    """
    end = time.monotonic() + 10
    while (orphans := _orphans(data)) and time.monotonic() < end:
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _orphans(data: Path) -> list[int]:
    if not _HAS_PROC:
        return []
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [pid for pid in pids if _serves(pid, data)]


def _serves(pid: int, data: Path) -> bool:
    """Tell whether the process is a living postgres at work in this data folder.

    The number alone proves nothing: it may belong to another program by now, or to a dead child
    that nobody has reaped (many containers have no init).
    """
    if sys.platform == "win32":
        return _is_postgres_on_windows(pid)
    if not _HAS_PROC:
        return _works_in(pid, data)
    process = Path(f"/proc/{pid}")
    try:
        name, _, rest = (process / "stat").read_text("utf-8", "replace").rpartition(")")
        alive = rest.split()[0] not in {"Z", "X"}
        return alive and name.endswith("(postgres") and (process / "cwd").samefile(data)
    except OSError:
        return False


def _works_in(pid: int, data: Path) -> bool:
    command = ["/usr/sbin/lsof", "-a", "-p", str(pid), "-d", "cwd", "-Fn"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words and a number
    folders = [line[1:] for line in listed.stdout.splitlines() if line.startswith("n")]
    return any(Path(folder).exists() and data.samefile(folder) for folder in folders)


def _is_postgres_on_windows(pid: int) -> bool:
    wanted = ["/FI", f"PID eq {pid}", "/FI", "IMAGENAME eq postgres.exe"]
    command = ["tasklist", "/NH", "/FO", "CSV", *wanted]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words and a number
    return "postgres.exe" in listed.stdout
