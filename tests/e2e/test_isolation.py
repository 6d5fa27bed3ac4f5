"""`sloth audit isolation` on a live install, and that it finds what is planted for it."""

import inspect
from dataclasses import replace

import pytest

from fakes.command import Sloth
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.tenant_home import TenantHome
from sloth_agent.app.isolation import NOBODY, Isolation, examine_isolation, library_calls
from sloth_agent.app.sloth import AsyncTenant

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
    found = await examine_isolation(sloth)
    assert found.leaks == ()
    assert found.both_walls
    assert found.attempts > 150
    assert {tenant.slug for tenant in await sloth.tenants()} <= before, "nothing is left"


@pytest.mark.parametrize(
    ("part", "attempt"),
    [
        ("retrieval", "search"),
        ("documents", "document"),
        ("conversations", "messages"),
        ("prompts", "prompt"),
        ("profiles", "profile"),
    ],
)
async def test_a_service_of_the_wrong_tenant_is_found(
    settings: Settings, part: str, attempt: str
) -> None:
    async with Careless(settings, part) as sloth:
        found = await examine_isolation(sloth)
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
        found = await examine_isolation(sloth)
    read = {"read its chunks", "read its chunks without a tenant"}
    assert read <= {leak.attempt for leak in found.leaks}


async def test_one_wall_alone_is_told(settings: Settings) -> None:
    class OneWall(AsyncSloth):
        async def tenant(self, slug: str | None = None, *, create: bool = False) -> AsyncTenant:
            tenant = await super().tenant(slug, create=create)
            home = await TenantHome.of(tenant.organization, sloth.services.databases)
            home.address = replace(home.address, database=replace(home.database, walls=None))
            return replace(tenant, services=replace(tenant.services, home=home))

    async with OneWall(settings) as sloth:
        found: Isolation = await examine_isolation(sloth)
    assert not found.both_walls
    assert "read its chunks" in {leak.attempt for leak in found.leaks}
    assert "search" not in {leak.attempt for leak in found.leaks}, "the first wall holds"


async def test_every_method_of_a_tenant_is_tried(tenant: AsyncTenant) -> None:
    tried = {name.split()[0] for name in library_calls(tenant, NOBODY)}
    methods = {
        name
        for name, _ in inspect.getmembers(AsyncTenant, inspect.isfunction)
        if not name.startswith("_")
    }
    assert methods <= tried


def test_the_command_says_how_many(sloth_cli: Sloth) -> None:
    shown = sloth_cli("audit", "isolation")
    assert (shown.rc, shown.stderr) == (0, "")
    attempts, leaks = shown.stdout.strip().split(" / ")
    assert (int(attempts.split()[0]) > 150, leaks) == (True, "0 leaks")
