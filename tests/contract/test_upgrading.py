"""Steps of the tenants' history, taken by many tenants, by several upgrades at once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import anyio
import psycopg
import pytest
from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.adapters.stores.postgres.migrations.history import Migration, migrations
from sloth_agent.adapters.stores.postgres.organizations import PostgresOrganizations
from sloth_agent.adapters.stores.postgres.schemas import TenantSchemas
from sloth_agent.clock import system_clock
from sloth_agent.errors import SlothError
from sloth_agent.tenants.models import MAIN_DATABASE, Organization
from sloth_agent.tenants.organizations import Organizations
from sloth_agent.tenants.upgrading import Upgrading

pytestmark = pytest.mark.anyio

NEXT = Migration(
    version=len(migrations("tenant")) + 1,
    name="next",
    statements=("create table visits (id uuid primary key)", "create index on visits (id)"),
)


@pytest.fixture
def spaces(database: Database) -> TenantSchemas:
    return TenantSchemas(Databases(database, {}))


@pytest.fixture
def newer(spaces: TenantSchemas) -> TenantSchemas:
    """The next release: it knows one step more."""
    return replace(spaces, steps=(*spaces.steps, NEXT))


@pytest.fixture
async def tenants(database: Database, spaces: TenantSchemas) -> AsyncIterator[list[Organization]]:
    organizations = Organizations(PostgresOrganizations(database), spaces, system_clock)
    made = [await organizations.create(f"u-{uuid4().hex}") for _ in range(12)]
    yield made
    # Tests break their tables: no periodic task of another test shall look for these.
    async with database.shared() as connection:
        await connection.execute(
            "delete from public.organizations where id = any(%s)", ([each.id for each in made],)
        )


def upgrading(database: Database, spaces: TenantSchemas) -> Upgrading:
    return Upgrading(PostgresOrganizations(database), spaces)


async def versions(database: Database, tenants: list[Organization]) -> list[list[int]]:
    async with database.shared() as connection:
        found = await connection.execute(
            "select array_agg(version order by version) from public.tenant_versions"
            " where schema_name = any(%s) group by schema_name",
            ([tenant.schema_name for tenant in tenants],),
        )
        return [row[0] for row in await found.fetchall()]


async def test_only_those_that_are_behind_take_a_step(
    database: Database, newer: TenantSchemas, tenants: list[Organization]
) -> None:
    await newer.ensure(tenants[0])
    behind = {space.schema_name for space in await newer.outdated(MAIN_DATABASE)}
    assert tenants[0].schema_name not in behind
    assert {tenant.schema_name for tenant in tenants[1:]} <= behind
    report = await upgrading(database, newer).upgrade()
    assert report.failed == ()
    assert await versions(database, tenants) == [[NEXT.version - 1, NEXT.version]] * 12
    for tenant in tenants:  # what a step makes, the tenant's role may use
        async with database.inside(tenant.schema_name) as connection:
            await connection.execute("insert into visits (id) values (%s)", (uuid4(),))
    assert (await upgrading(database, newer).upgrade()).upgraded == 0


async def test_several_upgrades_at_once_take_each_step_once(
    database: Database, newer: TenantSchemas, tenants: list[Organization]
) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(upgrading(database, newer).upgrade)
    assert await versions(database, tenants) == [[NEXT.version - 1, NEXT.version]] * 12


async def test_a_tenant_that_fails_stops_no_other(
    database: Database, newer: TenantSchemas, tenants: list[Organization]
) -> None:
    broken, locked = tenants[3], tenants[5]
    async with database.owning(broken.schema_name) as connection:
        await connection.execute("create table visits (in_the_way integer)")
    step = replace(NEXT, statements=(*NEXT.statements, "alter table documents add visits integer"))
    newer = replace(newer, steps=(*newer.steps[:-1], step))
    async with database.owning(locked.schema_name) as connection:
        await connection.execute("lock table documents")
        report = await upgrading(database, newer).upgrade()
    assert {space.schema_name for space, _ in report.failed} == {
        broken.schema_name,
        locked.schema_name,
    }
    assert all(isinstance(error, SlothError) for _, error in report.failed)
    async with database.owning(broken.schema_name) as connection:
        await connection.execute("drop table visits")
    report = await upgrading(database, newer).upgrade()
    assert (report.upgraded, report.failed) == (2, ())
    assert await versions(database, tenants) == [[NEXT.version - 1, NEXT.version]] * 12


async def test_a_tenant_that_is_deleted_meanwhile_stays_away(
    database: Database, newer: TenantSchemas, tenants: list[Organization]
) -> None:
    """Fails where a step does not lock the tenant's tables: its table is made in `public`."""
    outdated = [
        space
        for space in await newer.outdated(MAIN_DATABASE)
        if space.schema_name in {tenant.schema_name for tenant in tenants}
    ]
    assert len(outdated) == 12
    for tenant in tenants[1:]:
        await newer.remove(tenant)
    for space in outdated:
        await newer.update(space)
    assert await versions(database, tenants) == [[NEXT.version - 1, NEXT.version]]
    with pytest.raises(psycopg.errors.InvalidSchemaName):
        await newer._bring_up_to_date(
            database, tenants[1].schema_name, NEXT.version - 1, has_role=True
        )
    assert await versions(database, tenants[1:]) == []
    async with database.owning() as connection:
        found = await connection.execute("select to_regclass('public.visits')")
        assert await found.fetchone() == (None,)


