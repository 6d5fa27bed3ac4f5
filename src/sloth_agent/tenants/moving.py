"""Moves a tenant to another database of the install, while it is served."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from sloth_agent.clock import Clock
from sloth_agent.tenants.audit import Actor, AuditEvent
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.organizations import Organizations


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A tenant that arrived in another database."""

    organization: Organization  # where it lives now
    rows: int  # how many were copied
    blocked: timedelta  # how long whoever wanted something of the tenant had to wait, at most


class TenantCarrier(Protocol):
    """Brings tenants from one database to another."""

    async def check_apart(self) -> None:
        """Raises:
        ConfigurationError: two names lead to one database: what a move leaves in the one would
            be taken out of the other.
        """

    async def whereabouts(self, organization: Organization) -> Organization:
        """Where the tenant lives: also when nobody has been told of its last move yet."""

    async def carry(self, organization: Organization, to: str) -> Carried:
        """Copy the tenant, and let it live there from one moment on.

        Cut short before that moment, the tenant lives where it did; afterwards it lives there,
        and `whereabouts` knows.

        Raises:
            Conflict: somebody else moves it, or something in it does not end.
        """

    async def clear(self, organization: Organization) -> None:
        """Remove what moves, ended or not, have left in the other databases; may be repeated."""


class PlacementStore(Protocol):
    """The shared record of where tenants live."""

    async def moved(self, organization: Organization, event: AuditEvent) -> None:
        """Write down where a tenant lives now, with the event; nothing if that is known already."""


@dataclass(frozen=True, slots=True)
class Moving:
    """Tenants on their way between databases."""

    organizations: Organizations
    store: PlacementStore
    carrier: TenantCarrier
    clock: Clock

    async def move(self, slug: str, *, to: str, by: Actor) -> Carried:
        """Let a tenant live in another database; it is served meanwhile, but for a moment.

        Cut short at any time, the same call ends what was begun, and a call with the database
        where the tenant lives removes it.

        Raises:
            NotFound: no such tenant, or no such database.
            Conflict: it is not all there; somebody else moves it; something in it does not end.
            ConfigurationError: two names of databases lead to one.
        """
        self.organizations.check_database(to)
        await self.carrier.check_apart()
        recorded = await self.organizations.complete(slug)
        present = await self.carrier.whereabouts(recorded)
        await self._record(recorded, present, by)
        if present.database == to:
            carried = Carried(organization=present, rows=0, blocked=timedelta())
        else:
            carried = await self.carrier.carry(present, to)
            await self._record(present, carried.organization, by)
        await self.carrier.clear(carried.organization)
        return carried

    async def _record(self, before: Organization, now: Organization, by: Actor) -> None:
        if before == now:
            return
        event = AuditEvent.of(
            "tenant.moved",
            by=by,
            at=self.clock(),
            organization=now.id,
            subject=now.database,
            previous=before.database,
        )
        await self.store.moved(now, event)
