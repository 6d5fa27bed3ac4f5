"""So many messages in a second, in all and to each chat, as far as this process sends them."""

import time
from collections.abc import Callable
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
    _next: float = 0.0
    _next_of: dict[str, float] = field(default_factory=dict)

    def pause(self, seconds: float) -> None:
        """Nothing is to be sent for so long: the vendor says so."""
        self._next = max(self._next, self.now() + seconds)

    async def turn(self, chat: str) -> None:
        """Wait until one more may be sent to a chat.

        Raises:
            RateLimited: that is not soon.
        """
        if (seconds := self._next - self.now()) > LONGEST_WAIT_SECONDS:
            raise RateLimited("The messenger asks us to wait.", retry_after_seconds=seconds)
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
