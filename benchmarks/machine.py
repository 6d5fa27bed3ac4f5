"""The machine that the figures come from."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from benchmarks.library import opened

from sloth_agent.adapters.stores.postgres.readiness import server_version


@dataclass(frozen=True, slots=True)
class Machine:
    processor: str
    cores: int
    load: float  # average of the last minute when the run began: other work slows ours
    system: str
    python: str
    postgresql: str

    def __str__(self) -> str:
        return (
            f"{self.processor}, {self.cores} cores (load {self.load:.1f}), {self.system},"
            f" Python {self.python}, PostgreSQL {self.postgresql}"
        )


async def this_machine() -> Machine:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    async with opened() as sloth:
        database = (await sloth.tenant()).services.database
        async with database.shared() as connection:
            postgresql = await server_version(connection)
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        load=load,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        postgresql=postgresql,
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
