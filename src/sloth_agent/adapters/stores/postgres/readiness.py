"""Brings a database to the state the code expects, or says why it cannot be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg

from sloth_agent.adapters.stores.postgres.database import (
    Connection,
    Walls,
    as_account_errors,
)
from sloth_agent.adapters.stores.postgres.migrations.history import (
    History,
    head,
    migrations,
    walls,
)
from sloth_agent.adapters.stores.postgres.roles import new_role, take_role, walls_of
from sloth_agent.errors import ConfigurationError, DatabaseUnavailable

OLDEST_SERVER = 16
MAIN_SETTING = "DATABASE_URL"
CONNECT_TIMEOUT_SECONDS = 10

_LOCK = 0x510704A6E47  # one advisory lock for everything that changes what all tenants share


async def make_ready(
    conninfo: str,
    histories: Sequence[History] = ("control", "working"),
    *,
    setting: str = MAIN_SETTING,
) -> Walls | None:
    """Check the server, make pgvector and the shared tables; quick when nothing is to be done.

    `setting` is what the operator knows the address by. Returns the roles behind which tenants
    live; None if the account may make no roles.

    Raises:
        ConfigurationError: a server that cannot be used, with what to do about it.
        DatabaseUnavailable: nobody answers there.
    """
    connection = await _first_connection(conninfo, setting)
    async with connection:
        with as_account_errors(f"The user of {setting}"):
            roles = walls_of(connection.info.dbname)
            state = await _state(connection, roles)
            behind = any(state.versions.get(history, 0) < head(history) for history in histories)
            if behind or (state.may_make_roles and state.missing_roles):
                async with connection.transaction():
                    await connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
                    await _make_vector_extension(connection, setting)
                    await _migrate(connection, histories)
                    if state.may_make_roles:
                        await _raise_walls(connection, roles, histories)
            return roles if state.may_make_roles else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    may_make_roles: bool
    missing_roles: bool
    versions: Mapping[str, int]  # by history; empty for a database that has never been used


async def _state(connection: Connection, roles: Walls) -> _State:
    found = await connection.execute(
        "select rolsuper or rolcreaterole,"
        " (select count(*) from pg_roles where rolname in (%s, %s)),"
        " to_regclass('public.schema_versions') is not null"
        " from pg_roles where rolname = current_user",
        (roles.platform, roles.tenants),
    )
    may_make_roles, known_roles, used = await found.fetchone() or (False, 0, False)
    return _State(
        may_make_roles=may_make_roles,
        missing_roles=known_roles < 2,
        versions=await _versions(connection) if used else {},
    )


async def _versions(connection: Connection) -> dict[str, int]:
    found = await connection.execute(
        "select history, max(version) from public.schema_versions group by history"
    )
    return dict(await found.fetchall())


async def _first_connection(conninfo: str, setting: str) -> Connection:
    try:
        connection = await psycopg.AsyncConnection.connect(
            conninfo, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS
        )
    except psycopg.OperationalError as error:
        raise _explained(error, setting) from error
    except psycopg.ProgrammingError:
        raise not_an_address(setting) from None
    major = connection.info.server_version // 10_000
    if major < OLDEST_SERVER:
        await connection.close()
        raise ConfigurationError(
            f"PostgreSQL {major} of {setting} is too old; {OLDEST_SERVER} or newer is needed.",
            hint="Upgrade the server, or leave the setting out.",
        )
    return connection


def not_an_address(setting: str = MAIN_SETTING) -> ConfigurationError:
    """Without a cause: the driver's words repeat the address, password and all."""
    return ConfigurationError(
        f"{setting} is not a PostgreSQL address.",
        hint="Write it as postgresql://user:password@host:5432/database.",
    )


def _explained(
    error: psycopg.OperationalError, setting: str
) -> ConfigurationError | DatabaseUnavailable:
    # Of "connection to ... failed: Connection refused\n\tIs the server running ...?" the middle.
    reason = str(error).strip().splitlines()[0].rsplit("failed: ", 1)[-1].removeprefix("FATAL:  ")
    lowered = reason.lower()
    if "password" in lowered or "authentication" in lowered or "role" in lowered:
        return ConfigurationError(
            f"PostgreSQL refused the user or the password of {setting}.",
            hint="Check both there.",
        )
    if "database" in lowered and "does not exist" in lowered:
        return ConfigurationError(
            f"The database of {setting} does not exist.", hint="Create it with `createdb`."
        )
    return DatabaseUnavailable(
        f"PostgreSQL of {setting} cannot be reached: {reason}",
        hint="Check host and port there, and that the server runs.",
        backend="postgresql",
    )


async def _make_vector_extension(connection: Connection, setting: str) -> None:
    try:
        await connection.execute("create extension if not exists vector schema public")
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"The pgvector extension is not in the database of {setting},"
            " and its user may not create it.",
            hint="Ask a superuser to run there: CREATE EXTENSION vector;",
        ) from error
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile) as error:
        raise ConfigurationError(
            f"The pgvector extension is not installed on the PostgreSQL server of {setting}.",
            hint="Install pgvector on the server (package postgresql-NN-pgvector).",
        ) from error


async def _migrate(connection: Connection, histories: Sequence[History]) -> None:
    await connection.execute(
        "create table if not exists public.schema_versions"
        " (history text not null, version integer not null, primary key (history, version))"
    )
    versions = await _versions(connection)
    for history in histories:
        for migration in migrations(history)[versions.get(history, 0) :]:
            for statement in migration.statements:
                await connection.execute(statement)
            await connection.execute(
                "insert into public.schema_versions (history, version) values (%s, %s)",
                (history, migration.version),
            )


async def _raise_walls(connection: Connection, roles: Walls, histories: Sequence[History]) -> None:
    for role in (roles.platform, roles.tenants):
        found = await connection.execute("select from pg_roles where rolname = %s", (role,))
        if found.rowcount == 0:
            await connection.execute(new_role(role))
        await connection.execute(take_role(role))
    for history in histories:
        for statement in walls(history, platform=roles.platform, tenants=roles.tenants):
            await connection.execute(statement)


async def tenant_versions(conninfo: str, *, setting: str = MAIN_SETTING) -> dict[int, int]:
    """How many tenants are at each version; a database that was never used has none."""
    connection = await _first_connection(conninfo, setting)
    with as_account_errors():
        async with connection:
            return await _tenant_versions(connection)


async def _tenant_versions(connection: Connection) -> dict[int, int]:
    found = await connection.execute("select to_regclass('public.tenant_versions')")
    if (await found.fetchone() or (None,))[0] is None:
        return {}
    found = await connection.execute(
        "select version, count(*) from (select max(version) as version"
        " from public.tenant_versions group by schema_name) as newest"
        " group by version order by version"
    )
    return dict(await found.fetchall())


async def tenants_by_database(conninfo: str) -> dict[str, int]:
    """How many tenants are recorded in the main database for each; migrates nothing."""
    connection = await _first_connection(conninfo, MAIN_SETTING)
    with as_account_errors():
        async with connection:
            found = await connection.execute("select to_regclass('public.organizations')")
            if (await found.fetchone() or (None,))[0] is None:
                return {}
            found = await connection.execute(
                "select database, count(*) from public.organizations group by database"
            )
            return dict(await found.fetchall())


async def server_version(connection: Connection) -> str:
    """Such as `18.4`."""
    found = await connection.execute("show server_version")
    row = await found.fetchone()
    return str(row[0]).split()[0] if row else "?"
