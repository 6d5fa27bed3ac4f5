"""Connections to one PostgreSQL database, and the walls between its tenants."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from sloth_agent.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    DiskFull,
    InvalidInput,
)

Connection = AsyncConnection[tuple[Any, ...]]

POOL_SIZE = 8
CONNECTION_LIFETIME_SECONDS = 30 * 60
"""A connection remembers every schema it has served; a fresh one gives that memory back."""

ACQUIRE_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Database:
    """One database; every transaction is opened here and nowhere else."""

    pool: AsyncConnectionPool[Connection]

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[Connection]:
        """One transaction on the shared tables, without any tenant's."""
        with as_our_errors():
            async with self.pool.connection() as connection, connection.transaction():
                yield connection

    @asynccontextmanager
    async def inside(
        self, schema: str, *, snapshot: bool = False, settings: LiteralString = ""
    ) -> AsyncIterator[Connection]:
        """One transaction within a tenant's walls; a `snapshot` reads one moment, writes nothing.

        The path holds the tenant's schema first and ends with the transaction: nothing sticks to
        the pooled connection, and code that forgets the tenant finds no table.
        """
        with as_our_errors():
            async with self.pool.connection() as connection:
                # One round trip; a search makes few others.
                await connection.execute(_opening(schema, snapshot, settings))
                try:
                    yield connection
                except BaseException:
                    await _roll_back(connection)
                    raise
                await connection.execute("commit")

    async def close(self) -> None:
        await self.pool.close()


@lru_cache(maxsize=1024)
def _opening(schema: str, snapshot: bool, settings: LiteralString) -> bytes:
    return (
        sql.SQL("begin{}; set local search_path to {}, public{}")
        .format(
            sql.SQL(" isolation level repeatable read, read only" if snapshot else ""),
            sql.Identifier(schema),
            sql.SQL(settings),
        )
        .as_bytes(None)
    )


async def _roll_back(connection: Connection) -> None:
    """A connection that cannot is broken, or busy with what was cancelled; the pool drops it."""
    if connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        await connection.execute("rollback")
    else:
        await connection.close()


async def enter(connection: Connection, schema: str) -> None:
    """Lead the present transaction, and nothing after it, to a tenant's tables."""
    await connection.execute(
        sql.SQL("set local search_path to {}, public").format(sql.Identifier(schema))
    )


async def open_pool(where: Callable[[], Awaitable[str]]) -> Database:
    """Open a pool that asks `where` to connect each time it needs one more connection."""
    pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
        where,
        min_size=1,
        max_size=POOL_SIZE,
        max_lifetime=CONNECTION_LIFETIME_SECONDS,
        timeout=ACQUIRE_TIMEOUT_SECONDS,
        # A server that was killed meanwhile costs a new connection, not an error.
        check=_check,
        # Prepared plans do not survive a change of search_path.
        kwargs={"prepare_threshold": None, "autocommit": True},
        open=False,
    )
    await pool.open()
    return Database(pool)


async def _check(connection: Connection) -> None:
    """Notice a connection whose other end is gone, without asking the other end.

    What it said last is read first, then that it hung up.
    """
    connection.pgconn.consume_input()
    connection.pgconn.consume_input()


@contextmanager
def as_our_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise DiskFull("The database's disk is full.", hint="Free some space.") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            "The database's user may not make schemas and tables.",
            hint="Grant it CREATE on the database and on the schema public.",
        ) from error
    except (psycopg.DataError, UnicodeEncodeError) as error:
        if getattr(error, "sqlstate", None) is not None:
            raise  # the server's own complaint, about a statement of ours
        raise InvalidInput(
            "A text holds NUL or half a character, which no database keeps.", field="text"
        ) from error
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
        raise DatabaseUnavailable(
            "The database did not answer.", hint="Run `sloth doctor`.", backend="postgresql"
        ) from error
