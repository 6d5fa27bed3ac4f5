"""Schemas in which no tenant lives, to be removed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.errors import Conflict
from sloth_agent.tenants.ports import Space

_LOCK = 0x5107_BAC  # of whoever restores


@dataclass(frozen=True, slots=True)
class VacantSpace:
    database: str
    schema_name: str


@dataclass(frozen=True, slots=True)
class PostgresVacantSpaces:
    """`VacantSpaces` on the control tables."""

    database: Database

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        # Held by an open transaction: it ends with the process, however that ends.
        async with self.database.shared() as connection:
            found = await connection.execute("select pg_try_advisory_xact_lock(%s)", (_LOCK,))
            if await found.fetchone() != (True,):
                raise Conflict(
                    "Somebody restores a backup right now.", hint="Wait until that has ended."
                )
            yield

    async def add(self, space: Space) -> None:
        async with self.database.shared() as connection:
            await vacate(connection, space)

    async def all(self) -> Sequence[Space]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select database, name from public.vacant_spaces order by name"
            )
            return [VacantSpace(*row) for row in await found.fetchall()]

    async def forget(self, space: Space) -> None:
        async with self.database.shared() as connection:
            await occupy(connection, space)


async def vacate(connection: Connection, space: Space) -> None:
    """In the transaction in which nobody lives there any more."""
    await connection.execute(
        "insert into public.vacant_spaces (name, database) values (%s, %s)",
        (space.schema_name, space.database),
    )


async def vacate_all(connection: Connection) -> None:
    """All places where tenants live now."""
    await connection.execute(
        "with homes as (select schema_name, database from public.organizations)"
        " insert into public.vacant_spaces (name, database) select schema_name, database from homes"
    )


async def occupy(connection: Connection, space: Space) -> None:
    """In the transaction in which a tenant comes to live there, or the place is gone."""
    await connection.execute(
        "delete from public.vacant_spaces where name = %s", (space.schema_name,)
    )
