"""Counting requests in the process: how many there is room for, and what is kept of them."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.server.own_counts import FEW, OwnStorage

pytestmark = pytest.mark.anyio

MINUTE = 60


@dataclass
class Clock:
    seconds: float = 600.0

    def __call__(self) -> float:
        return self.seconds


async def test_a_window_lets_go_of_the_one_before_bit_by_bit() -> None:
    clock = Clock()
    storage = OwnStorage(clock)
    taken = [await storage.acquire_sliding_window_entry("anna", 10, MINUTE) for _ in range(11)]
    assert taken == [True] * 10 + [False]

    clock.seconds += MINUTE + MINUTE / 2  # half of them count still
    taken = [await storage.acquire_sliding_window_entry("anna", 10, MINUTE) for _ in range(6)]
    assert taken == [True] * 5 + [False]
    assert await storage.get_sliding_window("anna", MINUTE) == (10, 30.0, 5, 90.0)

    clock.seconds += 2 * MINUTE
    assert await storage.get_sliding_window("anna", MINUTE) == (0, 0.0, 0, 90.0)


async def test_some_do_not_take_the_room_of_others() -> None:
    storage = OwnStorage(Clock())
    for name in ("anna", "ben"):
        assert await storage.acquire_sliding_window_entry(name, 1, MINUTE)
        assert await storage.acquire_entry(name, 1, MINUTE)
    assert not await storage.acquire_sliding_window_entry("anna", 1, MINUTE)
    await storage.clear_sliding_window("anna", MINUTE)
    assert await storage.acquire_sliding_window_entry("anna", 1, MINUTE)
    assert not await storage.acquire_sliding_window_entry("ben", 1, MINUTE)


@given(st.lists(st.floats(0, 30), max_size=200))
async def test_no_minute_holds_more_than_its_amount(pauses: list[float]) -> None:
    clock, taken = Clock(), []
    storage = OwnStorage(clock)
    for pause in pauses:
        clock.seconds += pause
        if await storage.acquire_entry("anna", 5, MINUTE):
            taken.append(clock.seconds)
    for start in taken:
        assert sum(start <= moment < start + MINUTE for moment in taken) <= 5


async def test_what_has_run_out_is_forgotten() -> None:
    clock = Clock()
    storage = OwnStorage(clock)
    for number in range(20 * FEW):
        clock.seconds += 1
        await storage.acquire_sliding_window_entry(f"window-{number}", 10, MINUTE)
        await storage.acquire_entry(f"moments-{number}", 10, MINUTE)
    assert storage.kept < 2 * FEW
