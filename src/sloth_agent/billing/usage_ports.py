"""What counting needs from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sloth_agent.billing.allowance import Hold, Resource, Room
from sloth_agent.billing.models import Subscription
from sloth_agent.ids import TenantId


class CurrentSubscriptions(Protocol):
    """What firms have bought."""

    async def current(self, organization: TenantId) -> Subscription | None:
        """None: the firm never had one, and nothing limits it."""


class TakenSeats(Protocol):
    """Users are counted where they sign in, not where their firm's documents are."""

    async def seats_taken(self, organization: TenantId, *, now: datetime) -> int:
        """Active users and open invitations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How much of one thing is there, and for how much more a place is kept."""

    used: int = 0
    reserved: int = 0


class UsageStore(Protocol):
    """The counters of one tenant, where it lives. Each method is one transaction.

    0 <= used + reserved <= limit holds whatever is done at once. What is counted in the
    transaction that brings it (an answer, a document) is counted by that store.
    """

    async def reserve(self, hold: Hold, *, now: datetime, until: datetime) -> bool:
        """Keep a place; False if there is none. Those kept beyond their time are free again."""

    async def commit(self, hold: Hold) -> bool:
        """What the place was kept for is there; False if it was kept beyond its time."""

    async def refund(self, hold: Hold) -> None:
        """Nothing came of it; one that has ended already is no error."""

    async def free_expired(self, *, now: datetime) -> None:
        """Give back the places that were kept beyond their time."""

    async def count(self, room: Room) -> Count:
        """Of one thing."""

    async def counts(self, *, month: datetime) -> Mapping[Resource, Count]:
        """Of all that there is, and of what is counted in the month that began then."""
