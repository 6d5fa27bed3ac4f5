"""A firm that signs up by itself, on real PostgreSQL, by many at once."""

from collections import Counter
from dataclasses import replace
from uuid import uuid4

import anyio
import pytest

from fakes.quick_hasher import QuickHasher
from sloth_agent import AsyncSloth
from sloth_agent.access.signing_up import SigningUp
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.errors import Conflict, InvalidInput
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio

BY = Actor(name="anonymous", address="192.0.2.7", request_id="r-1")
PASSWORD = "four words in a row"


@pytest.fixture
def signing_up(sloth: AsyncSloth) -> SigningUp:
    accounts = replace(sloth.services.accounts, hasher=QuickHasher())
    return replace(sloth.services.signing_up(by=BY), accounts=accounts)


def address() -> str:
    return f"{uuid4().hex}@example.com"


async def test_a_firm_begins_with_its_owner_on_a_trial(
    sloth: AsyncSloth, signing_up: SigningUp
) -> None:
    email = address()
    owner, firm = await signing_up.sign_up(email.upper(), PASSWORD, "Żaba & Co.", by=BY)
    assert (owner.email, owner.role, owner.organization) == (email, Role.OWNER, firm.id)
    assert firm.slug.startswith("zaba-co")
    subscription = await sloth.services.subscriptions.current(firm.id)
    assert subscription is not None
    assert subscription.status.value == "trialing"
    assert await (await sloth.tenant(firm.slug)).documents() == []
    events = await sloth.audit.list(organization=firm.id)
    assert {event.action for event in events} == {
        "subscription.began",
        "tenant.created",
        "user.signed_up",
    }
    assert {event.by for event in events} == {BY}


async def test_one_address_50_times_at_once_is_one_firm(
    signing_up: SigningUp, database: Database
) -> None:
    """The unique address decides: a look before it would let several through."""
    email, ends = address(), Counter[str]()
    names = [f"Salon {uuid4().hex}" for _ in range(5)]

    async def sign_up(name: str) -> None:
        try:
            await signing_up.sign_up(email, PASSWORD, name, by=BY)
        except Conflict:
            ends["taken"] += 1
        else:
            ends["in"] += 1

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(sign_up, names[number % 5])
    assert ends == {"in": 1, "taken": 49}
    async with database.shared() as connection:
        found = await connection.execute(
            "select (select count(*) from public.users where email = %s),"
            " (select count(*) from public.organizations where name = any(%s)),"
            " (select count(*) from pg_namespace join public.organizations"
            " on nspname = schema_name where name = any(%s))",
            (email, names, names),
        )
        assert await found.fetchone() == (1, 1, 1)


async def test_firms_of_one_name_at_once_have_their_own_addresses(signing_up: SigningUp) -> None:
    name, slugs = f"Salon {uuid4().hex[:8]}", list[str]()

    async def sign_up() -> None:
        slugs.append((await signing_up.sign_up(address(), PASSWORD, name, by=BY))[1].slug)

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(sign_up)
    assert len(set(slugs)) == 10
    plain = name.lower().replace(" ", "-")
    assert plain in slugs
    assert all(slug.startswith(plain) for slug in slugs)


@pytest.mark.parametrize(
    ("email", "password", "name"),
    [("nobody", PASSWORD, "Salon"), ("a@b.com", "short", "Salon"), ("a@b.com", PASSWORD, " ")],
)
async def test_what_cannot_be_used_leaves_nothing(
    sloth: AsyncSloth, signing_up: SigningUp, email: str, password: str, name: str
) -> None:
    before = len(await sloth.tenants())
    with pytest.raises(InvalidInput):
        await signing_up.sign_up(email, password, name, by=BY)
    with pytest.raises(InvalidInput):
        await signing_up.sign_up(address(), PASSWORD, "Salon", referral_code="NONE", by=BY)
    assert len(await sloth.tenants()) == before
