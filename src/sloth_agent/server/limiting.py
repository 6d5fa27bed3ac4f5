"""How often somebody may ask: counted in Redis where there is one, else in this process."""

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from logging import getLogger
from typing import TypeVar

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import (
    MovingWindowRateLimiter,
    RateLimiter,
    SlidingWindowCounterRateLimiter,
)
from limits.errors import StorageError

from sloth_agent.errors import RateLimited
from sloth_agent.server.own_counts import OwnStorage
from sloth_agent.settings import Settings

DAY = 24 * 60 * 60

AWAY_SECONDS = 5.0
"""How long a Redis that did not answer is left alone."""

T = TypeVar("T")

_log = getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many in so many seconds, for each of those that it is counted for."""

    name: str
    amount: int
    seconds: int = 60
    exact: bool = False  # keeps each moment: for few; else about as many, for two numbers each
    item: RateLimitItemPerSecond = field(init=False, compare=False)

    def __post_init__(self) -> None:
        item = RateLimitItemPerSecond(self.amount, self.seconds, namespace=self.name)
        object.__setattr__(self, "item", item)


WRONG_PASSWORDS = Rate(name="sign-in", amount=10, seconds=5 * 60, exact=True)
"""Of one account from one address: its owner still gets in from another."""

SIGN_INS = Rate(name="sign-ins", amount=100, seconds=5 * 60, exact=True)
"""From one address: each costs the time of a slow hash."""

LINKS = Rate(name="links", amount=5, seconds=60 * 60, exact=True)
"""Mails to one address."""

TRIALS = Rate(name="trials", amount=20)
"""Of one firm: the sandbox is free, and no way around the plan's messages."""


VISITORS = Rate(name="visitors", amount=60, seconds=60 * 60)
"""New ones of web chats from one address, which a whole office may share."""


QUESTIONS = Rate(name="questions", amount=600, seconds=DAY)
"""Messages of visitors to one firm from one address, which must not use up its plan."""

PERSONS = Rate(name="persons", amount=10, seconds=60 * 60)
"""Asked for in web chats from one address: each is a mail to the firm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often anything may be asked, as the settings have it."""

    caller: Rate  # a user or an API key
    tenant: Rate
    address: Rate  # of who has not signed in
    visitor: Rate  # messages of one visitor of a web site
    visitor_a_day: Rate

    @property
    def all(self) -> tuple[Rate, ...]:
        """Those that no setting changes, too."""
        rates = (TRIALS, WRONG_PASSWORDS, SIGN_INS, LINKS, VISITORS, QUESTIONS, PERSONS)
        mine = (self.caller, self.tenant, self.address, self.visitor, self.visitor_a_day)
        return (*mine, *rates)

    @classmethod
    def of(cls, settings: Settings) -> "Rates":
        return cls(
            caller=Rate(name="requests", amount=settings.requests_per_minute),
            tenant=Rate(name="organization", amount=settings.tenant_requests_per_minute),
            address=Rate(name="address", amount=settings.address_requests_per_minute),
            visitor=Rate(name="visitor", amount=settings.chat_turns_per_minute),
            visitor_a_day=Rate(
                name="visitor-a-day", amount=settings.chat_turns_per_day, seconds=DAY
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is left of a rate."""

    rate: Rate
    remaining: int
    resets_in: int  # seconds

    @property
    def headers(self) -> dict[str, str]:
        """As the draft of the working group (ratelimit-headers) has them."""
        rate = self.rate
        return {
            "RateLimit-Policy": f'"{rate.name}";q={rate.amount};w={rate.seconds}',
            "RateLimit": f'"{rate.name}";r={self.remaining};t={self.resets_in}',
        }


class Counters:
    """Both ways to count, in one place."""

    def __init__(self, storage: OwnStorage | RedisStorage) -> None:
        self._exact = MovingWindowRateLimiter(storage)
        self._about = SlidingWindowCounterRateLimiter(storage)

    def of(self, rate: Rate) -> RateLimiter:
        return self._exact if rate.exact else self._about


@dataclass(slots=True)
class Limiter:
    """Never off: while Redis is away each process counts for itself."""

    own: Counters
    shared: Counters | None = None
    _away_until: float = 0.0  # and 0 while it answers

    async def count(self, rate: Rate, whose: str) -> Left:
        """Count one more.

        Raises:
            RateLimited: there were as many already.
        """
        there_was_room, left = await self._asked(
            lambda counters: _counted(counters.of(rate), rate, whose)
        )
        if not there_was_room:
            raise too_often(left)
        return left

    async def take(self, rate: Rate, whose: str) -> None:
        """Count one more, where nobody is told what is left.

        Raises:
            RateLimited: there were as many already.
        """
        if not await self._asked(lambda counters: counters.of(rate).hit(rate.item, whose)):
            await self.count(rate, whose)

    async def clear(self, rate: Rate, whose: str) -> None:
        """Forget what was counted."""
        await self._asked(lambda counters: counters.of(rate).clear(rate.item, whose))

    async def _asked(self, ask: Callable[[Counters], Awaitable[T]]) -> T:
        """Of Redis, or of this process while Redis is away."""
        if self.shared is None or time.monotonic() < self._away_until:
            return await ask(self.own)
        if self._away_until:  # who sees whether it is back; others do not wait for that
            self._away_until = time.monotonic() + AWAY_SECONDS
        try:
            answer = await ask(self.shared)
        except StorageError:
            _log.warning(
                "Redis does not answer: each process counts requests for itself meanwhile."
            )
            self._away_until = time.monotonic() + AWAY_SECONDS
            return await ask(self.own)
        self._away_until = 0.0
        return answer


async def _counted(counter: RateLimiter, rate: Rate, whose: str) -> tuple[bool, Left]:
    """Whether there was room, and what is left."""
    there_was_room = await counter.hit(rate.item, whose)
    stats = await counter.get_window_stats(rate.item, whose)
    resets_in = max(1, math.ceil(stats.reset_time - time.time()))
    return there_was_room, Left(rate=rate, remaining=max(0, stats.remaining), resets_in=resets_in)


def too_often(left: Left) -> RateLimited:
    """What to tell somebody who is to wait."""
    return RateLimited(
        "Too many requests.",
        hint=f"Wait {left.resets_in} seconds.",
        retry_after_seconds=left.resets_in,
        left=left,
    )


@asynccontextmanager
async def limiter_of(settings: Settings) -> AsyncIterator[Limiter]:
    own = Counters(OwnStorage())
    if settings.redis_url is None:
        yield Limiter(own)
        return
    storage = RedisStorage(
        _address(settings.redis_url.get_secret_value()),
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix="sloth-agent",
        socket_connect_timeout=1.0,
        socket_timeout=1.0,
    )
    try:
        yield Limiter(own, Counters(storage))
    finally:
        assert isinstance(storage.bridge, RedispyBridge)  # as it was asked for
        await storage.bridge.storage.aclose()


def _address(url: str) -> str:
    """Celery and this library call a local socket by different names."""
    return "async+" + url.replace("redis+socket://", "redis+unix://")
