"""Two walls around each tenant: its schema on the path, and its role in the database."""

from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from fakes.accounts import own_account
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import Forbidden

pytestmark = pytest.mark.anyio

CANARY = "canary-4711"


@pytest.fixture
def account(server: Attachment) -> str:
    return own_account(server.conninfo)


@pytest.fixture(params=["embedded", "own account"])
async def sloth(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[AsyncSloth]:
    if request.param == "own account":
        settings = settings.model_copy(
            update={"database_url": SecretStr(request.getfixturevalue("account"))}
        )
    async with AsyncSloth(settings) as sloth:
        yield sloth


@pytest.fixture
async def neighbour(sloth: AsyncSloth) -> AsyncTenant:
    tenant = await sloth.tenant(f"n-{uuid4().hex}", create=True)
    await tenant.ingest_content("secret.md", CANARY.encode())
    return tenant


REACHING: list[str] = [
    "select text from {neighbour}.documents",
    "delete from {neighbour}.conversations",
    "update {neighbour}.documents set text = ''",
    "delete from {neighbour}.chunks",
    "drop table {neighbour}.chunks",
    "create table {neighbour}.planted (id integer)",
    "select slug from public.organizations",
    "update public.organizations set is_active = false",
    "select version from public.tenant_versions",
]


@pytest.mark.parametrize("statement", REACHING)
async def test_a_tenant_reaches_nothing_but_its_own(
    tenant: AsyncTenant, neighbour: AsyncTenant, statement: str
) -> None:
    reaching = sql.SQL(statement).format(neighbour=sql.Identifier(neighbour.services.schema))
    database, schema = tenant.services.database, tenant.services.schema
    with pytest.raises(Forbidden):
        async with database.inside(schema) as connection:
            await connection.execute(reaching)
    with pytest.raises(Forbidden):
        await database.at_once(schema, reaching.as_string(None))


async def test_statements_at_once_stand_or_fall_together(tenant: AsyncTenant) -> None:
    database, schema = tenant.services.database, tenant.services.schema
    forgetting = "delete from prompts; select count(*) from prompts"
    before = await database.at_once(schema, "select count(*) from prompts")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await database.at_once(schema, f"{forgetting}; select 1 / 0")
    assert await database.at_once(schema, "select count(*) from prompts") == before
    assert await database.at_once(schema, forgetting) == [[(0,)]]
    async with database.pool.connection() as connection:  # nothing sticks to it
        found = await connection.execute(
            "select to_regclass('prompts'), current_role = session_user"
        )
        assert await found.fetchone() == (None, True)


async def test_code_that_forgets_the_tenant_finds_nothing(neighbour: AsyncTenant) -> None:
    database = neighbour.services.database
    with pytest.raises(psycopg.errors.UndefinedTable):
        async with database.shared() as connection:
            await connection.execute("select text from documents")
    named = sql.SQL("select text from {}.documents").format(
        sql.Identifier(neighbour.services.schema)
    )
    with pytest.raises(Forbidden):
        async with database.shared() as connection:
            await connection.execute(named)


async def test_no_role_can_log_in_and_the_account_inherits_none(neighbour: AsyncTenant) -> None:
    database = neighbour.services.database
    async with database.owning() as connection:
        found = await connection.execute(
            "select bool_or(rolcanlogin), bool_or(inherit_option)"
            " from pg_roles join pg_auth_members on roleid = pg_roles.oid"
            " where rolname = %s and member = session_user::regrole",
            (neighbour.services.schema,),
        )
        assert await found.fetchone() == (False, False)


async def test_nothing_sticks_to_a_connection(neighbour: AsyncTenant) -> None:
    database = neighbour.services.database
    for statement in ("select 1", "select 1 / 0"):
        try:
            async with database.inside(neighbour.services.schema) as connection:
                await connection.execute(statement)
        except psycopg.errors.DivisionByZero:
            pass
        async with database.owning() as connection:
            found = await connection.execute("select current_user = session_user")
            assert await found.fetchone() == (True,)


async def test_an_account_without_the_right_has_one_wall_and_gets_the_second_later(
    account: str, server: Attachment, settings: Settings, slug: str
) -> None:
    user = conninfo_to_dict(account)["user"]
    own = settings.model_copy(update={"database_url": SecretStr(account)})
    allow(server, user, "nocreaterole")
    async with AsyncSloth(own) as sloth:
        tenant = await sloth.tenant(slug, create=True)
        assert tenant.services.database.walls is None
        await tenant.ingest_content("prices.md", b"A haircut costs 40 euro.")
        with pytest.raises(psycopg.errors.UndefinedTable):
            async with tenant.services.database.shared() as connection:
                await connection.execute("select text from documents")
    allow(server, user, "createrole")
    async with AsyncSloth(own) as sloth:
        other = await sloth.create_tenant("other")
        report = await sloth.upgrade_tenants()
        assert (report.upgraded, report.failed) == (1, ())
        tenant = await sloth.tenant(slug)
        assert (await tenant.search("haircut")).passages
        await tenant.rebuild(chunk_size=500)
        with pytest.raises(Forbidden):
            async with tenant.services.database.inside(other.schema_name) as connection:
                await connection.execute(
                    sql.SQL("select 1 from {}.documents").format(
                        sql.Identifier(tenant.services.schema)
                    )
                )


def allow(server: Attachment, user: object, right: str) -> None:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL(f"alter role {{}} {right}").format(sql.Identifier(str(user))))
