"""Runs a command and tells what it cost: `python -S watching.py COMMAND...`.

A program of its own, small when it starts the command: a process counts as at least as large as
the one it was forked from. As subreaper it also inherits a server that the command leaves behind,
so that its processor time is known to the last tick. Linux only.
"""

import ctypes
import json
import os
import resource
import sys

_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    command = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
    cost = {"cpu_seconds": 0.0, "left_behind_cpu_seconds": 0.0, "peak_mb": 0.0, "exit_code": 0}
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:  # all of them have ended
            break
        if pid == command:
            cost["cpu_seconds"] = _seconds(usage)
            cost["peak_mb"] = usage.ru_maxrss / 1024
            cost["exit_code"] = os.waitstatus_to_exitcode(status)
        else:
            cost["left_behind_cpu_seconds"] += _seconds(usage)
    sys.stderr.write(json.dumps(cost) + "\n")


def _seconds(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