async def test_old_code_serves_a_tenant_that_is_ahead(
    database: Database, spaces: TenantSchemas, newer: TenantSchemas, tenants: list[Organization]
) -> None:
    await newer.ensure(tenants[0])
    assert await spaces.ensure(tenants[0]) is False
    assert tenants[0].schema_name not in {
        s.schema_name for s in await spaces.outdated(MAIN_DATABASE)
    }
    async with database.inside(tenants[0].schema_name) as connection:
        await connection.execute(sql.SQL("select id from documents"))


async def test_photos_of_before_learn_who_sent_them(
    database: Database, spaces: TenantSchemas
) -> None:
    """By the event that brought them, as long as it is there; of the firm's own nothing is told."""
    names = [step.name for step in spaces.steps]
    before = spaces.steps[: names.index("0007_files_of_customers.sql")]
    older = replace(spaces, steps=before)
    organizations = Organizations(PostgresOrganizations(database), older, system_clock)
    made = await organizations.create(f"u-{uuid4().hex}")
    bot, chat, told, forgotten, own = (uuid4() for _ in range(5))
    now = system_clock()
    async with database.inside(made.schema_name) as connection:
        await connection.execute(
            "insert into integrations (id, type, status, created_at)"
            " values (%s, 'telegram', 'active', %s)",
            (bot, now),
        )
        await connection.execute(
            "insert into channel_chats (id, integration_id, external_id, customer, last_heard_at,"
            " created_at) values (%s, %s, '-1', '11', %s, %s)",
            (chat, bot, now, now),
        )
        for id, payload in ((told, '{"message": {"from": {"id": 22}}}'), (forgotten, "{}")):
            await connection.execute(
                "insert into channel_events (id, integration_id, external_id, chat_id, payload,"
                " received_at) values (%s, %s, %s, %s, %s, %s)",
                (id, bot, str(id), chat, payload, now),
            )
        for id in (told, forgotten, own):
            await connection.execute(
                "insert into photos (id, title, media_type, size_bytes, width, height, status,"
                " created_at) values (%s, 'a', 'image/png', 1, 1, 1, 'pending', %s)",
                (id, now),
            )
    await spaces.ensure(made)
    async with database.inside(made.schema_name) as connection:
        found = await connection.execute("select id, source, external_id from photos")
        known = {id: whose for id, *whose in await found.fetchall()}
    assert known == {
        told: ["telegram", "22"],
        forgotten: ["telegram", "11"],
        own: [None, None],
    }
    await spaces.remove(made)
