"""When a firm counts for its referrer, and what a reward makes of a subscription."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.billing.lifecycle import advanced, canceled, grant_of, trial_of, with_grant
from sloth_agent.billing.models import Subscription
from sloth_agent.billing.plan_file import shipped_plans
from sloth_agent.billing.referrals import REWARD_LASTS, Lift, lift
from sloth_agent.errors import SlothError
from sloth_agent.ids import TenantId, UserId
from sloth_agent.tenants.audit import SYSTEM, AuditEvent

FIRM = TenantId(UUID(int=7))
NOW = datetime(2027, 1, 31, 12, tzinfo=UTC)
PLANS = {plan.slug: plan for plan in shipped_plans()}
TOP = max(plan.step for plan in PLANS.values())


def lifted(before: Subscription | None) -> Lift | None:
    event = AuditEvent.of("referral.rewarded", by=SYSTEM, at=NOW, organization=FIRM)
    return lift(before, PLANS, referrer=UserId(UUID(int=8)), organization=FIRM, step=1, event=event)


def step_at(subscription: Subscription, moment: datetime) -> int:
    then = advanced(subscription, plans=PLANS, now=moment)
    return PLANS[then.plan].step if then.status.alive else 0


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscription:
    """One that has been through trials, grants and cancellations before now."""
    plans = st.sampled_from(list(PLANS.values()))
    moment = NOW - timedelta(days=draw(st.integers(0, 400)))
    trial = trial_of(draw(plans))
    subscription = with_grant(None, trial, organization=FIRM, plans=PLANS, now=moment)
    for _ in range(draw(st.integers(0, 4))):
        moment = min(NOW, moment + timedelta(days=draw(st.integers(0, 100))))
        subscription = advanced(subscription, plans=PLANS, now=moment)
        length = draw(st.none() | st.integers(1, 800).map(lambda days: timedelta(days=days)))
        grant = grant_of(draw(plans), length)
        try:
            if draw(st.integers(0, 9)):
                subscription = with_grant(
                    subscription, grant, organization=FIRM, plans=PLANS, now=moment
                )
            else:
                subscription = canceled(subscription, at_period_end=draw(st.booleans()), now=moment)
        except SlothError:
            continue
    return subscription


@given(before=subscriptions())
def test_a_reward_is_exactly_one_step_for_a_year_and_costs_nothing(before: Subscription) -> None:
    found = lifted(before)
    present = advanced(before, plans=PLANS, now=NOW)
    step = step_at(present, NOW)
    ending = not present.status.alive or present.cancel_at_period_end
    assert (found is None) == (ending or step == TOP)
    if found is None:
        return
    after = found.change.subscription
    assert (found.reward.old_plan, found.reward.new_plan) == (present.plan, after.plan)
    assert after.current_period_end == NOW + REWARD_LASTS
    for days in range(0, 2000, 25):
        moment = NOW + timedelta(days=days)
        assert step_at(after, moment) >= step_at(before, moment)
        if days < REWARD_LASTS.days:
            assert step_at(after, moment) == step + 1


def test_a_firm_without_a_subscription_has_nothing_to_lift() -> None:
    assert lifted(None) is None
