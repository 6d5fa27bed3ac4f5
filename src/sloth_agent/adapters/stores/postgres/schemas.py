"""The schemas that tenants live in: made, brought up to date, counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.adapters.stores.postgres.migrations.history import (
    Migration,
    migrations,
    walls,
)
from sloth_agent.adapters.stores.postgres.roles import new_role, take_role
from sloth_agent.adapters.stores.postgres.vectors import give_vectors
from sloth_agent.errors import Conflict
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.ports import OutdatedSpace, Space

PATIENCE = "2s"
"""A step waits no longer for a busy table: those who come after it would wait too."""


Statement = sql.SQL | sql.Composed


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
        return await self._ensure(home, organization.schema_name)

    async def remove(self, space: Space) -> None:
        home = await self.homes.get(space.database)
        schema = space.schema_name
        async with home.owning() as connection:
            await connection.execute(
                sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema))
            )
            for table in await _shared_tables(connection):
                await connection.execute(
                    sql.SQL("delete from {} where schema_name = %s").format(
                        sql.Identifier("public", table)
                    ),
                    (schema,),
                )
            if home.walls:
                await connection.execute(
                    sql.SQL("drop role if exists {}").format(sql.Identifier(schema))
                )

    async def outdated(self) -> Sequence[OutdatedSpace]:
        found: list[OutdatedSpace] = []
        for name, database in await self.homes.all():
            found += [OutdatedSpace(name, schema) for schema in await self._outdated(database)]
        return found

    async def update(self, space: OutdatedSpace) -> None:
        database, schema = await self.homes.get(space.database), space.schema_name
        try:
            version, has_role = await space_state(database, schema)
            if version:
                await self._bring_up_to_date(database, schema, version, has_role=has_role)
        except psycopg.errors.InvalidSchemaName:
            return  # deleted meanwhile
        except psycopg.Error as error:
            reason = str(error).splitlines()[0]
            raise Conflict(f"Its tables could not be changed: {reason}.") from error

    async def _ensure(self, database: Database, schema: str) -> bool:
        """Whether there was no such schema before."""
        version, has_role = await space_state(database, schema)
        if version == 0:
            return await self._make(database, schema, has_role=has_role)
        await self._bring_up_to_date(database, schema, version, has_role=has_role)
        return False

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


async def _shared_tables(connection: Connection) -> list[str]:
    """The working tables: what a tenant leaves in one that comes later is found too."""
    found = await connection.execute(
        "select table_name from information_schema.columns where table_schema = 'public'"
        " and column_name = 'schema_name' and table_name <> 'organizations' order by table_name"
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
