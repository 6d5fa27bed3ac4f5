"""A `sloth` that is killed, or whose server is, at a moment of its work that a test has chosen.

Moments are what others can see of the work: each exchange with the database, each change of a
stored file. Put where Python looks for `sitecustomize`, this goes with every command.
"""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg

Victim = Literal["client", "server"]

_CHANGES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree"}


def dying_at(moment: int, victim: Victim, *, seconds_later: float) -> dict[str, str]:
    """The environment in which a command comes to its end; moments count from 1."""
    return {
        "DYING_AT": str(moment),
        "DYING_VICTIM": victim,
        "DYING_SECONDS_LATER": str(seconds_later),
    }


def counting_into(file: Path) -> dict[str, str]:
    """The environment in which a command tells how many moments it had."""
    return {"DYING_COUNT": str(file)}


@dataclass(slots=True)
class Moments:
    """Those of one process, counted."""

    fatal: int
    kill: Callable[[], None]
    seconds_later: float
    passed: int = 0
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> None:
        with self._alone:
            self.passed += 1
            is_fatal = self.passed == self.fatal
        if is_fatal and self.seconds_later:  # in the midst of what follows
            threading.Thread(target=self._kill_later, daemon=True).start()
        elif is_fatal:
            self.kill()

    def _kill_later(self) -> None:
        time.sleep(self.seconds_later)
        self.kill()


def begin() -> None:
    """Count from now on, and kill whom the environment names."""
    kill = _kill_server if os.environ.get("DYING_VICTIM") == "server" else _kill_myself
    later = float(os.environ.get("DYING_SECONDS_LATER", "0"))
    moments = Moments(int(os.environ.get("DYING_AT", "0")), kill, later)
    if count := os.environ.get("DYING_COUNT"):
        atexit.register(lambda: Path(count).write_text(str(moments.passed)))
    _watch_database(moments)
    _watch_files(moments, str(Path(os.environ["SLOTH_HOME"]) / "files"))


def _watch_database(moments: Moments) -> None:
    exchange = psycopg.AsyncConnection.wait

    async def wait(connection: Any, *arguments: Any, **options: Any) -> Any:
        moments.next()
        return await exchange(connection, *arguments, **options)

    psycopg.AsyncConnection.wait = wait  # type: ignore[assignment,method-assign]


def _watch_files(moments: Moments, folder: str) -> None:
    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CHANGES and _is_below(folder, arguments):
            moments.next()

    sys.addaudithook(look)


def _is_below(folder: str, arguments: tuple[Any, ...]) -> bool:
    """What `rmtree` removes bears its last name alone, beside the number of an open folder."""
    path = str(arguments[0])
    return path.startswith(folder) or not path.startswith("/")


def _kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_server() -> None:
    described = Path(os.environ["SLOTH_HOME"]) / "postgres" / "data" / "postmaster.pid"
    os.kill(int(described.read_text().split()[0]), signal.SIGKILL)
