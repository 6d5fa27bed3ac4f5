"""A process that has the library loaded, and forks for each command.

A short command spends most of its time on loading. A child of the incubator is a process like any
other, with its own environment, folder and streams, only that it has that behind it. What must be
seen from the first instruction on, such as a variable that Python itself reads, is to be started
as the installed command.
"""

import gc
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import TracebackType
from typing import IO, Any, Self

SLOTH = str(Path(sys.executable).with_name("sloth"))

Streams = tuple[IO[Any], IO[Any], IO[Any]]
"""Stdin, stdout and stderr."""

_LENGTH = struct.Struct("!I")
_STATUS = struct.Struct("!i")
_READ_AT_THE_START = ("PYTHONIOENCODING", "LANG", "LC_ALL", "TMPDIR", "SHELL", "_SLOTH_COMPLETE")


def is_seen_at_the_start(variables: Mapping[str, str]) -> bool:
    """Whether one of them is read before, or while, the library is loaded."""
    return any(name in variables for name in _READ_AT_THE_START)


@dataclass(slots=True)
class Child:
    """As much of `subprocess.Popen` as tests of commands need."""

    pid: int
    _told: socket.socket = field(repr=False)
    returncode: int | None = None

    def poll(self) -> int | None:
        try:
            return self.wait(timeout=0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                told = self._told.recv(_STATUS.size)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(SLOTH, timeout or 0) from None
            self.returncode = _STATUS.unpack(told)[0]
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wait()


@dataclass(slots=True)
class Incubator:
    """The process, and the way to it."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(
        self,
        arguments: Sequence[str | bytes],
        *,
        env: Mapping[str, str],
        cwd: str | Path,
        streams: Streams,
        new_session: bool = False,
    ) -> Child:
        """Run the `sloth` command."""
        ours, theirs = socket.socketpair()
        asked = json.dumps(
            {
                "arguments": [os.fsdecode(argument) for argument in arguments],
                "environment": dict(env),
                "folder": str(cwd),
                "new_session": new_session,
            }
        ).encode()
        with theirs, self.lock:
            handed_over = [*(stream.fileno() for stream in streams), theirs.fileno()]
            socket.send_fds(self.control, [_LENGTH.pack(len(asked))], handed_over)
            self.control.sendall(asked)
        return Child(_STATUS.unpack(ours.recv(_STATUS.size))[0], ours)


@cache
def incubator() -> Incubator:
    """The one of this process; it ends when this process does."""
    ours, theirs = socket.socketpair()
    inherited = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            env={**inherited, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return Incubator(process, ours)


def _load() -> None:
    """All that a command may need, and that asks nothing of the environment."""
    for name in ("sloth_agent.cli", "sloth_agent.server"):
        package = import_module(name)
        for module in walk_packages(package.__path__, f"{name}."):
            import_module(module.name)
    gc.collect()
    gc.freeze()


def _serve(control: socket.socket) -> None:
    """Fork for each command, until nobody can ask for one any more; returns in their processes."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who waits for a command is not waited for
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the tests, and with them this
    while True:
        length, handed_over, _, _ = socket.recv_fds(control, _LENGTH.size, 4)
        if not length:
            sys.exit()
        asked = control.recv(_LENGTH.unpack(length)[0], socket.MSG_WAITALL)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            control.close()
            _begin(json.loads(asked), *handed_over)
            return
        for descriptor in handed_over:
            os.close(descriptor)


def _begin(asked: dict[str, Any], *handed_over: int) -> None:
    """Become a command; whoever watches it stays outside."""
    *streams, told = handed_over
    with socket.socket(fileno=told) as watcher:
        pid = os.fork()
        if pid:
            for descriptor in streams:
                os.close(descriptor)
            _, status = os.waitpid(pid, 0)
            watcher.sendall(_STATUS.pack(os.waitstatus_to_exitcode(status)))
            os._exit(0)
        if asked["new_session"]:
            os.setsid()
        watcher.sendall(_STATUS.pack(os.getpid()))  # from now on its group can be killed
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    sys.argv = [SLOTH, *asked["arguments"]]
    if path := os.environ.get("PYTHONPATH"):
        sys.path[:0] = path.split(os.pathsep)
        with suppress(ModuleNotFoundError):
            import_module("sitecustomize")


if __name__ == "__main__":
    # As in the installed command: neither the folder of this file nor its name means anything.
    del sys.path[0], sys.modules["__main__"].__file__
    _load()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from sloth_agent.cli.main import run

    run()
