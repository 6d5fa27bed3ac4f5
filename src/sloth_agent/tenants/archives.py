"""Takes a tenant out of an install as one file, and puts it into another."""

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import anyio

from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.ids import TenantId, new_id
from sloth_agent.tenants.archive_parts import Column, Member, ScannedMember, TableRows
from sloth_agent.tenants.audit import Actor, AuditEvent, AuditStore
from sloth_agent.tenants.manifests import (
    Manifest,
    TenantFacts,
    check_members,
    file_member,
    manifest_from,
    manifest_values,
    table_member,
    working_member,
)
from sloth_agent.tenants.models import Organization, Stage, checked_slug, schema_name
from sloth_agent.tenants.organizations import Organizations
from sloth_agent.tenants.orphans import TenantFolders

SNAPSHOTS = 10
"""Most tries to find all files that the rows of one moment name, while documents come and go."""


class ArchiveWriter(Protocol):
    """An archive that is being written, part after part."""

    @property
    def members(self) -> Sequence[Member]:
        """All parts so far."""

    async def add(self, name: str, content: AsyncIterable[bytes]) -> ScannedMember:
        """Append a part; it is never in memory as a whole."""

    def nested(self, name: str) -> "AbstractAsyncContextManager[ArchiveWriter]":
        """Append a part that is an archive itself; nothing else can be added meanwhile."""

    async def finish(self, manifest: Mapping[str, Any]) -> None:
        """Append the table of contents, and seal the archive."""


class ArchiveReader(Protocol):
    """An archive that is being read; nothing in it is to be believed before it was checked."""

    async def manifest(self) -> object:
        """The table of contents, as JSON has it; the seal over the whole file was right."""

    async def scan(self) -> Sequence[ScannedMember]:
        """Read every other part to its end."""

    def read(self, name: str) -> AsyncIterator[bytes]:
        """The content of a part, piece by piece."""

    def nested(self, name: str) -> "AbstractAsyncContextManager[ArchiveReader]":
        """A part that is an archive itself; one is read at a time."""


class ArchiveFormat(Protocol):
    """Archives as files of this machine."""

    def create(self, path: Path) -> AbstractAsyncContextManager[ArchiveWriter]:
        """Nothing is at `path` before the archive is finished, whatever happens.

        Raises:
            Conflict: there is a file already.
            StorageUnavailable: it cannot be written; `DiskFull` where that is the reason.
        """

    def open(self, path: Path) -> AbstractAsyncContextManager[ArchiveReader]:
        """Raises:
        NotFound: no such file.
        ArchiveRefused: not an archive, cut short or changed; so do the reader's methods.
        """


class TenantSnapshot(Protocol):
    """All of a tenant's rows as they were at one moment."""

    @property
    def version(self) -> int: ...

    @property
    def tables(self) -> Mapping[str, Sequence[Column]]:
        """The tables of its schema; those that others refer to come first."""

    @property
    def working(self) -> Mapping[str, Sequence[Column]]:
        """The shared tables of its database, without the column that names the tenant."""

    async def files(self) -> Sequence[str]:
        """Keys of the original files that the rows name."""

    def rows(self, table: str) -> AsyncIterator[bytes]: ...

    def working_rows(self, table: str) -> AsyncIterator[bytes]: ...


class TenantTables(Protocol):
    """The rows of whole tenants."""

    def snapshot(
        self, organization: Organization, *, with_secrets: bool
    ) -> AbstractAsyncContextManager[TenantSnapshot]:
        """One moment; nobody waits for whoever reads it.

        Without secrets, what is sealed is nothing in its rows.
        """

    async def fill(
        self,
        organization: Organization,
        manifest: Manifest,
        read: Callable[[str], AsyncIterator[bytes]],
        *,
        with_secrets: bool,
    ) -> None:
        """Make the tenant's schema at the archive's version, put all rows in, bring it up to date.

        One transaction. Without secrets, what is sealed is dropped, whatever the archive says of
        it, and what needs it is shut.

        Raises:
            ArchiveRefused: of a newer version, or with tables, columns or rows that do not fit.
        """

    async def settle(self, organization: Organization) -> None:
        """What makes searches quick after many rows came at once."""


