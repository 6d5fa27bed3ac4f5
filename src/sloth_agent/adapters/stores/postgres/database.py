"""Connections to one PostgreSQL database, and the walls between its tenants."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, LiteralString, Protocol

import psycopg
from psycopg import AsyncClientCursor, AsyncConnection, sql
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from sloth_agent.adapters.stores.postgres.shares import Shares
from sloth_agent.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    DiskFull,
    Forbidden,
    InvalidInput,
)

Row = tuple[Any, ...]
Connection = AsyncConnection[Row]
Statement = tuple[LiteralString, tuple[object, ...]]
"""With its values, to be sent alone or with others."""

POOL_SIZE = 8
TENANT_SHARE = 3
"""So many of them one tenant may hold: whatever it asks, others find one that is free."""

CONNECTION_LIFETIME_SECONDS = 30 * 60
"""A connection remembers every schema it has served; a fresh one gives that memory back."""

ACQUIRE_TIMEOUT_SECONDS = 10

RECONNECT_SECONDS = 5.0
"""So long the pool tries by itself, with pauses that double; then whoever wants a connection has
it try anew. With more, a server that was away a few times is missed for a minute afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """The roles that keep tenants apart, beside one for each tenant."""

    platform: str  # of transactions on the shared tables
    tenants: str  # a group of all tenants' roles: what they may do with working tables


class TenantDatabase(Protocol):
    """The transactions of one tenant, wherever it lives."""

    def inside(
        self, schema: str, *, settings: LiteralString = ""
    ) -> AbstractAsyncContextManager[Connection]: ...

    def exchange(
        self,
        schema: str,
        statements: str,
        parameters: Sequence[object] | None = None,
        *,
        snapshot: bool = False,
        settings: LiteralString = "",
    ) -> AbstractAsyncContextManager["Exchange"]: ...

    async def at_once(
        self, schema: str, statements: str, parameters: Sequence[object] = ()
    ) -> list[list[Row]]: ...

    def owning(self, schema: str) -> AbstractAsyncContextManager[Connection]: ...


@dataclass(frozen=True, slots=True)
class Database:
    """One database; every transaction is opened here and nowhere else."""

    pool: AsyncConnectionPool[Connection]
    walls: Walls | None  # None: the account may make no roles, and search paths are the only wall
    shares: Shares = field(default_factory=lambda: Shares(TENANT_SHARE, ACQUIRE_TIMEOUT_SECONDS))

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[Connection]:
        """One transaction on the shared tables, without any tenant's."""
        role = self.walls.platform if self.walls else None
        async with self._transaction(_opening(None, role)) as connection:
            yield connection

    @asynccontextmanager
    async def inside(
        self, schema: str, *, door: int = 0, settings: LiteralString = ""
    ) -> AsyncIterator[Connection]:
        """One transaction within a tenant's walls.

        The tenant's schema is first on the path, and its role, of the same name, is in force.
        Both end with the transaction: nothing sticks to the pooled connection, code that forgets
        the tenant finds no table, and code that names a neighbour's is refused.

        Who comes by a door that is not there any more, since the tenant has moved, gets
        `psycopg.errors.UndefinedTable` before anything is done; see `TenantHome`.
        """
        role = schema if self.walls else None
        opening = _opening(schema, role, door=door, settings=settings)
        async with self.shares.one(schema), self._transaction(opening) as connection:
            yield connection

    @asynccontextmanager
    async def exchange(
        self,
        schema: str,
        statements: str,
        parameters: Sequence[object] | None = None,
        *,
        door: int = 0,
        snapshot: bool = False,
        settings: LiteralString = "",
    ) -> AsyncIterator["Exchange"]:
        """A transaction like `inside` that begins with statements, and ends with others.

        A snapshot is one moment, only to be read.
        """
        role = schema if self.walls else None
        opening = _opening(schema, role, door=door, snapshot=snapshot, settings=settings)
        with as_our_errors():
            async with self._connection_of(schema) as connection, _ending(connection):
                first = f"{opening}; {statements}"
                yield Exchange(connection, await rows_of_each(connection, first, parameters))

    async def at_once(
        self, schema: str, statements: str, parameters: Sequence[object] = (), *, door: int = 0
    ) -> list[list[Row]]:
        """The rows of each statement that has any: a transaction like `inside`, in one round trip.

        The server takes the statements of one message as a transaction.
        """
        settings = _settings(schema, schema if self.walls else None, door)
        with as_our_errors():
            async with self._connection_of(schema) as connection:
                return await rows_of_each(connection, f"{settings}; {statements}", parameters)

    async def shared_at_once(
        self, statements: str, parameters: Mapping[str, object]
    ) -> list[list[Row]]:
        """Like `at_once`, as a transaction like `shared`."""
        settings = _settings(None, self.walls.platform if self.walls else None)
        with as_our_errors():
            async with self.pool.connection() as connection:
                return await rows_of_each(connection, f"{settings}; {statements}", parameters)

    @asynccontextmanager
    async def owning(
        self, schema: str | None = None, *, door: int | None = None
    ) -> AsyncIterator[Connection]:
        """One transaction of the account that owns all: makes, changes and removes tables."""
        with as_account_errors():
            async with self._transaction(_opening(schema, None, door)) as connection:
                yield connection

    @asynccontextmanager
    async def _connection_of(self, schema: str) -> AsyncIterator[Connection]:
        async with self.shares.one(schema), self.pool.connection() as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, opening: str) -> AsyncIterator[Connection]:
        with as_our_errors():
            async with self.pool.connection() as connection:
                await connection.execute(opening.encode())
                async with _ending(connection):
                    yield connection

    async def close(self) -> None:
        await self.pool.close()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A transaction whose opening was sent with its first statements, and its end with its last.

    A search has two questions; opening and end on their own would double its round trips.
    """

    connection: Connection
    answers: list[list[Row]]  # to the first statements, of each that has any

    async def last(
        self, statements: str, parameters: Sequence[object] | None = None
    ) -> list[list[Row]]:
        return await rows_of_each(self.connection, f"{statements}; commit", parameters)


async def rows_of_each(
    connection: Connection,
    statements: str,
    parameters: Sequence[object] | Mapping[str, object] | None,
) -> list[list[Row]]:
    """The rows of each of several statements that has any, in one round trip.

    Without parameters, as None says, a percent sign stands for itself.
    """
    async with AsyncClientCursor(connection) as cursor:
        await cursor.execute(statements.encode(), parameters)
        return [await result.fetchall() async for result in cursor.results() if result.description]


def door_table(number: int) -> sql.Identifier:
    """A tenant's table by which its transactions come in; moved away, it has another number."""
    return sql.Identifier(f"door_{number}")


