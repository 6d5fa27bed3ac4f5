"""So many messages in a second, in all and to each chat, as far as this process sends them."""

import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from sloth_agent.errors import RateLimited

LONGEST_WAIT_SECONDS = 5.0

MINUTE = 60.0

_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Pace:
    """Of one chat."""

    seconds: float  # between two messages
    most_a_minute: int | None = None


@dataclass(slots=True)
class Paces:
    """The turns of one account."""

    seconds: float  # between two messages of the account
    pace_of: Callable[[str], Pace]
    now: Callable[[], float] = time.monotonic
    _one: anyio.Lock = field(default_factory=anyio.Lock)
    _next: float = 0.0
    _lately: dict[str, deque[float]] = field(default_factory=dict)
    _paused: dict[str, float] = field(default_factory=dict)

    def pause(self, chat: str, seconds: float) -> None:
        """Nothing is to be sent there for so long, as the vendor says; where it says so of two
        chats at once, it means the account.
        """
        now = self.now()
        self._paused = {each: until for each, until in self._paused.items() if until > now}
        if self._paused.keys() - {chat}:
            self._next = max(self._next, now + seconds)
        self._paused[chat] = now + seconds

    @asynccontextmanager
    async def turn(self, chat: str, *, is_message: bool = True) -> AsyncIterator[None]:
        """Wait until one more may be asked for in a chat, and nothing else is on its way.

        One at a time: of what is on its way nobody knows whether it came through if we die now.

        Raises:
            RateLimited: that is not soon.
        """
        self._require_soon(self._next)
        await self._until(self._taken(chat) if is_message else self._open_again(chat))
        async with self._one:
            self._require_soon(self._next)
            at = max(self.now(), self._next)
            self._next = at + self.seconds
            await self._until(at)
            yield

    def _taken(self, chat: str) -> float:
        """When the next message may go to a chat; it is taken by this call."""
        pace = self.pace_of(chat)
        lately = self._lately.get(chat) or deque(maxlen=pace.most_a_minute or 1)
        at = max(self.now(), self._open_again(chat))
        if lately:
            at = max(at, lately[-1] + pace.seconds)
        if pace.most_a_minute is not None and len(lately) == pace.most_a_minute:
            at = max(at, lately[0] + MINUTE)
        self._require_soon(at)
        self._forget()
        lately.append(at)
        self._lately[chat] = lately
        return at

    def _open_again(self, chat: str) -> float:
        at = self._paused.get(chat, 0.0)
        self._require_soon(at)
        return at

    def _require_soon(self, at: float) -> None:
        if (seconds := at - self.now()) > LONGEST_WAIT_SECONDS:
            raise RateLimited("The messenger asks us to wait.", retry_after_seconds=seconds)

    async def _until(self, at: float) -> None:
        if (seconds := at - self.now()) > 0:
            await anyio.sleep(seconds)

    def _forget(self) -> None:
        if len(self._lately) >= _REMEMBERED:
            before = self.now() - MINUTE
            self._lately = {chat: at for chat, at in self._lately.items() if at[-1] > before}
