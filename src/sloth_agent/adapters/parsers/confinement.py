"""Linux: a child gives up the system calls that reading a file never needs.

No sockets, no programs, no further processes, no changes to the file system. Where the kernel
or the machine does not offer the filter, the limits alone remain.
"""

import ctypes
import platform
import struct
import sys

_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2  # of prctl(2)
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # of the filter's language
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001  # refuse: with EPERM
_NUMBER_AT, _MACHINE_AT = 0, 4  # in what the filter is shown
_OTHER_NUMBERING = 0x40000000  # x32 calls on x86-64 would go past the numbers below

# Per machine: its number for the kernel, and the refused calls. In order: sockets; programs and
# processes; signals, other processes' memory; files and folders; mounts, io_uring.
_REFUSED: dict[str, tuple[int, tuple[int, ...]]] = {
    "x86_64": (
        0xC000003E,
        (
            41, 42, 44, 49, 50, 53,
            56, 57, 58, 59, 322, 435,
            62, 101, 310, 311, 424,
            76, 77, 82, 83, 84, 85, 86, 87, 88, 90, 91, 92, 93, 94, 132, 133, 235, 258, 259, 260,
            261, 263, 264, 265, 266, 268, 280, 316,
            165, 166, 425,
        ),
    ),
    "aarch64": (
        0xC00000B7,
        (
            198, 199, 200, 201, 203, 206,
            220, 221, 281, 435,
            117, 129, 270, 271, 424,
            33, 34, 35, 36, 37, 38, 45, 46, 52, 53, 54, 55, 88, 276,
            39, 40, 425,
        ),
    ),
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _instruction(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _filter(machine: int, refused: tuple[int, ...]) -> bytes:
    """Refuse what is listed, and all calls of another machine's numbering."""
    count = len(refused)
    lines = [
        _instruction(_LOAD, _MACHINE_AT),
        _instruction(_EQUAL, machine, if_false=count + 3),
        _instruction(_LOAD, _NUMBER_AT),
        _instruction(_AT_LEAST, _OTHER_NUMBERING, if_true=count + 1),
        *(
            _instruction(_EQUAL, number, if_true=count - position)
            for position, number in enumerate(refused)
        ),
        _instruction(_RETURN, _ALLOW),
        _instruction(_RETURN, _REFUSE),
    ]
    return b"".join(lines)


def apply() -> bool:
    """Confine the present process for good; return whether that was possible."""
    if sys.platform != "linux" or platform.machine() not in _REFUSED:
        return False
    lines = _filter(*_REFUSED[platform.machine()])
    program = _Program(len(lines) // 8, lines)
    prctl = ctypes.CDLL(None).prctl
    if prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    done: int = prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)
    return done == 0
