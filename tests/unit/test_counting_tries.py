"""How often somebody may try: exactly as often, counted in this process or in Redis."""

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import anyio
import pytest
from pydantic import SecretStr

from fakes.redis_server import redis_server, silent_redis
from sloth_agent import Settings
from sloth_agent.errors import RateLimited
from sloth_agent.server.limiting import AWAY_SECONDS, Limiter, Rate, limiter_of

pytestmark = pytest.mark.anyio

TRIES = Rate(name="tries", amount=10, seconds=3, exact=True)


@pytest.fixture(params=["process", "redis"])
def counting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    if request.param == "process":
        yield Settings(home=tmp_path, redis_url=None)
        return
    with redis_server(tmp_path) as address:
        yield Settings(home=tmp_path, redis_url=SecretStr(address))


async def taken(limiter: Limiter, times: int) -> int:
    """How many of so many tries there was room for."""
    room = 0
    for _ in range(times):
        try:
            await limiter.count(TRIES, "anna")
        except RateLimited:
            continue
        room += 1
    return room


async def test_no_stretch_of_time_holds_more(counting: Settings) -> None:
    """Counted by windows that begin on the clock, two may stand close together."""
    async with limiter_of(counting) as limiter:
        await anyio.sleep((2.8 - time.time()) % 3)  # shortly before the clock's next window
        assert await taken(limiter, 12) == 10
        await anyio.sleep(0.3)
        assert await taken(limiter, 5) == 0
        await anyio.sleep(3)
        assert await taken(limiter, 12) == 10


async def test_what_was_counted_is_forgotten(counting: Settings) -> None:
    async with limiter_of(counting) as limiter:
        assert await taken(limiter, 11) == 10
        await limiter.clear(TRIES, "anna")
        assert await taken(limiter, 11) == 10
        await limiter.count(TRIES, "ben")


@pytest.mark.slow
async def test_one_sees_whether_redis_is_back_and_nobody_else_waits(tmp_path: Path) -> None:
    """Without the turn that is taken all ten wait for a second."""
    waited = []

    async def count(limiter: Limiter) -> None:
        started = time.monotonic()
        await limiter.count(TRIES, uuid4().hex)
        waited.append(time.monotonic() - started > 0.5)

    with silent_redis() as address:
        async with limiter_of(Settings(home=tmp_path, redis_url=SecretStr(address))) as limiter:
            await count(limiter)
            await anyio.sleep(AWAY_SECONDS)
            async with anyio.create_task_group() as group:
                for _ in range(10):
                    group.start_soon(count, limiter)
    assert waited == [True, *[False] * 9, True]
