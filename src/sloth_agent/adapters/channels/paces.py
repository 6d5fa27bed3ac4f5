"""So many messages in a second, in all and to each chat, as far as this process sends them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

_REMEMBERED = 10_000


@dataclass(slots=True)
class Paces:
    """The turns of one account."""

    seconds: float  # between two messages of the account
    chat_seconds: float  # between two to one chat
    now: Callable[[], float] = time.monotonic
    _next: float = 0.0
    _next_of: dict[str, float] = field(default_factory=dict)

    async def turn(self, chat: str) -> None:
        """Wait until one more may be sent to a chat."""
        at = max(self.now(), self._next_of.get(chat, 0.0))
        self._forget()
        self._next_of[chat] = at + self.chat_seconds
        await self._until(at)
        at = max(self.now(), self._next)
        self._next = at + self.seconds
        await self._until(at)

    async def _until(self, at: float) -> None:
        if (seconds := at - self.now()) > 0:
            await anyio.sleep(seconds)

    def _forget(self) -> None:
        if len(self._next_of) >= _REMEMBERED:
            now = self.now()
            self._next_of = {chat: at for chat, at in self._next_of.items() if at > now}
