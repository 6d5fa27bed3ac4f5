"""A thousand tenants on one server: one of them as a file, all of them as a file, and back."""

import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.ingest import CHUNKS_EACH, learn
from benchmarks.library import documents, opened
from benchmarks.many_tenants import TENANTS, created
from benchmarks.material import GivenVectors, Material, vectors

from sloth_agent import AsyncSloth
from sloth_agent.tenants.audit import Actor

BY = Actor(name="benchmark")
CHUNKS = 500
TURNS = 10


async def measure(material: Material) -> AsyncIterator[Figure]:
    async with opened() as sloth:
        await created(sloth)
        small = await sloth.tenant("small", create=True)
        contents = documents(list(material.texts(CHUNKS)), chunks_each=CHUNKS_EACH)
        await learn(small, contents, GivenVectors(vectors(CHUNKS)))
        with tempfile.TemporaryDirectory() as folder:
            async for figure in _measured(sloth, Path(folder)):
                yield figure


async def _measured(sloth: AsyncSloth, folder: Path) -> AsyncIterator[Figure]:
    exports = []
    for turn in range(TURNS):
        started = time.perf_counter()
        await sloth.archives.export("small", folder / f"{turn}.zip", by=BY)
        exports.append((time.perf_counter() - started) * 1000)
    yield _figure(
        f"export of one with {CHUNKS} chunks", statistics.median(exports), "ms", wanted="<= 1000"
    )
    started = time.perf_counter()
    backup = await sloth.backups.create(folder / "all.zip", by=BY)
    yield _figure("backup of all", (time.perf_counter() - started) * 1000 / TENANTS, "ms each")
    yield _figure("size of it", backup.file.size / TENANTS / 1024, "kB each")
    started = time.perf_counter()
    await sloth.restoring.restore_tenant(backup.file.path, "small", by=BY)
    yield _figure("restore of one out of it", (time.perf_counter() - started) * 1000, "ms")
    started = time.perf_counter()
    await sloth.restoring.restore(backup.file.path, replace=True, by=BY)
    seconds = time.perf_counter() - started
    yield _figure("restore of all in their own place", seconds * 1000 / TENANTS, "ms each")


def _figure(name: str, value: float, unit: str, *, wanted: str = "") -> Figure:
    return Figure(
        part=f"backups, {TENANTS:,} tenants", name=name, value=value, unit=unit, wanted=wanted
    )
