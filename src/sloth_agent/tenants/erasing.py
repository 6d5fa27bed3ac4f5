"""Forgets a tenant, and all that it ever had."""

from dataclasses import dataclass
from typing import Protocol

from sloth_agent.clock import Clock
from sloth_agent.errors import NotFound
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import Actor, AuditEvent
from sloth_agent.tenants.models import Organization, checked_slug
from sloth_agent.tenants.orphans import TenantFolders
from sloth_agent.tenants.ports import TenantSpaces


class ErasureStore(Protocol):
    """The shared record of tenants that are going. Each method is one transaction."""

    async def mark_deleting(self, slug: str) -> Organization | None:
        """Let nobody in any more; None: no such tenant."""

    async def remove(self, organization: Organization, *, event: AuditEvent) -> bool:
        """Forget it and its users, subscription and codes; False: somebody else was faster."""


class Farewell(Protocol):
    """What has to end elsewhere before a tenant may go."""

    async def end(self, organization: TenantId) -> None: ...


@dataclass(frozen=True, slots=True)
class Erasing:
    """The end of tenants."""

    store: ErasureStore
    farewell: Farewell
    spaces: TenantSpaces
    folders: TenantFolders
    clock: Clock

    async def erase(self, slug: str, *, by: Actor) -> None:
        """Remove rows, schema, role, files, users and subscription; ids stay in the audit log.

        Nobody gets in from the first moment on, and nothing is charged any more. The record goes
        last: what was cut short is finished by running it again.

        Raises:
            NotFound: no such tenant.
            Conflict: what the firm pays for cannot be ended here; nothing is erased.
            PaymentUnavailable: whoever takes its payments does not answer; nothing is erased.
        """
        organization = await self.store.mark_deleting(checked_slug(slug))
        if organization is None:
            raise NotFound(f"There is no tenant {slug!r}.", hint="See `sloth tenants list`.")
        await self.farewell.end(organization.id)
        await self.spaces.remove(organization)
        await self.folders.remove(organization.schema_name)
        event = AuditEvent.of(
            "tenant.deleted", by=by, at=self.clock(), organization=organization.id
        )
        await self.store.remove(organization, event=event)