class TenantFiles(Protocol):
    """The original files of one tenant."""

    async def read(self, key: str) -> bytes:
        """Raises:
        NotFound: no such key.
        """

    async def write(self, key: str, content: bytes) -> None: ...


class Arrivals(Protocol):
    """The shared record of tenants that come out of archives."""

    def alone(self, slug: str) -> AbstractAsyncContextManager[None]:
        """Keep others from importing the same tenant.

        Raises:
            Conflict: somebody is at it.
        """

    async def arrived(self, organization: Organization, event: AuditEvent) -> bool:
        """Open an imported tenant to its people; False: it was deleted meanwhile."""

    async def forget(self, organization: Organization) -> bool:
        """Remove the record of a tenant that never was live; False: there is none."""


@dataclass(frozen=True, slots=True)
class Archives:
    """Exports and imports tenants."""

    organizations: Organizations
    arrivals: Arrivals
    tables: TenantTables
    files: Callable[[str], TenantFiles]  # by the name of the tenant's schema
    folders: TenantFolders
    format: ArchiveFormat
    audit: AuditStore
    release: str  # such as `sloth-agent 0.1.0`
    clock: Clock

    async def export(self, slug: str, output: Path, *, by: Actor) -> Manifest:
        """Write what a tenant has into one file, as it is at one moment; nobody has to wait.

        Credentials are left out: the file may go anywhere.

        Raises:
            NotFound: no such tenant.
            Conflict: it is not all there, or there is a file at `output` already.
            StorageUnavailable: the file cannot be written; nothing is left of it.
        """
        organization = await self.organizations.complete(slug)
        async with self.format.create(output) as writer:
            manifest = await self.write(organization, writer, with_secrets=False)
            await self.audit.add(
                AuditEvent.of(
                    "tenant.exported",
                    by=by,
                    at=self.clock(),
                    organization=organization.id,
                    rows=manifest.rows,
                    files=len(manifest.files),
                )
            )
            await writer.finish(manifest_values(manifest))
        return manifest

    async def write(
        self, organization: Organization, writer: ArchiveWriter, *, with_secrets: bool
    ) -> Manifest:
        """Append all parts but the manifest.

        A file that is gone was deleted after the snapshot was taken: a later one does not name
        it. One that two snapshots name, and nobody has, is missing for good, or not there yet.
        """
        kept: set[str] = set()
        missing: set[str] = set()
        for turn in range(SNAPSHOTS):
            async with self.tables.snapshot(organization, with_secrets=with_secrets) as snapshot:
                named = await snapshot.files()
                absent = await self._add_files(organization, named, kept, writer)
                if absent <= missing or turn == SNAPSHOTS - 1:
                    return await self._with_rows(
                        organization, snapshot, [key for key in named if key in kept], kept, writer
                    )
                missing = absent
        raise AssertionError("the last snapshot is written")

    async def _add_files(
        self,
        organization: Organization,
        named: Sequence[str],
        kept: set[str],
        writer: ArchiveWriter,
    ) -> set[str]:
        """Add the files that are not in the archive yet; return those that nobody has."""
        files = self.files(organization.schema_name)
        absent = set()
        for key in named:
            if key in kept:
                continue
            try:
                content = await files.read(key)
            except NotFound:
                absent.add(key)
            else:
                await writer.add(file_member(key), _once(content))
                kept.add(key)
        return absent

    async def _with_rows(
        self,
        organization: Organization,
        snapshot: TenantSnapshot,
        files: Sequence[str],
        kept: Collection[str],
        writer: ArchiveWriter,
    ) -> Manifest:
        async def added(
            tables: Mapping[str, Sequence[Column]],
            member: Callable[[str], str],
            rows: Callable[[str], AsyncIterator[bytes]],
        ) -> AsyncIterator[TableRows]:
            for name, columns in tables.items():
                part = await writer.add(member(name), rows(name))
                yield TableRows(name=name, columns=tuple(columns), rows=part.lines)

        tables = [t async for t in added(snapshot.tables, table_member, snapshot.rows)]
        working = [t async for t in added(snapshot.working, working_member, snapshot.working_rows)]
        named = await snapshot.files()
        return Manifest(
            made_by=self.release,
            made_at=self.clock(),
            tenant=TenantFacts(
                slug=organization.slug,
                name=organization.name,
                domain=organization.domain,
                created_at=organization.created_at,
            ),
            version=snapshot.version,
            tables=tuple(tables),
            working=tuple(working),
            files=tuple(files),
            missing_files=tuple(key for key in named if key not in kept),
            members=tuple(writer.members),
        )

    async def import_(self, path: Path, *, slug: str | None = None, by: Actor) -> Organization:
        """Make a tenant of an archive, under its own slug or another; it is open when all is there.

        The archive is checked to its last byte before anything is written. Cut short at any
        moment, the same import starts anew and removes what the first one left.

        Raises:
            ArchiveRefused: not an archive, damaged, or of a newer release.
            Conflict: the slug is taken, or somebody imports it right now.
        """
        async with self.format.open(path) as archive:
            manifest = await checked(archive)
            return await self.put_in(manifest, archive, slug=slug, by=by)

    async def put_in(
        self, manifest: Manifest, archive: ArchiveReader, *, slug: str | None, by: Actor
    ) -> Organization:
        """Make a tenant of an archive that was checked."""
        slug = checked_slug(manifest.tenant.slug if slug is None else slug)
        async with self.arrivals.alone(slug):
            await self._make_way(slug)
            organization = await self._announce(slug, manifest)
            try:
                await self.fill(organization, manifest, archive, with_secrets=False)
            except BaseException as error:
                with anyio.CancelScope(shield=True):
                    announced = await self._undo(organization)
                if isinstance(error, Exception) and not announced:
                    raise _deleted(slug) from error
                raise
            event = AuditEvent.of(
                "tenant.imported",
                by=by,
                at=self.clock(),
                organization=organization.id,
                rows=manifest.rows,
                files=len(manifest.files),
            )
            if not await self.arrivals.arrived(organization, event):
                await self._undo(organization)
                raise _deleted(slug)
            return replace(organization, stage=Stage.LIVE)

    async def _make_way(self, slug: str) -> None:
        """Remove what an import that was cut short left under this slug."""
        present = await self.organizations.store.find(slug)
        if present is None:
            return
        if present.stage is not Stage.IMPORTING:
            raise _taken(slug)
        await self._undo(present)

    async def _announce(self, slug: str, manifest: Manifest) -> Organization:
        database = await self.organizations.emptiest_database()
        organization = newcomer(manifest, slug=slug, database=database)
        try:
            added = await self.organizations.store.add(organization)
        except Conflict:  # its domain is another tenant's by now: it comes without
            organization = replace(organization, domain=None)
            added = await self.organizations.store.add(organization)
        if not added:
            raise _taken(slug)
        return organization

    async def fill(
        self,
        organization: Organization,
        manifest: Manifest,
        archive: ArchiveReader,
        *,
        with_secrets: bool,
    ) -> None:
        """Put all rows and files of an archive that was checked where there is nothing yet."""
        await self.tables.fill(organization, manifest, archive.read, with_secrets=with_secrets)
        files = self.files(organization.schema_name)
        for key in manifest.files:
            await files.write(key, await _whole(archive.read(file_member(key))))
        await self.tables.settle(organization)

    async def _undo(self, organization: Organization) -> bool:
        """False: somebody else has deleted it before."""
        await self.organizations.spaces.remove(organization)
        await self.folders.remove(organization.schema_name)
        return await self.arrivals.forget(organization)


def newcomer(manifest: Manifest, *, slug: str, database: str) -> Organization:
    """A tenant that is about to come out of an archive, to a place where nobody has lived."""
    id = TenantId(new_id())
    return Organization(
        id=id,
        slug=slug,
        name=manifest.tenant.name,
        domain=manifest.tenant.domain,
        schema_name=schema_name(id),
        database=database,
        created_at=manifest.tenant.created_at,
        stage=Stage.IMPORTING,
    )


async def checked(archive: ArchiveReader) -> Manifest:
    """Read an archive to its last byte.

    Raises:
        ArchiveRefused: not an archive of a tenant, or damaged.
    """
    manifest = manifest_from(await archive.manifest())
    check_members(manifest, await archive.scan())
    return manifest


def _taken(slug: str) -> Conflict:
    return Conflict(
        f"There is a tenant {slug!r} already.", hint="Give another slug with --slug, or delete it."
    )


def _deleted(slug: str) -> Conflict:
    return Conflict(f"The tenant {slug!r} was deleted while it was imported.")


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _whole(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])
