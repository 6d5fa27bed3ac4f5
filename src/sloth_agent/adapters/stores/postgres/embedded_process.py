"""Processes of the embedded server: as whom they run, how they start, which ones are alive."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

# Nothing else of the caller's environment: PGPORT, PGDATA or a locale would change the server,
# and it has no business with the caller's keys.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP")
_PROTOCOL_3 = 196608
_STARTING_UP = b"C57P03\x00"


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


class Answer(StrEnum):
    READY = "ready"
    STARTING = "starting"
    NONE = "none"


def account_for(folder: Path) -> Account | None:
    """Return as whom the server of that folder runs, or None for: as ourselves.

    PostgreSQL refuses to run as root, so root starts it as the owner of the folder, and where root
    owns it too, as `nobody`.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd

    owner = folder.stat().st_uid
    entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def run(
    command: Sequence[str | Path],
    *,
    account: Account | None,
    folder: Path,
    statements: str = "",
    keeps_running: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs inside the folder and return what it printed.

    One that leaves a server behind (`keeps_running`) gets no pipes: they would stay open with it.
    The new session keeps the caller's Ctrl-C away from a half-done start.
    """
    output = subprocess.DEVNULL if keeps_running else subprocess.PIPE
    return subprocess.run(  # noqa: S603 - our own program, no shell
        command,
        cwd=folder,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        | {"LC_ALL": "C"},
        input=statements,
        stdout=output,
        stderr=output,
        encoding="utf-8",
        errors="replace",
        check=False,
        start_new_session=True,
        umask=0o077,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def find_server(data: Path) -> Server | None:
    """Return the living server of the data folder; leftovers of a dead one do not count."""
    try:
        lines = (data / "postmaster.pid").read_text("utf-8", "surrogateescape").splitlines()
        pid, port, socket_folder = int(lines[0]), int(lines[3]), lines[4]
    except (OSError, ValueError, IndexError):
        return None
    server = Server(
        pid=pid, port=port, socket_folder=Path(socket_folder) if socket_folder else None
    )
    if sys.platform == "win32":
        return server if ask(server) is not Answer.NONE else None
    return server if _serves(pid, data) else None


def ask(server: Server) -> Answer:
    """Begin a session and see what the server says, without a client library."""
    names = b"user\x00sloth\x00database\x00postgres\x00\x00"
    hello = struct.pack("!ii", len(names) + 8, _PROTOCOL_3) + names
    try:
        with _connected(server) as connection:
            connection.sendall(hello)
            said = connection.recv(4096)
            if said.startswith(b"R"):
                connection.sendall(b"X\x00\x00\x00\x04")
    except OSError:
        return Answer.NONE
    if said.startswith(b"E") and _STARTING_UP in said:
        return Answer.STARTING
    return Answer.READY if said[:1] in {b"R", b"E"} else Answer.NONE


def _connected(server: Server) -> socket.socket:
    if sys.platform == "win32" or server.socket_folder is None:
        return socket.create_connection(("127.0.0.1", server.port), timeout=5)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    try:
        connection.connect(str(server.socket_folder / f".s.PGSQL.{server.port}"))
    except OSError:
        connection.close()
        raise
    return connection


def end_orphans(data: Path) -> None:
    """Kill what a killed server left behind on this data folder, and wait until it is gone.

    PostgreSQL does not start beside them, and a busy one notices late that its server is dead.
    """
    end = time.monotonic() + 10
    while (orphans := _orphans(data)) and time.monotonic() < end:
        for pid in orphans:
            _kill(pid)
        time.sleep(0.02)


def _orphans(data: Path) -> list[int]:
    if not Path("/proc/self/cwd").exists():
        return []
    pids = (int(entry) for entry in os.listdir("/proc") if entry.isdecimal())
    return [pid for pid in pids if _serves(pid, data)]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _serves(pid: int, data: Path) -> bool:
    """Tell whether the process is a living postgres at work in this data folder.

    A number proves nothing: it may belong to another program by now, or to a dead child that
    nobody has reaped (many containers have no init).
    """
    process = Path(f"/proc/{pid}")
    if not Path("/proc/self/cwd").exists():
        return _serves_by_ps(pid)
    try:
        name, _, rest = (process / "stat").read_text("utf-8", "replace").rpartition(")")
        return (
            rest.split()[0] not in {"Z", "X"}
            and name.endswith("(postgres")
            and (process / "cwd").samefile(data)
        )
    except OSError:
        return False


def _serves_by_ps(pid: int) -> bool:
    found = subprocess.run(  # noqa: S603 - a number and fixed words
        ["/bin/ps", "-o", "stat=,comm=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, name = found.stdout.strip().partition(" ")
    return not state.startswith("Z") and Path(name.strip()).name.startswith("postgres")
