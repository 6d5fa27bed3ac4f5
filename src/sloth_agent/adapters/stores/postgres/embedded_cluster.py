"""The embedded server's data folder: made whole or not at all, its settings, start and stop."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from sloth_agent.adapters.stores.postgres.embedded_process import Account, run
from sloth_agent.errors import ConfigurationError, DatabaseUnavailable, DiskFull

_INITDB = (
    *("-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
    *("--wal-segsize=4", "-U", "sloth", "--no-instructions"),
)
_PREPARE = "create extension vector\n\ncreate database sloth strategy file_copy\n"
# Longer socket paths do not fit into the kernel's address; the file's own name takes 14.
_LONGEST_SOCKET_FOLDER = 86
_SETTINGS = """\
# Written anew at each start; your own settings belong at the end of postgresql.conf.
port = 5432
unix_socket_permissions = 0700
shared_buffers = 64MB
max_connections = 50
wal_level = minimal
max_wal_senders = 0
max_wal_size = 256MB
min_wal_size = 16MB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
# Containers often announce huge pages that they do not grant.
huge_pages = off
# What people wrote stays out of the log: no statements, no values of rows.
log_min_error_statement = panic
log_error_verbosity = terse
"""


def create(data: Path, *, programs: Path, account: Account | None) -> None:
    """Make the data folder with the database `sloth`, beside its place, and move it there."""
    for leftover in data.parent.glob(f"{data.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix=f"{data.name}.new-", dir=data.parent))
    try:
        if account:
            os.chown(new, account.uid, account.gid)
        here = _itself(account)
        initdb = [programs / "initdb", "-D", here, "--auth=trust", *_INITDB]
        _must(run(initdb, account=account, folder=new))
        with (new / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\ninclude_if_exists = 'sloth.conf'\n")
        single = [programs / "postgres", "--single", "-D", here, "-c", "exit_on_error=on"]
        _must(run([*single, "template1"], account=account, folder=new, statements=_PREPARE))
        new.rename(data)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def start(data: Path, *, programs: Path, account: Account | None) -> None:
    """Start the server and wait until it takes connections."""
    sockets = _socket_folder(data, account)
    for name in (data / "postmaster.pid", *sockets.glob(".s.PGSQL.*")):
        name.unlink(missing_ok=True)
    place = str(sockets).replace('"', '""').replace("\\", "\\\\").replace("'", "''")
    listen = f"listen_addresses = ''\nunix_socket_directories = '\"{place}\"'\n"
    (data / "sloth.conf").write_text(_SETTINGS + listen, "utf-8")
    command = [programs / "pg_ctl", "start", "-w", "-t", "120", "-s", "-D", _itself(account)]
    done = run([*command, "-l", "server.log"], account=account, folder=data, keeps_running=True)
    if done.returncode:
        raise _trouble((data / "server.log").read_text("utf-8", "replace")[-4000:])


def stop(data: Path, *, programs: Path, account: Account | None) -> None:
    command = [programs / "pg_ctl", "stop", "-w", "-t", "60", "-s", "-D", _itself(account)]
    for mode in ("fast", "immediate"):
        if not run([*command, "-m", mode], account=account, folder=data).returncode:
            return


def _itself(account: Account | None) -> str:
    """Name the data folder for a program that runs in it.

    Neither name goes through a shell with quotes in it, and the second one reaches a folder whose
    parents the account may not enter, such as root's home.
    """
    return "/proc/self/cwd" if account and Path("/proc/self/cwd").exists() else "."


def _socket_folder(data: Path, account: Account | None) -> Path:
    uid = account.uid if account else os.getuid()
    identity = os.fsencode(data.resolve()) + (data / "global" / "pg_control").read_bytes()[:8]
    name = f"sloth-{uid}-{hashlib.sha256(identity).hexdigest()[:16]}"
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(folder, account.uid, account.gid)
    return folder


def _must(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise _trouble(done.stdout + done.stderr)


def _trouble(said: str) -> ConfigurationError | DatabaseUnavailable | DiskFull:
    return DatabaseUnavailable("PostgreSQL did not start.", hint=said, backend="postgresql")
