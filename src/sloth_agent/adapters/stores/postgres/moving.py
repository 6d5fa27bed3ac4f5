"""Carries tenants from one database into another while they are served."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import anyio
import psycopg
from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Connection, Database, door_table
from sloth_agent.adapters.stores.postgres.databases import Databases, two_names_of_one
from sloth_agent.adapters.stores.postgres.departures import whereabouts, write_departure
from sloth_agent.adapters.stores.postgres.migrations.history import Migration, migrations
from sloth_agent.adapters.stores.postgres.schemas import (
    drop_role,
    forget_rows,
    forget_schema,
    space_state,
    statements_for,
    working_tables,
)
from sloth_agent.adapters.stores.postgres.table_copies import ONE_MOMENT, columns_of
from sloth_agent.adapters.stores.postgres.tenant_copy import TenantCopy, carry_rows, upgraded
from sloth_agent.adapters.stores.postgres.vectors import create_vector_index, give_vectors
from sloth_agent.errors import Conflict
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.moving import Carried

_LOCK = 0x51076  # beside a number for the tenant's schema

DOOR_PATIENCE = "200ms"
"""Whoever comes while the door is waited for waits too: no longer than this."""

DOOR_TRIES = 120
DOOR_PAUSE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class PostgresMoving:
    """`TenantCarrier` between the databases where tenants live."""

    homes: Databases
    steps: tuple[Migration, ...] = field(default_factory=lambda: migrations("tenant"))

    async def check_apart(self) -> None:
        for name, _ in await self.homes.all():
            if (twin := await self.homes.twin_of(name)) is not None:
                raise two_names_of_one(name, twin)

    async def whereabouts(self, organization: Organization) -> Organization:
        return await whereabouts(self.homes, organization)

    async def carry(self, organization: Organization, to: str) -> Carried:
        moved = replace(organization, database=to, moves=organization.moves + 1)
        source = await self.homes.home_of(organization)
        target = await self.homes.home_of(moved)
        schema = organization.schema_name
        async with source.owning(schema) as leaving:
            await _hold_alone(leaving, organization)
            async with target.owning(schema) as arriving:
                version, _ = await space_state(source, schema)
                await self._make_room(target, arriving, moved, version)
                copy = await TenantCopy.begun(schema, arriving)
                rows = await _catch_up_beside_traffic(source, copy)
                await _make_quick(leaving, copy)
                more, shut_at = await _shut_the_door(source, leaving, copy, organization)
                async with _as_tenant(leaving, source, schema):
                    rows += more + await copy.catch_up(leaving)
                if (await space_state(source, schema))[0] != version:
                    raise upgraded()
                await _carry_working_rows(leaving, copy)
                if target.walls:
                    await _give_vectors(copy)
            # The copy is there for good, and nobody has come in since it was complete: with this
            # transaction the tenant lives in the other database.
            await _leave(leaving, organization, moved)
        blocked = timedelta(seconds=time.perf_counter() - shut_at)
        return Carried(organization=moved, rows=rows, blocked=blocked)

    async def clear(self, organization: Organization) -> None:
        home = await self.homes.home_of(organization)
        schema = organization.schema_name
        for name, database in await self.homes.all():
            if name != organization.database:
                try:
                    # By the door: no copy that is being made becomes the tenant meanwhile.
                    async with home.inside(schema, door=organization.moves):
                        await forget_schema(database, schema)
                except psycopg.errors.UndefinedTable:
                    return  # it has gone on, or is gone: that leaves nothing either
                await drop_role(database, schema)

    async def _make_room(
        self, target: Database, arriving: Connection, moved: Organization, version: int
    ) -> None:
        """The tenant's schema as it is there, empty, in place of what an earlier try has left."""
        schema = moved.schema_name
        _, has_role = await space_state(target, schema)
        await arriving.execute(
            sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema))
        )
        await forget_rows(arriving, schema)
        steps = self.steps[:version]
        for statement in statements_for(target, schema, steps, has_role=has_role):
            await arriving.execute(statement)
        await arriving.execute(
            sql.SQL("alter table {} rename to {}").format(door_table(0), door_table(moved.moves))
        )


