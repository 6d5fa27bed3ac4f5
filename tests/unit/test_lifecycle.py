"""Subscriptions through their states: nothing that was granted ever gets shorter or smaller."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.billing.access import require_access
from sloth_agent.billing.lifecycle import (
    advanced,
    canceled,
    grant_of,
    terms_held,
    trial_of,
    with_grant,
)
from sloth_agent.billing.models import Feature, Grant, Plan, Subscription
from sloth_agent.billing.plan_file import shipped_plans
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.billing.transitions import TRANSITIONS, Event, next_status
from sloth_agent.errors import Conflict, FeatureNotInPlan, SlothError, SubscriptionExpired
from sloth_agent.ids import TenantId

FIRM = TenantId(UUID(int=7))
NOW = datetime(2027, 1, 31, 12, tzinfo=UTC)
PLANS = {plan.slug: plan for plan in shipped_plans()}
FREE, STARTER, PRO, ENTERPRISE = PLANS.values()


def days(number: int) -> timedelta:
    return timedelta(days=number)


def given_to(
    subscription: Subscription | None,
    plan: Plan,
    length: timedelta | None,
    now: datetime = NOW,
) -> Subscription:
    return with_grant(subscription, grant_of(plan, length), organization=FIRM, plans=PLANS, now=now)


def in_trial(plan: Plan, now: datetime = NOW) -> Subscription:
    return with_grant(None, trial_of(plan), organization=FIRM, plans=PLANS, now=now)


def at(subscription: Subscription, now: datetime) -> Subscription:
    return advanced(subscription, plans=PLANS, now=now)


def step_at(subscription: Subscription | None, now: datetime) -> int:
    """The plan's step at a moment; 0 for a firm that is not served then."""
    if subscription is None:
        return 0
    then = at(subscription, now)
    return PLANS[then.plan].step if then.status.alive else 0


def test_the_table_speaks_of_every_event_and_state() -> None:
    assert set(TRANSITIONS) == set(Event)
    reached = {status for after in TRANSITIONS.values() for status in after.values()}
    assert reached == set(SubscriptionStatus)


@given(events=st.lists(st.sampled_from(Event), max_size=30))
def test_any_order_of_events_stays_within_the_table(events: list[Event]) -> None:
    status: SubscriptionStatus | None = None
    for event in events:
        try:
            status = next_status(status, event)
        except Conflict:
            continue
        assert status in SubscriptionStatus
    # From wherever it got, a firm that pays or redeems a code is served.
    assert next_status(status, Event.ACTIVATED) is SubscriptionStatus.ACTIVE


def test_a_trial_ends_unpaid() -> None:
    subscription = in_trial(STARTER)
    assert subscription.status is SubscriptionStatus.TRIALING
    assert subscription.trial_end == subscription.current_period_end == NOW + days(14)
    assert at(subscription, NOW + days(14) - timedelta(seconds=1)) == subscription
    over = at(subscription, NOW + days(14))
    assert over.status is SubscriptionStatus.UNPAID
    assert at(over, NOW + days(999)) == over


def test_a_free_plan_begins_anew_each_month_under_the_terms_of_that_day() -> None:
    subscription = in_trial(FREE)
    assert (subscription.status, subscription.trial_end) == (SubscriptionStatus.ACTIVE, None)
    assert subscription.current_period_end == datetime(2027, 2, 28, 12, tzinfo=UTC)
    fewer = replace(FREE.terms, limits=replace(FREE.terms.limits, max_messages_per_month=5))
    plans = {**PLANS, "free": replace(FREE, terms=fewer)}
    later = advanced(subscription, plans=plans, now=datetime(2027, 3, 1, tzinfo=UTC))
    assert later.terms == fewer
    assert later.current_period_start == datetime(2027, 2, 28, 12, tzinfo=UTC)
    assert later.current_period_end == datetime(2027, 3, 31, 12, tzinfo=UTC)


