"""Where our word of a firm and the provider's differ. Nothing here asks anybody."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from sloth_agent.billing.models import Purchase, Subscription
from sloth_agent.payments.applying import is_open, is_ours, the_one
from sloth_agent.payments.models import Charge, RemoteSubscription, Said


class About(StrEnum):
    """What differs."""

    SUBSCRIPTION = "subscription"  # plan, state or dates
    CHARGE = "charge"  # money that we have not heard of, or otherwise
    EVENT = "event"  # we were told of something, and did not see to it
    SECOND_SUBSCRIPTION = "second_subscription"  # the firm pays twice
    SEVERAL_PLANS = "several_plans"  # in one subscription
    LOST_SUBSCRIPTION = "lost_subscription"  # the provider does not know what we have
    UNKNOWN_PRICE = "unknown_price"  # the firm pays one that no plan has
    FORGOTTEN_CUSTOMER = "forgotten_customer"  # a firm here does not know that it pays
    UNKNOWN_CUSTOMER = "unknown_customer"  # somebody pays for a firm that is not here

    @property
    def needs_somebody(self) -> bool:
        """Whether a person has to decide what is right."""
        return self in _FOR_SOMEBODY


_FOR_SOMEBODY = frozenset(
    {
        About.SECOND_SUBSCRIPTION,
        About.SEVERAL_PLANS,
        About.LOST_SUBSCRIPTION,
        About.UNKNOWN_PRICE,
        About.UNKNOWN_CUSTOMER,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not the same here and there."""

    about: About
    tenant: str | None  # its slug, or its id; None: no firm here
    subject: str  # the provider's id of it
    what: str = "all of it"  # such as `status`
    ours: str | None = None  # None: we have nothing of it
    theirs: str | None = None


_OF_A_PURCHASE = [each.name for each in fields(Purchase) if each.name != "terms"]
_OF_A_CHARGE = [each.name for each in fields(Charge) if each.name not in ("id", "customer")]


def differences(
    tenant: str,
    *,
    ours: Subscription | None,
    applied: Subscription | None,
    our_charges: Mapping[str, Charge],
    said: Said,
) -> Sequence[Difference]:
    """`applied` is what ours would be, by what the provider says."""
    known = ours.purchase if ours else None
    return [
        *_of_purchases(tenant, known, applied.purchase if applied else None),
        *_of_charges(tenant, our_charges, said.charges),
        *(
            Difference(about=About.EVENT, tenant=tenant, subject=each.id, theirs=each.type)
            for each in said.events
        ),
        *_for_somebody(tenant, known, said.subscriptions),
    ]


def _of_purchases(
    tenant: str, ours: Purchase | None, theirs: Purchase | None
) -> Iterator[Difference]:
    if theirs is None or ours == theirs:
        return
    about = Difference(about=About.SUBSCRIPTION, tenant=tenant, subject=theirs.id)
    if ours is None:
        until = f"{theirs.plan}, {theirs.status} until {theirs.period_end.isoformat()}"
        yield replace(about, theirs=until)
    else:
        yield from _each(about, _OF_A_PURCHASE, ours, theirs) or [replace(about, what="terms")]


def _of_charges(
    tenant: str, ours: Mapping[str, Charge], theirs: Sequence[Charge]
) -> Iterator[Difference]:
    for charge in theirs:
        about = Difference(about=About.CHARGE, tenant=tenant, subject=charge.id)
        known = ours.get(charge.id)
        if known is None:
            yield replace(about, theirs=f"{charge.amount} {charge.currency}, {charge.status}")
        else:
            yield from _each(about, _OF_A_CHARGE, known, charge)


def _each(
    about: Difference, names: Sequence[str], ours: object, theirs: object
) -> Sequence[Difference]:
    """One for each of these that is another there."""
    pairs = [(name, _shown(ours, name), _shown(theirs, name)) for name in names]
    return [
        replace(about, what=name, ours=here, theirs=there)
        for name, here, there in pairs
        if here != there
    ]


def _for_somebody(
    tenant: str, known: Purchase | None, remote: Sequence[RemoteSubscription]
) -> Iterator[Difference]:
    chosen = the_one(remote, known)
    for each in remote:
        if is_open(each) and each is not chosen:
            yield Difference(
                about=About.SECOND_SUBSCRIPTION,
                tenant=tenant,
                subject=each.id,
                theirs=_in_short(each),
            )
    if chosen is not None and is_open(chosen) and chosen.is_mixed:
        yield Difference(
            about=About.SEVERAL_PLANS, tenant=tenant, subject=chosen.id, theirs=_in_short(chosen)
        )
    if chosen is not None and is_open(chosen) and not is_ours(chosen.price):
        yield Difference(
            about=About.UNKNOWN_PRICE,
            tenant=tenant,
            subject=chosen.id,
            ours=f"{known.plan}, {known.status}" if known else None,
            theirs=f"{chosen.price.id}, {chosen.status}",
        )
    if known is not None and known.status.alive and known.id not in {each.id for each in remote}:
        yield Difference(
            about=About.LOST_SUBSCRIPTION,
            tenant=tenant,
            subject=known.id,
            ours=f"{known.plan}, {known.status}",
        )


def forgotten(remote: RemoteSubscription) -> Difference:
    return Difference(
        about=About.FORGOTTEN_CUSTOMER,
        tenant=remote.organization,
        subject=remote.customer,
        theirs=_in_short(remote),
    )


def stranger(remote: RemoteSubscription) -> Difference:
    return Difference(
        about=About.UNKNOWN_CUSTOMER, tenant=None, subject=remote.id, theirs=_in_short(remote)
    )


def _in_short(remote: RemoteSubscription) -> str:
    return f"{remote.price.plan or 'no plan of ours'}, {remote.status}"


def _shown(thing: object, name: str) -> str | None:
    value = getattr(thing, name)
    return None if value is None else str(value)
