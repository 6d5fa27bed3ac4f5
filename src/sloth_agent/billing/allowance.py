"""How much of each thing a firm may use at a moment."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from sloth_agent.billing.models import NO_LIMITS, Limits, Subscription
from sloth_agent.billing.periods import Period, month_around

EVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when things are counted that no new month takes away."""


class Resource(StrEnum):
    """What plans limit. The name is that of the field of `Limits`, too."""

    MESSAGES = "messages"
    PHOTOS = "photos"
    DOCUMENTS = "documents"
    USERS = "users"
    STORAGE_BYTES = "storage_bytes"

    @property
    def is_monthly(self) -> bool:
        """Counted anew each month; of the others it matters how many there are."""
        return self in (Resource.MESSAGES, Resource.PHOTOS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much of one thing there may be, and since when it is counted."""

    resource: Resource
    limit: int | None  # None: as much as they like
    since: datetime
    resets_at: datetime | None  # None: only what is deleted makes room again


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A place that is kept for something until it is there, or has failed."""

    id: UUID | None  # None: nothing limits it, and no place has to be kept
    room: Room
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a firm may use, and the month in which that is counted."""

    limits: Limits
    month: Period

    def room(self, resource: Resource) -> Room:
        if not resource.is_monthly:
            return lasting_room(resource, self.limits)
        return Room(
            resource=resource,
            limit=getattr(self.limits, resource),
            since=self.month.start,
            resets_at=self.month.end,
        )


def lasting_room(resource: Resource, limits: Limits) -> Room:
    """Of what is not counted by month."""
    return Room(resource=resource, limit=getattr(limits, resource), since=EVER, resets_at=None)


def allowance_of(subscription: Subscription | None, now: datetime) -> Allowance:
    """What a subscription gives; without one there are no limits, and months of the calendar."""
    if subscription is None:
        return Allowance(limits=NO_LIMITS, month=month_around(now, anchor=EVER))
    return Allowance(limits=subscription.limits, month=subscription.month(now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """How much of one thing a firm uses, and may use."""

    room: Room
    used: int
    reserved: int  # for what is being done right now

    def reached(self, percent: int) -> bool:
        """Whether so much of the limit is used; never where there is no limit, or only one.

        The only user of a plan for one is nothing to be told of.
        """
        limit = self.room.limit or 0
        return limit > 1 and self.used * 100 >= limit * percent


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """All that a firm uses at one moment."""

    month: Period
    meters: tuple[Meter, ...]  # one for each resource
