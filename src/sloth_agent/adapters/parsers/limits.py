"""What a child may use up, set by the child itself before it looks at the file."""

import os
import signal
import sys
from dataclasses import dataclass

if sys.platform != "win32":
    import resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """For one file. Both clocks are needed: a busy machine stretches one, a sleeper the other."""

    memory_bytes: int = 512 * 1024 * 1024  # address space
    cpu_seconds: int = 20
    wall_seconds: float = 60.0
    answer_bytes: int = 48 * 1024 * 1024  # of text and places, as they travel
    open_files: int = 64  # parsers load modules and fonts late


def apply(allowed: Limits) -> None:
    """Bind the present process; nothing can loosen it afterwards."""
    if sys.platform == "win32":
        return  # the parent's clock is what is left
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_FSIZE, 0)
    _set(resource.RLIMIT_NOFILE, allowed.open_files)
    # One second between the two: the soft limit names the cause, the hard one cannot be ignored.
    _set(resource.RLIMIT_CPU, allowed.cpu_seconds, allowed.cpu_seconds + 1)
    # Should all who watch over it be killed, a sleeper still ends.
    signal.setitimer(signal.ITIMER_REAL, allowed.wall_seconds + 1)
    if sys.platform == "linux":  # elsewhere the address space of any process is far larger
        _set(resource.RLIMIT_AS, allowed.memory_bytes)


def _set(which: int, soft: int, hard: int | None = None) -> None:
    _, ceiling = resource.getrlimit(which)
    wanted = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        wanted = min(wanted, ceiling)
    resource.setrlimit(which, (min(soft, wanted), wanted))


def peak_bytes(usage: "resource.struct_rusage") -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit


def detach() -> None:
    """Leave the parent's terminal, pipes and process group; what parsers print goes nowhere."""
    if sys.platform != "win32":
        os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
