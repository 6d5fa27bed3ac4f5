"""Workers as the processes of an operating system."""

import os
import socket
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import uuid4


@dataclass(frozen=True)
class Processes:
    """`Workers`: a name says where a process is, and which one of those with its number.

    On Linux a process of this machine is known to have ended when its number is free, or has been
    given to another one since. Elsewhere nothing is known, and leases run out.
    """

    @cached_property
    def here(self) -> str:
        return f"{self._machine}:{os.getpid()}:{_started(os.getpid()) or uuid4().hex}"

    def is_gone(self, worker: str) -> bool:
        machine, _, process = worker.rpartition(":")[0].rpartition(":")
        started = worker.rpartition(":")[2]
        if machine != self._machine or not process.isdigit() or not started.isdigit():
            return False
        return _started(int(process)) != started

    @cached_property
    def _machine(self) -> str:
        """Since its last start; containers that share a kernel number their processes apart."""
        name = socket.gethostname().replace(":", "-")
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
            numbering = Path("/proc/self/ns/pid").stat().st_ino
        except OSError:
            return name
        return f"{name}:{boot}:{numbering}"


def _started(process: int) -> str | None:
    """When it began, in the kernel's own measure; None: no such process, or no such system."""
    try:
        described = Path(f"/proc/{process}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    state, *fields = described.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]  # a zombie has ended
