"""Brings a whole install, or one tenant of it, back to where a backup has it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import anyio

from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.tenants.archives import (
    ArchiveFormat,
    ArchiveReader,
    Archives,
    checked,
    newcomer,
)
from sloth_agent.tenants.audit import Actor, AuditEvent
from sloth_agent.tenants.backup_manifests import (
    BackupManifest,
    KeptTenant,
    backup_manifest_from,
    check_backup,
)
from sloth_agent.tenants.backup_ports import ControlTables, VacantSpaces, not_empty
from sloth_agent.tenants.manifests import Manifest, manifest_from
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.orphans import TenantFolders
from sloth_agent.tenants.ports import TenantSpaces

SHOWN = 10
"""As many tenants of a backup are named to whoever asks for one that it has not."""


@dataclass(frozen=True, slots=True)
class Restoring:
    """All or nothing, at any moment.

    Tenants come to new places that nobody sees. One transaction of the control tables then leads
    to all of them at once, and what they led to before is removed.
    """

    archives: Archives
    control: ControlTables
    vacant: VacantSpaces
    spaces: TenantSpaces
    folders: TenantFolders
    format: ArchiveFormat
    clock: Clock

    async def restore(self, path: Path, *, replace: bool = False, by: Actor) -> BackupManifest:
        """Put a backup into an empty install or, with `replace`, in the place of all there is.

        The backup is checked to its last byte before anything is written. Cut short at any moment
        it is run again, and removes what the first run left.

        Raises:
            NotFound: no such file.
            ArchiveRefused: not a backup, damaged, or of a newer release.
            Conflict: the install is not empty, or somebody restores right now.
        """
        async with self._opened(path) as (manifest, archive):
            await self.control.check(manifest)
            await _check_all(manifest, archive)
            if not replace and not await self.is_empty():
                raise not_empty()
            async with self._alone():
                homes = await self._settle_all(manifest, archive)
                await self.control.replace(
                    manifest,
                    archive.read,
                    homes=homes,
                    only_empty=not replace,
                    event=AuditEvent.of(
                        "backup.restored",
                        by=by,
                        at=self.clock(),
                        subject=path.name,
                        tenants=len(homes),
                    ),
                )
        return manifest

    async def is_empty(self) -> bool:
        """Whether there is nothing here that a backup would replace."""
        return await self.control.is_empty()

    async def restore_tenant(self, path: Path, slug: str, *, by: Actor) -> Organization:
        """Bring the data of one tenant back; its users and its subscription stay as they are.

        A tenant that is not here any more comes as from an archive of its own, without users.

        Raises:
            NotFound: no such file, or no such tenant in it.
            ArchiveRefused: not a backup, or damaged.
            Conflict: somebody restores, imports or deletes right now.
        """
        async with (
            self._opened(path) as (manifest, archive),
            archive.nested(_named(slug, manifest.tenants).archive) as own,
        ):
            kept = await checked(own)
            present = await self.archives.organizations.store.find(slug)
            if present is None:
                return await self.archives.put_in(kept, own, slug=slug, by=by)
            async with self._alone():
                home = await self._settle(kept, own, present.database)
                event = AuditEvent.of(
                    "tenant.restored",
                    by=by,
                    at=self.clock(),
                    organization=present.id,
                    subject=path.name,
                )
                if not await self.control.rehouse(present, home, event=event):
                    raise Conflict(
                        f"The tenant {slug!r} was moved or deleted meanwhile.", hint="Try again."
                    )
        return await self.archives.organizations.show(slug)

    async def remove_leftovers(self) -> int:
        """Remove the places that a restore which was cut short has left; returns how many.

        None while somebody restores.
        """
        try:
            async with self.vacant.alone():
                return await self._remove_vacant()
        except Conflict:
            return 0

    @asynccontextmanager
    async def _opened(self, path: Path) -> AsyncIterator[tuple[BackupManifest, ArchiveReader]]:
        """A backup that was read to its last byte; what archives in it say is not checked yet."""
        async with self.format.open(path) as archive:
            manifest = backup_manifest_from(await archive.manifest())
            check_backup(manifest, await archive.scan())
            yield manifest, archive

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """What is vacant at the end is removed, and before, what somebody else has left."""
        async with self.vacant.alone():
            await self._remove_vacant()
            try:
                yield
            finally:
                with anyio.CancelScope(shield=True):
                    await self._remove_vacant()

    async def _remove_vacant(self) -> int:
        vacant = await self.vacant.all()
        for space in vacant:
            await self.spaces.remove(space)
            await self.folders.remove(space.schema_name)
            await self.vacant.forget(space)
        return len(vacant)

    async def _settle_all(
        self, manifest: BackupManifest, archive: ArchiveReader
    ) -> Mapping[str, Organization]:
        """By the names of the schemas where they lived."""
        databases = cycle(self.spaces.databases)
        homes = {}
        for tenant in manifest.tenants:
            async with archive.nested(tenant.archive) as own:
                kept = manifest_from(await own.manifest())
                homes[tenant.schema_name] = await self._settle(kept, own, next(databases))
        return homes

    async def _settle(
        self, manifest: Manifest, archive: ArchiveReader, database: str
    ) -> Organization:
        """Bring a tenant's data to a place of its own, which is vacant until further notice."""
        home = newcomer(manifest, slug=manifest.tenant.slug, database=database)
        await self.vacant.add(home)
        await self.archives.fill(home, manifest, archive, with_secrets=True)
        return home


async def _check_all(manifest: BackupManifest, archive: ArchiveReader) -> None:
    """Read the archives of all tenants to their last bytes."""
    for tenant in manifest.tenants:
        async with archive.nested(tenant.archive) as own:
            await checked(own)


def _named(slug: str, tenants: Sequence[KeptTenant]) -> KeptTenant:
    for tenant in tenants:
        if tenant.slug == slug:
            return tenant
    raise NotFound(f"The backup has no tenant {slug!r}.", hint=_those_it_has(tenants))


def _those_it_has(tenants: Sequence[KeptTenant]) -> str:
    if not tenants:
        return "It has none."
    some = ", ".join(tenant.slug for tenant in tenants[:SHOWN])
    more = len(tenants) - SHOWN
    return f"It has {some}{f' and {more} more' if more > 0 else ''}."
