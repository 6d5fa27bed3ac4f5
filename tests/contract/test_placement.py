"""Tenants in several databases; what all share stays in the main one."""

from collections import Counter
from pathlib import Path
from uuid import uuid4

import anyio
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.adapters.stores.postgres.migrations.history import Migration, migrations
from sloth_agent.adapters.stores.postgres.organizations import PostgresOrganizations
from sloth_agent.adapters.stores.postgres.schemas import TenantSchemas
from sloth_agent.app.database_status import recorded_versions
from sloth_agent.app.diagnosis import Health, examine
from sloth_agent.errors import ConfigurationError, NotFound, SlothError
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.upgrading import Upgrading

pytestmark = pytest.mark.anyio

BY = Actor(name="test")


@pytest.fixture
def addresses(server: Attachment) -> dict[str, str]:
    """Three empty databases."""
    found = {}
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        for name in ("main", "eu", "us"):
            database = f"{name}_{uuid4().hex[:16]}"
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
            found[name] = make_conninfo(server.conninfo, dbname=database)
    return found


@pytest.fixture
def settings(addresses: dict[str, str], tmp_path: Path) -> Settings:
    others = {name: SecretStr(url) for name, url in addresses.items() if name != "main"}
    return Settings(
        home=tmp_path,
        embedder="none",
        chat="extractive",
        database_url=SecretStr(addresses["main"]),
        databases=others,
    )


async def test_new_tenants_go_where_the_fewest_are(
    settings: Settings, addresses: dict[str, str]
) -> None:
    async with AsyncSloth(settings) as sloth:
        for number in range(6):
            tenant = await sloth.tenant(f"t-{number}", create=True)
            await tenant.ingest_content("prices.md", f"A haircut costs {number}0 euro.".encode())
        homes = Counter(tenant.database for tenant in await sloth.tenants())
        assert homes == {"main": 2, "eu": 2, "us": 2}
        for number in range(6):
            reply = await (await sloth.tenant(f"t-{number}")).chat("How much is a haircut?")
            assert f"{number}0 euro" in reply.text
        assert (await sloth.upgrade_tenants()).failed == ()
    for name, address in addresses.items():
        with psycopg.connect(address) as connection:
            schemas = connection.execute("select count(*) from public.tenant_versions").fetchone()
            control = connection.execute("select to_regclass('public.organizations')").fetchone()
        assert schemas == (2,), name
        assert (control != (None,)) == (name == "main"), "control tables stand in one database"


async def test_a_tenant_may_be_made_in_a_database_of_choice(settings: Settings) -> None:
    async with AsyncSloth(settings) as sloth:
        assert (await sloth.create_tenant("anna", database="us")).database == "us"
        with pytest.raises(NotFound, match="no database 'mars'"):
            await sloth.create_tenant("ben", database="mars")
        assert [tenant.slug for tenant in await sloth.tenants()] == ["anna"]


async def test_a_database_that_no_setting_names_any_more(settings: Settings) -> None:
    async with AsyncSloth(settings) as sloth:
        for number in range(3):
            await sloth.create_tenant(f"t-{number}")
        lost = next(tenant for tenant in await sloth.tenants() if tenant.database == "us")
    fewer = settings.model_copy(update={"databases": {"eu": settings.databases["eu"]}})
    async with AsyncSloth(fewer) as sloth:
        with pytest.raises(ConfigurationError, match="us"):
            await sloth.tenant(lost.slug)
        for tenant in await sloth.tenants():
            if tenant != lost:
                await sloth.tenant(tenant.slug)
        report = await sloth.upgrade_tenants()
    assert [(space.schema_name, error.code) for space, error in report.failed] == [
        (lost.schema_name, "configuration")
    ]
    found = {finding.name: finding for finding in await examine(fewer)}
    assert found["database us"].health is Health.FAILED
    assert found["database us"].message.startswith("1 tenants live in it")
    told = {each.database: each for each in await recorded_versions(fewer)}
    assert (list(told), told["us"].unseen) == (["main", "eu", "us"], 1)
    assert "does not name it" in str(told["us"].problem)


