"""The integrations of one tenant, and how their credentials are kept."""

import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr

from fakes.channels import BY, CANARY, connected, token_of
from fakes.installs import another_install
from fakes.subscriptions import Sold, limited
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.adapters.stores.postgres.integrations import PostgresIntegrations
from sloth_agent.adapters.stores.postgres.table_copies import SECRETS
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.models import Feature
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.channels.models import (
    LEFT_BEHIND,
    Credentials,
    Integration,
    IntegrationStatus,
    IntegrationType,
)
from sloth_agent.channels.ports import IntegrationStore
from sloth_agent.channels.rotation import RotationReport
from sloth_agent.errors import (
    CredentialUnreadable,
    FeatureNotInPlan,
    InvalidInput,
    NotFound,
    Problem,
    SubscriptionExpired,
)
from sloth_agent.ids import IntegrationId, new_id

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
OLD, NEW = (f"{age}-secret-of-forty-characters-or-more-1234" for age in ("old", "new"))


@pytest.fixture
def store(tenant: AsyncTenant) -> IntegrationStore:
    return PostgresIntegrations(tenant.services.database, tenant.services.schema)


def new_integration() -> Integration:
    return Integration(
        id=IntegrationId(new_id()),
        type=IntegrationType.TELEGRAM,
        status=IntegrationStatus.ACTIVE,
        created_at=NOW,
    )


async def test_everything_about_an_integration_comes_back(store: IntegrationStore) -> None:
    used = replace(
        new_integration(),
        type=IntegrationType.WHATSAPP,
        status=IntegrationStatus.ERROR,
        settings={"number": "+48 123", "Ім'я": ["%s", None, 1.5]},
        messages_in=3_000_000_000,
        messages_out=2,
        last_activity_at=NOW,
        problem=Problem(code="token_invalid", message="The vendor refuses it."),
    )
    plain = new_integration()
    for integration in (used, plain):
        await store.add(integration, b"sealed \0 \xff")
        assert await store.find(integration.id) == integration
        assert await store.find_sealed(integration.id) == b"sealed \0 \xff"
    assert list(await store.all(limit=10)) == [used, plain]
    nobody = IntegrationId(new_id())
    assert (await store.find(nobody), await store.find_sealed(nobody)) == (None, None)


async def test_pages_follow_each_other_oldest_first(store: IntegrationStore) -> None:
    integrations = [new_integration() for _ in range(5)]
    for number, integration in enumerate(integrations):
        await store.add(integration, bytes([number]))
    first = await store.all(limit=3)
    rest = await store.all(limit=3, after=first[-1].id)
    assert [*first, *rest] == integrations
    assert list(await store.all(limit=3, after=rest[-1].id)) == []
    sealed = await store.all_sealed(limit=3)
    sealed = [*sealed, *await store.all_sealed(limit=3, after=sealed[-1][0])]
    assert sealed == [(one.id, bytes([number])) for number, one in enumerate(integrations)]


async def test_what_changed_meanwhile_is_not_resealed(store: IntegrationStore) -> None:
    integration = new_integration()
    await store.add(integration, b"old")
    assert not await store.reseal(integration.id, old=b"older", new=b"new")
    assert await store.find_sealed(integration.id) == b"old"
    assert await store.reseal(integration.id, old=b"old", new=b"new")
    assert await store.find_sealed(integration.id) == b"new"
    assert not await store.reseal(IntegrationId(new_id()), old=b"new", new=b"newer")


async def test_it_is_deleted_once(store: IntegrationStore) -> None:
    integration = new_integration()
    await store.add(integration, b"sealed")
    gone: list[bool] = []

    async def delete() -> None:
        gone.append(await store.delete(integration.id))

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(delete)
    assert sorted(gone) == [False] * 9 + [True]


def with_features(tenant: AsyncTenant, *features: Feature) -> AsyncTenant:
    """Under a plan that has these."""
    tenant = limited(tenant)
    assert isinstance(tenant.services.subscriptions, Sold)
    subscription = tenant.services.subscriptions.subscription
    assert subscription is not None
    terms = replace(subscription.terms, features=frozenset(features))
    sold = Sold(replace(subscription, terms=terms))
    return replace(tenant, services=replace(tenant.services, subscriptions=sold))


@pytest.mark.parametrize("type", [each for each in IntegrationType if each.feature])
async def test_it_takes_a_plan_that_has_it(tenant: AsyncTenant, type: IntegrationType) -> None:
    assert type.feature is not None
    without = with_features(tenant, *set(Feature) - {type.feature})
    with pytest.raises(FeatureNotInPlan) as refused:
        await connected(without, type)
    assert refused.value.details == {"feature": type.feature.value, "plan": "starter"}
    with pytest.raises(SubscriptionExpired):
        await connected(limited(tenant, status=SubscriptionStatus.UNPAID), type)
    assert await tenant.integrations() == []
    integration = await connected(with_features(tenant, type.feature), type)
    assert list(await tenant.integrations()) == [integration]


