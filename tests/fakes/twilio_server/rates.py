"""So many requests a second, and no more."""

import time
from collections import deque


class Rate:
    def __init__(self, per_second: int | None) -> None:
        self._per_second = per_second
        self._taken: deque[float] = deque()

    def allows(self) -> bool:
        """Whether one more may come now; one that may not does not count."""
        if self._per_second is None:
            return True
        now = time.monotonic()
        while self._taken and self._taken[0] <= now - 1:
            self._taken.popleft()
        if len(self._taken) >= self._per_second:
            return False
        self._taken.append(now)
        return True
