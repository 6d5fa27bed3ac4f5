"""The schemas that tenants live in: made, brought up to date, counted."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.adapters.stores.postgres.departures import whereabouts
from sloth_agent.adapters.stores.postgres.migrations.history import (
    Migration,
    migrations,
    walls,
)
from sloth_agent.adapters.stores.postgres.roles import new_role, take_role
from sloth_agent.adapters.stores.postgres.vectors import give_vectors
from sloth_agent.errors import ConfigurationError, Conflict, DatabaseUnavailable
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.ports import OutdatedSpace, Space

PATIENCE = "2s"
"""A step waits no longer for a busy table: those who come after it would wait too."""

_DROPPING_ROLES = 0x510704A6E48

Statement = sql.SQL | sql.Composed

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TenantSchemas:
    """`TenantSpaces` as one schema for each tenant, and a role of the same name."""

    homes: Databases
    steps: tuple[Migration, ...] = field(default_factory=lambda: migrations("tenant"))

    @property
    def databases(self) -> Sequence[str]:
        return self.homes.names

    async def ensure(self, organization: Organization) -> bool:
        home = await self.homes.home_of(organization)
        schema = organization.schema_name
        version, has_role = await space_state(home, schema)
        if version:
            await self._bring_up_to_date(home, schema, version, has_role=has_role)
            return False
        # After the look at the version: who leaves takes the version along.
        present = await whereabouts(self.homes, organization)
        if present != organization:
            return await self.ensure(present)
        return await self._make(home, schema, has_role=has_role)

    async def remove(self, space: Space) -> None:
        # Where it lives first: then no move of it can end any more, and what one has left in
        # another database is found there.
        schema = space.schema_name
        waiting = dict(await self.homes.all())
        name: str | None = space.database
        while name is not None:
            home = await self.homes.get(name)
            await forget_schema(home, schema)
            waiting.pop(name, None)
            left_for = await _departure(home, schema)
            name = left_for if left_for in waiting else None
        for database in waiting.values():
            await forget_schema(database, schema)
        for _, database in await self.homes.all():
            await _forget_departure(database, schema)
            await drop_role(database, schema)

    async def answers(self, database: str) -> bool:
        try:
            async with (await self.homes.get(database)).shared():
                return True
        except (ConfigurationError, DatabaseUnavailable) as error:
            _log.warning("No tenant is made in %s: %s", database, error.message)
            return False

    async def outdated(self, database: str) -> Sequence[OutdatedSpace]:
        home = await self.homes.get(database)
        return [OutdatedSpace(database, schema) for schema in await self._outdated(home)]

    async def update(self, space: OutdatedSpace) -> None:
        database, schema = await self.homes.get(space.database), space.schema_name
        try:
            version, has_role = await space_state(database, schema)
            if version:
                await self._bring_up_to_date(database, schema, version, has_role=has_role)
        except psycopg.errors.InvalidSchemaName:
            return  # deleted meanwhile, or moved
        except psycopg.Error as error:
            reason = str(error).splitlines()[0]
            raise Conflict(f"Its tables could not be changed: {reason}.") from error

    async def _bring_up_to_date(
        self, database: Database, schema: str, version: int, *, has_role: bool
    ) -> None:
        for step in self.steps[version:]:
            await _take(database, schema, step)
        if database.walls and not has_role:
            await _raise_walls(database, schema)

    async def _make(self, database: Database, schema: str, *, has_role: bool) -> bool:
        """False if somebody else was faster."""
        statements = statements_for(database, schema, self.steps, has_role=has_role)
        return await _applied(database, schema, self.steps[-1].version, statements)

    async def _outdated(self, database: Database) -> list[str]:
        async with database.shared() as connection:
            found = await connection.execute(
                "select schema_name from public.tenant_versions group by schema_name"
                " having max(version) < %s"
                " or (%s and not exists (select from pg_roles where rolname = schema_name))"
                " order by schema_name",
                (self.steps[-1].version, database.walls is not None),
            )
            return [schema for (schema,) in await found.fetchall()]


async def space_state(database: Database, schema: str) -> tuple[int, bool]:
    """The version of a schema, 0 if there is none, and whether its role exists."""
    async with database.shared() as connection:
        found = await connection.execute(
            "select coalesce(max(version), 0),"
            " exists (select from pg_roles where rolname = %s)"
            " from public.tenant_versions where schema_name = %s",
            (schema, schema),
        )
        return await found.fetchone() or (0, False)


def statements_for(
    database: Database, schema: str, steps: Sequence[Migration], *, has_role: bool
) -> list[Statement]:
    """What makes a new tenant's schema, with its walls and tables."""
    return [
        sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)),
        *_walls(database, schema, has_role=has_role),
        *(sql.SQL(text) for step in steps for text in step.statements),
    ]


