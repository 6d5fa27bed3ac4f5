"""When a firm counts for whoever brought it here, and what that brings. Nothing here does I/O."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sloth_agent.billing.granting import granted
from sloth_agent.billing.lifecycle import Plans, advanced, grant_of
from sloth_agent.billing.models import Plan, Subscription
from sloth_agent.billing.ports import Change
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.ids import TenantId, UserId
from sloth_agent.tenants.audit import AuditEvent

ACTIVE_FOR_A_REWARD = 50
REWARD_LASTS = timedelta(days=365)


class ReferralStatus(StrEnum):
    PENDING = "pending"  # the firm has not had a plan yet that counts
    ACTIVE = "active"
    INACTIVE = "inactive"  # it has had one


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """A firm whose first user signed up with somebody's code. It counts for this one alone."""

    organization: TenantId
    referrer: UserId
    status: ReferralStatus
    created_at: datetime
    activated_at: datetime | None = None  # when it first was active; None: never


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralReward:
    """One plan step for the referrer's firm. It is given once and never taken back."""

    referrer: UserId
    step: int  # 1 for the first 50 active referrals, 2 for the first 100, ...
    organization: TenantId  # the referrer's
    old_plan: str
    new_plan: str
    granted_at: datetime


def status_now(
    referral: Referral, subscription: Subscription | None, *, plans: Plans, now: datetime
) -> ReferralStatus:
    """Active for as long as the firm has a plan that costs something and is not a trial."""
    if subscription and _counts(advanced(subscription, plans=plans, now=now)):
        return ReferralStatus.ACTIVE
    if referral.status is ReferralStatus.PENDING:
        return ReferralStatus.PENDING
    return ReferralStatus.INACTIVE


def _counts(subscription: Subscription) -> bool:
    status = subscription.status
    on_trial = status is SubscriptionStatus.TRIALING
    return status.alive and not on_trial and not subscription.terms.free


@dataclass(frozen=True, slots=True)
class Lift:
    """A reward, and what becomes of the subscription of the firm that gets it."""

    reward: ReferralReward
    change: Change


def lift(
    before: Subscription | None,
    plans: Plans,
    *,
    referrer: UserId,
    organization: TenantId,
    step: int,
    event: AuditEvent,
) -> Lift | None:
    """One year on the next higher plan, from the moment of the event; then on with what there was.

    None: it waits, since the firm has the highest plan, or no subscription that goes on.
    """
    present = advanced(before, plans=plans, now=event.at) if before else None
    if present is None or not present.status.alive or present.cancel_at_period_end:
        return None
    higher = _next_higher(plans[present.plan], plans)
    if higher is None:
        return None
    reward = ReferralReward(
        referrer=referrer,
        step=step,
        organization=organization,
        old_plan=present.plan,
        new_plan=higher.slug,
        granted_at=event.at,
    )
    grant = grant_of(higher, REWARD_LASTS)
    return Lift(
        reward, granted(present, grant, organization=organization, plans=plans, event=event)
    )


def _next_higher(plan: Plan, plans: Plans) -> Plan | None:
    higher = (each for each in plans.values() if each.is_active and each.step > plan.step)
    return min(higher, key=lambda each: each.step, default=None)
