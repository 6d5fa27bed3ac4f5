"""Plans and subscriptions on real PostgreSQL: loaded, begun, activated, followed up."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import anyio
import pytest

from sloth_agent import AsyncSloth
from sloth_agent.adapters.stores.postgres.activation_codes import PostgresCodes
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.plans import PostgresPlans
from sloth_agent.adapters.stores.postgres.subscriptions import PostgresSubscriptions
from sloth_agent.billing.activation_codes import ActivationCodes
from sloth_agent.billing.plan_file import shipped_plans, write_plans
from sloth_agent.billing.plans import Outcome, PlanCatalog
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.billing.subscriptions import Subscriptions
from sloth_agent.errors import Conflict, InvalidInput, NotFound, SeatLimitExceeded
from sloth_agent.ids import TenantId, new_id
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio

BY = Actor(name="cli:anna")
NOW = datetime(2027, 1, 31, 12, tzinfo=UTC)
SHIPPED = write_plans(shipped_plans())


def days(number: int) -> timedelta:
    return timedelta(days=number)


@pytest.fixture
def at(database: Database) -> Callable[[datetime], Subscriptions]:
    """The service as it is at a moment."""
    return lambda moment: Subscriptions(PostgresSubscriptions(database), lambda: moment)


@pytest.fixture
def subscriptions(at: Callable[[datetime], Subscriptions]) -> Subscriptions:
    return at(NOW)


@pytest.fixture
async def plans(database: Database) -> AsyncIterator[PlanCatalog]:
    """All tests of a process share the plans, so they are put back."""
    catalog = PlanCatalog(
        PostgresPlans(database),
        PostgresSubscriptions(database),
        PostgresCodes(database),
        lambda: NOW,
    )
    await catalog.load(SHIPPED, by=BY)
    yield catalog
    await catalog.load(SHIPPED, by=BY)


@pytest.fixture
async def firm(sloth: AsyncSloth, slug: str) -> TenantId:
    return (await sloth.create_tenant(slug)).id


async def actions(sloth: AsyncSloth, organization: TenantId) -> list[str]:
    return [event.action for event in await sloth.audit.list(organization=organization)]


async def test_an_install_begins_with_the_shipped_plans(sloth: AsyncSloth) -> None:
    # Other tests of the process may have loaded more, which are withdrawn again.
    on_sale = [plan for plan in await sloth.plans.list() if plan.is_active]
    assert on_sale == list(shipped_plans())
    assert (await sloth.plans.show("free")).name == "Free"
    with pytest.raises(NotFound):
        await sloth.plans.show("none'; drop table plans")


async def test_a_new_tenant_begins_with_a_trial(sloth: AsyncSloth, slug: str) -> None:
    organization = await sloth.create_tenant(slug, plan="starter", by=BY)
    subscription = await sloth.subscriptions.current(organization.id)
    assert subscription is not None
    assert (subscription.plan, subscription.status) == ("starter", SubscriptionStatus.TRIALING)
    assert await actions(sloth, organization.id) == ["subscription.began", "tenant.created"]


async def test_a_tenant_never_exists_without_its_plan(sloth: AsyncSloth, slug: str) -> None:
    with pytest.raises(NotFound):
        await sloth.create_tenant(slug, plan="no-such-plan", by=BY)
    with pytest.raises(NotFound):
        await sloth.show_tenant(slug)


async def test_a_tenant_of_nobody_has_no_subscription(sloth: AsyncSloth, firm: TenantId) -> None:
    assert await sloth.subscriptions.current(firm) is None


async def test_what_is_stored_comes_back(subscriptions: Subscriptions, firm: TenantId) -> None:
    await subscriptions.activate(firm, "starter", days=30, by=BY)
    await subscriptions.activate(firm, "free", by=BY)
    told = await subscriptions.activate(
        firm, "professional", days=90, cycle=BillingCycle.YEARLY, by=BY
    )
    assert [grant.plan for grant in told.later] == ["starter", "free"]
    assert await subscriptions.current(firm) == told


async def test_a_cycle_of_the_calendar(subscriptions: Subscriptions, firm: TenantId) -> None:
    month = await subscriptions.activate(firm, "starter", by=BY)
    assert month.current_period_end == datetime(2027, 2, 28, 12, tzinfo=UTC)
    year = await subscriptions.activate(firm, "professional", cycle=BillingCycle.YEARLY, by=BY)
    assert year.current_period_end == datetime(2028, 1, 31, 12, tzinfo=UTC)


async def test_months_that_are_paid_in_advance_stay_on_their_day(
    at: Callable[[datetime], Subscriptions], firm: TenantId
) -> None:
    await at(NOW).activate(firm, "starter", by=BY)
    await at(NOW + days(3)).activate(firm, "starter", by=BY)
    twice = await at(NOW + days(5)).activate(firm, "starter", by=BY)
    assert twice.current_period_end == datetime(2027, 4, 30, 12, tzinfo=UTC)
    over = await at(NOW + days(100)).activate(firm, "starter", by=BY)
    assert over.current_period_end == datetime(2027, 6, 11, 12, tzinfo=UTC)


async def test_a_making_that_was_cut_short_is_completed_on_its_plan(
    sloth: AsyncSloth, slug: str
) -> None:
    making = sloth.services.organizations_on("starter", by=BY)
    await making.store.add(await making._new(slug, None, None))
    made = await sloth.create_tenant(slug, plan="professional", by=BY)
    subscription = await sloth.subscriptions.current(made.id)
    assert subscription is not None
    assert subscription.plan == "starter"  # that is what was written with the tenant itself
    assert await actions(sloth, made.id) == ["subscription.began"]
    with pytest.raises(Conflict):
        await sloth.create_tenant(slug, plan="professional", by=BY)


async def test_time_passes(
    at: Callable[[datetime], Subscriptions], sloth: AsyncSloth, firm: TenantId
) -> None:
    await at(NOW).activate(firm, "professional", days=10, by=BY)
    await at(NOW).activate(firm, "starter", days=10, by=BY)
    then = await at(NOW + days(10)).current(firm)
    assert then is not None
    assert (then.plan, then.current_period_end) == ("starter", NOW + days(20))
    over = await at(NOW + days(20)).current(firm)
    assert over is not None
    assert over.status is SubscriptionStatus.UNPAID
    assert (await actions(sloth, firm))[:2] == ["subscription.advanced"] * 2


async def test_what_is_due_is_settled_once(
    at: Callable[[datetime], Subscriptions], sloth: AsyncSloth, firm: TenantId
) -> None:
    await at(NOW).activate(firm, "starter", days=1, by=BY)
    then = at(NOW + days(3000))
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(then.settle)
    assert (await actions(sloth, firm)).count("subscription.advanced") == 1
    assert await then.settle() == 0


async def test_activated_by_50_at_once(
    subscriptions: Subscriptions, sloth: AsyncSloth, firm: TenantId
) -> None:
    """Without `hold` it fails: of grants that read the same state only one is kept."""

    async def activate() -> None:
        await subscriptions.activate(firm, "starter", days=1, by=BY)

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(activate)
    subscription = await subscriptions.current(firm)
    assert subscription is not None
    assert subscription.current_period_end == NOW + days(50)
    assert (await actions(sloth, firm)).count("subscription.activated") == 50


async def test_what_cannot_be_activated(subscriptions: Subscriptions, firm: TenantId) -> None:
    for number in (-1, 10**9):
        with pytest.raises(InvalidInput):
            await subscriptions.activate(firm, "starter", days=number, by=BY)
    with pytest.raises(NotFound):
        await subscriptions.activate(firm, "no-such-plan", by=BY)
    with pytest.raises(NotFound):
        await subscriptions.activate(TenantId(new_id()), "starter", by=BY)
    with pytest.raises(NotFound):
        await subscriptions.cancel(firm, by=BY)
    await subscriptions.activate(firm, "starter", days=0, by=BY)
    with pytest.raises(Conflict):
        await subscriptions.activate(firm, "starter", days=30, by=BY)
    with pytest.raises(Conflict):
        await subscriptions.cancel(firm, by=BY)
    ended = await subscriptions.cancel(firm, at_period_end=False, by=BY)
    assert ended.status is SubscriptionStatus.CANCELED


async def test_listed_by_state_plan_and_page(
    at: Callable[[datetime], Subscriptions], sloth: AsyncSloth, slug: str
) -> None:
    for number in range(3):
        organization = await sloth.create_tenant(f"{slug}-{number}")
        await at(NOW).activate(organization.id, "enterprise", days=number + 1, by=BY)
    then = at(NOW + days(2))

    async def listed(status: SubscriptionStatus | None, after: str, limit: int = 1000) -> list[str]:
        page = await then.list(status=status, plan="enterprise", after=after, limit=limit)
        return [found.slug for found in page if found.slug.startswith(slug)]

    assert await listed(None, slug) == [f"{slug}-{number}" for number in range(3)]
    assert await listed(SubscriptionStatus.UNPAID, slug) == [f"{slug}-0", f"{slug}-1"]
    assert await listed(None, f"{slug}-0", limit=1) == [f"{slug}-1"]
    with pytest.raises(InvalidInput):
        await then.list(limit=0)


async def test_a_new_file_leaves_what_was_paid(
    plans: PlanCatalog, subscriptions: Subscriptions, database: Database, firm: TenantId
) -> None:
    bought = await subscriptions.activate(firm, "professional", days=7777, by=BY)
    codes = ActivationCodes(PostgresCodes(database), PostgresPlans(database), lambda: NOW)
    [code] = await codes.generate("enterprise", days=5, by=BY)
    dearer = SHIPPED.replace("price_monthly = 99.00", "price_monthly = 120.00").replace(
        "[enterprise]", "[giant]"
    )
    outcomes = {outcome.plan: outcome for outcome in await plans.load(dearer, by=BY)}
    assert {plan: told.outcome for plan, told in outcomes.items()} == {
        "free": Outcome.UNCHANGED,
        "starter": Outcome.UNCHANGED,
        "professional": Outcome.CHANGED,
        "giant": Outcome.ADDED,
        "enterprise": Outcome.WITHDRAWN,
    }
    assert outcomes["professional"].firms_on_old_terms >= 1
    assert outcomes["professional"].old_terms_until == NOW + days(7777)
    assert (await plans.show("professional")).terms.price_monthly == Decimal(120)
    assert await subscriptions.current(firm) == bought
    with pytest.raises(Conflict):
        await subscriptions.activate(firm, "enterprise", by=BY)
    with pytest.raises(Conflict):
        await codes.generate("enterprise", days=5, by=BY)
    assert outcomes["enterprise"].unused_codes >= 1
    assert (await codes.redeem(firm, code, by=BY)).plan == "enterprise"


async def test_a_plan_that_only_moved_has_not_changed(plans: PlanCatalog) -> None:
    await plans.load(SHIPPED, by=BY)
    smallest, *others = shipped_plans()
    outcomes = await plans.load(write_plans([*others, smallest]), by=BY)
    assert {
        told.outcome for told in outcomes if told.plan in {p.slug for p in shipped_plans()}
    } == {Outcome.MOVED}
    assert (await plans.show(smallest.slug)).step == len(others) + 1
    await plans.load(SHIPPED, by=BY)


async def test_a_refused_file_changes_nothing(plans: PlanCatalog) -> None:
    before = await plans.list()
    with pytest.raises(InvalidInput):
        await plans.load(SHIPPED.replace("max_users = 3", "max_users = -3"), by=BY)
    assert await plans.list() == before


async def test_of_many_files_at_once_one_is_in_force(plans: PlanCatalog) -> None:
    """Without the lock on the table they block each other, and PostgreSQL cancels some."""
    files = [SHIPPED.replace(".00", f".{cents:02}") for cents in range(20)]
    files += [file.replace("[enterprise]", "[giant]") for file in files]
    async with anyio.create_task_group() as group:
        for file in files:
            group.start_soon(partial(plans.load, file, by=BY))
    assert write_plans(plan for plan in await plans.list() if plan.is_active) in files


async def test_seats_are_those_of_the_plan(sloth: AsyncSloth, slug: str) -> None:
    organization = (await sloth.create_tenant(slug, plan="free")).id
    await sloth.accounts.create(
        f"{slug}@example.com", organization=organization, role=Role.OWNER, by=BY
    )
    with pytest.raises(SeatLimitExceeded):
        await sloth.accounts.create(
            f"{slug}-2@example.com", organization=organization, role=Role.MEMBER, by=BY
        )
