"""What the provider says of a firm, as what the firm has. Nothing here asks anybody."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sloth_agent.billing.lifecycle import Plans, advanced, with_purchase
from sloth_agent.billing.models import Plan, Purchase, Subscription, Terms
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.ids import TenantId
from sloth_agent.payments.models import Price, RemoteSubscription


def applied(
    before: Subscription | None,
    remote: Sequence[RemoteSubscription],
    *,
    organization: TenantId,
    plans: Plans,
    grace: timedelta,
    now: datetime,
) -> Subscription | None:
    """What a firm has, by what the provider has of it; None: nothing at all."""
    present = advanced(before, plans=plans, now=now) if before else None
    known = present.purchase if present else None
    chosen = the_one(remote, known)
    purchase = purchase_of(chosen, known, plans=plans, grace=grace) if chosen else None
    if purchase is None:
        return present
    return with_purchase(present, purchase, organization=organization, plans=plans, now=now)


def the_one(
    remote: Sequence[RemoteSubscription], known: Purchase | None
) -> RemoteSubscription | None:
    """That which counts: one that goes on, before all the one that we know; else the newest."""
    lasting = [each for each in remote if is_open(each)] or remote
    ours = [each for each in lasting if known is not None and each.id == known.id]
    newest = sorted(lasting, key=lambda each: (each.created_at, each.id), reverse=True)
    return next(iter([*ours, *newest]), None)


def is_open(remote: RemoteSubscription) -> bool:
    """Whether it goes on, or may yet: one that is not paid for does as soon as it is."""
    return remote.status is not SubscriptionStatus.CANCELED


def is_ours(price: Price) -> bool:
    """Whether it was made for a plan of ours, to be paid by the month or by the year."""
    return price.plan is not None and price.cycle is not None


def purchase_of(
    remote: RemoteSubscription, known: Purchase | None, *, plans: Plans, grace: timedelta
) -> Purchase | None:
    """None: it is for something that no plan is, and never was.

    What we know goes on as the plan that it was, whatever price somebody has given it there.
    """
    plan, cycle = plans.get(remote.price.plan or ""), remote.price.cycle
    if plan is not None and cycle is not None:
        slug, terms = plan.slug, _terms(remote, known, plan, cycle)
    elif known is not None and known.id == remote.id:
        slug, terms, cycle = known.plan, known.terms, known.billing_cycle
    else:
        return None
    return Purchase(
        id=remote.id,
        plan=slug,
        terms=terms,
        status=remote.status,
        billing_cycle=cycle,
        anchor=_anchor(remote),
        period_start=remote.period_start,
        period_end=remote.period_end,
        serves_until=_serves_until(remote, grace),
        trial_start=remote.trial_start,
        trial_end=remote.trial_end,
        cancel_at_period_end=remote.ends_at is not None,
        canceled_at=remote.ended_at or remote.canceled_at,
    )


def _serves_until(remote: RemoteSubscription, grace: timedelta) -> datetime:
    """What is not paid for serves for some days more, and so does what nothing was heard of."""
    if remote.status in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID):
        return (remote.past_due_since or remote.period_start) + grace
    if remote.ends_at is not None:
        return remote.ends_at
    return remote.period_end + grace


def _anchor(remote: RemoteSubscription) -> datetime:
    """From where months are counted: from the trial's begin, or from its end once it is over.

    The provider's own anchor moves with each change of the rhythm, which begins no month here.
    """
    if remote.trial_end is not None and remote.trial_end <= remote.period_start:
        return remote.trial_end
    return remote.trial_start or min(remote.created_at, remote.period_start)


def _terms(
    remote: RemoteSubscription, known: Purchase | None, plan: Plan, cycle: BillingCycle
) -> Terms:
    """Those of the day on which the period began, at the price that the provider charges."""
    same_period = (
        known is not None
        and (known.id, known.plan, known.billing_cycle) == (remote.id, plan.slug, cycle)
        and known.period_start == remote.period_start
    )
    terms = known.terms if known is not None and same_period else plan.terms
    return _at_price(terms, remote.price, cycle)


def _at_price(terms: Terms, price: Price, cycle: BillingCycle) -> Terms:
    if cycle is BillingCycle.YEARLY:
        return replace(terms, price_yearly=price.amount, currency=price.currency)
    return replace(terms, price_monthly=price.amount, currency=price.currency)
