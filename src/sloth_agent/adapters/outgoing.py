"""How we call a service outside: with a deadline, few tries, and a rest while it is down."""

import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import anyio

from sloth_agent.errors import BackendUnavailable

T = TypeVar("T")

TRIES = 3
FAILED_CALLS_UNTIL_REST = 2
"""One call may fail for a reason of its own; two in a row, after all their tries, do not."""


class TryAgain(Exception):
    """A failure that may pass. Raised by an attempt, never seen by callers.

    `down` tells whether the service itself seems to be in trouble, which a limit of rate is not.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, down: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after  # seconds; None: the service named none
        self.down = down


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one call may take, and when a service that fails is asked again."""

    call_seconds: float  # all tries and pauses together
    try_seconds: float
    pause_seconds: float = 0.4  # before the second try; doubled before the third
    rest_seconds: float = 15.0  # without any request, once the service is taken to be down
    knock_seconds: float = 1.5  # a caller waits no longer to learn that it is still down


class Circuit:
    """Remembers that a service is down, so that callers need not find out each for themselves.

    Closed: calls go through. Open: they are refused until the rest is over. Then one caller may
    see whether the service is back, while the others are still refused.
    """

    def __init__(self, rest_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rest_seconds = rest_seconds
        self._now = now
        self._failed_calls = 0
        self._rests_until = 0.0
        self._being_tried = False

    @property
    def closed(self) -> bool:
        return self._failed_calls < FAILED_CALLS_UNTIL_REST

    def succeeded(self) -> None:
        self._failed_calls = 0

    def failed(self) -> None:
        self._failed_calls += 1
        self._rests_until = self._now() + self._rest_seconds

    @contextmanager
    def chance(self) -> Iterator[bool]:
        """Whether the caller may be the one who sees if an open circuit can close again."""
        if self._being_tried or self._now() < self._rests_until:
            yield False
            return
        self._being_tried = True
        try:
            yield True
        finally:
            self._being_tried = False


class Line:
    """Calls to one service. What is raised in the end is `unavailable`, with the reason."""

    def __init__(
        self,
        service: str,
        *,
        unavailable: type[BackendUnavailable],
        patience: Patience,
        knock: Callable[[], Awaitable[None]],
    ) -> None:
        self._service = service
        self._unavailable = unavailable
        self._patience = patience
        self._knock = knock
        self._circuit = Circuit(patience.rest_seconds)

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Run `attempt` until it succeeds, at most three times and within the deadline.

        An attempt says with `TryAgain` that another may succeed; all other errors end the call.
        """
        if self._circuit.closed:
            return await self._tried(attempt, TRIES)
        with self._circuit.chance() as may_try:
            if not may_try or not await self._answers():
                raise self.gave_up("is down; calls to it rest for some seconds")
            return await self._tried(attempt, 1)

    def gave_up(self, reason: str) -> BackendUnavailable:
        return self._unavailable(f"{self._service} {reason}.", backend=self._service)

    async def _answers(self) -> bool:
        try:
            with anyio.fail_after(self._patience.knock_seconds):
                await self._knock()
        except (TryAgain, TimeoutError):
            self._circuit.failed()
            return False
        return True

    async def _tried(self, attempt: Callable[[], Awaitable[T]], tries: int) -> T:
        ends = time.monotonic() + self._patience.call_seconds
        number = 0
        while True:
            number += 1
            left = ends - time.monotonic()
            try:
                with anyio.fail_after(min(left, self._patience.try_seconds)):
                    result = await attempt()
            except TimeoutError:
                failure = TryAgain("did not answer in time")
            except TryAgain as error:
                failure = error
            else:
                self._circuit.succeeded()
                return result
            pause = unequal(self._patience.pause_seconds * 2 ** (number - 1), failure.retry_after)
            if number == tries or time.monotonic() + pause >= ends:
                break
            await anyio.sleep(pause)
        if failure.down:
            self._circuit.failed()
        raise self.gave_up(failure.reason) from failure


def unequal(longest: float, retry_after: float | None) -> float:
    """Seconds to wait, not the same for all who wait; what the service asks for is the least."""
    jittered = longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing
    return jittered if retry_after is None else retry_after + jittered
