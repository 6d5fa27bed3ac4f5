"""Folders of tenants that are gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sloth_agent.clock import Clock
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import AuditStore
from sloth_agent.tenants.models import schema_name
from sloth_agent.tenants.ports import OrganizationStore

LEFT_ALONE_FOR = timedelta(days=1)


class TenantFolders(Protocol):
    """The tenants' original files, in a folder for each that is named like the schema."""

    async def untouched(self, *, since: datetime) -> Sequence[str]:
        """The names of those in which nothing was written since."""

    async def remove(self, name: str) -> None:
        """Forget a folder and all that is in it."""


@dataclass(frozen=True, slots=True)
class Orphans:
    """Whatever was written for a tenant while it was being deleted."""

    organizations: OrganizationStore
    log: AuditStore
    folders: TenantFolders
    clock: Clock

    async def remove(self) -> int:
        """Remove the folders of tenants that this install has had and deleted; returns how many.

        The audit log outlives a tenant. A folder of which it knows nothing may belong to another
        install that keeps its files in the same place, one that was written to within a day to a
        tenant that is just coming.
        """
        names = await self.folders.untouched(since=self.clock() - LEFT_ALONE_FOR)
        present = {organization.schema_name for organization in await self.organizations.all()}
        orphans = [name for name in names if name not in present and await self._was_here(name)]
        for name in orphans:
            await self.folders.remove(name)
        return len(orphans)

    async def _was_here(self, folder: str) -> bool:
        try:
            tenant = TenantId(UUID(hex=folder.removeprefix("t_")))
        except ValueError:
            return False
        events = await self.log.newest(organization=tenant, action=None, before=None, limit=1)
        return folder == schema_name(tenant) and bool(events)
