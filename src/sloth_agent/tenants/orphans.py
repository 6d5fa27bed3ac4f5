"""Folders of tenants that are gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import AuditStore
from sloth_agent.tenants.models import schema_name
from sloth_agent.tenants.ports import OrganizationStore


class TenantFolders(Protocol):
    """The tenants' original files, in a folder for each that is named like the schema."""

    async def names(self) -> Sequence[str]: ...

    async def remove(self, name: str) -> None:
        """Forget a folder and all that is in it."""


@dataclass(frozen=True, slots=True)
class Orphans:
    """Whatever was written for a tenant while it was being deleted."""

    organizations: OrganizationStore
    log: AuditStore
    folders: TenantFolders

    async def remove(self) -> int:
        """Remove the folders of tenants that this install has had and deleted; returns how many.

        The audit log outlives a tenant. A folder of which it knows nothing may belong to another
        install that keeps its files in the same place.
        """
        names = await self.folders.names()
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