async def test_no_credentials_are_none(tenant: AsyncTenant) -> None:
    with pytest.raises(InvalidInput):
        await tenant.services.integrations.add(IntegrationType.TELEGRAM, Credentials({}), by=BY)
    assert await tenant.integrations() == []


async def test_it_is_connected_opened_and_disconnected(
    sloth: AsyncSloth, tenant: AsyncTenant
) -> None:
    integration = await connected(tenant, settings={"username": "anna_bot"})
    assert list(await tenant.integrations()) == [integration]
    assert await token_of(tenant, integration) == CANARY
    await tenant.disconnect(integration.id, by=BY)
    assert await tenant.integrations() == []
    for missing in (tenant.disconnect, tenant.services.integrations.credentials):
        with pytest.raises(NotFound, match="no integration"):
            await missing(integration.id)
    events = await sloth.audit.list(organization=tenant.organization.id, action="integration.*")
    assert [(event.action, event.by, event.subject, event.details) for event in events] == [
        ("integration.disconnected", BY, str(integration.id), {"type": "telegram"}),
        ("integration.connected", BY, str(integration.id), {"type": "telegram"}),
    ]


async def rows_of(tenant: AsyncTenant, statement: str, *values: object) -> list[tuple[object, ...]]:
    async with tenant.services.database.inside(tenant.services.schema) as connection:
        found = await connection.execute(statement.encode(), values)
        return await found.fetchall() if found.description else []


async def test_a_secret_is_nowhere_to_be_seen(
    tenant: AsyncTenant, caplog: pytest.LogCaptureFixture
) -> None:
    """Fails where the credentials are kept as they are, or shown."""
    caplog.set_level(logging.DEBUG)
    integration = await connected(tenant)
    await tenant.services.integrations.credentials(integration.id)
    await spoil(tenant, integration)
    with pytest.raises(CredentialUnreadable) as refused:
        await tenant.services.integrations.credentials(integration.id)
    seen = [
        repr(await tenant.integrations()),
        repr(tenant.services.integrations),
        repr([refused.value, refused.value.hint, refused.value.details]),
        caplog.text,
        repr(await rows_of(tenant, "select integrations::text from integrations")),
        repr(await rows_of(tenant, "select credentials from integrations")),
    ]
    for text in seen:
        assert CANARY not in text
        assert CANARY.encode().hex() not in text


async def spoil(tenant: AsyncTenant, integration: Integration) -> None:
    await rows_of(
        tenant,
        "update integrations set credentials = credentials || '\\x00' where id = %s",
        integration.id,
    )


async def test_swapped_rows_are_refused(tenant: AsyncTenant) -> None:
    """Fails where what is sealed is bound to nothing."""
    anna, ben = [await connected(tenant, token=token) for token in ("a", "b")]
    await rows_of(
        tenant,
        "update integrations as one set credentials = other.credentials from integrations as other"
        " where one.id <> other.id",
    )
    for integration in (anna, ben):
        with pytest.raises(CredentialUnreadable):
            await token_of(tenant, integration)


async def test_a_row_of_another_tenant_is_refused(sloth: AsyncSloth, tenant: AsyncTenant) -> None:
    """Under the same id; fails where what is sealed is bound to the integration alone."""
    neighbour = await sloth.tenant(f"n-{new_id().hex}", create=True)
    integration = await connected(tenant)
    sealed = await tenant.services.integration_store.find_sealed(integration.id)
    assert sealed is not None
    await neighbour.services.integration_store.add(integration, sealed)
    assert await token_of(tenant, integration) == CANARY
    with pytest.raises(CredentialUnreadable):
        await token_of(neighbour, integration)


async def test_any_changed_byte_is_refused(tenant: AsyncTenant) -> None:
    integration = await connected(tenant, token="a")
    store = tenant.services.integration_store
    whole = await store.find_sealed(integration.id)
    assert whole is not None
    there = whole
    for at in range(len(whole)):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        assert await store.reseal(integration.id, old=there, new=changed)
        there = changed
        with pytest.raises(CredentialUnreadable):
            await token_of(tenant, integration)
    assert await store.reseal(integration.id, old=there, new=whole)
    assert await token_of(tenant, integration) == "a"


async def test_all_secrets_have_been_thought_of(tenant: AsyncTenant) -> None:
    """A new column of bytes is named among those that no export carries, or here."""
    found = await rows_of(
        tenant,
        "select table_name, column_name from information_schema.columns"
        " where table_schema = %s and data_type = 'bytea'",
        tenant.services.schema,
    )
    known = {(table, column) for table, columns in SECRETS.items() for column in columns}
    assert set(found) == known


# Keys are of a whole install, so these have one of their own.


@pytest.fixture
def install(server: Attachment, tmp_path: Path) -> Settings:
    return another_install(server, tmp_path / "own")


def under(settings: Settings, *secrets: str) -> AsyncSloth:
    return AsyncSloth(settings.model_copy(update={"secret_key": SecretStr(",".join(secrets))}))


