"""Tenants that are deleted leave nothing but ids in the audit log."""

from dataclasses import replace
from uuid import uuid4

import anyio
import pytest

from fakes.canaries import places_of
from fakes.channels import chat_with, connected, sent_file
from fakes.command import Sloth
from fakes.pictures import png
from sloth_agent import AsyncSloth, Settings
from sloth_agent import Sloth as BlockingSloth
from sloth_agent.adapters.stores.postgres.organizations import PostgresOrganizations
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio

BY = Actor(name="test")


async def whatever_holds(tenant: AsyncTenant, *canaries: str) -> list[str]:
    """The places in the whole database that hold one of the texts, or the tenant's role."""
    places = await places_of(tenant, *canaries)
    async with tenant.services.database.owning() as connection:
        roles = await connection.execute(
            "select from pg_roles where rolname = %s", (tenant.services.schema,)
        )
        return places + ["roles"] * roles.rowcount


@pytest.fixture
async def furnished(sloth: AsyncSloth, tenant: AsyncTenant) -> tuple[AsyncTenant, str]:
    """A tenant with its canary everywhere."""
    canary = f"canary{uuid4().hex}"
    await tenant.ingest_content(f"{canary}.md", f"The {canary} costs 40 euro.".encode())
    await tenant.chat(f"How much is the {canary}?")
    await tenant.add_photo(f"{canary}.png", png())
    bot = await connected(tenant, settings={"username": canary})
    chat = await chat_with(tenant, bot, canary)
    await sent_file(tenant, chat, canary.encode(), name=f"{canary}.pdf")
    await tenant.set_prompt(instructions=canary)
    await tenant.change_profile(business_name=canary)
    await sloth.accounts.create(
        f"{canary}@example.com", organization=tenant.organization.id, role=Role.OWNER, by=BY
    )
    return tenant, canary


async def test_nothing_is_left_but_ids_in_the_log(
    sloth: AsyncSloth, furnished: tuple[AsyncTenant, str]
) -> None:
    tenant, canary = furnished
    organization = tenant.organization
    folder = sloth.settings.home / "files" / organization.schema_name
    assert folder.exists()
    assert len(await whatever_holds(tenant, canary, organization.schema_name)) > 5
    await sloth.delete_tenant(organization.slug, by=BY)
    assert await whatever_holds(tenant, canary, organization.schema_name, organization.slug) == []
    assert not folder.exists()
    (newest, *_) = await sloth.audit.list(organization=organization.id)
    assert (newest.action, newest.by) == ("tenant.deleted", BY)
    with pytest.raises(NotFound):
        await sloth.delete_tenant(organization.slug, by=BY)
    again = await sloth.tenant(organization.slug, create=True)
    assert again.organization.id != organization.id


async def test_what_was_cut_short_is_shut_and_can_be_finished(
    sloth: AsyncSloth, furnished: tuple[AsyncTenant, str]
) -> None:
    tenant, canary = furnished
    slug = tenant.organization.slug
    erasing = sloth.services.erasing
    assert isinstance(erasing.store, PostgresOrganizations)
    for step in ("mark", "schema", "files"):
        await erasing.store.mark_deleting(slug)
        if step in ("schema", "files"):
            await erasing.spaces.remove(tenant.organization)
        if step == "files":
            await erasing.folders.remove(tenant.organization.schema_name)
        for opening in (sloth.tenant(slug), sloth.tenant(slug, create=True)):
            with pytest.raises(Conflict, match="being deleted"):
                await opening
        with pytest.raises(Conflict, match="being deleted"):
            await sloth.create_tenant(slug)
    await sloth.delete_tenant(slug, by=BY)
    assert await whatever_holds(tenant, canary, slug) == []


async def test_one_that_is_deleted_while_it_is_made_stays_away(
    sloth: AsyncSloth, slug: str
) -> None:
    """Fails where `Organizations` does not look again: the schema is left, and nobody's."""
    services = sloth.services
    deleted: list[str] = []

    class Deleted:
        """Places of tenants that somebody deletes in the moment when they are about to be made."""

        databases = services.spaces.databases
        answers = services.spaces.answers
        remove = services.spaces.remove
        outdated = services.spaces.outdated
        update = services.spaces.update

        async def ensure(self, organization: Organization) -> bool:
            deleted.append(organization.schema_name)
            await sloth.delete_tenant(organization.slug, by=BY)
            return await services.spaces.ensure(organization)

    organizations = replace(services.organizations, spaces=Deleted())
    for making in (organizations.create(slug), organizations.open(slug, create=True)):
        with pytest.raises(Conflict, match="was deleted"):
            await making
    async with services.databases.main.owning() as connection:
        found = await connection.execute(
            "select nspname from pg_namespace union select rolname from pg_roles"
            " union select schema_name from public.tenant_versions"
        )
        assert {name for (name,) in await found.fetchall()}.isdisjoint(deleted)


async def test_deleted_by_many_at_once_it_is_written_down_once(
    sloth: AsyncSloth, tenant: AsyncTenant
) -> None:
    async def delete() -> None:
        try:
            await sloth.delete_tenant(tenant.organization.slug, by=BY)
        except NotFound:
            return

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(delete)
    events = await sloth.audit.list(organization=tenant.organization.id)
    assert [event.action for event in events] == ["tenant.deleted", "tenant.created"]


def test_a_tenant_that_is_going_is_shown(sloth_cli: Sloth, settings: Settings) -> None:
    slug = sloth_cli.tenant
    with BlockingSloth(settings) as sloth:
        sloth.run(lambda sloth: sloth.services.erasing.store.mark_deleting(slug))
    shown = sloth_cli("tenants", "show", slug, "--json").json
    assert (shown["stage"], "index" in shown) == ("deleting", False)
    refused = sloth_cli("tenants", "export", slug, "--output", "a.zip")
    assert (refused.rc, "being deleted" in refused.error) == (1, True)


def test_a_person_is_asked(sloth_cli: Sloth) -> None:
    refused = sloth_cli("tenants", "delete", sloth_cli.tenant)
    assert (refused.rc, "--yes" in refused.error) == (2, True)
    assert sloth_cli("tenants", "delete", sloth_cli.tenant, "--yes", "--json").json == {
        "slug": sloth_cli.tenant,
        "deleted": True,
    }
    assert sloth_cli("tenants", "delete", sloth_cli.tenant, "--yes").rc == 1
