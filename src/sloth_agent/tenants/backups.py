"""Keeps a whole install in one file: the control tables, and the archive of each tenant."""

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sloth_agent.clock import Clock
from sloth_agent.errors import ArchiveRefused, NotFound, StorageUnavailable
from sloth_agent.tenants.archive_parts import TableRows
from sloth_agent.tenants.archives import ArchiveFormat, Archives, ArchiveWriter
from sloth_agent.tenants.audit import Actor, AuditEvent, AuditStore
from sloth_agent.tenants.backup_manifests import (
    BackupManifest,
    KeptTenant,
    archive_member,
    backup_manifest_from,
    backup_values,
    control_member,
)
from sloth_agent.tenants.backup_ports import (
    BackupFile,
    BackupFolder,
    ControlSnapshot,
    ControlTables,
)
from sloth_agent.tenants.manifests import manifest_values
from sloth_agent.tenants.models import Organization, Stage
from sloth_agent.tenants.organizations import Organizations


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A file that is a backup, or should be one."""

    file: BackupFile
    manifest: BackupManifest | None  # None where there is a problem
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Backups:
    """Makes backups while everybody goes on working, and lists them."""

    organizations: Organizations
    archives: Archives
    control: ControlTables
    folder: BackupFolder
    format: ArchiveFormat
    audit: AuditStore
    clock: Clock

    async def create(self, output: Path | None = None, *, by: Actor) -> Backup:
        """Write all tenants, users, plans and the rest into one file.

        Whatever was acknowledged before the call is in it. Each tenant is as it was at one moment,
        and so are the control tables, a moment after all tenants: no firm is in them without its
        data.

        Raises:
            Conflict: there is a file at `output` already, or the database is of a newer release.
            StorageUnavailable: the file cannot be written; nothing is left of it.
        """
        path = output or await self.folder.new(self.clock())
        async with self.format.create(path) as writer:
            manifest = await self._write(writer)
            await self.audit.add(
                AuditEvent.of(
                    "backup.created",
                    by=by,
                    at=self.clock(),
                    subject=path.name,
                    tenants=len(manifest.tenants),
                )
            )
            await writer.finish(backup_values(manifest))
        file = BackupFile(path=path, size=await self.folder.size(path))
        return Backup(file=file, manifest=manifest)

    async def list(self, folder: Path | None = None) -> Sequence[Backup]:
        """The backups in a folder, oldest first, each read to its last byte.

        Raises:
            NotFound: no such folder.
        """
        return [await self._examined(file) for file in await self.folder.files(folder)]

    async def _write(self, writer: ArchiveWriter) -> BackupManifest:
        """Append all parts but the manifest.

        Tenants that have come meanwhile are added until the control tables name no other.
        """
        kept: dict[str, KeptTenant] = {}
        waiting = _live(await self.organizations.list())
        while True:
            for organization in waiting:
                tenant = await self._add(organization, writer, number=len(writer.members) + 1)
                if tenant is not None:
                    kept[tenant.schema_name] = tenant
            async with self.control.snapshot() as snapshot:
                live = _live(await snapshot.organizations())
                waiting = [tenant for tenant in live if tenant.schema_name not in kept]
                if not waiting:
                    tenants = [kept[tenant.schema_name] for tenant in live]
                    return await self._with_control(snapshot, tenants, writer)

    async def _add(
        self, organization: Organization, writer: ArchiveWriter, *, number: int
    ) -> KeptTenant | None:
        """None: it was deleted, or went to another place, before all of it was there."""
        part = archive_member(number, organization.slug)
        try:
            organization = await self.organizations.complete(organization.slug)
            async with writer.nested(part) as archive:
                manifest = await self.archives.write(organization, archive, with_secrets=True)
                await archive.finish(manifest_values(manifest))
        except Exception:
            if await self._is_still(organization):
                raise
            return None
        return KeptTenant(
            slug=organization.slug,
            schema_name=organization.schema_name,
            archive=part,
            missing_files=len(manifest.missing_files),
        )

    async def _is_still(self, organization: Organization) -> bool:
        try:
            found = await self.organizations.show(organization.slug)
        except NotFound:
            return False
        known = (organization.schema_name, organization.database, Stage.LIVE)
        return (found.schema_name, found.database, found.stage) == known

    async def _with_control(
        self, snapshot: ControlSnapshot, tenants: builtins.list[KeptTenant], writer: ArchiveWriter
    ) -> BackupManifest:
        tables = []
        for name, columns in snapshot.tables.items():
            part = await writer.add(control_member(name), snapshot.rows(name))
            tables.append(TableRows(name=name, columns=tuple(columns), rows=part.lines))
        return BackupManifest(
            made_by=self.archives.release,
            made_at=self.clock(),
            version=snapshot.version,
            tables=tuple(tables),
            tenants=tuple(tenants),
            members=tuple(writer.members),
        )

    async def _examined(self, file: BackupFile) -> Backup:
        try:
            async with self.format.open(file.path) as archive:
                manifest = backup_manifest_from(await archive.manifest())
        except (ArchiveRefused, StorageUnavailable, NotFound) as error:
            return Backup(file=file, manifest=None, problem=error.message)
        return Backup(file=file, manifest=manifest)


def _live(organizations: Sequence[Organization]) -> Sequence[Organization]:
    """One that is coming or going has nobody's data yet, or none to be kept."""
    return [tenant for tenant in organizations if tenant.stage is Stage.LIVE]
