"""How a subscription goes from one state to the next. Nothing here reads a clock or a database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sloth_agent.billing.models import Grant, Plan, Purchase, Subscription, Terms
from sloth_agent.billing.periods import continued, month_around, months_after
from sloth_agent.billing.purchases import bought, cut_short, outranks, over
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.billing.transitions import Event, next_status
from sloth_agent.errors import Conflict
from sloth_agent.ids import TenantId

Plans = Mapping[str, Plan]
"""All plans of the install by slug."""

MOMENT = timedelta(seconds=1)
"""Providers know no shorter time."""


def length_of(
    cycle: BillingCycle, plan: Plan, *, after: Subscription | None, now: datetime
) -> timedelta:
    """One month or one year of the calendar, from the end of what the firm has of the plan."""
    running = terms_held(after) if after and after.status.alive else ()
    ends = [held.until for held in running if held.plan == plan.slug and held.until]
    start = ends[-1] if ends else now
    anchor = after.anchor if after and ends else now
    return continued(start, anchor=anchor, months=cycle.months) - start


def grant_of(plan: Plan, length: timedelta | None, *, paid: bool = False) -> Grant:
    """Time on a plan, under its terms of today. What costs nothing is for ever."""
    length = None if plan.terms.free else length
    return Grant(plan=plan.slug, terms=plan.terms, length=length, paid=paid)


def trial_of(plan: Plan) -> Grant:
    """What a new firm begins with.

    Raises:
        Conflict: the plan costs something and has no trial.
    """
    if plan.terms.free:
        return grant_of(plan, None)
    if plan.trial_days == 0:
        raise Conflict(
            f"The plan {plan.slug!r} has no trial.",
            hint="Create the tenant without a plan, then run `sloth admin subscriptions activate`.",
        )
    length = timedelta(days=plan.trial_days)
    return Grant(plan=plan.slug, terms=plan.terms, length=length, trial=True)


def with_grant(
    subscription: Subscription | None,
    grant: Grant,
    *,
    organization: TenantId,
    plans: Plans,
    now: datetime,
    cycle: BillingCycle | None = None,
) -> Subscription:
    """Add time on a plan; nothing that the firm has been given gets shorter or smaller.

    All that it was given, the rest of the current period too, is put in a row with the highest
    plan first: more of the same plan is added to its end, a higher plan begins at once and the rest
    of the lower one follows it, a lower plan begins after what there is. What stands behind a plan
    without end is left out. What is bought through a provider goes on beside a higher plan, and
    comes before the same plan or a lower one.

    Raises:
        Conflict: that would be the grant itself.
    """
    if subscription is None:
        return _begun(grant, None, organization=organization, start=now, cycle=cycle)
    wanted = replace(subscription, cancel_at_period_end=False, canceled_at=None)
    if not subscription.status.alive:
        return _begun(grant, wanted, organization=organization, start=now, cycle=cycle)

    rest = None if subscription.bought else _rest(subscription, now)
    first, *later = _row(_held(rest, subscription.later), grant, plans)
    if subscription.bought and not _comes_before(first, subscription.purchase, plans):
        return replace(subscription, later=(first, *later))
    wanted = replace(wanted, billing_cycle=cycle or subscription.billing_cycle, later=tuple(later))
    if first == rest:
        return wanted
    if rest is not None and _same(first, rest):
        return replace(
            wanted,
            status=next_status(subscription.status, Event.ACTIVATED),
            current_period_end=end_of(first, now),
            trial_end=wanted.trial_end if first.trial else cut_short(wanted.trial_end, now),
            paid=first.paid,
        )
    return _begun(first, wanted, organization=organization, start=now)


def with_purchase(
    subscription: Subscription | None,
    purchase: Purchase,
    *,
    organization: TenantId,
    plans: Plans,
    now: datetime,
) -> Subscription:
    """What a firm has, now that the provider says this of its purchase.

    While the purchase serves, a trial is part of it; other plans that were given come first where
    they are higher, and wait for its end where they are not. What was given of the same plan, and
    made the provider wait for its first payment, has been had when that comes.
    """
    if not purchase.serves(now):
        return _without(subscription, purchase, organization=organization)
    given = _given(subscription, purchase, plans, now)
    if given and outranks(given[0], purchase, plans):
        assert subscription is not None, "it was given something"
        present = replace(subscription, purchase=purchase)
        if not present.bought:
            return replace(present, later=tuple(given[1:]))
        return _followed(replace(present, later=tuple(given)), now)
    return bought(purchase, organization=organization, before=subscription, later=tuple(given))


def advanced(subscription: Subscription, *, plans: Plans, now: datetime) -> Subscription:
    """The subscription as it is now: periods that have ended are followed by the next ones."""
    while is_due(subscription, now):
        subscription = _after_its_period(subscription, plans)
    return subscription


def is_due(subscription: Subscription, now: datetime) -> bool:
    """Whether a period has ended since."""
    end = subscription.follow_up_at
    return subscription.status.alive and end is not None and end <= now


def canceled(subscription: Subscription, *, at_period_end: bool, now: datetime) -> Subscription:
    """End it at once, or let what has been granted run out and nothing begin anew.

    Raises:
        Conflict: it has ended already, or never would.
    """
    if not at_period_end:
        end = now if subscription.status.alive else subscription.current_period_end
        return replace(
            subscription,
            status=next_status(subscription.status, Event.CANCELED),
            current_period_end=end,
            trial_end=cut_short(subscription.trial_end, end),
            canceled_at=now,
            later=(),
        )
    if not subscription.status.alive:
        raise Conflict("The subscription has ended already.")
    paid = tuple(grant for grant in subscription.later if not grant.terms.free)
    if subscription.current_period_end is None or any(grant.length is None for grant in paid):
        raise Conflict("The subscription has no end.", hint="Cancel it at once: --now.")
    return replace(subscription, cancel_at_period_end=True, canceled_at=now, later=paid)


def resumed(subscription: Subscription) -> Subscription:
    """As if it had not been canceled for the end of the period.

    Raises:
        Conflict: it was not, or has ended.
    """
    if not subscription.leaves_what_was_given:
        raise Conflict("The subscription was not canceled.")
    return replace(subscription, cancel_at_period_end=False, canceled_at=None)


@dataclass(frozen=True, slots=True)
class Held:
    """Terms that a firm keeps, whatever becomes of the plan."""

    plan: str
    terms: Terms
    until: datetime | None  # None: for ever


def terms_held(subscription: Subscription) -> Iterator[Held]:
    """Those of the current period, then those of what follows it."""
    until = subscription.current_period_end
    yield Held(subscription.plan, subscription.terms, until)
    for grant in subscription.later:
        assert until is not None, "nothing follows what does not end"
        until = end_of(grant, until)
        yield Held(grant.plan, grant.terms, until)


def end_of(grant: Grant, start: datetime) -> datetime | None:
    """When the period ends that begins with this grant; None: never."""
    if grant.terms.free:
        return months_after(start, 1)
    return None if grant.length is None else start + grant.length


def _begun(
    grant: Grant,
    before: Subscription | None,
    *,
    organization: TenantId,
    start: datetime,
    cycle: BillingCycle | None = None,
) -> Subscription:
    """The first period of a grant; what was to follow still does."""
    end = end_of(grant, start)
    trial_start, trial_end = (before.trial_start, before.trial_end) if before else (None, None)
    if grant.trial:
        trial_start, trial_end = trial_start or start, end
    else:
        trial_end = cut_short(trial_end, start)
    return Subscription(
        organization=organization,
        plan=grant.plan,
        terms=grant.terms,
        purchase=before.purchase if before else None,
        status=next_status(
            before.status if before else None,
            Event.TRIAL_BEGAN if grant.trial else Event.ACTIVATED,
        ),
        billing_cycle=cycle or (before.billing_cycle if before else BillingCycle.MONTHLY),
        anchor=start,
        current_period_start=start,
        current_period_end=end,
        trial_start=trial_start,
        trial_end=trial_end,
        cancel_at_period_end=before.cancel_at_period_end if before else False,
        canceled_at=before.canceled_at if before else None,
        later=before.later if before else (),
        paid=grant.paid,
    )


def _rest(subscription: Subscription, now: datetime) -> Grant:
    """What is left of the current period, as if it had still to begin."""
    end = subscription.current_period_end
    return Grant(
        plan=subscription.plan,
        terms=subscription.terms,
        length=None if end is None or subscription.terms.free else end - now,
        trial=subscription.status is SubscriptionStatus.TRIALING,
        paid=subscription.paid,
    )


def _held(rest: Grant | None, later: Sequence[Grant]) -> Sequence[Grant]:
    return later if rest is None else (rest, *later)


def _given(
    subscription: Subscription | None, purchase: Purchase, plans: Plans, now: datetime
) -> Sequence[Grant]:
    """What a firm was given and has not used up, for when its purchase ends or ranks below it."""
    if subscription is None:
        return ()
    if subscription.bought or not subscription.status.alive:
        return subscription.later
    grants = list(_held(_rest(subscription, now), subscription.later))
    if subscription.purchase is None or subscription.purchase.id != purchase.id:
        ends = [held.until for held in terms_held(subscription)]
        beyond = (_beyond(*each, purchase, plans) for each in zip(grants, ends, strict=True))
        grants = [grant for grant in beyond if grant is not None]
    return [grant for grant in grants if not grant.trial]


def _beyond(grant: Grant, end: datetime | None, purchase: Purchase, plans: Plans) -> Grant | None:
    """What of a grant lies after the first payment, for which the provider waits until then."""
    same_step = plans[grant.plan].step == plans[purchase.plan].step
    first_payment = purchase.trial_end
    if not same_step or end is None or first_payment is None or grant.length is None:
        return grant
    left = min(grant.length, end - first_payment)
    return replace(grant, length=left) if left >= MOMENT else None


def _comes_before(grant: Grant, purchase: Purchase | None, plans: Plans) -> bool:
    return purchase is None or outranks(grant, purchase, plans)


def _without(
    subscription: Subscription | None, purchase: Purchase, *, organization: TenantId
) -> Subscription:
    """What a firm has now that its purchase does not serve it any more."""
    if subscription is None:
        return over(bought(purchase, organization=organization, before=None, later=()))
    if not subscription.bought:
        return replace(subscription, purchase=purchase)
    later = subscription.later
    ended = over(bought(purchase, organization=organization, before=subscription, later=later))
    return _followed(ended, purchase.served_until)


def _followed(subscription: Subscription, end: datetime) -> Subscription:
    """By what comes next, if something does. That a purchase was canceled is not said of it."""
    if not subscription.later:
        return subscription
    following, *later = subscription.later
    going_on = replace(subscription, later=tuple(later))
    if subscription.bought:
        going_on = replace(going_on, cancel_at_period_end=False, canceled_at=None)
    return _begun(following, going_on, organization=subscription.organization, start=end)


def _row(held: Sequence[Grant], grant: Grant, plans: Plans) -> Sequence[Grant]:
    """The highest plan first, up to one that never ends."""

    def step(each: Grant) -> int:
        return plans[each.plan].step

    if any(each.length is None and step(each) >= step(grant) for each in held):
        raise Conflict("The firm has this plan, or a higher one, without end already.")
    row: list[Grant] = []
    for each in sorted((*held, grant), key=step, reverse=True):
        if row and row[-1].length is None:
            break
        known = next((place for place, other in enumerate(row) if _same(other, each)), None)
        if known is None:
            row.append(each)
        else:
            row[known] = _joined(row[known], each)
            if row[known].length is None:
                del row[known + 1 :]
    return row


def _same(one: Grant, other: Grant) -> bool:
    """Whether they are one piece of time: what is paid stays apart from what is given."""
    alike = one.paid == other.paid or one.trial or other.trial
    return alike and one.plan == other.plan and one.terms == other.terms


def _joined(one: Grant, other: Grant) -> Grant:
    """A trial that is followed by the same plan is part of it."""
    lengths = (one.length, other.length)
    length = None if None in lengths else sum(filter(None, lengths), timedelta())
    trial, paid = one.trial and other.trial, one.paid or other.paid
    return replace(one, length=length, trial=trial, paid=paid)


def _after_its_period(subscription: Subscription, plans: Plans) -> Subscription:
    end = subscription.follow_up_at
    assert end is not None, "only what ends is followed by something"
    purchase, later = subscription.purchase, subscription.later
    if subscription.bought:
        return _followed(over(subscription), end)
    plan = plans[subscription.plan]
    if subscription.terms.free and plan.terms.free and not subscription.cancel_at_period_end:
        return replace(
            subscription,
            terms=plan.terms,
            status=next_status(subscription.status, Event.RENEWED),
            current_period_start=end,
            current_period_end=month_around(end, anchor=subscription.anchor).end,
        )
    is_next = purchase is not None and not (later and outranks(later[0], purchase, plans))
    if purchase is not None and purchase.serves(end) and is_next:
        organization = subscription.organization
        return bought(purchase, organization=organization, before=subscription, later=later)
    if later:
        return _followed(subscription, end)
    ending = Event.CANCELED if subscription.cancel_at_period_end else Event.RAN_OUT
    return replace(subscription, status=next_status(subscription.status, ending))
