"""Tenants in several databases; what all share stays in the main one."""

from collections import Counter
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.errors import ConfigurationError

pytestmark = pytest.mark.anyio


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
