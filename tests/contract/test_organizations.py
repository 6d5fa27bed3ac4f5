"""Tenants and their schemas, made by many at once."""

import anyio
import pytest

from sloth_agent import AsyncSloth
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.adapters.stores.postgres.migrations.history import head
from sloth_agent.adapters.stores.postgres.organizations import PostgresOrganizations
from sloth_agent.adapters.stores.postgres.schemas import TenantSchemas
from sloth_agent.clock import system_clock
from sloth_agent.errors import Conflict, InvalidInput, NotFound
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.models import Organization, checked_slug
from sloth_agent.tenants.organizations import Organizations

pytestmark = pytest.mark.anyio


@pytest.fixture
def organizations(database: Database) -> Organizations:
    return Organizations(
        PostgresOrganizations(database), TenantSchemas(Databases(database, {})), system_clock
    )


async def schemas(database: Database, organization: Organization) -> tuple[int, int]:
    """How many tables the schema has, and the version written down for it."""
    async with database.owning() as connection:
        found = await connection.execute(
            "select (select count(*) from pg_tables where schemaname = %s),"
            " (select max(version) from tenant_versions where schema_name = %s)",
            (organization.schema_name, organization.schema_name),
        )
        return await found.fetchone() or (0, 0)


async def test_a_tenant_gets_a_schema_of_its_own(
    organizations: Organizations, database: Database, slug: str
) -> None:
    made = await organizations.create(slug, name="Салон «Анна»")
    assert await organizations.show(slug) == made
    assert made in await organizations.list()
    assert (made.slug, made.name, made.is_active) == (slug, "Салон «Анна»", True)
    assert len(made.schema_name) <= 63
    assert slug not in made.schema_name
    tables, version = await schemas(database, made)
    assert tables >= 7
    assert version == head("tenant")


async def test_a_slug_is_taken_once(organizations: Organizations, slug: str) -> None:
    made = await organizations.create(slug)
    with pytest.raises(Conflict):
        await organizations.create(slug, name="Another")
    assert await organizations.show(slug) == made
    assert await organizations.open(slug, create=True) == made


async def test_a_tenant_whose_making_was_cut_short_is_completed(
    organizations: Organizations, database: Database, slug: str
) -> None:
    begun = await organizations._new(slug, None, None)
    await organizations.store.add(begun)
    assert await organizations.create(slug) == begun
    assert (await schemas(database, begun))[0] >= 7
    with pytest.raises(Conflict):
        await organizations.create(slug)


async def test_an_unknown_tenant(organizations: Organizations, slug: str) -> None:
    with pytest.raises(NotFound):
        await organizations.open(slug)
    with pytest.raises(NotFound):
        await organizations.show(slug)
    with pytest.raises(NotFound):
        await organizations.set_active(slug, active=False)


@pytest.mark.parametrize(
    "slug",
    ["", "-", "-a", "a-", "A", "a b", "a_b", "салон", "a" * 51, 'a"; drop', "a\n", "a\0", "../x"],
)
async def test_slugs_that_are_none(organizations: Organizations, slug: str) -> None:
    with pytest.raises(InvalidInput):
        await organizations.create(slug)
    with pytest.raises((InvalidInput, NotFound)):
        await organizations.open(slug)
    with pytest.raises(InvalidInput):
        await organizations.open(slug, create=True)


@pytest.mark.parametrize("slug", ["a", "0", "a-b", "a--b", "public", "pg-catalog", "a" * 50])
def test_slugs_that_are(slug: str) -> None:
    assert checked_slug(slug) == slug


async def test_a_making_that_was_cut_short_is_completed(
    organizations: Organizations, database: Database, slug: str
) -> None:
    made = await organizations.create(slug)
    async with database.owning() as connection:
        await connection.execute(f'drop schema "{made.schema_name}" cascade')
        await connection.execute(
            "delete from tenant_versions where schema_name = %s", (made.schema_name,)
        )
    assert await organizations.open(slug) == made
    assert (await schemas(database, made))[1] == head("tenant")


async def test_a_tenant_of_a_newer_release_keeps_its_version(
    organizations: Organizations, database: Database, slug: str
) -> None:
    made = await organizations.create(slug)
    newer = head("tenant") + 1
    async with database.owning() as connection:
        await connection.execute(
            "insert into tenant_versions (schema_name, version) values (%s, %s)",
            (made.schema_name, newer),
        )
    await organizations.open(slug)
    assert (await schemas(database, made))[1] == newer


async def test_one_tenant_opened_by_many_at_once(sloth: AsyncSloth, slug: str) -> None:
    """More than there are connections: whoever makes it must not wait for a second one."""
    opened: list[Organization] = []

    async def open_it() -> None:
        opened.append((await sloth.tenant(slug, create=True)).organization)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for _ in range(40):
                group.start_soon(open_it)
    assert len(opened) == 40
    assert len({organization.id for organization in opened}) == 1
    assert [found.slug for found in await sloth.tenants()].count(slug) == 1


async def test_names_and_domains(organizations: Organizations, slug: str) -> None:
    domain = f"{slug}.example"
    made = await organizations.create(slug, name=" Anna's; drop ", domain=domain.upper())
    assert (made.name, made.domain) == ("Anna's; drop", domain)
    with pytest.raises(Conflict) as caught:
        await organizations.create(f"{slug[:40]}-2", domain=domain)
    assert caught.value.details == {"field": "domain"}
    other = await organizations.create(f"{slug[:40]}-3")
    with pytest.raises(Conflict):
        await organizations.update(other.slug, domain=domain)
    renamed = await organizations.update(slug, name="Салон «Анна»")
    assert (renamed.name, renamed.domain) == ("Салон «Анна»", domain)
    assert await organizations.show(slug) == renamed
    with pytest.raises(NotFound):
        await organizations.update(f"{slug[:40]}-4", name="x")


async def test_what_is_done_to_a_tenant_is_written_down(sloth: AsyncSloth, slug: str) -> None:
    """By whom and what, without the names that go when the tenant is erased."""
    anna = Actor(name="cli:anna")
    made = await sloth.create_tenant(slug, name="Anna's", by=anna)
    await sloth.update_tenant(slug, domain=f"{slug}.example", by=anna)
    for active in (False, True):
        await sloth.set_tenant_active(slug, active=active, by=anna)
    for again, domain in ((slug, None), (f"{slug[:40]}-2", f"{slug}.example")):
        with pytest.raises(Conflict):
            await sloth.create_tenant(again, domain=domain, by=anna)
    events = await sloth.audit.list(organization=made.id)
    assert {event.by for event in events} == {anna}
    assert [(event.action, event.details) for event in events] == [
        ("tenant.activated", {}),
        ("tenant.deactivated", {}),
        ("tenant.updated", {"fields": ["domain"]}),
        ("tenant.created", {}),
    ]


@pytest.mark.parametrize("name", ["x" * 201, "a\nb", "a\0", "\u202egnal", " \t", "\udcff"])
async def test_names_that_are_none(organizations: Organizations, slug: str, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await organizations.create(slug, name=name)
    assert caught.value.details == {"field": "name"}
    with pytest.raises(NotFound):
        await organizations.show(slug)