@lru_cache(maxsize=4096)
def _opening(
    schema: str | None,
    role: str | None,
    door: int | None = None,
    snapshot: bool = False,
    settings: LiteralString = "",
) -> str:
    """One string, one round trip."""
    begin = "begin isolation level repeatable read, read only" if snapshot else "begin"
    return f"{begin}; {_settings(schema, role, door)}{settings}"


@lru_cache(maxsize=4096)
def _settings(schema: str | None, role: str | None, door: int | None = None) -> str:
    # What is set goes to the nodes of a Citus cluster too; elsewhere it is a name without use.
    parts: list[sql.SQL | sql.Composed] = [
        sql.SQL("set local citus.propagate_set_commands = 'local'")
    ]
    if schema is not None:
        parts.append(sql.SQL("set local search_path to {}, public").format(sql.Identifier(schema)))
    if door is not None:  # before the role, which may have left with the tenant
        parts.append(sql.SQL("lock table {} in access share mode").format(door_table(door)))
    if role is not None:
        parts.append(sql.SQL("set local role {}").format(sql.Identifier(role)))
    return sql.SQL("; ").join(parts).as_string(None)


@asynccontextmanager
async def _ending(connection: Connection) -> AsyncIterator[None]:
    """Commit what has not been yet, or roll back what went wrong."""
    try:
        yield
    except BaseException:
        await _roll_back(connection)
        raise
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        await connection.execute("commit")


async def _roll_back(connection: Connection) -> None:
    """A connection that cannot is broken, or busy with what was cancelled; the pool drops it."""
    status = connection.info.transaction_status
    if status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        await connection.execute("rollback")
    elif status is not TransactionStatus.IDLE:
        await connection.close()


async def open_pool(where: Callable[[], Awaitable[str]], walls: Walls | None) -> Database:
    """Open a pool that asks `where` to connect each time it needs one more connection."""
    pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
        where,
        min_size=1,
        max_size=POOL_SIZE,
        max_lifetime=CONNECTION_LIFETIME_SECONDS,
        timeout=ACQUIRE_TIMEOUT_SECONDS,
        reconnect_timeout=RECONNECT_SECONDS,
        # A server that was killed meanwhile costs a new connection, not an error.
        check=_check,
        # Prepared plans do not survive a change of search_path.
        kwargs={"prepare_threshold": None, "autocommit": True},
        open=False,
    )
    await pool.open()
    return Database(pool, walls)


async def _check(connection: Connection) -> None:
    """Notice a connection whose other end is gone, without asking the other end.

    What it said last is read first, then that it hung up.
    """
    connection.pgconn.consume_input()
    connection.pgconn.consume_input()


@contextmanager
def as_account_errors(user: str = "The database's user") -> Iterator[None]:
    """What the account itself is refused, its owner can grant."""
    try:
        with as_our_errors():
            yield
    except Forbidden as error:
        raise ConfigurationError(
            f"{user} may not make schemas and tables.",
            hint="Grant it CREATE on the database and on the schema public.",
        ) from error


@contextmanager
def as_our_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise DiskFull("The database's disk is full.", hint="Free some space.") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise Forbidden("The database keeps this from whoever asked.") from error
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
