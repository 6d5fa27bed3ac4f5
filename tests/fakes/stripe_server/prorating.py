"""What a change of plan in the middle of a period costs or gives back."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fakes.stripe_server.book import Book
from fakes.stripe_server.periods import next_after, share
from fakes.stripe_server.records import Line, Metadata, Price, Subscription, SubscriptionItem
from fakes.stripe_server.refusals import Refused, invalid


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One entry of `items`: an item to change or to take away, or a new one."""

    item: SubscriptionItem | None
    price: Price | None
    quantity: int | None
    metadata: Metadata | None
    deleted: bool


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A subscription as it would be: nothing is changed until somebody takes it over."""

    items: list[SubscriptionItem]
    lines: list[Line]  # prorations
    restarts: bool  # the period begins anew, now


def proposal(
    book: Book,
    subscription: Subscription,
    wanted: list[Wanted],
    *,
    at: int,
    prorates: bool,
    restarts: bool = False,
) -> Proposal:
    """A month that becomes a year begins now; in a trial, when the trial ends."""
    items = list(_changed(book, subscription, wanted))
    _same_rhythm(items)
    new_rhythm = items[0].price.rhythm != subscription.items[0].price.rhythm
    in_trial = subscription.status == "trialing"
    restarts = restarts or (new_rhythm and not in_trial)
    if not prorates or in_trial:
        return Proposal(items=items, lines=[], restarts=restarts)
    lines = list(_prorations(book, subscription, items, at=at, restarts=restarts))
    return Proposal(items=items, lines=lines, restarts=restarts)


def given_back(book: Book, items: list[SubscriptionItem], *, at: int) -> list[Line]:
    """What is given back when everything ends at a moment."""
    return [_credit(book, item, at) for item in items if item.billed]


def _changed(
    book: Book, subscription: Subscription, wanted: list[Wanted]
) -> Iterator[SubscriptionItem]:
    changes = {each.item.id: each for each in wanted if each.item}
    for item in subscription.items:
        change = changes.get(item.id)
        if change is None:
            yield replace(item)
        elif not change.deleted:
            yield replace(
                item,
                price=change.price or item.price,
                quantity=item.quantity if change.quantity is None else change.quantity,
                metadata=item.metadata if change.metadata is None else change.metadata,
            )
    for each in wanted:
        if each.item is None and each.price:
            yield _new_item(book, subscription, each.price, each)


def _new_item(
    book: Book, subscription: Subscription, price: Price, wanted: Wanted
) -> SubscriptionItem:
    return SubscriptionItem(
        id=book.new_id("si"),
        created=book.now,
        subscription=subscription.id,
        price=price,
        quantity=1 if wanted.quantity is None else wanted.quantity,
        metadata=wanted.metadata or {},
        period_start=subscription.period_start,
        period_end=subscription.period_end,
    )


def _same_rhythm(items: list[SubscriptionItem]) -> None:
    if not items:
        raise Refused("A subscription must have at least one active item.", param="items")
    if len({item.price.id for item in items}) < len(items):
        raise invalid("items", "two of them have one price.")
    if len({(item.price.rhythm, item.price.currency) for item in items}) > 1:
        raise invalid("items", "all prices need one interval and one currency.")


def _prorations(
    book: Book,
    subscription: Subscription,
    items: list[SubscriptionItem],
    *,
    at: int,
    restarts: bool,
) -> Iterator[Line]:
    after = {item.id: item for item in items}
    before = {item.id: item for item in subscription.items}
    for item in subscription.items:
        if (restarts or _differs(item, after.get(item.id))) and item.billed:
            yield _credit(book, item, at)
    if restarts:
        return  # the new period is charged whole
    for item in items:
        if _differs(item, before.get(item.id)):
            yield _debit(book, item, at)


def _differs(one: SubscriptionItem, other: SubscriptionItem | None) -> bool:
    return other is None or (one.price, one.quantity) != (other.price, other.quantity)


def _credit(book: Book, item: SubscriptionItem, at: int) -> Line:
    period = item.period_start, item.period_end
    amount = -share(item.billed, of=period, since=at)
    return _line(book, item, amount, "Unused time on", at)


def _debit(book: Book, item: SubscriptionItem, at: int) -> Line:
    period = item.period_start, item.period_end
    amount = share(item.amount, of=period, since=at)
    return _line(book, item, amount, "Remaining time on", at)


def _line(book: Book, item: SubscriptionItem, amount: int, what: str, at: int) -> Line:
    times = f"{item.quantity} × " if item.quantity != 1 else ""
    day = datetime.fromtimestamp(at, UTC).strftime("%d %b %Y")
    return Line(
        id=book.new_id("il", 24),
        created=book.now,
        amount=amount,
        description=f"{what} {times}{item.price.product.name} after {day}",
        period_start=at,
        period_end=item.period_end,
        price=item.price,
        quantity=item.quantity,
        subscription=item.subscription,
        item=item.id,
        invoice_item=book.new_id("ii", 24),
    )


def begin_period(items: list[SubscriptionItem], *, start: int, anchor: int) -> None:
    """The next period of every item, billed whole."""
    for item in items:
        item.period_start = start
        item.period_end = next_after(start, anchor, item.price.rhythm)
        item.billed = item.amount


def begin_trial(items: list[SubscriptionItem], *, start: int, end: int) -> None:
    for item in items:
        item.period_start, item.period_end, item.billed = start, end, 0
