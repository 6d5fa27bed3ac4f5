"""Requests counted in this process: for one server alone, and for any while Redis is away."""

import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from limits.aio.storage import MemoryStorage

FEW = 1_000
"""So many counts may wait for the next look at which of them have run out."""

Counted = TypeVar("Counted", "_Window", "_Moments")


@dataclass(slots=True)
class _Window:
    """About how many came: those of this window, and those of the one before."""

    number: int  # windows since 1970
    count: int
    before: int
    runs_out: float


@dataclass(slots=True)
class _Moments:
    """When each came, the oldest first."""

    times: list[float]
    runs_out: float


class OwnStorage(MemoryStorage):
    """The library's own one starts a task with each hit, which looks at everything it knows."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._now = now
        self._windows: dict[str, _Window] = {}
        self._moments: dict[str, _Moments] = {}
        self._look_at = FEW

    @property
    def kept(self) -> int:
        """How many counts are remembered."""
        return len(self._windows) + len(self._moments)

    async def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        now = self._now()
        window = self._window(key, expiry, now)
        left_of_before = 1 - (now / expiry) % 1
        if int(window.before * left_of_before + window.count) + amount > limit:
            return False
        window.count += amount
        return True

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Those before and how long they count, those now and how long they count."""
        now = self._now()
        window = self._window(key, expiry, now)
        left = (1 - (now / expiry) % 1) * expiry
        return window.before, left if window.before else 0.0, window.count, left + expiry

    async def clear_sliding_window(self, key: str, expiry: int) -> None:  # noqa: ARG002 - theirs
        self._windows.pop(key, None)

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        now = self._now()
        times = self._times(key, expiry, now)
        if len(times) + amount > limit:
            return False
        times += [now] * amount
        self._moments[key] = _Moments(times, runs_out=now + expiry)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - theirs
        """When the oldest that still counts came, and how many count."""
        now = self._now()
        times = self._times(key, expiry, now)
        return (times[0] if times else now), len(times)

    async def clear(self, key: str) -> None:
        self._moments.pop(key, None)

    def _window(self, key: str, expiry: int, now: float) -> _Window:
        number = int(now // expiry)
        window = self._windows.get(key)
        if window is None or window.number != number:
            follows = window is not None and window.number == number - 1
            before = window.count if window is not None and follows else 0
            window = _Window(number, 0, before, runs_out=(number + 2) * expiry)
            self._windows[key] = window
            self._forget(now)
        return window

    def _times(self, key: str, expiry: int, now: float) -> list[float]:
        known = self._moments.get(key)
        if known is None:
            self._forget(now)
            return []
        return known.times[bisect_right(known.times, now - expiry) :]

    def _forget(self, now: float) -> None:
        """What has run out, once as much has come again as was left the last time."""
        if self.kept < self._look_at:
            return
        self._windows = _lasting(self._windows, now)
        self._moments = _lasting(self._moments, now)
        self._look_at = FEW + 2 * self.kept


def _lasting(counts: dict[str, Counted], now: float) -> dict[str, Counted]:
    return {key: counted for key, counted in counts.items() if counted.runs_out > now}
