"""A tenant that moves to another database, and those who want something of it meanwhile."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
from benchmarks.figures import Figure
from benchmarks.ingest import CHUNKS_EACH, learn
from benchmarks.library import documents, opened
from benchmarks.material import GivenVectors, Material, vectors

from sloth_agent.tenants.audit import SYSTEM

CHUNKS = 10_000


async def measure(material: Material) -> AsyncIterator[Figure]:
    async with opened("other") as sloth:
        tenant = await sloth.tenant("large", create=True)
        contents = documents(list(material.texts(CHUNKS)), chunks_each=CHUNKS_EACH)
        await learn(tenant, contents, GivenVectors(vectors(CHUNKS)))
        await tenant.services.retrieval.index.settle()
        home = tenant.organization.database
        to = "other" if home == "main" else "main"
        done = anyio.Event()
        waits: dict[str, float] = {}

        async def watch(name: str, call: Callable[[], Awaitable[object]]) -> None:
            while not done.is_set():
                started = time.perf_counter()
                await call()
                waits[name] = max(waits.get(name, 0), (time.perf_counter() - started) * 1000)
                await anyio.sleep(0.005)

        async with anyio.create_task_group() as group:
            group.start_soon(watch, "write", lambda: tenant.set_prompt(role="I answer."))
            group.start_soon(watch, "search", lambda: tenant.search("opening hours"))
            await anyio.sleep(1)
            started = time.perf_counter()
            carried = await sloth.moving.move("large", to=to, by=SYSTEM)
            seconds = time.perf_counter() - started
            done.set()
    blocked = carried.blocked.total_seconds() * 1000
    yield _figure("all of it, under traffic", seconds, "s")
    yield _figure("its door was shut for", blocked, "ms", wanted="<= 1000")
    yield _figure("longest write meanwhile", waits["write"], "ms", wanted="<= 1000")
    yield _figure("longest search meanwhile", waits["search"], "ms", wanted="<= 1000")


def _figure(name: str, value: float, unit: str, *, wanted: str = "") -> Figure:
    return Figure(part="moving 10,000 chunks", name=name, value=value, unit=unit, wanted=wanted)
