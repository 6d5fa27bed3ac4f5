"""Many owners at work for minutes: `python -m benchmarks.load [--minutes 10] [--users 50]`."""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anyio
from benchmarks.figures import Figure, table
from benchmarks.library import opened
from benchmarks.server import NO_LIMITS, Program, running

SETTLING_SECONDS = 60
"""Until everybody has signed up, pools are full and caches warm: memory is compared from then."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.load", description="Locust's figures.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--users", type=int, default=50, help="each asks once a second")
    chosen = parser.parse_args()
    print(table(anyio.run(measured, chosen.minutes, chosen.users)))


async def measured(minutes: float, users: int) -> list[Figure]:
    async with opened() as sloth:
        variables = {**NO_LIMITS, "SLOTH_HOME": str(sloth.settings.home)}
        async with running("ours", variables) as server:
            return await anyio.to_thread.run_sync(under_load, server, minutes, users)


def under_load(server: Program, minutes: float, users: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="sloth-bench-") as folder:
        command = [
            *(sys.executable, "-m", "locust", "--headless", "--only-summary", "--skip-log-setup"),
            *(f"--locustfile={Path(__file__).with_name('visitors.py')}", f"--users={users}"),
            *(f"--spawn-rate={users / 20}", f"--run-time={int(minutes * 60)}s"),
            *(f"--host=http://127.0.0.1:{server.port}", f"--csv={folder}/load"),
        ]
        started = time.monotonic()
        with subprocess.Popen(command) as locust:
            time.sleep(min(SETTLING_SECONDS, minutes * 30))
            before = server.megabytes_now
            locust.wait()
        seconds = time.monotonic() - started
        with Path(folder, "load_stats.csv").open() as file:
            *_, total = csv.DictReader(file)
    asked, failed = int(total["Request Count"]), int(total["Failure Count"])
    about = f"{asked:,} requests in {seconds:.0f} s"
    return [
        Figure(part="load", name=about, value=asked / seconds, unit="requests/s"),
        Figure(part="load", name="failed", value=float(failed), wanted="0"),
        Figure(part="load", name="p95", value=float(total["95%"]), unit="ms", wanted="<= 300"),
        Figure(
            part="load",
            name="memory at the end, beside that after a minute",
            value=server.megabytes_now,
            unit="MB",
            wanted="<= 1.05x",
            baseline=before,
            baseline_name="after a minute",
        ),
    ]


if __name__ == "__main__":
    main()
