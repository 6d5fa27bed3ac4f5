"""What is bought through a payment provider, as a subscription of ours."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sloth_agent.billing.models import Grant, Plan, Purchase, Subscription
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.ids import TenantId


def bought(
    purchase: Purchase,
    *,
    organization: TenantId,
    before: Subscription | None,
    later: tuple[Grant, ...],
) -> Subscription:
    """The provider's word is the firm's state; what was given follows when it ends."""
    trial_end = purchase.trial_end or (before.trial_end if before else None)
    if purchase.status is not SubscriptionStatus.TRIALING:
        alive = purchase.status.alive
        trial_end = cut_short(trial_end, purchase.period_start if alive else purchase.served_until)
    return Subscription(
        organization=organization,
        plan=purchase.plan,
        terms=purchase.terms,
        status=purchase.status,
        billing_cycle=purchase.billing_cycle,
        anchor=purchase.anchor,
        current_period_start=purchase.period_start,
        current_period_end=purchase.period_end,
        trial_start=purchase.trial_start or (before.trial_start if before else None),
        trial_end=trial_end,
        cancel_at_period_end=purchase.cancel_at_period_end,
        canceled_at=purchase.canceled_at,
        later=later,
        paid=purchase.status is SubscriptionStatus.ACTIVE,
        purchase=purchase,
        bought=True,
    )


def cut_short(trial_end: datetime | None, at: datetime | None) -> datetime | None:
    """When a trial ended after which something else began, or nothing: no later than that did."""
    return trial_end if trial_end is None or at is None else min(trial_end, at)


def over(subscription: Subscription) -> Subscription:
    """After the end of a purchase that nothing follows."""
    purchase = subscription.purchase
    assert purchase is not None, "only what is bought ends like this"
    status = purchase.status
    if status.alive:  # nothing was heard of it for too long, or it is not paid for
        canceled = purchase.cancel_at_period_end
        status = SubscriptionStatus.CANCELED if canceled else SubscriptionStatus.UNPAID
    return replace(subscription, status=status, paid=False)


def outranks(grant: Grant, purchase: Purchase, plans: Mapping[str, Plan]) -> bool:
    """Whether what was given comes first: it is a higher plan than what is bought."""
    return plans[grant.plan].step > plans[purchase.plan].step
