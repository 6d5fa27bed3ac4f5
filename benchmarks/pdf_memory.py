"""Ingests one file in a fresh process and prints the peaks of its memory, in MB."""

import json
import resource
import sys
import tempfile
from pathlib import Path

from sloth_agent import Settings, Sloth


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="sloth-bench-") as home:
        settings = Settings(home=Path(home), embedder="none", database_url=None)
        with Sloth(settings) as sloth:
            report = sloth.tenant().ingest(sys.argv[1])
            assert report.files[0].problem is None, report
    peaks = {
        "our process": own_peak(),
        "the child that reads": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(peaks))


def own_peak() -> float:
    """Not `ru_maxrss`, which begins at the size of the process that started this one."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
