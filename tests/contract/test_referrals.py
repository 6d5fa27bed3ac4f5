"""Referrals on real PostgreSQL: signed up, followed up, rewarded once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import anyio
import pytest

from sloth_agent import AsyncSloth
from sloth_agent.adapters.stores.postgres.audit import PostgresAudit
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.organizations import PostgresOrganizations
from sloth_agent.adapters.stores.postgres.plans import PostgresPlans
from sloth_agent.adapters.stores.postgres.referrals import PostgresReferrals
from sloth_agent.adapters.stores.postgres.subscriptions import (
    PostgresSubscribedOrganizations,
)
from sloth_agent.adapters.stores.postgres.users import PostgresUsers
from sloth_agent.app.bodies.billing import referral_stats_body
from sloth_agent.billing.referrals import ReferralStatus
from sloth_agent.billing.referring import Referrals
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.errors import Conflict, InvalidInput
from sloth_agent.ids import TenantId, UserId, new_id
from sloth_agent.tenants.accounts import Accounts
from sloth_agent.tenants.audit import Actor, AuditEvent
from sloth_agent.tenants.models import Organization, schema_name
from sloth_agent.tenants.users import Role, User

pytestmark = pytest.mark.anyio

BY = Actor(name="test")
PENDING, ACTIVE, INACTIVE = ReferralStatus


class QuickHasher:
    async def hash(self, password: str) -> str:
        return password

    async def verify(self, password: str, password_hash: str | None) -> bool:
        return password == password_hash


class EnoughSeats:
    async def allowed(self, _organization: TenantId) -> int | None:
        return None


class Town:
    """Firms whose owners bring each other here."""

    def __init__(self, sloth: AsyncSloth, database: Database) -> None:
        self.sloth = sloth
        self.database = database
        self.made: list[TenantId] = []
        self.users = PostgresUsers(database)
        self.accounts = Accounts(
            self.users, QuickHasher(), EnoughSeats(), PostgresAudit(database), self.now
        )
        self.store = PostgresReferrals(database)
        self.plans = PostgresPlans(database)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def at(self, moment: datetime) -> Referrals:
        return Referrals(self.store, self.plans, lambda: moment)

    async def firm(self, plan: str | None = None, *, code: str | None = None) -> User:
        """The owner of a new firm."""
        made = await self.organization(plan)
        return await self.user(made.id, Role.OWNER, code=code)

    async def organization(self, plan: str | None = None) -> Organization:
        """Without the schema, which no referral needs."""
        id = TenantId(new_id())
        made = Organization(
            id=id,
            slug=f"t-{id.hex}",
            name="A firm",
            schema_name=schema_name(id),
            created_at=self.now(),
        )
        assert await self.organizations(plan).add(made)
        self.made.append(id)
        return made

    def organizations(self, plan: str | None) -> PostgresOrganizations:
        if plan is None:
            return PostgresOrganizations(self.database)
        beginning = self.sloth.subscriptions.beginning(plan, by=BY)
        return PostgresSubscribedOrganizations(self.database, beginning)

    async def user(
        self, organization: TenantId, role: Role = Role.MEMBER, *, code: str | None = None
    ) -> User:
        return await self.accounts.create(
            f"{uuid4().hex}@example.com",
            organization=organization,
            role=role,
            referral_code=code,
            by=BY,
        )

    async def buys(self, owner: User, plan: str = "starter", *, days: int = 30) -> None:
        assert owner.organization
        await self.sloth.subscriptions.activate(owner.organization, plan, days=days, by=BY)

    async def counted(self, user: User) -> dict[str, int]:
        body = referral_stats_body(await self.sloth.referrals.stats(user))
        return {name: count for name, count in body.items() if name != "code"}

    async def plan_of(self, user: User) -> str:
        assert user.organization
        subscription = await self.sloth.subscriptions.current(user.organization)
        assert subscription
        return subscription.plan


@pytest.fixture
async def town(sloth: AsyncSloth, database: Database) -> AsyncIterator[Town]:
    """Other tests shall not meet its firms, which have no schemas."""
    town = Town(sloth, database)
    yield town
    async with database.shared() as connection:
        await connection.execute(
            "delete from public.organizations where id = any(%s)", (town.made,)
        )


@pytest.fixture
async def anna(town: Town) -> User:
    """The owner of a firm on the smallest plan."""
    return await town.firm("free")


async def test_every_user_has_a_code_and_it_is_read_as_people_type_it(
    town: Town, anna: User
) -> None:
    code = anna.referral_code
    typed = f" {code[:5].lower()}-{code[5:]} "
    ben = await town.firm(code=typed)
    assert ben.referred_by == anna.id
    assert ben.referral_code != code
    for unknown in (
        "",
        "AAAAAAAAAA",
        "x" * 500,
        "'; drop table users --",
        f"{code}2",
        "ІІІІІІІІІІ",
    ):
        if unknown:
            with pytest.raises(InvalidInput, match="no such referral code"):
                await town.firm(code=unknown)


async def test_the_code_of_a_deactivated_user_is_none(town: Town, anna: User) -> None:
    assert anna.organization
    await town.user(anna.organization, Role.OWNER)
    await town.accounts.set_active(anna, active=False, by=BY)
    with pytest.raises(InvalidInput):
        await town.firm(code=anna.referral_code)


async def test_two_users_never_share_a_code(town: Town, anna: User) -> None:
    twin = replace(anna, id=UserId(new_id()), email=f"{uuid4().hex}@example.com", organization=None,
                   role=None, is_superuser=True)  # fmt: skip
    event = AuditEvent.of("user.created", by=BY, at=town.now())
    with pytest.raises(Conflict, match="referral code"):
        await town.users.add(twin, password_hash=None, seats=None, event=event)


async def test_a_firm_counts_while_it_has_a_plan_that_costs_something(
    town: Town, anna: User
) -> None:
    code = anna.referral_code
    await town.firm(code=code)  # no subscription
    await town.firm("free", code=code)
    await town.firm("starter", code=code)  # on trial
    paying = await town.firm("starter", code=code)
    await town.buys(paying)
    assert await town.counted(anna) == {
        "signups": 4, "pending": 3, "active": 1, "inactive": 0, "rewards": 0, "next_reward_at": 50,
    }  # fmt: skip
    later = town.at(town.now() + timedelta(days=60))
    counts = (await later.stats(anna)).counts
    assert counts.firms == {PENDING: 3, INACTIVE: 1}
    [firm] = [firm for firm in await later.list(anna) if firm.referral.status is INACTIVE]
    assert (firm.referral.organization, firm.referral.referrer) == (paying.organization, anna.id)
    assert firm.referral.activated_at is not None
    await town.buys(paying, days=365)
    assert (await town.at(town.now()).stats(anna)).counts.firms == {PENDING: 3, ACTIVE: 1}
    events = await town.sloth.audit.list(organization=paying.organization, action="referral.*")
    assert [event.action for event in events] == [
        "referral.active", "referral.inactive", "referral.active",
    ]  # fmt: skip


async def test_ended_at_once_is_inactive_at_once(town: Town, anna: User) -> None:
    ben = await town.firm(code=anna.referral_code)
    await town.buys(ben)
    assert (await town.counted(anna))["active"] == 1
    assert ben.organization
    await town.sloth.subscriptions.cancel(ben.organization, at_period_end=False, by=BY)
    counted = await town.counted(anna)
    assert (counted["active"], counted["inactive"]) == (0, 1)


async def test_neither_self_nor_circles_nor_the_own_firm_count(town: Town, anna: User) -> None:
    """Only the first user of a firm can bring it, and before that nobody has a code of its."""
    ben = await town.firm("starter", code=anna.referral_code)
    assert anna.organization
    assert ben.organization
    colleague = await town.user(anna.organization, code=anna.referral_code)
    await town.user(anna.organization, code=ben.referral_code)
    await town.user(ben.organization, code=colleague.referral_code)
    await town.user(ben.organization, code=ben.referral_code)
    for owner in (anna, ben):
        await town.buys(owner, "professional")
    found = {user.id: await town.counted(user) for user in (anna, ben, colleague)}
    assert {id: (count["signups"], count["active"]) for id, count in found.items()} == {
        anna.id: (2, 1), ben.id: (2, 0), colleague.id: (1, 0),
    }  # fmt: skip
    assert all(count["pending"] == count["inactive"] == 0 for count in found.values())


async def test_of_50_who_sign_up_as_the_first_of_a_firm_one_brings_it(
    town: Town, anna: User
) -> None:
    """Without the lock on the firm several find themselves the first."""
    firm = (await town.organization()).id

    async def sign_up() -> None:
        await town.user(firm, Role.OWNER, code=anna.referral_code)

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(sign_up)
    counted = await town.counted(anna)
    assert (counted["signups"], counted["pending"]) == (50, 1)


@pytest.fixture
async def brought(town: Town, anna: User) -> list[User]:
    """Owners of 60 firms without a plan that anna has brought."""
    return [await town.firm(code=anna.referral_code) for _ in range(60)]


async def at_once(owners: list[User], work: Callable[[User], Awaitable[None]]) -> None:
    async def one(owner: User) -> None:
        await work(owner)

    async with anyio.create_task_group() as group:
        for owner in owners:
            group.start_soon(one, owner)


async def test_60_activations_at_once_are_one_reward_and_one_step(
    town: Town, anna: User, brought: list[User]
) -> None:
    """Each of 60 clients buys, follows up and rewards, all at once.

    Without the key of `referral_rewards` several of them lift the firm.
    """

    async def activate(owner: User) -> None:
        await town.buys(owner)
        await town.sloth.tasks.run("referral-statistics", by=BY)
        await town.sloth.tasks.run("referral-rewards", by=BY)

    await at_once(brought, activate)
    assert await town.counted(anna) == {
        "signups": 60, "pending": 0, "active": 60, "inactive": 0, "rewards": 1,
        "next_reward_at": 100,
    }  # fmt: skip
    [reward] = await town.sloth.referrals.rewards(anna)
    assert (reward.step, reward.old_plan, reward.new_plan) == (1, "free", "starter")
    assert await town.plan_of(anna) == "starter"
    for organization, action in (
        (anna.organization, "referral.rewarded"),
        (brought[0].organization, "referral.active"),
    ):
        events = await town.sloth.audit.list(organization=organization, action="referral.*")
        assert [event.action for event in events] == [action]


async def test_a_reward_is_a_year_on_the_next_plan_and_then_what_there_was(
    town: Town, anna: User, brought: list[User]
) -> None:
    await town.buys(anna, "starter", days=100)
    await at_once(brought[:49], town.buys)
    assert await town.sloth.referrals.reward() == 0
    assert await town.plan_of(anna) == "starter"
    await town.buys(brought[49])
    await town.sloth.referrals.reward()
    assert anna.organization
    subscription = await town.sloth.subscriptions.current(anna.organization)
    assert subscription is not None
    assert (subscription.plan, subscription.status) == ("professional", SubscriptionStatus.ACTIVE)
    assert subscription.current_period_end is not None
    assert subscription.current_period_end - subscription.current_period_start == timedelta(365)
    assert [grant.plan for grant in subscription.later] == ["starter", "free"]
    starter = subscription.later[0].length
    assert starter is not None
    assert timedelta(days=99) < starter <= timedelta(days=100), "nothing that was paid is lost"


async def test_fewer_than_50_again_takes_nothing_back_and_gives_nothing_twice(
    town: Town, anna: User, brought: list[User]
) -> None:
    await at_once(brought[:50], town.buys)
    assert await town.sloth.referrals.reward() >= 1
    two_months = town.at(town.now() + timedelta(days=60))
    await two_months.reward()
    counts = (await two_months.stats(anna)).counts
    assert (counts.firms, counts.rewards) == ({PENDING: 10, INACTIVE: 50}, 1)
    assert await town.plan_of(anna) == "starter"
    await at_once(brought[:50], town.buys)
    await town.sloth.referrals.reward()
    counted = await town.counted(anna)
    assert (counted["active"], counted["rewards"], counted["next_reward_at"]) == (50, 1, 100)
    assert await town.plan_of(anna) == "starter"


async def test_a_reward_waits_until_there_is_a_higher_plan(
    town: Town, anna: User, brought: list[User]
) -> None:
    await town.buys(anna, "enterprise", days=10)
    await at_once(brought[:50], partial(town.buys, days=200))
    for _ in range(2):
        await town.sloth.referrals.reward()
        assert (await town.counted(anna))["rewards"] == 0
    later = town.at(town.now() + timedelta(days=11))
    await later.reward()
    [reward] = await later.rewards(anna)
    assert (reward.old_plan, reward.new_plan) == ("free", "starter")


async def test_who_has_no_plan_or_gives_it_up_is_not_lifted(
    town: Town, brought: list[User], anna: User
) -> None:
    assert anna.organization
    await at_once(brought[:50], town.buys)
    await town.sloth.subscriptions.cancel(anna.organization, at_period_end=False, by=BY)
    await town.sloth.referrals.reward()
    assert (await town.counted(anna))["rewards"] == 0
    await town.buys(anna, "starter")
    await town.sloth.subscriptions.cancel(anna.organization, by=BY)
    await town.sloth.referrals.reward()
    assert (await town.counted(anna))["rewards"] == 0
    await town.buys(anna, "starter")
    await town.sloth.referrals.reward()
    assert (await town.counted(anna))["rewards"] == 1


async def test_pages(town: Town, anna: User) -> None:
    owners = [await town.firm(code=anna.referral_code) for _ in range(3)]
    first = await town.sloth.referrals.list(anna, limit=2)
    last = await town.sloth.referrals.list(anna, after=first[-1].referral.organization, limit=2)
    assert [firm.referral.organization for firm in (*first, *last)] == [
        owner.organization for owner in owners
    ]
    with pytest.raises(InvalidInput):
        await town.sloth.referrals.list(anna, limit=0)
