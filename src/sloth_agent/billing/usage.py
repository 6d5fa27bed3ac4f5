"""Counts what one tenant uses, against what it may use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import anyio

from sloth_agent.billing.access import require_access
from sloth_agent.billing.allowance import (
    Allowance,
    Hold,
    Meter,
    Resource,
    Room,
    UsageReport,
    allowance_of,
)
from sloth_agent.billing.models import BYTES_IN_MB
from sloth_agent.billing.usage_ports import (
    Count,
    CurrentSubscriptions,
    TakenSeats,
    UsageStore,
)
from sloth_agent.clock import Clock
from sloth_agent.errors import (
    BackendUnavailable,
    DocumentLimitExceeded,
    LimitReached,
    MessageLimitExceeded,
    PhotoLimitExceeded,
    SeatLimitExceeded,
    StorageLimitExceeded,
)
from sloth_agent.ids import TenantId, new_id

LONGEST_HOLD = timedelta(minutes=15)
"""No answer takes so long; a place that is kept longer belongs to a process that died."""

REFUND_SECONDS = 5
"""How long somebody who gave up waits for the refund; after that the place frees itself."""


@dataclass(frozen=True, slots=True)
class Metering:
    """What one tenant uses."""

    organization: TenantId
    store: UsageStore
    subscriptions: CurrentSubscriptions
    seats: TakenSeats
    clock: Clock

    async def allowance(self) -> Allowance:
        """What it may use now.

        Raises:
            SubscriptionExpired: nothing more, until it subscribes again.
        """
        subscription = await self.subscriptions.current(self.organization)
        require_access(subscription)
        return allowance_of(subscription, self.clock())

    async def free_expired(self) -> None:
        """Give back places that were kept by whoever died over it."""
        await self.store.free_expired(now=self.clock())

    async def report(self) -> UsageReport:
        """All that it uses now, also after the end of its subscription."""
        now = self.clock()
        allowance = allowance_of(await self.subscriptions.current(self.organization), now)
        seats = await self.seats.seats_taken(self.organization, now=now)
        counts = {
            **await self.store.counts(month=allowance.month.start),
            Resource.USERS: Count(used=seats),
        }
        meters = []
        for resource in Resource:
            count = counts.get(resource, Count())
            room = allowance.room(resource)
            meters.append(Meter(room=room, used=count.used, reserved=count.reserved))
        return UsageReport(month=allowance.month, meters=tuple(meters))

    @asynccontextmanager
    async def held(self, resource: Resource) -> AsyncIterator[Hold]:
        """Keep a place for one thing; refunded unless the thing is stored with its count.

        Raises:
            LimitReached: the subclass of the resource; nothing is kept.
            SubscriptionExpired: likewise.
        """
        hold = await self._hold((await self.allowance()).room(resource))
        try:
            yield hold
        except BaseException:
            with anyio.move_on_after(REFUND_SECONDS, shield=True), suppress(BackendUnavailable):
                await self._refund(hold)
            raise

    async def _hold(self, room: Room) -> Hold:
        if room.limit is None:
            return Hold(id=None, room=room, amount=1)
        hold = Hold(id=new_id(), room=room, amount=1)
        now = self.clock()
        if not await self.store.reserve(hold, now=now, until=now + LONGEST_HOLD):
            count = await self.store.count(room)
            raise limit_reached(room, used=count.used)
        return hold

    async def _refund(self, hold: Hold) -> None:
        if hold.id is not None:
            await self.store.refund(hold)


_EXCEEDED: dict[Resource, type[LimitReached]] = {
    Resource.MESSAGES: MessageLimitExceeded,
    Resource.PHOTOS: PhotoLimitExceeded,
    Resource.DOCUMENTS: DocumentLimitExceeded,
    Resource.USERS: SeatLimitExceeded,
    Resource.STORAGE_BYTES: StorageLimitExceeded,
}

_NO_ROOM = {
    Resource.MESSAGES: "All {limit} messages of this month are used up.",
    Resource.PHOTOS: "All {limit} photos of this month are used up.",
    Resource.DOCUMENTS: "The plan has room for {limit} documents, and they are there.",
    Resource.USERS: "All {limit} users of the plan are taken.",
    Resource.STORAGE_BYTES: "The file does not fit into the plan's storage of {megabytes} MB.",
}


def limit_reached(room: Room, *, used: int) -> LimitReached:
    """What to tell somebody for whom there is no room."""
    assert room.limit is not None, "without a limit there is always room"
    if room.resets_at is not None:
        hint = f"Choose a higher plan, or wait until {room.resets_at:%Y-%m-%d %H:%M} UTC."
    else:
        hint = "Choose a higher plan, or delete what is not needed any more."
    return _EXCEEDED[room.resource](
        _NO_ROOM[room.resource].format(limit=room.limit, megabytes=room.limit // BYTES_IN_MB),
        hint=hint,
        resource=room.resource.value,
        used=used,
        limit=room.limit,
        resets_at=room.resets_at,
    )
