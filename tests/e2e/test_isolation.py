"""`sloth audit isolation` on a live install, and that it finds what is planted for it."""

import inspect
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fakes.accounts import own_account
from fakes.command import Sloth as SlothCommand
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.adapters.stores.postgres.tenant_home import TenantHome
from sloth_agent.app.isolation import (
    NOBODY,
    examine_isolation,
    examine_isolation_in,
    library_calls,
)
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.tenants.models import MAIN_DATABASE

pytestmark = pytest.mark.anyio


class Careless(AsyncSloth):
    """An install whose code mixes up tenants: the first one opened gets parts of the second."""

    def __init__(self, settings: Settings, *parts: str) -> None:
        super().__init__(settings)
        self.parts = parts
        self.opened: list[AsyncTenant] = []

    async def tenant(self, slug: str | None = None, *, create: bool = False) -> AsyncTenant:
        tenant = await super().tenant(slug, create=create)
        self.opened.append(tenant)
        if len(self.opened) == 2:
            first, second = (one.services for one in self.opened)
            for part in self.parts:  # cached parts of a frozen object: no setter stands in the way
                first.__dict__[part] = getattr(second, part)
        return tenant


async def test_nothing_crosses_the_walls(sloth: AsyncSloth) -> None:
    before = {tenant.slug for tenant in await sloth.tenants()}
    [found] = await examine_isolation(sloth)
    assert found.leaks == ()
    assert found.both_walls
    assert found.attempts > 150
    assert {tenant.slug for tenant in await sloth.tenants()} <= before, "nothing is left"


@pytest.mark.parametrize(
    ("part", "attempt"),
    [
        ("retrieval", "search"),
        ("documents", "document"),
        ("photos", "photo"),
        ("chat_files", "chat_file"),
        ("integrations", "integrations"),
        ("integrations", "credentials of the integration"),
        ("integration_store", "credentials of the integration"),
        ("conversations", "messages"),
        ("prompts", "prompt"),
        ("profiles", "profile"),
    ],
)
async def test_a_service_of_the_wrong_tenant_is_found(
    settings: Settings, part: str, attempt: str
) -> None:
    async with Careless(settings, part) as sloth:
        found = await examine_isolation_in(MAIN_DATABASE, sloth)
    assert attempt in {leak.attempt for leak in found.leaks}


async def test_a_grant_too_many_is_found(settings: Settings) -> None:
    class Generous(AsyncSloth):
        async def tenant(self, slug: str | None = None, *, create: bool = False) -> AsyncTenant:
            tenant = await super().tenant(slug, create=create)
            schema = tenant.services.schema
            async with tenant.services.database.owning() as connection:
                await connection.execute(f"grant usage on schema {schema} to public".encode())
                await connection.execute(f"grant select on {schema}.chunks to public".encode())
            return tenant

    async with Generous(settings) as sloth:
        found = await examine_isolation_in(MAIN_DATABASE, sloth)
    read = {"read its chunks", "read its chunks without a tenant"}
    assert read <= {leak.attempt for leak in found.leaks}


class OneWall(AsyncSloth):
    """An install whose account may make no roles."""

    async def tenant(self, slug: str | None = None, *, create: bool = False) -> AsyncTenant:
        tenant = await super().tenant(slug, create=create)
        home = await TenantHome.of(tenant.organization, self.services.databases)
        home.address = replace(home.address, database=replace(home.database, walls=None))
        return replace(tenant, services=replace(tenant.services, home=home))


async def test_one_wall_alone_holds_what_it_can(settings: Settings) -> None:
    async with OneWall(settings) as sloth:
        found = await examine_isolation_in(MAIN_DATABASE, sloth)
    assert not found.both_walls
    assert found.leaks == (), "what the second wall would stop is no leak of the first"
    assert found.attempts > 40


async def test_a_leak_of_the_first_wall_is_found_without_the_second(settings: Settings) -> None:
    class Forgetful(OneWall):
        async def tenant(self, slug: str | None = None, *, create: bool = False) -> AsyncTenant:
            tenant = await super().tenant(slug, create=create)
            async with tenant.services.database.owning() as connection:
                view = (
                    f"create or replace view public.chunks as table {tenant.services.schema}.chunks"
                )
                await connection.execute(view.encode())
            return tenant

    async with Forgetful(settings) as sloth:
        found = await examine_isolation_in(MAIN_DATABASE, sloth)
    assert {leak.attempt for leak in found.leaks} == {"read chunks, the tenant forgotten"}


async def test_each_database_is_examined(server: Attachment, tmp_path: Path) -> None:
    """One that lets everybody in is named."""
    main, eu = own_account(server.conninfo), own_account(server.conninfo)
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        weak = conninfo_to_dict(eu)["user"]
        connection.execute(f"alter role {weak} nocreaterole".encode())
    sloth = SlothCommand(tmp_path, tmp_path).using(
        DATABASE_URL=main, SLOTH_DATABASES=f"eu={eu}", SLOTH_EMBEDDER="none"
    )
    shown = sloth("audit", "isolation")
    assert shown.rc == 0, shown.stderr
    in_main, in_eu, in_all = shown.stdout.splitlines()
    assert in_main.startswith("main: ")
    assert in_eu.startswith("eu: ")
    assert all(line.endswith(" / 0 leaks") for line in (in_main, in_eu, in_all))
    [line] = shown.stderr.splitlines()
    assert line.startswith("eu: the second wall is missing")
    assert sloth("tenants", "list", "--json").json["items"] == []


async def test_every_method_of_a_tenant_is_tried(tenant: AsyncTenant) -> None:
    tried = {name.split()[0] for name in library_calls(tenant, NOBODY)}
    methods = {
        name
        for name, _ in inspect.getmembers(AsyncTenant, inspect.isfunction)
        if not name.startswith("_")
    }
    assert methods <= tried


def test_the_command_says_how_many(sloth_cli: SlothCommand) -> None:
    shown = sloth_cli("audit", "isolation")
    assert (shown.rc, shown.stderr) == (0, "")
    attempts, leaks = shown.stdout.strip().split(" / ")
    assert (int(attempts.split()[0]) > 150, leaks) == (True, "0 leaks")