async def test_a_database_that_is_away_keeps_nobody_else_waiting(
    settings: Settings, addresses: dict[str, str]
) -> None:
    async with AsyncSloth(settings) as sloth:
        for number in range(3):
            await sloth.create_tenant(f"t-{number}")
    away = SecretStr(make_conninfo(addresses["us"], port="1"))
    without = settings.model_copy(update={"databases": {**settings.databases, "us": away}})
    async with AsyncSloth(without) as sloth:
        # It would be the turn of `us` in the end: all of them have the same number of tenants.
        made = [await sloth.create_tenant(f"t-{number}") for number in (3, 4, 5)]
        assert Counter(tenant.database for tenant in made) == {"main": 2, "eu": 1}
        report = await _one_step_ahead(sloth.services.databases).upgrade()
    assert report.upgraded == 5
    assert [(name, error.code) for name, error in report.unreached] == [
        ("us", "database_unavailable")
    ]
    assert len(report.failed) == 1
    told = {each.database: each for each in await recorded_versions(without)}
    assert (told["main"].count, told["us"].count, told["us"].unseen) == (3, 1, 1)
    assert "'us' in SLOTH_DATABASES cannot be reached" in str(told["us"].problem)


def _one_step_ahead(databases: Databases) -> Upgrading:
    """The upgrade of the next release."""
    known = migrations("tenant")
    statements = ("create table visits (id uuid primary key)",)
    step = Migration(version=len(known) + 1, name="next", statements=statements)
    spaces = TenantSchemas(databases, steps=(*known, step))
    return Upgrading(PostgresOrganizations(databases.main), spaces)


async def test_two_names_of_one_database_are_refused(
    settings: Settings, addresses: dict[str, str]
) -> None:
    """Without the check a move waits for itself, and takes the tenant out of where it came to."""
    async with AsyncSloth(settings) as sloth:
        await sloth.create_tenant("anna")
    same = make_conninfo(addresses["main"], application_name="another")
    twins = settings.model_copy(
        update={"databases": {"eu": settings.databases["eu"], "twin": SecretStr(same)}}
    )
    async with AsyncSloth(twins) as sloth:
        for to in ("twin", "eu", "main"):
            with anyio.fail_after(20), pytest.raises(ConfigurationError, match=r"'main'.*'twin'"):
                await sloth.moving.move("anna", to=to, by=BY)
        await (await sloth.tenant("anna")).documents()
    found = {finding.name: finding for finding in await examine(twins)}
    assert found["database"].health is found["database eu"].health is Health.OK
    assert found["database twin"].health is Health.FAILED
    assert "SLOTH_DATABASES" in str(found["database twin"].hint)


async def test_a_copy_of_a_database_is_another_one(
    server: Attachment, settings: Settings, addresses: dict[str, str]
) -> None:
    async with AsyncSloth(settings) as sloth:
        await sloth.create_tenant("anna")
    copy, original = (f"copy_{uuid4().hex[:16]}", conninfo_to_dict(addresses["main"])["dbname"])
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(
                sql.Identifier(copy), sql.Identifier(str(original))
            )
        )
    url = SecretStr(make_conninfo(server.conninfo, dbname=copy))
    async with AsyncSloth(settings.model_copy(update={"databases": {"copy": url}})) as sloth:
        assert await sloth.services.databases.twin_of("copy") is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"port": "1"}, "'eu' in SLOTH_DATABASES cannot be reached"),
        ({"user": "nobody"}, "user or the password of 'eu' in SLOTH_DATABASES"),
        ({"dbname": "nowhere"}, "database of 'eu' in SLOTH_DATABASES does not exist"),
    ],
)
async def test_a_database_that_cannot_be_used_is_named(
    settings: Settings, addresses: dict[str, str], change: dict[str, str], says: str
) -> None:
    wrong = SecretStr(make_conninfo(addresses["eu"], **change))
    async with AsyncSloth(settings.model_copy(update={"databases": {"eu": wrong}})) as sloth:
        with pytest.raises(SlothError, match=says):
            await sloth.services.databases.get("eu")


async def test_where_pgvector_is_missing_is_told(
    settings: Settings, addresses: dict[str, str]
) -> None:
    user = f"plain_{uuid4().hex}"
    with psycopg.connect(addresses["eu"], autocommit=True) as connection:
        connection.execute("drop extension if exists vector")
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(user)))
    plain = SecretStr(make_conninfo(addresses["eu"], user=user))
    async with AsyncSloth(settings.model_copy(update={"databases": {"eu": plain}})) as sloth:
        with pytest.raises(ConfigurationError, match=r"pgvector.*'eu' in SLOTH_DATABASES"):
            await sloth.services.databases.get("eu")
