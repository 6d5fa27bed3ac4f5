"""The control tables as a whole: copied out at one moment, put in the place of others."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.adapters.stores.postgres.migrations.history import head
from sloth_agent.adapters.stores.postgres.organizations import all_organizations
from sloth_agent.adapters.stores.postgres.table_copies import (
    AS_TEXT,
    ONE_MOMENT,
    Columns,
    check_count,
    columns_of,
    copied_in,
    copied_out,
)
from sloth_agent.adapters.stores.postgres.vacant_spaces import occupy, vacate, vacate_all
from sloth_agent.errors import ArchiveRefused
from sloth_agent.tenants.archive_parts import TableRows
from sloth_agent.tenants.audit import AuditEvent
from sloth_agent.tenants.backup_manifests import BackupManifest, control_member
from sloth_agent.tenants.backup_ports import ControlSnapshot, not_empty
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.ports import Space

Read = Callable[[str], AsyncIterator[bytes]]

AUDIT_LOG = "audit_log"

CONTROL_TABLES = (
    "organizations",
    AUDIT_LOG,
    "users",
    "invitations",
    "password_resets",
    "plans",
    "subscriptions",
    "subscription_history",
    "activation_codes",
    "activation_code_tries",
    "task_runs",
    "referrals",
    "referral_rewards",
)
"""Those that others refer to come first."""


@dataclass(frozen=True, slots=True)
class PostgresControlTables:
    """`ControlTables` in the main database, as the account that owns them."""

    database: Database

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[ControlSnapshot]:
        async with self.database.owning() as connection:
            await connection.execute((ONE_MOMENT + AS_TEXT).removeprefix("; "))
            yield Snapshot(connection, await _version(connection), await _columns(connection))

    async def is_empty(self) -> bool:
        async with self.database.owning() as connection:
            return await _is_empty(connection)

    async def check(self, manifest: BackupManifest) -> None:
        if manifest.version != head("control"):
            raise ArchiveRefused(
                f"The backup has control tables of version {manifest.version},"
                f" and this release has {head('control')}.",
                hint=f"Restore it with the release that made it: {manifest.made_by}.",
            )
        async with self.database.owning() as connection:
            here = await _columns(connection)
        there = {table.name: table.columns for table in manifest.tables}
        odd = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
        if odd:
            raise ArchiveRefused(f"The backup's tables are not those of its version: {odd[0]}.")

    async def replace(
        self,
        manifest: BackupManifest,
        read: Read,
        *,
        homes: Mapping[str, Space],
        only_empty: bool,
        event: AuditEvent,
    ) -> None:
        try:
            async with self.database.owning() as connection:
                await connection.execute(AS_TEXT.removeprefix("; "))
                await _keep_writers_out(connection)
                if only_empty and not await _is_empty(connection):
                    raise not_empty()
                await vacate_all(connection)
                await _empty(connection)
                for table in manifest.tables:
                    await _fill(connection, table, read)
                await _lead(connection, homes)
                await record(connection, event)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            reason = str(error).splitlines()[0]
            raise ArchiveRefused(f"The backup's rows do not fit: {reason}.") from error

    async def rehouse(self, tenant: Organization, home: Space, *, event: AuditEvent) -> bool:
        async with self.database.owning() as connection:
            led = await connection.execute(
                "update public.organizations set schema_name = %s, database = %s"
                " where id = %s and schema_name = %s and database = %s and stage = 'live'",
                (home.schema_name, home.database, tenant.id, tenant.schema_name, tenant.database),
            )
            if led.rowcount:
                await vacate(connection, tenant)
                await occupy(connection, home)
                await record(connection, event)
            return led.rowcount == 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`ControlSnapshot` in a transaction that is open for as long as it is read."""

    connection: Connection
    version: int
    tables: Columns

    async def organizations(self) -> Sequence[Organization]:
        return await all_organizations(self.connection)

    def rows(self, table: str) -> AsyncIterator[bytes]:
        return copied_out(self.connection, _named(table), self.tables[table])


def _named(table: str) -> sql.Identifier:
    return sql.Identifier("public", table)


async def _version(connection: Connection) -> int:
    found = await connection.execute(
        "select max(version) from public.schema_versions where history = 'control'"
    )
    return int((await found.fetchone() or (0,))[0])


async def _columns(connection: Connection) -> Columns:
    public = await columns_of(connection, "public")
    return {table: public[table] for table in CONTROL_TABLES}


async def _keep_writers_out(connection: Connection) -> None:
    """Whoever reads sees the old rows until the new ones are there."""
    tables = sql.SQL(", ").join(map(_named, CONTROL_TABLES))
    await connection.execute(sql.SQL("lock table {} in exclusive mode").format(tables))


async def _is_empty(connection: Connection) -> bool:
    found = await connection.execute(
        "select exists (select from public.organizations) or exists (select from public.users)"
    )
    return await found.fetchone() == (False,)


async def _empty(connection: Connection) -> None:
    """But for the audit log: what was done here stays on record."""
    for table in reversed(CONTROL_TABLES):
        if table != AUDIT_LOG:
            await connection.execute(sql.SQL("delete from {}").format(_named(table)))


async def _fill(connection: Connection, table: TableRows, read: Read) -> None:
    into = sql.Identifier("arriving")
    await connection.execute(
        sql.SQL("create temporary table {} (like {})").format(into, _named(table.name))
    )
    rows = await copied_in(connection, into, table.columns, read(control_member(table.name)))
    check_count(table, rows)
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    known = sql.SQL(" on conflict (id) do nothing" if table.name == AUDIT_LOG else "")
    await connection.execute(
        sql.SQL(
            "with arrived as (table {}) insert into {} ({names}) select {names} from arrived"
        ).format(into, _named(table.name), names=names)
        + known
    )
    await connection.execute(sql.SQL("drop table {}").format(into))


async def _lead(connection: Connection, homes: Mapping[str, Space]) -> None:
    """To where the data of each tenant are by now."""
    found = await connection.execute(
        "select schema_name from public.organizations where stage = 'live'"
    )
    odd = sorted({schema for (schema,) in await found.fetchall()} ^ set(homes))
    if odd:
        raise ArchiveRefused(f"The backup's tenants are not those of its manifest: {odd[0]}.")
    for before, home in homes.items():
        await connection.execute(
            "update public.organizations set schema_name = %s, database = %s"
            " where schema_name = %s",
            (home.schema_name, home.database, before),
        )
        await occupy(connection, home)
