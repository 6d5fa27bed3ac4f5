"""The embedded PostgreSQL: started by the first process that needs it, stopped by the last.

Everything lies in `<home>/postgres`: `data`, and two files that are locked. `server.lock` is held
by whoever starts or stops the server, `clients.lock` is shared by all who use it. All functions
block; call them in a worker thread.
"""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sloth_agent.adapters.private_folders import make_private
from sloth_agent.adapters.stores.postgres import embedded_cluster as cluster
from sloth_agent.adapters.stores.postgres.embedded_listening import (
    Answer,
    ask,
    conninfo,
    socket_is_missing,
)
from sloth_agent.adapters.stores.postgres.embedded_locks import (
    acquire,
    acquire_patiently,
    exclusively,
)
from sloth_agent.adapters.stores.postgres.embedded_process import (
    Server,
    account_for,
    end_orphans,
    find_server,
)
from sloth_agent.errors import ConfigurationError, DatabaseUnavailable, DiskFull

_PATIENCE_SECONDS = 180  # a start may have to recover what a killed server left


@dataclass(slots=True)
class Attachment:
    """One user of the server; the kernel ends it with the process, however that dies."""

    home: Path
    conninfo: str
    _client: int | None = field(repr=False)

    def revive(self) -> str:
        """Start the server again if it was killed meanwhile, and return where it is now."""
        with _alone_at_the_server(self.home):
            self.conninfo = _running(_data(self.home))
        return self.conninfo

    def release(self) -> None:
        """Leave; the last one out stops the server. Doing it twice is harmless."""
        client, self._client = self._client, None
        if client is None:
            return
        os.close(client)
        if not _data(self.home).exists():
            return  # the whole home was removed
        with _alone_at_the_server(self.home):
            last = acquire(self.home / "postgres" / "clients.lock", exclusive=True)
            if last is not None:
                os.close(last)
                _stop(_data(self.home))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """What `sloth db status` shows."""

    running: bool
    in_use: bool
    pid: int | None
    version: str | None  # None: no data yet
    data_directory: Path
    socket_directory: Path | None  # None: not running, or listening on 127.0.0.1
    size_bytes: int


def attach(home: Path) -> Attachment:
    """Start the server of this home if need be, and hold it until `release`.

    The database `sloth` has the extension `vector`.

    Raises:
        ConfigurationError: this machine, account or folder cannot run it. Not worth a retry.
        DatabaseUnavailable: it does not start or answer. Safe to retry.
        DiskFull: there is no room for it.
    """
    home = home.absolute()  # the caller may change its folder before it leaves
    with _alone_at_the_server(home):
        client = acquire_patiently(
            home / "postgres" / "clients.lock", exclusive=False, patience_seconds=_PATIENCE_SECONDS
        )
        _share_with_owner(home)
        try:
            return Attachment(home, _running(_data(home)), client)
        except BaseException:
            os.close(client)
            raise


def status(home: Path) -> ServerStatus:
    """Look, without starting or changing anything."""
    data = _data(home)
    with _our_errors(home):
        server = find_server(data)
        version = data / "PG_VERSION"
        return ServerStatus(
            running=server is not None,
            in_use=server is not None and _is_in_use(home),
            pid=server.pid if server else None,
            version=version.read_text("ascii").strip() if version.exists() else None,
            data_directory=data,
            socket_directory=server.socket_folder if server else None,
            size_bytes=_size_bytes(data),
        )


def stop(home: Path) -> bool:
    """Stop the server under all its users, and return whether it was running."""
    if not _data(home).exists():
        return False
    with _alone_at_the_server(home):
        return _stop(_data(home))


def _data(home: Path) -> Path:
    return home / "postgres" / "data"


def _share_with_owner(home: Path) -> None:
    """Let the owner of the home use it after root did."""
    if os.name == "posix" and os.geteuid() == 0:
        owner = home.stat()
        folder = home / "postgres"
        for path in (folder, folder / "server.lock", folder / "clients.lock"):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _running(data: Path) -> str:
    """Bring the server up, whatever state it was left in, and return where to connect."""
    if not cluster.is_made(data):
        cluster.create(data, account_for(data))
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        server = find_server(data) or _started(data)
        if ask(server) is Answer.READY:
            return conninfo(server, password_file=cluster.password_file(data))
        if socket_is_missing(server):
            _stop(data)
        time.sleep(0.02)
    raise DatabaseUnavailable(
        "The embedded PostgreSQL runs but does not answer.",
        hint="Try `sloth db stop`, then the same again.",
        backend="postgresql",
    )


def _started(data: Path) -> Server:
    """Start the server; one that is killed in the middle of that gets another chance."""
    problem = DatabaseUnavailable(
        "The embedded PostgreSQL ended as soon as it had started.",
        hint=f"Its log is {data / 'server.log'}.",
        backend="postgresql",
    )
    cluster.remove_unfinished(data)
    for _ in range(3):
        end_orphans(data)
        try:
            cluster.start(data, account_for(data))
        except DatabaseUnavailable as error:
            problem = error
        # Also where the start failed: a starter that was killed may have left one on its way up.
        if server := find_server(data):
            return server
    raise problem


def _stop(data: Path) -> bool:
    server = find_server(data)
    if server is None:
        return False
    try:
        cluster.stop(data, account_for(data))
    except DatabaseUnavailable:
        if find_server(data) is not None:  # otherwise it died before it was told to stop
            raise
    if server.socket_folder:
        with suppress(OSError):
            server.socket_folder.rmdir()
    return True


def _is_in_use(home: Path) -> bool:
    """Tell whether somebody holds the server, or is just starting or stopping it."""
    server_lock = acquire(home / "postgres" / "server.lock", exclusive=True)
    if server_lock is None:
        return True
    try:
        clients = acquire(home / "postgres" / "clients.lock", exclusive=True)
        if clients is not None:
            os.close(clients)
        return clients is None
    finally:
        os.close(server_lock)


def _size_bytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # the server removes files of its own at any time
                total += (Path(parent) / name).lstat().st_size
    return total


@contextmanager
def _alone_at_the_server(home: Path) -> Iterator[None]:
    """Hold the lock under which the server starts and stops."""
    folder = home / "postgres"
    with _our_errors(home):
        make_private(folder, home=home)
        with exclusively(folder / "server.lock", patience_seconds=_PATIENCE_SECONDS):
            yield


@contextmanager
def _our_errors(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(
                "The disk is too full for the embedded PostgreSQL.",
                hint=f"Make room where {home} is, and try again.",
                backend="postgresql",
            ) from error
        raise ConfigurationError(
            f"The data folder {home} cannot be used: {error.strerror}.",
            hint="Set SLOTH_HOME to a folder that you can write to, or set DATABASE_URL.",
        ) from error
