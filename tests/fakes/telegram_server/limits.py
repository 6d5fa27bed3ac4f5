"""How much a bot may send."""

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

from fakes.telegram_server.records import Bot, Chat
from fakes.telegram_server.refusals import flooded


@dataclass(kw_only=True)
class Limits:
    """As Telegram's own advice: it tells no exact numbers, and lets short bursts pass."""

    per_second: int = 30
    per_chat_second: int = 1
    per_group_minute: int = 20
    _times: defaultdict[tuple[int, ...], deque[float]] = field(
        default_factory=lambda: defaultdict(deque)
    )

    def count(self, bot: Bot, chat: Chat, *, now: float) -> None:
        """Raises:
        Refused: too many; when to try again is told. What is refused does not count.
        """
        windows = [((bot.id,), self.per_second, 1), ((bot.id, chat.id), self.per_chat_second, 1)]
        if chat.type != "private":
            windows.append(((bot.id, chat.id, 60), self.per_group_minute, 60))
        wait = max(self._wait(key, most, seconds, now) for key, most, seconds in windows)
        if wait > 0:
            raise flooded(max(math.ceil(wait), 1))
        for key, _, _ in windows:
            self._times[key].append(now)

    def _wait(self, key: tuple[int, ...], most: int, seconds: int, now: float) -> float:
        times = self._times[key]
        while times and times[0] <= now - seconds:
            times.popleft()
        return times[-most] + seconds - now if len(times) >= most else 0
