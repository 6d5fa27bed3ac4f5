"""A thousand tenants in one database, two thousand in two: what each of them costs."""

import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import anyio
from benchmarks.figures import Figure
from benchmarks.ingest import CHUNKS_EACH, learn
from benchmarks.library import documents, opened
from benchmarks.material import GivenVectors, Material, near, vectors
from benchmarks.search import milliseconds
from psycopg import AsyncConnection, sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.adapters.stores.postgres.migrations.history import Migration, migrations
from sloth_agent.adapters.stores.postgres.organizations import PostgresOrganizations
from sloth_agent.adapters.stores.postgres.schemas import TenantSchemas
from sloth_agent.app.connecting import open_databases
from sloth_agent.knowledge.retrieval import Retrieval
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.upgrading import AT_ONCE, Upgrading

TENANTS = 1_000
CHUNKS = 10_000
QUESTIONS = 200

STEP = (
    "create table {name} (id uuid primary key, text text not null)",
    "alter table documents add column {name} integer",
)


async def measure(material: Material) -> AsyncIterator[Figure]:
    async for figure in in_one_database(material):
        yield figure
    async for figure in over_two_databases():
        yield figure


async def in_one_database(material: Material) -> AsyncIterator[Figure]:
    async with opened() as sloth:
        database = (await sloth.tenant()).services.database
        retrieval = await large_tenant(sloth, material)
        asked = material.questions[:QUESTIONS]
        _, p95_alone = await milliseconds(retrieval, asked)
        size_before = await size(database)
        started = time.perf_counter()
        tenants = await created(sloth)
        seconds = time.perf_counter() - started
        yield _figure("creating them", seconds * 1000 / TENANTS, "ms each")
        kilobytes = (await size(database) - size_before) / TENANTS / 1024
        yield _figure("disk of an empty one", kilobytes, "kB", wanted="<= 512")
        yield _figure("catalog", await count_relations(database) / TENANTS, "relations each")
        _, p95 = await milliseconds(retrieval, asked)
        yield _figure(
            "search p95 of one with 10,000 chunks",
            p95,
            "ms",
            wanted="<= 1.2x",
            baseline=p95_alone,
            baseline_name="before the others came",
        )
        async for figure in stepped(database, tenants):
            yield figure
        yield _figure(
            "private memory of a connection that served all",
            await memory_of_a_connection(database, tenants) / 1024**2,
            "MB",
            wanted="<= 100",
        )


async def over_two_databases() -> AsyncIterator[Figure]:
    """As many in each of two as before in one; new ones go where the fewest are."""
    async with opened() as sloth, AsyncExitStack() as resources:
        first = (await sloth.tenant()).services.database
        settings = await with_a_second(first, sloth.settings)
        databases = await open_databases(settings, resources)
        empty = {name: await size(database) for name, database in await databases.all()}
        async with AsyncSloth(settings) as both:
            started = time.perf_counter()
            tenants = await created(both, 2 * TENANTS)
            seconds = time.perf_counter() - started
        yield _figure("creating 2,000 in two databases", seconds * 500 / TENANTS, "ms each")
        for name, database in await databases.all():
            own = [tenant for tenant in tenants if tenant.database == name]
            kilobytes = (await size(database) - empty[name]) / len(own) / 1024
            yield _figure(f"disk of one of {len(own)} in {name}", kilobytes, "kB", wanted="<= 512")
            relations = await count_relations(database) / len(own)
            yield _figure(f"catalog of {name}", relations, "relations each")
        upgrading = upgrading_of(databases)
        async for figure in upgraded(upgrading):
            yield replace(figure, name=f"{figure.name}, two databases")


async def with_a_second(first: Database, settings: Settings) -> Settings:
    """Settings that name another database of the same server too."""
    async with first.pool.connection() as connection:
        await connection.execute("create database second")
        place = connection.info.get_parameters()
    urls = [SecretStr(make_conninfo(**place | {"dbname": n})) for n in (place["dbname"], "second")]
    return settings.model_copy(update={"database_url": urls[0], "databases": {"second": urls[1]}})


async def count_relations(database: Database) -> int:
    """Tables, indexes and views of tenants."""
    async with database.shared() as connection:
        found = await connection.execute(
            "select count(*) from pg_class where relnamespace in"
            " (select oid from pg_namespace where nspname like 't_%')"
        )
        return int((await found.fetchone() or (0,))[0])


