"""What a new tenant costs, beside the same statements sent raw in one round trip."""

import statistics
import time
from collections.abc import AsyncIterator
from uuid import uuid4

from benchmarks.figures import Figure
from benchmarks.library import opened
from benchmarks.material import Material
from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.migrations.history import migrations

ROUNDS = 30


async def measure(_: Material) -> AsyncIterator[Figure]:
    async with opened() as sloth:
        database = (await sloth.tenant()).services.database
        created, raw = [], []
        for number in range(ROUNDS):  # in turns, so that both meet the same machine
            started = time.perf_counter()
            await sloth.create_tenant(f"tenant-{number}")
            between = time.perf_counter()
            await send_raw(database)
            raw.append((time.perf_counter() - between) * 1000)
            created.append((between - started) * 1000)
    yield Figure(
        part="tenants",
        name="a new tenant",
        value=statistics.median(created),
        unit="ms",
        wanted="<= 1.5x",
        baseline=statistics.median(raw),
        baseline_name="raw statements, one round trip",
    )


async def send_raw(database: Database) -> None:
    schema = sql.Identifier(f"raw_{uuid4().hex}")
    async with database.pool.connection() as connection, connection.pipeline():
        await connection.execute("begin")
        await connection.execute(sql.SQL("create schema {}").format(schema))
        await connection.execute(sql.SQL("set local search_path to {}, public").format(schema))
        for migration in migrations("tenant"):
            for statement in migration.statements:
                await connection.execute(statement)
        await connection.execute("commit")
