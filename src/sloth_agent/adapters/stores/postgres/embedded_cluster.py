"""The embedded server's data folder: made whole or not at all, started, stopped."""

import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sloth_agent.adapters.private_folders import private
from sloth_agent.adapters.stores.postgres.embedded_listening import listen_settings
from sloth_agent.adapters.stores.postgres.embedded_process import Account, itself, run
from sloth_agent.adapters.stores.postgres.embedded_programs import MAJOR, programs
from sloth_agent.errors import ConfigurationError, DatabaseUnavailable, DiskFull, SlothError

_INITDB = (
    *("-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
    *("--wal-segsize=4", "-U", "sloth", "--no-instructions", "--no-sync"),
)
# One call for the file system, where the system has it: a thousand calls on a busy disk take 5 s.
_SYNC_METHOD = "syncfs" if sys.platform == "linux" else "fsync"
_PREPARE = "create extension vector\n\ncreate database sloth strategy file_copy\n"
_SETTINGS = f"""\
# Written anew at each start; your own settings belong at the end of postgresql.conf.
unix_socket_permissions = 0700
# Taken only as it fills up: 100,000 pieces with their vectors are searched in about that much.
shared_buffers = 256MB
# What is not in there is in the system's cache; other processes would only hand it over later.
io_method = sync
max_connections = 50
wal_level = minimal
max_wal_senders = 0
max_wal_size = 256MB
min_wal_size = 16MB
jit = off
recovery_init_sync_method = {_SYNC_METHOD}
timezone = 'UTC'
log_timezone = 'UTC'
# Containers often announce huge pages that they do not grant.
huge_pages = off
# What people wrote stays out of the log: no statements, no values of rows.
log_min_error_statement = panic
log_error_verbosity = terse
"""
_LOG = "server.log"
_LARGEST_LOG_BYTES = 5_000_000
_ONE_WAL_FILE_BYTES = 4 * 1024 * 1024
_FULL = ("No space left on device", "Disk quota exceeded", "There is not enough space")


def password_file(data: Path) -> Path:
    """Return where Windows, which has no private socket, keeps the password."""
    return data.parent / "password"


def create(data: Path, account: Account | None) -> None:
    """Make the data folder with the database `sloth`, beside its place, and move it there.

    Database and extension are made before anybody can connect, so no two processes race for them.
    """
    folder = programs(account)
    remove_unfinished(data)
    new = Path(tempfile.mkdtemp(prefix=f"{data.name}.new-", dir=data.parent))
    try:
        hand_over(new, account)
        initdb = ("-D", itself(account), *_INITDB, *_login(data))
        made = run(folder / "initdb", *initdb, account=account, folder=new)
        _check(made, new)
        with (new / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\ninclude_if_exists = 'sloth.conf'\n")
        single = ("--single", "-F", "-D", itself(account), "-c", "exit_on_error=on", "template1")
        _check(run(folder / "postgres", *single, account=account, folder=new, said=_PREPARE), new)
        # One flush of the whole at the end, instead of one after each step.
        flush = ("-D", itself(account), "--sync-only", f"--sync-method={_SYNC_METHOD}")
        _check(run(folder / "initdb", *flush, account=account, folder=new), new)
        if data.exists():
            data.rmdir()  # empty, see `is_made`
        new.rename(data)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def remove_unfinished(data: Path) -> None:
    """Remove what killed makers left; called under the server's lock.

    At every start, since an initdb that lost its maker may write on for a second.
    """
    for leftover in data.parent.glob(f"{data.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def is_made(data: Path) -> bool:
    """Tell whether the data folder is there and can be served by our PostgreSQL.

    Raises:
        ConfigurationError: it holds something else, or another major version's data.
    """
    if not data.exists() or not any(data.iterdir()):
        return False
    try:
        found = (data / "PG_VERSION").read_text("ascii").strip()
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{data} holds something else than the data of PostgreSQL.",
            hint="Move that folder away, or point SLOTH_HOME to another one.",
        ) from error
    if found != MAJOR:
        raise ConfigurationError(
            f"The data in {data} was written by PostgreSQL {found}; this is PostgreSQL {MAJOR}.",
            hint="Use the sloth-agent that wrote it, or point SLOTH_HOME to another folder and "
            "ingest the documents again.",
        )
    return True


def start(data: Path, account: Account | None) -> None:
    """Start the server and wait until it takes connections."""
    folder = programs(account)
    hand_over(data, account)
    log = data / _LOG
    if log.exists() and log.stat().st_size > _LARGEST_LOG_BYTES:
        log.unlink()
    old_end = log.stat().st_size if log.exists() else 0
    # The pid of a dead server may be a zombie's or another program's: both look alive to a start.
    (data / "postmaster.pid").unlink(missing_ok=True)
    _write_settings(data, account)
    arguments = ("start", "-w", "-t", "120", "-s", "-D", itself(account), "-l", _LOG)
    done = run(folder / "pg_ctl", *arguments, account=account, folder=data, keeps_running=True)
    if done.returncode:
        said = log.read_bytes()[old_end:] if log.exists() else b""
        raise _trouble(said.decode("utf-8", "replace"), data)


def stop(data: Path, account: Account | None) -> None:
    """Stop the server, letting nobody finish; what was acknowledged is kept either way."""
    pg_ctl = programs(account) / "pg_ctl"
    for mode in ("fast", "immediate"):
        arguments = ("stop", "-w", "-t", "60", "-s", "-D", itself(account), "-m", mode)
        done = run(pg_ctl, *arguments, account=account, folder=data, keeps_running=True)
        if done.returncode == 0:
            return
    raise DatabaseUnavailable(
        "The embedded PostgreSQL does not stop.", hint=f"See {data / _LOG}.", backend="postgresql"
    )


def hand_over(data: Path, account: Account | None) -> None:
    """Give a data folder that root owns to the account that serves it; nothing above it."""
    if account is None or data.stat().st_uid == account.uid:
        return
    for entry in (*data.rglob("*"), data):
        os.chown(entry, account.uid, account.gid, follow_symlinks=False)


def _login(data: Path) -> tuple[str, ...]:
    if sys.platform == "win32":
        password_file(data).write_text(secrets.token_urlsafe(32), "ascii")
        return ("--auth=scram-sha-256", f"--pwfile={password_file(data)}")
    return ("--auth=trust",)  # the socket's folder is closed to others


def _write_settings(data: Path, account: Account | None) -> None:
    # A new file, moved into place: root must not write through a link that the account left.
    new = data / "sloth.conf.new"
    new.unlink(missing_ok=True)
    with open(new, "x", encoding="utf-8", opener=private) as file:
        file.write(_SETTINGS + listen_settings(data, account))
    if account:
        os.chown(new, account.uid, account.gid, follow_symlinks=False)
    new.replace(data / "sloth.conf")


def _check(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    if done.returncode:
        raise _trouble(done.stdout + done.stderr, folder)


def _trouble(said: str, data: Path) -> SlothError:
    """Turn what PostgreSQL complained about into one of our errors."""
    reasons = re.findall(r"(?:FATAL|PANIC|error|ERROR):\s+(.+)", said)
    reason = reasons[0] if reasons else "it gave no reason."
    if any(words in said for words in _FULL) or shutil.disk_usage(data).free < _ONE_WAL_FILE_BYTES:
        return DiskFull(
            "The disk is too full for the embedded PostgreSQL.",
            hint=f"Make room for at least 100 MB where {data.parent} is, and try again.",
            backend="postgresql",
        )
    if "could not look up effective user ID" in said:
        return ConfigurationError(
            f"PostgreSQL needs a user with a name, and number {os.geteuid()} has none here.",
            hint="Add the user to /etc/passwd, or set DATABASE_URL.",
        )
    log = data / _LOG
    return DatabaseUnavailable(
        f"The embedded PostgreSQL did not start: {reason}",
        hint=f"See {log}." if log.exists() else "Try another SLOTH_HOME, or set DATABASE_URL.",
        backend="postgresql",
    )
