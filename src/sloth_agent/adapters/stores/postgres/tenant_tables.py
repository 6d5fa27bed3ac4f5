"""The rows of whole tenants: copied out at one moment, copied in."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from sloth_agent.adapters.stores.postgres.chat_files import files_of_chats
from sloth_agent.adapters.stores.postgres.database import Connection
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.adapters.stores.postgres.documents import document_files, waiting_documents
from sloth_agent.adapters.stores.postgres.integrations import shut_imported
from sloth_agent.adapters.stores.postgres.jobs import asking
from sloth_agent.adapters.stores.postgres.migrations.history import Migration, migrations
from sloth_agent.adapters.stores.postgres.photos import photo_files
from sloth_agent.adapters.stores.postgres.schemas import (
    mark_version,
    space_state,
    statements_for,
)
from sloth_agent.adapters.stores.postgres.search_index import PostgresSearchIndex
from sloth_agent.adapters.stores.postgres.table_copies import (
    AS_TEXT,
    ONE_MOMENT,
    SECRETS,
    Columns,
    check_count,
    columns_of,
    copied_in,
    copied_out,
    under_tenant,
    working_columns,
)
from sloth_agent.adapters.stores.postgres.tenant_home import TenantHome
from sloth_agent.adapters.stores.postgres.vectors import (
    create_vectors,
    dimensions_of,
    give_vectors,
    vectors_generation,
)
from sloth_agent.errors import ArchiveRefused
from sloth_agent.jobs.models import JobKind, NewJob
from sloth_agent.tenants.archive_parts import TableRows
from sloth_agent.tenants.archives import TenantSnapshot
from sloth_agent.tenants.manifests import Manifest, table_member, working_member
from sloth_agent.tenants.models import Organization

Read = Callable[[str], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class PostgresTenantTables:
    """`TenantTables` in the databases where tenants live."""

    homes: Databases
    steps: tuple[Migration, ...] = field(default_factory=lambda: migrations("tenant"))

    @asynccontextmanager
    async def snapshot(
        self, organization: Organization, *, with_secrets: bool
    ) -> AsyncIterator[TenantSnapshot]:
        home = await TenantHome.of(organization, self.homes)
        schema = organization.schema_name
        while True:
            state = await space_state(home.database, schema)
            async with home.inside(schema, settings=ONE_MOMENT + AS_TEXT) as connection:
                snapshot = Snapshot(
                    connection,
                    schema,
                    state[0],
                    await columns_of(connection, schema),
                    await working_columns(connection),
                    with_secrets,
                )
                # No upgrade came between: the tables are those of the version.
                if await space_state(home.database, schema) == state:
                    yield snapshot
                    return

    async def fill(
        self, organization: Organization, manifest: Manifest, read: Read, *, with_secrets: bool
    ) -> None:
        self._check_version(manifest)
        database = await self.homes.home_of(organization)
        schema = organization.schema_name
        _, has_role = await space_state(database, schema)
        before = self.steps[: manifest.version]
        try:
            async with database.owning(schema) as connection:
                await connection.execute(AS_TEXT.removeprefix("; "))
                await mark_version(connection, schema, manifest.version)
                for statement in statements_for(database, schema, before, has_role=has_role):
                    await connection.execute(statement)
                await _make_vectors(connection, manifest.tables)
                await _check_columns(connection, schema, manifest)
                await _empty(connection, manifest.tables)
                await _copy_all(connection, schema, manifest, read)
                if database.walls is not None:
                    # Last of all: from then on the account itself may not touch them.
                    await _give_vectors(connection, manifest.tables, schema)
                await self._bring_up_to_date(connection, schema, manifest.version)
                if not with_secrets:
                    await shut_imported(connection)
                await _ask_for_reading(connection, schema)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            reason = str(error).splitlines()[0]
            raise ArchiveRefused(f"The archive's rows do not fit: {reason}.") from error

    async def settle(self, organization: Organization) -> None:
        home = await TenantHome.of(organization, self.homes)
        await PostgresSearchIndex(home, organization.schema_name).settle()

    def _check_version(self, manifest: Manifest) -> None:
        newest = self.steps[-1].version
        if manifest.version > newest:
            raise ArchiveRefused(
                f"The archive has tables of version {manifest.version},"
                f" and this release knows up to {newest}.",
                hint="Upgrade sloth-agent.",
            )

    async def _bring_up_to_date(self, connection: Connection, schema: str, version: int) -> None:
        for step in self.steps[version:]:
            for statement in step.statements:
                await connection.execute(sql.SQL(statement))
            await mark_version(connection, schema, step.version)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`TenantSnapshot` in a transaction that is open for as long as it is read."""

    connection: Connection
    schema: str
    version: int
    tables: Columns
    working: Columns
    with_secrets: bool

    async def files(self) -> Sequence[str]:
        keys = await document_files(self.connection)
        # Not in those of an older version.
        if "photos" in self.tables:
            keys += await photo_files(self.connection)
        if "chat_files" in self.tables:
            keys += await files_of_chats(self.connection)
        return keys

    def rows(self, table: str) -> AsyncIterator[bytes]:
        hidden = () if self.with_secrets else SECRETS.get(table, ())
        return copied_out(self.connection, sql.Identifier(table), self.tables[table], hidden=hidden)

    def working_rows(self, table: str) -> AsyncIterator[bytes]:
        return copied_out(
            self.connection,
            sql.Identifier("public", table),
            self.working[table],
            schema=self.schema,
        )


async def _make_vectors(connection: Connection, tables: Sequence[TableRows]) -> None:
    for table in tables:
        generation = vectors_generation(table.name)
        dimensions = dimensions_of(table.columns[-1].type) if table.columns else None
        if generation is not None and dimensions is not None:
            await create_vectors(connection, generation, dimensions=dimensions)


async def _give_vectors(connection: Connection, tables: Sequence[TableRows], schema: str) -> None:
    for table in tables:
        if vectors_generation(table.name) is not None:
            await give_vectors(connection, table.name, schema)


async def _check_columns(connection: Connection, schema: str, manifest: Manifest) -> None:
    here = {**await columns_of(connection, schema), **await working_columns(connection)}
    there = {table.name: table.columns for table in (*manifest.tables, *manifest.working)}
    odd = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
    if odd:
        raise ArchiveRefused(
            f"The archive's tables are not those of version {manifest.version}: {odd[0]} differs."
        )


async def _ask_for_reading(connection: Connection, schema: str) -> None:
    """What waited to be read where the tenant comes from waits here: jobs stay where they are."""
    now = datetime.now(UTC)
    for id in await waiting_documents(connection):
        job = NewJob(kind=JobKind.INGEST, subject=id)
        await connection.execute(*asking(schema, job, now=now))


async def _empty(connection: Connection, tables: Sequence[TableRows]) -> None:
    """Of what the migrations themselves put in."""
    for table in tables:
        await connection.execute(sql.SQL("delete from {}").format(sql.Identifier(table.name)))


async def _copy_all(connection: Connection, schema: str, manifest: Manifest, read: Read) -> None:
    for table in manifest.tables:
        into = sql.Identifier(table.name)
        rows = await copied_in(connection, into, table.columns, read(table_member(table.name)))
        check_count(table, rows)
    for table in manifest.working:
        into = sql.Identifier("public", table.name)
        lines = under_tenant(schema, read(working_member(table.name)))
        rows = await copied_in(connection, into, table.columns, lines, under_tenant=True)
        check_count(table, rows)
