"""Where the embedded server listens: a private socket, or loopback TCP where there is none."""

import hashlib
import os
import socket
import stat
import struct
import sys
import tempfile
from enum import StrEnum
from pathlib import Path

from sloth_agent.adapters.stores.postgres.embedded_process import Account, Server
from sloth_agent.errors import ConfigurationError

# A kernel's socket address holds 103 bytes on macOS, 107 on Linux; the file's name takes 14.
_LONGEST_FOLDER = 86
_PROTOCOL_3 = 196608
_NOT_NOW = b"C57P03\x00"  # starting, recovering or shutting down


class Answer(StrEnum):
    READY = "ready"
    NOT_NOW = "not now"
    NONE = "none"


def listen_settings(data: Path, account: Account | None) -> str:
    """Choose the address of a server about to start, and return it as lines of its settings."""
    if sys.platform == "win32":
        with socket.create_server(("127.0.0.1", 0)) as free:
            return f"listen_addresses = '127.0.0.1'\nport = {free.getsockname()[1]}\n"
    folder = _socket_folder(data, account)
    for leftover in folder.glob(".s.PGSQL.*"):  # also the lock, which may name a reused pid
        leftover.unlink()
    quoted = str(folder).replace('"', '""').replace("\\", "\\\\").replace("'", "''")
    return f"listen_addresses = ''\nport = 5432\nunix_socket_directories = '\"{quoted}\"'\n"


def conninfo(server: Server, *, password_file: Path) -> str:
    """Return a libpq connection string that the caller's PG* variables cannot bend."""
    values = {"dbname": "sloth", "user": "sloth", "port": str(server.port), "require_auth": ""}
    if server.socket_folder is None:
        values |= {"host": "127.0.0.1", "password": password_file.read_text("ascii")}
    else:
        values |= {"host": str(server.socket_folder), "hostaddr": ""}
    return " ".join(f"{name}={_quoted(value)}" for name, value in values.items())


def ask(server: Server) -> Answer:
    """Begin a session and see what the server says to that, without a client library."""
    names = b"user\x00sloth\x00database\x00sloth\x00\x00"
    try:
        with _connected(server) as connection:
            connection.sendall(struct.pack("!ii", len(names) + 8, _PROTOCOL_3) + names)
            said = connection.recv(4096)
            if said.startswith(b"R"):
                connection.sendall(b"X\x00\x00\x00\x04")
    except OSError:
        return Answer.NONE
    if said[:1] == b"E" and _NOT_NOW in said:
        return Answer.NOT_NOW
    return Answer.READY if said[:1] in {b"R", b"E"} else Answer.NONE


def socket_is_missing(server: Server) -> bool:
    """Tell whether a cleaner of temporary files made a living server unreachable."""
    folder = server.socket_folder
    return folder is not None and not (folder / f".s.PGSQL.{server.port}").exists()


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


def _socket_folder(data: Path, account: Account | None) -> Path:
    uid = account.uid if account else os.geteuid()
    # Each initdb writes another identifier: a removed and newly made home does not meet the
    # socket of a server that still runs on the deleted files.
    identity = os.fsencode(data.resolve()) + (data / "global" / "pg_control").read_bytes()[:8]
    name = f"sloth-{uid}-{hashlib.sha256(identity).hexdigest()[:16]}"
    places = [tempfile.gettempdir(), "/tmp"]  # noqa: S108 - the folder in it is checked
    if account is None:
        places.insert(0, os.environ.get("XDG_RUNTIME_DIR", ""))
    for place in filter(None, places):
        folder = Path(place).resolve() / name
        if len(os.fsencode(folder)) <= _LONGEST_FOLDER and _made_private(folder, account):
            return folder
    raise ConfigurationError(
        "There is no folder for the embedded PostgreSQL's socket.",
        hint="Set TMPDIR to a short path of a folder that you can write to.",
    )


def _made_private(folder: Path, account: Account | None) -> bool:
    """Make the folder, or tell whether the one that is there is the server's alone."""
    if account and not all(parent.stat().st_mode & stat.S_IXOTH for parent in folder.parents):
        return False
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if account and stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            os.chown(folder, account.uid, account.gid)
            found = folder.lstat()
    except OSError:
        return False
    owner = account.uid if account else os.geteuid()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and not found.st_mode & 0o077


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
