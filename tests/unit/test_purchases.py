"""What is bought beside what was given: neither makes the other shorter or smaller."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.billing.lifecycle import (
    advanced,
    canceled,
    grant_of,
    trial_of,
    with_grant,
    with_purchase,
)
from sloth_agent.billing.models import Plan, Purchase, Subscription
from sloth_agent.billing.plan_file import shipped_plans
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.ids import TenantId

FIRM = TenantId(UUID(int=7))
NOW = datetime(2027, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
GRACE = 7 * DAY
PLANS = {plan.slug: plan for plan in shipped_plans()}
FREE, STARTER, PRO, ENTERPRISE = PLANS.values()


def purchase(plan: Plan, start: datetime = NOW) -> Purchase:
    """One month of it, which is paid."""
    end = start + 30 * DAY
    return Purchase(
        id="one",
        plan=plan.slug,
        terms=plan.terms,
        status=SubscriptionStatus.ACTIVE,
        billing_cycle=BillingCycle.MONTHLY,
        anchor=start,
        period_start=start,
        period_end=end,
        serves_until=end + GRACE,
    )


def told(subscription: Subscription | None, bought: Purchase, now: datetime = NOW) -> Subscription:
    return with_purchase(subscription, bought, organization=FIRM, plans=PLANS, now=now)


def given_to(
    subscription: Subscription | None, plan: Plan, days: int, now: datetime = NOW
) -> Subscription:
    grant = grant_of(plan, days * DAY)
    return with_grant(subscription, grant, organization=FIRM, plans=PLANS, now=now)


def at(subscription: Subscription, now: datetime) -> Subscription:
    return advanced(subscription, plans=PLANS, now=now)


def ended(bought: Purchase, when: datetime) -> Purchase:
    return replace(bought, status=SubscriptionStatus.CANCELED, canceled_at=when)


def test_a_trial_ends_in_what_is_bought() -> None:
    trial = with_grant(None, trial_of(STARTER), organization=FIRM, plans=PLANS, now=NOW)
    found = told(trial, purchase(STARTER))
    assert (found.plan, found.status, found.later) == ("starter", SubscriptionStatus.ACTIVE, ())


def test_a_free_plan_is_there_again_afterwards() -> None:
    free = with_grant(None, trial_of(FREE), organization=FIRM, plans=PLANS, now=NOW)
    bought = purchase(PRO)
    found = told(told(free, bought), ended(bought, NOW + DAY), NOW + DAY)
    assert (found.plan, found.status) == ("free", SubscriptionStatus.ACTIVE)
    assert not found.cancel_at_period_end


def test_a_higher_plan_that_was_given_comes_first() -> None:
    found = told(given_to(None, PRO, 10), purchase(STARTER))
    assert (found.plan, found.bought) == ("professional", False)
    assert at(found, NOW + 10 * DAY).plan == "starter"
    assert at(found, NOW + 10 * DAY).bought


def test_a_code_for_a_higher_plan_begins_at_once_and_gives_way_again() -> None:
    found = given_to(told(None, purchase(STARTER)), PRO, 5)
    assert found.plan == "professional"
    assert told(found, purchase(STARTER), NOW + DAY).plan == "professional"
    assert at(found, NOW + 5 * DAY).plan == "starter"


def test_what_the_first_payment_waited_for_is_had_once() -> None:
    waiting = replace(
        purchase(STARTER),
        status=SubscriptionStatus.TRIALING,
        period_end=NOW + 20 * DAY,
        trial_end=NOW + 20 * DAY,
    )
    found = told(given_to(None, STARTER, 20), waiting)
    assert (found.bought, found.later) == (True, ())


def test_what_is_not_paid_for_ends_with_its_grace() -> None:
    bought = purchase(STARTER)
    found = told(None, bought)
    assert at(found, bought.serves_until - timedelta(seconds=1)).status.alive
    assert at(found, bought.serves_until).status is SubscriptionStatus.UNPAID
    assert told(found, bought, bought.serves_until).status is SubscriptionStatus.UNPAID


@given(
    lower=st.integers(1, 400),
    same=st.integers(1, 400),
    ended_after=st.integers(1, 29),
)
def test_time_that_waits_for_the_end_of_a_purchase_is_whole_then(
    lower: int, same: int, ended_after: int
) -> None:
    bought = purchase(PRO)
    found = given_to(given_to(told(None, bought), STARTER, lower), PRO, same)
    assert found.bought
    end = NOW + ended_after * DAY
    after = told(found, ended(bought, end), end)
    assert (after.plan, after.current_period_end) == ("professional", end + same * DAY)
    then = at(after, end + same * DAY)
    assert (then.plan, then.current_period_end) == ("starter", end + (same + lower) * DAY)


def in_trial() -> Subscription:
    return with_grant(None, trial_of(STARTER), organization=FIRM, plans=PLANS, now=NOW)


def test_a_trial_that_is_cut_short_ends_then() -> None:
    """Nobody who pays, was given time, or has left is shown a trial that is still to end."""
    then = NOW + DAY
    paid = told(in_trial(), purchase(STARTER, then), then)
    assert (paid.status, paid.trial_end) == (SubscriptionStatus.ACTIVE, then)
    for plan in (STARTER, PRO):
        given = given_to(in_trial(), plan, 30, then)
        assert (given.status, given.trial_end) == (SubscriptionStatus.ACTIVE, then)
    left = canceled(in_trial(), at_period_end=False, now=then)
    assert left.trial_end == then
    trialing = replace(
        purchase(STARTER), status=SubscriptionStatus.TRIALING, trial_end=NOW + 30 * DAY
    )
    gone = told(told(None, trialing), ended(trialing, then), then)
    assert (gone.status, gone.trial_end) == (SubscriptionStatus.CANCELED, then)


def test_a_trial_that_waits_for_a_higher_plan_goes_on_afterwards() -> None:
    waiting = given_to(in_trial(), PRO, 30, NOW + DAY)
    resumed = at(waiting, NOW + 32 * DAY)
    assert resumed.status is SubscriptionStatus.TRIALING
    assert resumed.trial_end == resumed.current_period_end