async def large_tenant(sloth: AsyncSloth, material: Material) -> Retrieval:
    made = vectors(CHUNKS)
    tenant = await sloth.tenant("large", create=True)
    contents = documents(list(material.texts(CHUNKS)), chunks_each=CHUNKS_EACH)
    await learn(tenant, contents, GivenVectors(made))
    await tenant.services.retrieval.index.settle()
    return replace(tenant.services.retrieval, embedder=GivenVectors(near(made, QUESTIONS)))


async def created(sloth: AsyncSloth, count: int = TENANTS) -> list[Organization]:
    waiting = iter(range(count))

    async def create() -> None:
        for number in waiting:
            await sloth.create_tenant(f"one-of-many-{number}")

    async with anyio.create_task_group() as group:
        for _ in range(AT_ONCE):
            group.start_soon(create)
    return [tenant for tenant in await sloth.tenants() if tenant.slug.startswith("one-of-many")]


async def stepped(database: Database, tenants: Sequence[Organization]) -> AsyncIterator[Figure]:
    """One step of the tenants' history, beside its statements sent raw."""
    raw = await sent_raw(database, tenants)
    upgrading = upgrading_of(Databases(database, {}))
    async for figure in upgraded(upgrading):
        if figure.name == "one step":
            yield replace(figure, wanted="<= 2x", baseline=raw, baseline_name="sent raw")
        else:
            yield figure


def upgrading_of(databases: Databases) -> Upgrading:
    spaces = TenantSchemas(databases, steps=with_a_step())
    return Upgrading(PostgresOrganizations(databases.main), spaces)


def with_a_step() -> tuple[Migration, ...]:
    known = migrations("tenant")
    statements = tuple(statement.format(name="stepped") for statement in STEP)
    return *known, Migration(version=len(known) + 1, name="benchmark", statements=statements)


async def upgraded(upgrading: Upgrading) -> AsyncIterator[Figure]:
    started = time.perf_counter()
    report = await upgrading.upgrade()
    spent = (time.perf_counter() - started) * 1000 / (report.upgraded or 1)
    assert not report.failed
    yield _figure("one step", spent, "ms each")
    idle = []
    for _ in range(20):
        started = time.perf_counter()
        await upgrading.upgrade()
        idle.append((time.perf_counter() - started) * 1000)
    yield _figure("nothing to do", statistics.median(idle), "ms", wanted="<= 20")


async def sent_raw(database: Database, tenants: Sequence[Organization]) -> float:
    """Milliseconds for each tenant, as many at once as an upgrade does."""
    waiting = iter(tenants)

    async def send() -> None:
        for tenant in waiting:
            async with database.pool.connection() as connection, connection.pipeline():
                await connection.execute("begin")
                await connection.execute(
                    sql.SQL("set local search_path to {}").format(
                        sql.Identifier(tenant.schema_name)
                    )
                )
                for statement in STEP:
                    await connection.execute(statement.format(name="raw").encode())
                await connection.execute("commit")

    started = time.perf_counter()
    async with anyio.create_task_group() as group:
        for _ in range(AT_ONCE):
            group.start_soon(send)
    return (time.perf_counter() - started) * 1000 / len(tenants)


async def memory_of_a_connection(database: Database, tenants: Sequence[Organization]) -> float:
    """Bytes that the server's process holds for itself after statements in every schema.

    A connection of its own: those of the pool have made tenants before, as many as it happens.
    """
    async with database.pool.connection() as any_other:
        where = any_other.info.dsn
    async with await AsyncConnection.connect(where, prepare_threshold=None) as connection:
        for tenant in tenants:
            async with connection.transaction():
                await connection.execute(
                    sql.SQL("set local search_path to {}, public; set local role {}").format(
                        sql.Identifier(tenant.schema_name), sql.Identifier(tenant.schema_name)
                    )
                )
                for table in ("documents", "chunks", "conversations", "messages", "prompts"):
                    await connection.execute(
                        sql.SQL("select * from {} limit 1").format(sql.Identifier(table))
                    )
        return private_bytes(connection.info.backend_pid)


def private_bytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return float("nan")
    for line in status.read_text().splitlines():
        if line.startswith("RssAnon"):
            return float(line.split()[1]) * 1024
    return float("nan")


async def size(database: Database) -> int:
    async with database.shared() as connection:
        found = await connection.execute("select pg_database_size(current_database())")
        return int((await found.fetchone() or (0,))[0])


def _figure(
    name: str,
    value: float,
    unit: str,
    *,
    wanted: str = "",
    baseline: float | None = None,
    baseline_name: str = "",
) -> Figure:
    return Figure(
        part="1,000 tenants",
        name=name,
        value=value,
        unit=unit,
        wanted=wanted,
        baseline=baseline,
        baseline_name=baseline_name,
    )
