"""So many messages in a second, in all and to each chat, as far as this process sends them."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from sloth_agent.errors import RateLimited

LONGEST_WAIT_SECONDS = 5.0

_REMEMBERED = 10_000


@dataclass(slots=True)
class Paces:
    """The turns of one account."""

    seconds: float  # between two messages of the account
    chat_seconds: float  # between two to one chat
    now: Callable[[], float] = time.monotonic
    _one: anyio.Lock = field(default_factory=anyio.Lock)
    _next: float = 0.0
    _next_of: dict[str, float] = field(default_factory=dict)

    def pause(self, seconds: float) -> None:
        """Nothing is to be sent for so long: the vendor says so."""
        self._next = max(self._next, self.now() + seconds)

    @asynccontextmanager
    async def turn(self, chat: str | None = None) -> AsyncIterator[None]:
        """Wait until one more may be sent, to a chat or to none, and nothing else is on its way.

        One at a time: of what is on its way nobody knows whether it came through if we die now.

        Raises:
            RateLimited: that is not soon.
        """
        if (seconds := self._next - self.now()) > LONGEST_WAIT_SECONDS:
            raise RateLimited("The messenger asks us to wait.", retry_after_seconds=seconds)
        if chat is not None:
            await self._turn_of(chat)
        async with self._one:
            at = max(self.now(), self._next)
            self._next = at + self.seconds
            await self._until(at)
            yield

    async def _turn_of(self, chat: str) -> None:
        at = max(self.now(), self._next_of.get(chat, 0.0))
        self._forget()
        self._next_of[chat] = at + self.chat_seconds
        await self._until(at)

    async def _until(self, at: float) -> None:
        if (seconds := at - self.now()) > 0:
            await anyio.sleep(seconds)

    def _forget(self) -> None:
        if len(self._next_of) >= _REMEMBERED:
            now = self.now()
            self._next_of = {chat: at for chat, at in self._next_of.items() if at > now}
