"""A firm that asks as fast as it can goes on at its pace, and nobody else waits."""

import contextlib

import anyio
import pytest

from sloth_agent.errors import RateLimited
from sloth_agent.server.pacing import AT_ONCE_SECONDS, Pace

pytestmark = pytest.mark.anyio


async def seconds_of(pace: Pace, whose: str, requests: int) -> float:
    started = anyio.current_time()
    for _ in range(requests):
        await pace.turn(whose)
    return anyio.current_time() - started


async def test_some_at_once_then_evenly() -> None:
    pace = Pace(per_second=100)
    some = int(100 * AT_ONCE_SECONDS)
    assert await seconds_of(pace, "salon", some) < 0.1
    assert await seconds_of(pace, "salon", 50) >= 0.4
    assert await seconds_of(pace, "clinic", some) < 0.1  # another firm notices nothing


async def test_who_was_quiet_may_ask_again() -> None:
    pace = Pace(per_second=1000)
    await seconds_of(pace, "salon", int(1000 * AT_ONCE_SECONDS))
    await anyio.sleep(0.2)
    assert await seconds_of(pace, "salon", 150) < 0.1


async def test_who_would_wait_too_long_is_refused_and_takes_no_turn() -> None:
    """Else a flood would be felt long after it has ended."""
    pace = Pace(per_second=10, longest_seconds=0)
    await seconds_of(pace, "salon", int(10 * AT_ONCE_SECONDS))
    for _ in range(100):
        with contextlib.suppress(RateLimited):
            await pace.turn("salon")
    await anyio.sleep(0.25)
    assert await seconds_of(pace, "salon", 1) < 0.1