async def mark_version(connection: Connection, schema: str, version: int) -> None:
    await connection.execute(
        "insert into public.tenant_versions (schema_name, version) values (%s, %s)",
        (schema, version),
    )


async def _take(database: Database, schema: str, step: Migration) -> None:
    """The schema is there, and stays there until the step is done.

    Without it the next schema on the path would take the step: that of all tenants.
    """
    patience = sql.SQL("set local lock_timeout = {}").format(PATIENCE)
    present = sql.SQL("lock table {} in access share mode").format(
        sql.Identifier(schema, "documents")
    )
    statements: list[Statement] = [patience, present, *map(sql.SQL, step.statements)]
    await _applied(database, schema, step.version, statements)


async def _applied(
    database: Database, schema: str, version: int, statements: Sequence[Statement]
) -> bool:
    """Bring a schema to a version; False if somebody else was faster."""
    try:
        # Single statements in one pipeline: one round trip, and Citus accepts them too.
        async with database.owning(schema) as connection, connection.pipeline():
            # First of all: whoever comes second waits here, and learns that it is done.
            await mark_version(connection, schema, version)
            for statement in statements:
                await connection.execute(statement)
    except psycopg.errors.UniqueViolation:
        return False
    return True


async def forget_schema(database: Database, schema: str) -> None:
    """All of a tenant in one database, but where it went and, for others may have it, its role."""
    async with database.owning() as connection:
        await connection.execute(
            sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema))
        )
        await forget_rows(connection, schema)


async def forget_rows(connection: Connection, schema: str) -> None:
    """A tenant's rows in the working tables."""
    for table in await working_tables(connection):
        await connection.execute(
            sql.SQL("delete from {} where schema_name = %s").format(
                sql.Identifier("public", table)
            ),
            (schema,),
        )


async def drop_role(database: Database, schema: str) -> None:
    """Of a tenant that is gone from here; another database of the same server may have it still."""
    if database.walls is None:
        return
    try:
        async with database.owning() as connection:
            # One after the other: PostgreSQL looks for a role that another is just dropping.
            await connection.execute("select pg_advisory_xact_lock(%s)", (_DROPPING_ROLES,))
            if await _may_drop(connection, schema):
                await connection.execute(
                    sql.SQL("drop role if exists {}").format(sql.Identifier(schema))
                )
    except psycopg.errors.DependentObjectsStillExist:
        return


async def _may_drop(connection: Connection, role: str) -> bool:
    """Whether it is there, and this account's: each database of a server may have another one."""
    found = await connection.execute(
        "select from pg_roles where rolname = %s and pg_has_role(oid, 'member with admin option')",
        (role,),
    )
    return found.rowcount == 1


async def _departure(database: Database, schema: str) -> str | None:
    """For which database the tenant left this one, if it ever did."""
    async with database.owning() as connection:
        found = await connection.execute(
            "select database from public.departures where schema_name = %s", (schema,)
        )
        row = await found.fetchone()
        return str(row[0]) if row else None


async def _forget_departure(database: Database, schema: str) -> None:
    async with database.owning() as connection:
        await connection.execute("delete from public.departures where schema_name = %s", (schema,))


async def working_tables(connection: Connection) -> list[str]:
    """Those whose rows go where the tenant goes: what it leaves in one that comes later, too."""
    found = await connection.execute(
        "select table_name from information_schema.columns where table_schema = 'public'"
        " and column_name = 'schema_name' and table_name not in ('organizations', 'departures')"
        " order by table_name"
    )
    return [table for (table,) in await found.fetchall()]


async def _raise_walls(database: Database, schema: str) -> None:
    """For a tenant that was made while the account might make no roles."""
    async with database.owning(schema) as connection:
        for statement in _walls(database, schema, has_role=False):
            await connection.execute(statement)
        found = await connection.execute(
            "select tablename from pg_tables where schemaname = %s and tablename ~ '^vectors_'",
            (schema,),
        )
        for (table,) in await found.fetchall():
            await give_vectors(connection, table, schema)


def _walls(database: Database, schema: str, *, has_role: bool) -> list[Statement]:
    if database.walls is None:
        return []
    role = [] if has_role else [new_role(schema)]
    return [
        *role,
        take_role(schema),
        *walls("tenant", tenant=schema, tenants=database.walls.tenants),
    ]