@pytest.fixture
async def firms(install: Settings) -> dict[str, Integration]:
    """An integration of each of three firms, sealed with the old secret; one firm is shut."""
    integrations = {}
    async with under(install, OLD) as sloth:
        for slug in ("anna", "ben", "cleo"):
            tenant = await sloth.tenant(slug, create=True)
            integrations[slug] = await connected(tenant, token=slug)
        await sloth.set_tenant_active("cleo", active=False)
    return integrations


async def rotated(sloth: AsyncSloth) -> tuple[int, int, int, int]:
    report = await sloth.rotation.rotate(by=BY)
    return report.resealed, report.unchanged, report.unreadable, report.failed_tenants


async def test_after_a_rotation_the_old_secret_can_go(
    install: Settings, firms: dict[str, Integration]
) -> None:
    async with under(install, NEW, OLD) as sloth:
        assert await rotated(sloth) == (3, 0, 0, 0)
        assert await rotated(sloth) == (0, 3, 0, 0)
        (event, *_) = await sloth.audit.list(action="keys.rotated")
        assert (event.by, event.details) == (
            BY, {"resealed": 0, "unchanged": 3, "unreadable": 0, "failed_tenants": 0},
        )  # fmt: skip
    async with under(install, NEW) as sloth:
        await sloth.set_tenant_active("cleo", active=True)
        for slug, integration in firms.items():
            assert await token_of(await sloth.tenant(slug), integration) == slug


async def test_what_does_not_open_is_named_and_left_as_it_is(
    install: Settings, firms: dict[str, Integration]
) -> None:
    """Fails where what bears the newest key's id is believed unopened."""
    async with under(install, NEW, OLD) as sloth:
        ben = await sloth.tenant("ben")
        forged = await connected(ben, token="forged")
        for integration in (firms["ben"], forged):
            await spoil(ben, integration)
        store = ben.services.integration_store
        before = await store.all_sealed(limit=9)
        report: RotationReport = await sloth.rotation.rotate(by=BY)
        assert (report.resealed, report.unchanged, report.unreadable) == (2, 0, 2)
        assert [(each.tenant, each.integration, each.problem.code) for each in report.problems] == [
            ("ben", one.id, "credential_unreadable") for one in (firms["ben"], forged)
        ]
        assert await store.all_sealed(limit=9) == before
    async with under(install, NEW) as sloth:
        assert await rotated(sloth) == (0, 2, 2, 0)


async def test_a_firm_that_cannot_be_looked_into_stops_no_other(
    install: Settings, firms: dict[str, Integration]
) -> None:
    async with under(install, NEW, OLD) as sloth:
        async with sloth.services.databases.main.shared() as connection:
            await connection.execute(
                "update public.organizations set database = 'gone' where slug = 'anna'"
            )
        report = await sloth.rotation.rotate(by=BY)
        assert (report.resealed, report.failed_tenants) == (2, 1)
        [problem] = report.problems
        assert (problem.tenant, problem.integration) == ("anna", None)
        assert (problem.problem.code, len(firms)) == ("configuration", 3)


async def test_others_work_while_a_rotation_goes_on(
    install: Settings, firms: dict[str, Integration]
) -> None:
    """One connects anew, one disconnects, between the reading of a row and its writing."""
    async with under(install, NEW, OLD) as sloth, under(install, OLD) as behind:
        services = sloth.services
        anna = await behind.tenant("anna")

        class Meddled(PostgresIntegrations):
            async def reseal(self, id: IntegrationId, *, old: bytes, new: bytes) -> bool:
                if id == firms["ben"].id:
                    await self.delete(id)
                elif id == firms["anna"].id and not meddled:
                    meddled.append(id)
                    vault = anna.services.integrations.vault
                    another = vault.seal(id, Credentials({"token": "another"}))
                    assert await super().reseal(id, old=old, new=another)
                return await super().reseal(id, old=old, new=new)

        async def store_of(organization: object) -> PostgresIntegrations:
            tenant = await services.of(organization)  # type: ignore[arg-type]
            return Meddled(tenant.home, tenant.schema)

        meddled: list[IntegrationId] = []
        report = await replace(services.rotation, store_of=store_of).rotate(by=BY)
        assert (report.resealed, report.unchanged, report.problems) == (2, 0, ())
    async with under(install, NEW) as sloth:
        assert await token_of(await sloth.tenant("anna"), firms["anna"]) == "another"
        assert await (await sloth.tenant("ben")).integrations() == []


async def test_a_chat_that_came_with_an_archive_goes_on_under_its_id(tenant: AsyncTenant) -> None:
    """The firm's pages name it."""
    made = await tenant.connect_web(["https://salon.example"])
    services = tenant.services
    await services.addresses.remove(made.id, tenant.organization.id)
    await services.integrations.mark(made.id, IntegrationStatus.DISABLED, LEFT_BEHIND)
    again = await tenant.connect_web(["https://other.example"])
    assert (again.id, again.status) == (made.id, IntegrationStatus.ACTIVE)
    assert await services.addresses.organization_of(made.id) == tenant.organization.id
    another = await tenant.connect_web(["https://third.example"])
    assert another.id != made.id