def test_a_free_plan_that_is_free_no_more_ends_with_its_month() -> None:
    plans = {**PLANS, "free": replace(FREE, terms=STARTER.terms)}
    over = advanced(in_trial(FREE), plans=plans, now=NOW + days(40))
    assert over.status is SubscriptionStatus.UNPAID


def test_what_costs_something_needs_a_trial_to_begin_with_one() -> None:
    with pytest.raises(Conflict):
        trial_of(replace(ENTERPRISE, trial_days=0))


def test_the_same_plan_is_added_to_the_end() -> None:
    subscription = given_to(given_to(None, PRO, days(30)), PRO, days(90), NOW + days(10))
    assert subscription.current_period_start == NOW
    assert subscription.current_period_end == NOW + days(120)
    assert subscription.later == ()


def test_the_same_plan_in_a_trial_keeps_the_days_of_the_trial() -> None:
    subscription = given_to(in_trial(PRO), PRO, days(90), NOW + days(4))
    assert subscription.status is SubscriptionStatus.ACTIVE
    assert subscription.current_period_end == NOW + days(104)


def test_the_same_plan_under_new_terms_follows_the_old_ones() -> None:
    dearer = replace(PRO, terms=replace(PRO.terms, price_monthly=PRO.terms.price_monthly + 1))
    subscription = given_to(given_to(None, PRO, days(30)), dearer, days(90))
    assert subscription.current_period_end == NOW + days(30)
    assert [(held.terms, held.until) for held in terms_held(subscription)] == [
        (PRO.terms, NOW + days(30)),
        (dearer.terms, NOW + days(120)),
    ]
    assert at(subscription, NOW + days(30)).terms == dearer.terms


def test_a_higher_plan_begins_at_once_and_the_rest_of_the_lower_one_follows() -> None:
    subscription = given_to(given_to(None, STARTER, days(60)), PRO, days(30), NOW + days(10))
    assert (subscription.plan, subscription.current_period_end) == (
        "professional",
        NOW + days(40),
    )
    then = at(subscription, NOW + days(40))
    assert (then.plan, then.current_period_end) == ("starter", NOW + days(90))
    assert at(then, NOW + days(90)).status is SubscriptionStatus.UNPAID


def test_a_lower_plan_begins_after_what_there_is() -> None:
    subscription = given_to(in_trial(PRO), STARTER, days(30))
    assert (subscription.plan, subscription.status) == ("professional", SubscriptionStatus.TRIALING)
    then = at(subscription, NOW + days(14))
    assert (then.plan, then.status) == ("starter", SubscriptionStatus.ACTIVE)
    assert then.current_period_end == NOW + days(44)


def test_a_free_plan_waits_below_what_is_paid() -> None:
    subscription = given_to(in_trial(FREE), STARTER, days(30))
    assert subscription.plan == "starter"
    then = at(subscription, NOW + days(31))
    assert (then.plan, then.status, then.later) == ("free", SubscriptionStatus.ACTIVE, ())


def test_without_end_nothing_follows() -> None:
    endless = given_to(given_to(None, STARTER, days(30)), PRO, None)
    assert (endless.current_period_end, endless.later) == (None, ())
    for plan, length in ((PRO, days(30)), (PRO, None), (STARTER, days(30)), (FREE, None)):
        with pytest.raises(Conflict):
            given_to(endless, plan, length)
    assert given_to(endless, ENTERPRISE, days(5)).plan == "enterprise"
    assert given_to(given_to(None, PRO, days(30)), PRO, None).current_period_end is None


def test_canceled_at_the_end_of_what_was_granted() -> None:
    granted = given_to(given_to(in_trial(FREE), STARTER, days(30)), PRO, days(30))
    leaving = canceled(granted, at_period_end=True, now=NOW)
    assert leaving.cancel_at_period_end
    assert at(leaving, NOW + days(30)).plan == "starter"
    assert at(leaving, NOW + days(60)).status is SubscriptionStatus.CANCELED
    staying = given_to(leaving, PRO, days(1))
    assert (staying.cancel_at_period_end, staying.canceled_at) == (False, None)


