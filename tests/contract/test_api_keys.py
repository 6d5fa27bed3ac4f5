"""API keys on real PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest

from fakes.subscriptions import Sold
from sloth_agent import AsyncSloth
from sloth_agent.access.api_keys import PREFIX, ApiKeys
from sloth_agent.access.models import Scope
from sloth_agent.access.recognising import Recognising
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.errors import (
    FeatureNotInPlan,
    Forbidden,
    InvalidInput,
    NotFound,
    SubscriptionExpired,
    TokenInvalid,
)
from sloth_agent.ids import ApiKeyId, TenantId
from sloth_agent.tenants.audit import Actor

pytestmark = pytest.mark.anyio

BY = Actor(name="anna@example.com", address="192.0.2.7", request_id="r-1")


@pytest.fixture
def keys(sloth: AsyncSloth) -> ApiKeys:
    return sloth.services.api_keys


@pytest.fixture
async def firm(sloth: AsyncSloth, slug: str) -> TenantId:
    return (await sloth.create_tenant(slug, plan="professional", by=BY)).id


async def test_a_key_is_shown_once_and_kept_as_a_digest(
    keys: ApiKeys, firm: TenantId, database: Database
) -> None:
    key, text = await keys.create(firm, "Booking page", by=BY)
    assert text.startswith(PREFIX)
    assert text.startswith(key.beginning)
    assert len(text) - len(key.beginning) >= 32, "what is shown later leaves all to guess"
    async with database.shared() as connection:
        found = await connection.execute(
            "select api_keys::text, digest from public.api_keys where id = %s", (key.id,)
        )
        [[row, digest]] = await found.fetchall()
    assert text not in row
    assert text.encode() not in digest
    assert len(digest) == 32
    assert (await keys.holder(text)).organization.id == firm


async def test_a_key_ends_when_it_is_revoked_or_its_time_is_over(
    keys: ApiKeys, firm: TenantId
) -> None:
    now = datetime.now(UTC)
    key, text = await keys.create(firm, "a", expires_at=now + timedelta(days=1), by=BY)
    assert (await keys.holder(text)).key.id == key.id
    with pytest.raises(TokenInvalid):
        await replace(keys, clock=lambda: now + timedelta(days=1)).holder(text)
    revoked = await keys.revoke(firm, key.id, by=BY)
    assert revoked.revoked_at is not None
    assert await keys.revoke(firm, key.id, by=BY) == revoked, "again changes nothing"
    for unknown in (text, PREFIX, f"{PREFIX}{uuid4().hex}", text.upper(), text[:-1]):
        with pytest.raises(TokenInvalid):
            await keys.holder(unknown)


async def test_what_cannot_be_a_key_is_refused(keys: ApiKeys, firm: TenantId) -> None:
    with pytest.raises(InvalidInput):
        await keys.create(firm, "a", scopes=[], by=BY)
    with pytest.raises(InvalidInput):
        await keys.create(firm, "a", expires_at=datetime.now(UTC), by=BY)
    with pytest.raises(InvalidInput):
        await keys.create(firm, " ", by=BY)
    with pytest.raises(InvalidInput):
        await keys.list(firm, limit=0)


async def test_keys_of_others_are_not_there(
    keys: ApiKeys, firm: TenantId, sloth: AsyncSloth
) -> None:
    other = (await sloth.create_tenant(f"t-{uuid4().hex}")).id
    key, text = await keys.create(firm, "a", by=BY)
    assert await keys.list(other) == []
    for id in (key.id, ApiKeyId(uuid4())):
        with pytest.raises(NotFound):
            await keys.revoke(other, id, by=BY)
    assert (await keys.holder(text)).key.is_valid(datetime.now(UTC))


async def test_they_are_listed_page_by_page_newest_first(keys: ApiKeys, firm: TenantId) -> None:
    made = [(await keys.create(firm, str(number), by=BY))[0].id for number in range(5)]
    listed = await keys.list(firm, limit=3)
    listed = [*listed, *await keys.list(firm, limit=3, before=listed[-1].id)]
    assert [key.id for key in listed] == made[::-1]


async def test_making_and_revoking_is_written_down(
    keys: ApiKeys, firm: TenantId, sloth: AsyncSloth
) -> None:
    key, text = await keys.create(firm, "a", scopes=[Scope.CHAT], by=BY)
    for _ in range(2):
        await keys.revoke(firm, key.id, by=BY)
    events = await sloth.audit.list(organization=firm, action="api_key.*")
    assert [(each.action, each.subject, each.by) for each in events] == [
        ("api_key.revoked", str(key.id), BY),
        ("api_key.created", str(key.id), BY),
    ]
    assert events[1].details == {"scopes": ["chat"]}
    assert text not in repr(events)


async def test_its_last_use_is_known_to_the_minute(keys: ApiKeys, firm: TenantId) -> None:
    _, text = await keys.create(firm, "a", by=BY)
    now = datetime.now(UTC)
    for later, noted in ((0, 0), (30, 0), (90, 90)):
        moment = now + timedelta(seconds=later)
        await replace(keys, clock=partial(datetime.fromtimestamp, moment.timestamp(), UTC)).holder(
            text
        )
        [key] = await keys.list(firm)
        assert key.last_used_at == now + timedelta(seconds=noted)


async def test_a_program_may_do_what_its_key_is_for(
    keys: ApiKeys, firm: TenantId, sloth: AsyncSloth
) -> None:
    _, text = await keys.create(firm, "a", scopes=[Scope.CHAT], by=BY)
    caller = await sloth.services.recognising.caller(text)
    assert caller.require(Scope.CHAT).id == firm
    for scope in set(Scope) - {Scope.CHAT}:
        with pytest.raises(Forbidden):
            caller.require(scope)
    for persons in (caller.require_person, caller.require_superuser):
        with pytest.raises(Forbidden):
            persons()
    await sloth.set_tenant_active(caller.require(Scope.CHAT).slug, active=False)
    fresh = Recognising(sloth.services.sessions, keys, sloth.services.subscriptions)
    with pytest.raises(Forbidden, match="deactivated"):
        (await fresh.caller(text)).require(Scope.CHAT)


async def test_a_plan_that_has_no_api_any_more_lets_no_key_in(
    keys: ApiKeys, firm: TenantId, sloth: AsyncSloth
) -> None:
    _, text = await keys.create(firm, "a", by=BY)
    had = await sloth.services.subscriptions.current(firm)
    assert had is not None
    smaller = replace(had, terms=replace(had.terms, features=frozenset()))
    ended = await sloth.services.subscriptions.cancel(firm, at_period_end=False, by=BY)
    for subscription, error in ((smaller, FeatureNotInPlan), (ended, SubscriptionExpired)):
        with pytest.raises(error):
            await Recognising(sloth.services.sessions, keys, Sold(subscription)).caller(text)
