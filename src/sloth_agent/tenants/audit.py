"""Who did what, and from where: written with the change itself, and never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, Self
from uuid import UUID

from sloth_agent.clock import Clock, SetClock, system_clock
from sloth_agent.errors import InvalidInput
from sloth_agent.ids import TenantId, new_id

MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whoever asks for a change."""

    name: str  # an e-mail address, `cli:anna` for an operator at the machine, `system` for a task
    address: str | None = None  # the network address it came from
    request_id: str | None = None


SYSTEM = Actor(name="system")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that was done, or refused. Holds no secrets and no customers' words."""

    id: UUID
    at: datetime  # by the clock of whoever did it
    by: Actor
    action: str  # such as `code.redeemed`
    organization: TenantId | None = None
    subject: str | None = None  # what it was done to
    details: Mapping[str, object] = field(default_factory=dict)
    happened_at: datetime | None = None  # where that clock was set to another time

    @classmethod
    def of(
        cls,
        action: str,
        *,
        by: Actor,
        at: datetime,
        organization: TenantId | None = None,
        subject: str | None = None,
        **details: object,
    ) -> Self:
        return cls(
            id=new_id(),
            at=at,
            by=by,
            action=action,
            organization=organization,
            subject=subject,
            details=details,
        )

    def by_clock(self, clock: Clock) -> Self:
        """Where that clock was set to another time, the log tells both."""
        if not isinstance(clock, SetClock):
            return self
        details = {**self.details, "clock": clock.shows.isoformat()}
        return replace(self, happened_at=system_clock(), details=details)


class AuditStore(Protocol):
    """The log of one install."""

    async def add(self, event: AuditEvent) -> None:
        """For what changes nothing else; changes write their events in their own transactions."""

    async def newest(
        self,
        *,
        organization: TenantId | None,
        action: str | None,
        before: UUID | None,
        limit: int,
    ) -> Sequence[AuditEvent]:
        """Newest first; `action` may end in `*`."""


@dataclass(frozen=True, slots=True)
class TenantLog:
    """Writes down what was changed in one tenant, whose tables may be in another database."""

    organization: TenantId
    store: AuditStore
    clock: Clock

    async def write(
        self, action: str, *, by: Actor, subject: str | None = None, **details: object
    ) -> None:
        """Ids and the names of fields alone: the log outlives a tenant that was erased."""
        event = AuditEvent.of(
            action,
            by=by,
            at=self.clock(),
            organization=self.organization,
            subject=subject,
            **details,
        )
        await self.store.add(event)


@dataclass(frozen=True, slots=True)
class Audit:
    """Reads the log."""

    store: AuditStore

    async def list(
        self,
        *,
        organization: TenantId | None = None,
        action: str | None = None,
        before: UUID | None = None,
        limit: int = 50,
    ) -> Sequence[AuditEvent]:
        """Events, newest first; of one organization, of one action or of a kind such as `code.*`.

        Raises:
            InvalidInput: a limit out of range.
        """
        if not 1 <= limit <= MOST_AT_ONCE:
            raise InvalidInput(f"The limit is 1 to {MOST_AT_ONCE}.", field="limit")
        return await self.store.newest(
            organization=organization, action=action, before=before, limit=limit
        )
