"""Many owners at work for minutes: `python -m benchmarks.load [--minutes 10] [--users 50]`."""

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
from benchmarks.figures import Figure, table
from benchmarks.library import opened
from benchmarks.server import NO_LIMITS, Program, running

from sloth_agent import AsyncSloth

SETTLING_SECONDS = 60
"""Until everybody has signed up, pools are full and caches warm: what is held then is compared."""

LOOKING_SECONDS = 5

HELD = {
    "MB of memory": "<= 1.05x",
    "open files": "no more",
    "child processes": "no more",
    "connections to the database": "no more",
}

NAME = "sloth-load"
"""By which PostgreSQL knows the server's connections."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.load", description="Locust's figures.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--users", type=int, default=50, help="each asks once a second")
    chosen = parser.parse_args()
    print(table(anyio.run(measured, chosen.minutes, chosen.users)))


async def measured(minutes: float, users: int) -> list[Figure]:
    async with opened() as sloth:
        variables = {**NO_LIMITS, "SLOTH_HOME": str(sloth.settings.home), "PGAPPNAME": NAME}
        async with running("ours", variables) as server:
            return [figure async for figure in under_load(server, sloth, minutes * 60, users)]


async def under_load(
    server: Program, sloth: AsyncSloth, seconds: float, users: int
) -> AsyncIterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="sloth-bench-") as folder:
        command = [
            *(sys.executable, "-m", "locust", "--headless", "--only-summary", "--skip-log-setup"),
            *(f"--locustfile={Path(__file__).with_name('visitors.py')}", f"--users={users}"),
            *(f"--spawn-rate={users / 20}", f"--run-time={int(seconds)}s"),
            *(f"--host=http://127.0.0.1:{server.port}", f"--csv={folder}/load"),
        ]
        started = time.monotonic()
        async with await anyio.open_process(command, stdout=None, stderr=None) as locust:
            await anyio.sleep(min(SETTLING_SECONDS, seconds / 2))
            before = await held_by(server, sloth)
            remaining = started + seconds - time.monotonic()
            await anyio.sleep(max(0, remaining - 2 * LOOKING_SECONDS))
            after = await held_by(server, sloth)
            await locust.wait()
        took = time.monotonic() - started
        asked, failed, p95 = told_by_locust(Path(folder, "load_stats.csv"))
    about = f"{asked:,} requests in {took:.0f} s"
    yield Figure(part="load", name=about, value=asked / took, unit="requests/s")
    yield Figure(part="load", name="failed", value=failed, wanted="0")
    yield Figure(part="load", name="p95", value=p95, unit="ms", wanted="<= 300")
    for name, limit in HELD.items():
        yield Figure(
            part="load",
            name=f"{name} at the end, beside that after a minute",
            value=after[name],
            wanted=limit,
            baseline=before[name],
            baseline_name="after a minute",
        )


def told_by_locust(file: Path) -> tuple[int, int, float]:
    """Requests, those that failed, and the p95 in milliseconds."""
    with file.open() as lines:
        *_, total = csv.DictReader(lines)
    return int(total["Request Count"]), int(total["Failure Count"]), float(total["95%"])


async def held_by(server: Program, sloth: AsyncSloth) -> dict[str, float]:
    """The least of several looks: what a request needs just then is no leak."""
    looks = []
    for _ in range(10):
        looks.append(
            {
                "MB of memory": server.megabytes_now,
                "open files": server.open_files,
                "child processes": server.children,
                "connections to the database": await connections(sloth),
            }
        )
        await anyio.sleep(LOOKING_SECONDS / 10)
    return {name: min(look[name] for look in looks) for name in HELD}


async def connections(sloth: AsyncSloth) -> int:
    async with sloth.services.databases.main.pool.connection() as connection:
        found = await connection.execute(
            "select count(*) from pg_stat_activity where application_name = %s", (NAME,)
        )
        [count] = await found.fetchone() or (0,)
        return int(count)


if __name__ == "__main__":
    main()
