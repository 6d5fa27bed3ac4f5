"""The control tables as a whole: copied out at one moment, put in the place of others."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.adapters.stores.postgres.migrations.history import Migration, migrations
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
from sloth_agent.errors import ArchiveRefused, Conflict
from sloth_agent.tenants.archive_parts import TableRows
from sloth_agent.tenants.audit import AuditEvent
from sloth_agent.tenants.backup_manifests import BackupManifest, control_member
from sloth_agent.tenants.backup_ports import ControlSnapshot, not_empty
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.ports import Space

Read = Callable[[str], AsyncIterator[bytes]]

PUBLIC = "public"
ARRIVING = "sloth_arriving"
"""A schema that no other transaction ever sees."""

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
    "api_keys",
    "integration_addresses",
    "payers",
    "payment_events",
    "charges",
    "payment_reminders",
)
"""Those that others refer to come first. Who has signed in does so again after a restore."""

NEVER_MISSED = {AUDIT_LOG, "task_runs", "plans"}
"""An install with rows in these alone is empty: the log is kept, and plans come from a file."""


@dataclass(frozen=True, slots=True)
class PostgresControlTables:
    """`ControlTables` in the main database, as the account that owns them."""

    database: Database
    steps: tuple[Migration, ...] = field(default_factory=lambda: migrations("control"))

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[ControlSnapshot]:
        async with self.database.owning() as connection:
            await connection.execute((ONE_MOMENT + AS_TEXT).removeprefix("; "))
            version, columns = await _version(connection), await _columns(connection, PUBLIC)
            if version > self.steps[-1].version:
                raise Conflict(
                    "The database belongs to a newer release, whose tables this one does not know.",
                    hint="Make the backup with that release.",
                )
            yield Snapshot(connection, version, columns)

    async def is_empty(self) -> bool:
        async with self.database.owning() as connection:
            return await _is_empty(connection)

    async def check(self, manifest: BackupManifest) -> None:
        newest = self.steps[-1].version
        if manifest.version > newest:
            raise ArchiveRefused(
                f"The backup has control tables of version {manifest.version},"
                f" and this release knows up to {newest}.",
                hint="Upgrade sloth-agent.",
            )

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
                await self._arrive(connection, manifest, read)
                await _keep_writers_out(connection)
                if only_empty and not await _is_empty(connection):
                    raise not_empty()
                await vacate_all(connection)
                await _exchange(connection)
                await _lead(connection, homes)
                await record(connection, event)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            reason = str(error).splitlines()[0]
            raise ArchiveRefused(f"The backup's rows do not fit: {reason}.") from error

    async def _arrive(self, connection: Connection, manifest: BackupManifest, read: Read) -> None:
        """Make tables beside the present ones, as they were; fill them, bring them up to date."""
        await connection.execute(sql.SQL("create schema {}").format(sql.Identifier(ARRIVING)))
        await _take(connection, self.steps[: manifest.version])
        arriving = await _columns(connection, ARRIVING)
        there = {table.name: table for table in manifest.tables}
        _check_columns(arriving, there)
        for name in arriving:
            await _fill(connection, there[name], read)
        await _take(connection, self.steps[manifest.version :])

    async def rehouse(self, tenant: Organization, home: Space, *, event: AuditEvent) -> bool:
        async with self.database.owning() as connection:
            led = await connection.execute(
                "update public.organizations set schema_name = %s, database = %s, moves = 0"
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


def _named(table: str, schema: str = PUBLIC) -> sql.Identifier:
    return sql.Identifier(schema, table)


async def _version(connection: Connection) -> int:
    found = await connection.execute(
        "select max(version) from public.schema_versions where history = 'control'"
    )
    return int((await found.fetchone() or (0,))[0])


async def _columns(connection: Connection, schema: str) -> Columns:
    """Of the control tables in a schema; one of an older version may have fewer."""
    found = await columns_of(connection, schema)
    return {table: found[table] for table in CONTROL_TABLES if table in found}


async def _take(connection: Connection, steps: Sequence[Migration]) -> None:
    """Steps of the control tables' history, on the tables beside the present ones."""
    for step in steps:
        for statement in step.statements:
            await connection.execute(sql.SQL(statement.replace(f"{PUBLIC}.", f"{ARRIVING}.")))


def _check_columns(here: Columns, there: Mapping[str, TableRows]) -> None:
    odd = [
        name
        for name in sorted({*here, *there})
        if name not in there or here.get(name) != there[name].columns
    ]
    if odd:
        raise ArchiveRefused(f"The backup's tables are not those of its version: {odd[0]} differs.")


async def _fill(connection: Connection, table: TableRows, read: Read) -> None:
    into = _named(table.name, ARRIVING)
    await connection.execute(sql.SQL("delete from {}").format(into))  # what steps have put in
    rows = await copied_in(connection, into, table.columns, read(control_member(table.name)))
    check_count(table, rows)


async def _keep_writers_out(connection: Connection) -> None:
    """Whoever reads sees the old rows until the new ones are there."""
    tables = sql.SQL(", ").join(map(_named, CONTROL_TABLES))
    await connection.execute(sql.SQL("lock table {} in exclusive mode").format(tables))


async def _is_empty(connection: Connection) -> bool:
    tables = [_named(table) for table in CONTROL_TABLES if table not in NEVER_MISSED]
    rows = sql.SQL(" or ").join(map(sql.SQL("exists (select from {})").format, tables))
    found = await connection.execute(sql.SQL("select {}").format(rows))
    return await found.fetchone() == (False,)


async def _exchange(connection: Connection) -> None:
    """The rows that are here for those that arrive; of the audit log none is lost."""
    for table in reversed(CONTROL_TABLES):
        if table != AUDIT_LOG:
            await connection.execute(sql.SQL("delete from {}").format(_named(table)))
    for table, columns in (await _columns(connection, PUBLIC)).items():
        await connection.execute(
            sql.SQL(
                "with arrived as (table {}) insert into {} ({names}) select {names} from arrived"
            ).format(
                _named(table, ARRIVING),
                _named(table),
                names=sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
            )
            + sql.SQL(" on conflict (id) do nothing" if table == AUDIT_LOG else "")
        )
    await connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(ARRIVING)))


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
            "update public.organizations set schema_name = %s, database = %s, moves = 0"
            " where schema_name = %s",
            (home.schema_name, home.database, before),
        )
        await occupy(connection, home)
