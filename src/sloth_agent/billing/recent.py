"""Subscriptions as they were a moment ago: asked for with each message, changed once a month."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sloth_agent.billing.models import Subscription
from sloth_agent.billing.usage_ports import CurrentSubscriptions
from sloth_agent.ids import TenantId

MOMENT_SECONDS = 5.0
MOST_KEPT = 10_000
"""So that a process which serves very many firms does not grow."""


@dataclass(slots=True)
class RecentSubscriptions:
    """`CurrentSubscriptions` that asks for each firm at most every five seconds."""

    source: CurrentSubscriptions
    timer: Callable[[], float] = time.monotonic
    _known: dict[TenantId, tuple[float, Subscription | None]] = field(default_factory=dict)

    async def current(self, organization: TenantId) -> Subscription | None:
        known = self._known.get(organization)
        if known is not None and self.timer() < known[0] + MOMENT_SECONDS:
            return known[1]
        asked_at = self.timer()
        subscription = await self.source.current(organization)
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        self._known[organization] = asked_at, subscription
        return subscription