async def _hold_alone(leaving: Connection, organization: Organization) -> None:
    """Until the transaction ends, however it does."""
    found = await leaving.execute(
        "select pg_try_advisory_xact_lock(%s, hashtext(%s)), to_regclass(%s) is not null",
        (_LOCK, organization.schema_name, door_table(organization.moves).as_string(leaving)),
    )
    alone, is_here = await found.fetchone() or (False, False)
    if not alone:
        raise Conflict(
            f"Somebody is moving the tenant {organization.slug!r}.",
            hint="Wait until that has ended.",
        )
    if not is_here:
        raise Conflict(f"The tenant {organization.slug!r} was moved or deleted meanwhile.")


@asynccontextmanager
async def _as_tenant(
    connection: Connection, database: Database, schema: str
) -> AsyncIterator[None]:
    """Its tables of vectors are its own, which the account need not be able to read."""
    if database.walls:
        await connection.execute(sql.SQL("set local role {}").format(sql.Identifier(schema)))
    yield
    await connection.execute("set local role none")


async def _catch_up_beside_traffic(source: Database, copy: TenantCopy) -> int:
    async with source.owning(copy.schema) as reading:
        await reading.execute(ONE_MOMENT.removeprefix("; "))
        async with _as_tenant(reading, source, copy.schema):
            return await copy.catch_up(reading)


async def _make_quick(leaving: Connection, copy: TenantCopy) -> None:
    """What makes searches quick, before anybody has to wait for it."""
    found = await leaving.execute(
        "select tablename from pg_indexes where schemaname = %s"
        " and indexname = tablename || '_nearest'",
        (copy.schema,),
    )
    indexed = {name for (name,) in await found.fetchall()}
    for name, table in copy.tables.items():
        if table.generation is not None and name in indexed:
            await create_vector_index(copy.target, table.generation)
        await copy.target.execute(sql.SQL("analyze {}").format(table.identifier))
    await copy.target.execute("select gin_clean_pending_list('chunks_terms')")


async def _shut_the_door(
    source: Database, leaving: Connection, copy: TenantCopy, organization: Organization
) -> tuple[int, float]:
    """How many rows came while it was tried, and since when the door has been shut."""
    rows = 0
    for _ in range(DOOR_TRIES):
        rows += await _catch_up_beside_traffic(source, copy)
        started = time.perf_counter()
        if await _is_shut(leaving, organization.moves):
            return rows, started
        await anyio.sleep(DOOR_PAUSE_SECONDS)
    raise Conflict(
        f"Something long is going on in the tenant {organization.slug!r}, such as an export.",
        hint="Move it when that has ended.",
    )


async def _is_shut(leaving: Connection, door: int) -> bool:
    """Wait a moment for all who are inside."""
    try:
        async with leaving.transaction():
            await leaving.execute(
                sql.SQL("set local lock_timeout = {}").format(sql.Literal(DOOR_PATIENCE))
            )
            await leaving.execute(sql.SQL("lock table {}").format(door_table(door)))
    except psycopg.errors.LockNotAvailable:
        return False
    except psycopg.errors.UndefinedTable:
        raise Conflict("The tenant was deleted meanwhile.") from None
    return True


async def _carry_working_rows(leaving: Connection, copy: TenantCopy) -> None:
    columns = await columns_of(leaving, "public")
    where = sql.SQL(" where schema_name = {}").format(sql.Literal(copy.schema))
    for name in await working_tables(leaving):
        await carry_rows(leaving, copy.target, sql.Identifier("public", name), columns[name], where)


async def _give_vectors(copy: TenantCopy) -> None:
    for table in copy.tables.values():
        if table.generation is not None:
            await give_vectors(copy.target, table.name, copy.schema)


async def _leave(leaving: Connection, organization: Organization, moved: Organization) -> None:
    await leaving.execute(sql.SQL("drop table {}").format(door_table(organization.moves)))
    await forget_rows(leaving, organization.schema_name)
    await write_departure(leaving, moved)