def test_a_free_plan_ends_with_the_month_in_which_it_was_canceled() -> None:
    leaving = canceled(in_trial(FREE), at_period_end=True, now=NOW)
    assert leaving.current_period_end is not None
    assert at(leaving, leaving.current_period_end).status is SubscriptionStatus.CANCELED


def test_canceled_at_once() -> None:
    gone = canceled(given_to(in_trial(PRO), STARTER, days(30)), at_period_end=False, now=NOW)
    assert (gone.status, gone.later) == (SubscriptionStatus.CANCELED, ())
    for at_period_end in (True, False):
        with pytest.raises(Conflict):
            canceled(gone, at_period_end=at_period_end, now=NOW)
    again = given_to(gone, STARTER, days(30), NOW + days(50))
    assert (again.status, again.canceled_at) == (SubscriptionStatus.ACTIVE, None)


def test_without_end_it_is_canceled_at_once_only() -> None:
    with pytest.raises(Conflict):
        canceled(given_to(None, PRO, None), at_period_end=True, now=NOW)


LENGTHS = st.integers(1, 400).map(days) | st.none()
GRANTS = st.builds(grant_of, st.sampled_from(list(PLANS.values())), LENGTHS, paid=st.booleans())
STEPS = st.lists(st.tuples(st.integers(0, 200).map(days), GRANTS), max_size=8)


@given(beginning=st.sampled_from([None, *PLANS.values()]), steps=STEPS, probe=st.integers(0, 3000))
def test_granted_time_and_step_never_shrink(
    beginning: Plan | None, steps: list[tuple[timedelta, Grant]], probe: int
) -> None:
    now = NOW
    subscription = in_trial(beginning) if beginning else None
    for wait, grant in steps:
        now += wait
        before = subscription
        try:
            subscription = with_grant(
                at(before, now) if before else None,
                grant,
                organization=FIRM,
                plans=PLANS,
                now=now,
            )
        except Conflict:
            assert before is not None  # refused only where it would never begin
            continue
        for step in range(1, len(PLANS) + 1):
            assert time_on(step, subscription, now) >= time_on(step, before, now)
        own = PLANS[grant.plan].step
        assert time_on(own, subscription, now) > time_on(own, before, now)
        for moment in (now, now + days(probe)):
            assert step_at(subscription, moment) >= step_at(before, moment)


def time_on(step: int, subscription: Subscription | None, now: datetime) -> timedelta:
    """How long the firm still is on that step or a higher one."""
    total, start = days(0), now
    then = at(subscription, now) if subscription else None
    for held in terms_held(then) if then and then.status.alive else ():
        if held.until is None or held.terms.free:
            return timedelta.max if PLANS[held.plan].step >= step else total
        if PLANS[held.plan].step >= step:
            total += held.until - start
        start = held.until
    return total


ALLOWED = {"trialing": True, "active": True, "past_due": True, "canceled": False, "unpaid": False}


@pytest.mark.parametrize("status", SubscriptionStatus)
def test_what_each_state_may_do(status: SubscriptionStatus) -> None:
    subscription = replace(given_to(None, STARTER, days(30)), status=status)

    def refusal(feature: Feature | None) -> type[SlothError] | None:
        try:
            require_access(subscription, feature)
        except SlothError as error:
            return type(error)
        return None

    allowed = ALLOWED[status.value]
    assert refusal(None) is (None if allowed else SubscriptionExpired)
    assert refusal(Feature.TELEGRAM) is (None if allowed else SubscriptionExpired)
    assert refusal(Feature.CALENDAR) is (FeatureNotInPlan if allowed else SubscriptionExpired)


def test_without_a_subscription_everything_is_allowed() -> None:
    for feature in (None, *Feature):
        require_access(None, feature)
