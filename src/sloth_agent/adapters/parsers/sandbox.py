"""Reads files in limited child processes, several at a time."""

import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import anyio
import anyio.to_thread

from sloth_agent.adapters.parsers import kinds, wire
from sloth_agent.adapters.parsers.limits import Limits
from sloth_agent.errors import FileTooLarge, ParseMemory, ParseTimeout, UnreadableFile
from sloth_agent.knowledge.models import Reading
from sloth_agent.settings import Settings

# What the interpreter itself may need to start; no key or password of ours comes along.
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "LC_CTYPE")
# Isolated from the environment and without site: the paths are ours, and it starts sooner.
_START = (
    "import runpy, sys; sys.path[:] = sys.argv[2:];"
    " runpy.run_module(sys.argv[1], run_name='__main__')"
)
_NURSERY = "sloth_agent.adapters.parsers.nursery"
_LONGEST_HEAD = 16
_LONG = 100_000  # bytes; below it a second child costs more than it saves
_GRACE_SECONDS = 10.0  # beyond the child's own clock, for a nursery that hangs itself


class SandboxReader:
    """A `DocumentReader` whose parsers cannot harm the process that asks.

    Each of up to `workers` nurseries starts with the first file that finds no idle one.
    """

    def __init__(
        self,
        *,
        workers: int,
        max_file_bytes: int,
        limits: Limits | None = None,
        program: str = _NURSERY,
        paths: Iterable[str] = (),
    ) -> None:
        self._limits = limits or Limits()
        self._max_file_bytes = max_file_bytes
        self._program = program
        self._paths = tuple(paths)
        self._turns = anyio.Semaphore(workers)
        self._idle: list[_Nursery] = []
        self._busy: set[_Nursery] = set()

    def check(self, content: bytes, *, name: str) -> None:
        """See `DocumentReader`."""
        kinds.binary_kind(content, name=name)

    async def read(self, content: bytes, *, name: str) -> Reading:
        """Read one file; see `DocumentReader`."""
        if len(content) > self._max_file_bytes:
            limit = self._max_file_bytes // (1024 * 1024)
            raise FileTooLarge(
                f"The file is larger than {limit} MB.",
                hint="Split the file, or raise SLOTH_MAX_UPLOAD_MB.",
            )
        async with self._turns:
            nursery = self._free()
            self._busy.add(nursery)
            try:
                with self._second_turn(content, name) as by_two:
                    task = _Task(content, name, self._limits_for(content), by_two)
                    message = await anyio.to_thread.run_sync(
                        nursery.answer, task, abandon_on_cancel=True
                    )
            except BaseException:
                nursery.kill()
                raise
            finally:
                self._busy.discard(nursery)
            self._idle.append(nursery)
        return await anyio.to_thread.run_sync(wire.unpack, message)

    @contextmanager
    def _second_turn(self, content: bytes, name: str) -> Iterator[bool]:
        """Whether a second child may help: with a long PDF, where a processor has nothing to do."""
        if len(content) < _LONG or not kinds.is_pdf(content, name=name):
            yield False
            return
        try:
            self._turns.acquire_nowait()
        except anyio.WouldBlock:
            yield False
            return
        try:
            yield True
        finally:
            self._turns.release()

    def _free(self) -> "_Nursery":
        """One that waits for work and can still do it, or a new one."""
        while self._idle:
            nursery = self._idle.pop()
            if nursery.usable:
                return nursery
            nursery.kill()
        return _Nursery(self._program, self._paths)

    def _limits_for(self, content: bytes) -> Limits:
        """A second more for each megabyte."""
        extra = len(content) // (1024 * 1024)
        allowed = asdict(self._limits)
        longest = max(self._limits.cpu_seconds, math.floor(self._limits.wall_seconds) - 10)
        return Limits(**{**allowed, "cpu_seconds": min(self._limits.cpu_seconds + extra, longest)})

    async def aclose(self) -> None:
        """End the processes. Files that are being read end with them."""
        while self._idle or self._busy:
            (self._idle or self._busy).pop().kill()


class _Task(NamedTuple):
    """One file to read."""

    content: bytes
    name: str
    limits: Limits
    by_two: bool  # children, where the parser can share its work


class _Nursery:
    """One process, and the talk with it. Blocking; one file at a time."""

    def __init__(self, program: str, paths: tuple[str, ...]) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._program = program
        self._paths = paths
        self._lock = threading.Lock()
        self._killed = False

    @property
    def usable(self) -> bool:
        """Whether it takes another file; without fork each reads one and is spent."""
        return hasattr(os, "fork") and self._process is not None and self._process.poll() is None

    def answer(self, task: _Task) -> bytes:
        """Raises:
        ParseTimeout: no answer in time, and the nursery was ended for it.
        ParseMemory: the nursery itself was ended from outside.
        FileDamaged: the answer makes no sense.
        UnreadableFile: the nursery cannot be started.
        """
        process = self._started()
        overdue = threading.Event()
        clock = threading.Timer(task.limits.wall_seconds + _GRACE_SECONDS, self._overdue, [overdue])
        clock.daemon = True
        clock.start()
        try:
            return _exchanged(process, task)
        except (OSError, EOFError, ValueError) as error:  # the last is said of a closed pipe
            self.kill()
            if overdue.is_set():
                raise ParseTimeout("Reading the file takes too long.") from error
            raise ParseMemory(
                "The file could not be read: its reader was ended from outside."
            ) from error
        finally:
            clock.cancel()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._process is None:
                self._process = _start(self._program, self._paths)
                if self._killed:
                    _end(self._process)
            return self._process

    def _overdue(self, overdue: threading.Event) -> None:
        overdue.set()
        self.kill()

    def kill(self) -> None:
        with self._lock:
            self._killed = True
            if self._process is not None:
                _end(self._process)


def _exchanged(process: subprocess.Popen[bytes], task: _Task) -> bytes:
    requests, answers = process.stdin, process.stdout
    assert requests is not None
    assert answers is not None
    request = {
        "name": task.name,
        "size": len(task.content),
        "limits": asdict(task.limits),
        "by_two": task.by_two,
    }
    requests.write(json.dumps(request).encode() + b"\n")
    requests.write(task.content)
    requests.flush()
    head = answers.readline(_LONGEST_HEAD)
    if not head:
        raise EOFError
    size = _size(head, task.limits)
    message = answers.read(size)
    if len(message) < size:
        raise EOFError
    return message


def _size(head: bytes, limits: Limits) -> int:
    """The length of the message that a head announces."""
    if head.rstrip().isdigit() and int(head) <= limits.answer_bytes:
        return int(head)
    raise wire.nonsense()


def _start(program: str, paths: tuple[str, ...]) -> subprocess.Popen[bytes]:
    home = str(Path(__file__).parents[3])  # where the package lies
    own = [home, *paths, *(str(Path(entry).resolve()) for entry in sys.path if entry)]
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-I", "-S", "-X", "utf8", "-c", _START, program, *dict.fromkeys(own)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(sys.executable).anchor,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            start_new_session=True,  # Ctrl-C is for the parent, which then closes the pipe
        )
    except OSError as error:  # no memory, too many processes or open files
        reason = error.strerror or "unknown error"
        raise UnreadableFile(
            f"The file could not be read: no process can be started ({reason}).",
            hint="Close some programs and add it again.",
        ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def from_settings(settings: Settings) -> SandboxReader:
    return SandboxReader(workers=os.cpu_count() or 1, max_file_bytes=settings.max_upload_bytes)
