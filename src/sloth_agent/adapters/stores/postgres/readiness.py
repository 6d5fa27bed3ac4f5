"""Brings a database to the state the code expects, or says why it cannot be used."""

import psycopg

from sloth_agent.adapters.stores.postgres.database import Connection, as_our_errors
from sloth_agent.adapters.stores.postgres.migrations.history import head, migrations
from sloth_agent.errors import ConfigurationError, DatabaseUnavailable

OLDEST_SERVER = 16
CONNECT_TIMEOUT_SECONDS = 10

_LOCK = 0x510704A6E47  # one advisory lock for everything that changes what all tenants share


async def make_ready(conninfo: str) -> None:
    """Check the server, make pgvector and the shared tables; quick when nothing is to be done.

    Raises:
        ConfigurationError: a server that cannot be used, with what to do about it.
        DatabaseUnavailable: nobody answers there.
    """
    connection = await _first_connection(conninfo)
    async with connection:
        with as_our_errors():
            await _bring_up_to_date(connection)


async def _bring_up_to_date(connection: Connection) -> None:
    if await _version(connection) >= head("shared"):
        return
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        await _make_vector_extension(connection)
        await _migrate_shared(connection)


async def _first_connection(conninfo: str) -> Connection:
    try:
        connection = await psycopg.AsyncConnection.connect(
            conninfo, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS
        )
    except psycopg.OperationalError as error:
        raise _explained(error) from error
    except psycopg.ProgrammingError:
        raise not_an_address() from None
    major = connection.info.server_version // 10_000
    if major < OLDEST_SERVER:
        await connection.close()
        raise ConfigurationError(
            f"PostgreSQL {major} is too old; {OLDEST_SERVER} or newer is needed.",
            hint="Upgrade the server, or unset DATABASE_URL to use the embedded one.",
        )
    return connection


def not_an_address() -> ConfigurationError:
    """Without a cause: the driver's words repeat the address, password and all."""
    return ConfigurationError(
        "DATABASE_URL is not a PostgreSQL address.",
        hint="Write it as postgresql://user:password@host:5432/database.",
    )


def _explained(error: psycopg.OperationalError) -> ConfigurationError | DatabaseUnavailable:
    # Of "connection to ... failed: Connection refused\n\tIs the server running ...?" the middle.
    reason = str(error).strip().splitlines()[0].rsplit("failed: ", 1)[-1].removeprefix("FATAL:  ")
    lowered = reason.lower()
    if "password" in lowered or "authentication" in lowered or "role" in lowered:
        return ConfigurationError(
            "PostgreSQL refused the user or the password.",
            hint="Check user and password in DATABASE_URL.",
        )
    if "database" in lowered and "does not exist" in lowered:
        return ConfigurationError(
            "The database named in DATABASE_URL does not exist.", hint="Create it with `createdb`."
        )
    return DatabaseUnavailable(
        f"PostgreSQL cannot be reached: {reason}",
        hint="Check host and port in DATABASE_URL, and that the server runs.",
        backend="postgresql",
    )


async def _version(connection: Connection) -> int:
    """0 for a database that has never been used."""
    found = await connection.execute("select to_regclass('public.platform_version')")
    if (await found.fetchone() or (None,))[0] is None:
        return 0
    found = await connection.execute("select max(version) from public.platform_version")
    row = await found.fetchone()
    return row[0] if row and row[0] is not None else 0


async def _make_vector_extension(connection: Connection) -> None:
    try:
        await connection.execute("create extension if not exists vector schema public")
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            "The pgvector extension is not in this database, and this user may not create it.",
            hint="Ask a superuser to run: CREATE EXTENSION vector;",
        ) from error
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile) as error:
        raise ConfigurationError(
            "The pgvector extension is not installed on the PostgreSQL server.",
            hint="Install pgvector on the server (package postgresql-NN-pgvector).",
        ) from error


async def _migrate_shared(connection: Connection) -> None:
    await connection.execute(
        "create table if not exists public.platform_version (version integer primary key)"
    )
    done = await _version(connection)
    for migration in migrations("shared"):
        if migration.version > done:
            for statement in migration.statements:
                await connection.execute(statement)
            await connection.execute(
                "insert into public.platform_version (version) values (%s)", (migration.version,)
            )


async def server_version(connection: Connection) -> str:
    """Such as `18.4`."""
    found = await connection.execute("show server_version")
    row = await found.fetchone()
    return str(row[0]).split()[0] if row else "?"
