"""Spreading a firm's requests over time, so that others do not notice how many they are."""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field

import anyio

from sloth_agent.errors import RateLimited

AT_ONCE_SECONDS = 2.0
"""A firm may ask at once for as much as it may in so many seconds; then evenly."""

MOST_KNOWN = 10_000


@dataclass(slots=True)
class Pace:
    """Whoever asks faster than they may for long waits for their turn, so long as that is near."""

    per_second: float
    longest_seconds: float = math.inf
    _turns: OrderedDict[str, float] = field(default_factory=OrderedDict)  # when the next one is

    async def turn(self, whose: str) -> None:
        """Raises:
        RateLimited: too many wait already.
        """
        now = time.monotonic()
        earliest = max(self._turns.get(whose, now), now)
        early = earliest - now - AT_ONCE_SECONDS
        if early > self.longest_seconds:
            raise RateLimited("Too many wait.", retry_after_seconds=math.ceil(early))
        self._turns[whose] = earliest + 1 / self.per_second
        self._turns.move_to_end(whose)
        if len(self._turns) > MOST_KNOWN:
            self._turns.popitem(last=False)
        if early > 0:
            await anyio.sleep(early)
