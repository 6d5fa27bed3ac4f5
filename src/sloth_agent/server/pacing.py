"""Spreading a firm's requests over time, so that others do not notice how many they are."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field

import anyio

AT_ONCE_SECONDS = 2.0
"""A firm may ask at once for as much as it may in so many seconds; then evenly."""

MOST_KNOWN = 10_000


@dataclass(slots=True)
class Pace:
    """Whoever asks faster than they may for long waits for their turn; nobody is refused."""

    per_second: float
    _turns: OrderedDict[str, float] = field(default_factory=OrderedDict)  # when the next one is

    async def turn(self, whose: str) -> None:
        now = time.monotonic()
        earliest = max(self._turns.get(whose, now), now)
        self._turns[whose] = earliest + 1 / self.per_second
        self._turns.move_to_end(whose)
        if len(self._turns) > MOST_KNOWN:
            self._turns.popitem(last=False)
        early = earliest - now - AT_ONCE_SECONDS
        if early > 0:
            await anyio.sleep(early)
