"""Subscriptions: begun, changed, renewed, ended."""

from dataclasses import dataclass, field
from typing import Literal

from fakes.stripe_server.book import Book, merged
from fakes.stripe_server.charging import card_for
from fakes.stripe_server.ending import end
from fakes.stripe_server.invoices import (
    attempt,
    draft,
    finalize,
    finalize_and_try,
    lines_for,
    prepared,
    void,
)
from fakes.stripe_server.parameters import Values
from fakes.stripe_server.periods import DAY
from fakes.stripe_server.prorating import (
    Proposal,
    Wanted,
    begin_period,
    begin_trial,
    given_back,
    proposal,
)
from fakes.stripe_server.records import (
    Customer,
    Invoice,
    Line,
    Metadata,
    PaymentMethod,
    Price,
    Status,
    Subscription,
    SubscriptionItem,
)
from fakes.stripe_server.refusals import Refused, declined, invalid, missing

ANNOUNCED_BEFORE = 3 * DAY
LONGEST_TRIAL = 2 * 366 * DAY
NOT_CANCELED = {"comment": None, "feedback": None, "reason": None}


@dataclass(kw_only=True)
class Order:
    """What a new subscription shall be."""

    customer: Customer
    prices: list[tuple[Price, int, Metadata]]
    trial_end: int | None = None
    metadata: Metadata = field(default_factory=dict)
    description: str | None = None
    card: str | None = None
    missing_payment_method: str = "create_invoice"
    payment_behavior: Literal["allow_incomplete", "default_incomplete", "error_if_incomplete"] = (
        "allow_incomplete"
    )
    cancel_at_period_end: bool = False


def price_for_sale(book: Book, id: str, *, param: str) -> Price:
    price = book.get(Price, id, param=param)
    if not (price.active and price.product.active):
        message = "The price specified is inactive. This field only accepts active prices."
        raise Refused(message, param=param)
    return price


def trial_end_of(book: Book, values: Values, *, start: int) -> int | None:
    """From `trial_end` or `trial_period_days`; a trial that ends now is none."""
    wanted = values.get("trial_end")
    days = values.get("trial_period_days")
    if wanted is not None and days is not None:
        raise invalid("trial_end", "give it or trial_period_days, not both.")
    if days is not None:
        wanted = start + days * DAY
    if wanted is None or wanted == "now":
        return None
    if not book.now < wanted <= book.now + LONGEST_TRIAL:
        raise invalid("trial_end", "it must be in the future, and within two years.")
    return int(wanted)


def without_card(values: Values) -> str:
    """What happens when a trial ends and there is no card."""
    behavior = values.get("trial_settings", {}).get("end_behavior", {})
    return behavior.get("missing_payment_method") or "create_invoice"


def begin(book: Book, order: Order) -> Subscription:
    """Charge the first period at once; a trial begins with an invoice of nothing."""
    subscription = _built(book, order)
    pays = not order.trial_end and any(item.amount for item in subscription.items)
    if pays:
        _refuse_hopeless(book, subscription, order)
        subscription.status = Status.INCOMPLETE
    book.created(subscription)
    _first_invoice(book, subscription, order)
    if subscription.trial_end:
        book.wake(subscription, max(book.now, subscription.trial_end - ANNOUNCED_BEFORE))
    if subscription.status is Status.INCOMPLETE:
        book.wake(subscription, book.now + book.rules.incomplete_seconds)
    book.wake(subscription, subscription.period_end)
    return subscription


def _built(book: Book, order: Order) -> Subscription:
    id = book.new_id("sub", 24)
    subscription = Subscription(
        id=id,
        created=book.now,
        customer=order.customer,
        items=[],
        status=Status.TRIALING if order.trial_end else Status.ACTIVE,
        anchor=order.trial_end or book.now,
        metadata=dict(order.metadata),
        description=order.description,
        trial_start=book.now if order.trial_end else None,
        trial_end=order.trial_end,
        missing_payment_method=order.missing_payment_method,
        cancel_at_period_end=order.cancel_at_period_end,
        canceled_at=book.now if order.cancel_at_period_end else None,
        cancellation=dict(NOT_CANCELED),
        default_payment_method=order.card,
    )
    subscription.items = [_item(book, id, *each) for each in order.prices]
    if order.trial_end:
        begin_trial(subscription.items, start=book.now, end=order.trial_end)
    else:
        begin_period(subscription.items, start=book.now, anchor=book.now)
    return subscription


def _item(
    book: Book, subscription: str, price: Price, quantity: int, metadata: Metadata
) -> SubscriptionItem:
    return SubscriptionItem(
        id=book.new_id("si"),
        created=book.now,
        subscription=subscription,
        price=price,
        quantity=quantity,
        metadata=metadata,
        period_start=book.now,
        period_end=book.now,
    )


def _refuse_hopeless(book: Book, subscription: Subscription, order: Order) -> None:
    if order.payment_behavior == "default_incomplete":
        return
    card = card_for(book, subscription)
    if card is None:
        message = "This customer has no attached payment source or default payment method."
        raise Refused(message, code="resource_missing")
    if card.declines and order.payment_behavior == "error_if_incomplete":
        raise declined()


def _first_invoice(book: Book, subscription: Subscription, order: Order) -> None:
    in_trial = subscription.status is Status.TRIALING
    lines = lines_for(book, subscription.items, trial=in_trial)
    invoice = draft(book, subscription, lines, reason="subscription_create")
    finalize(book, invoice)
    if invoice.amount_due == 0 or order.payment_behavior != "default_incomplete":
        attempt(book, invoice)


def change(book: Book, subscription: Subscription, values: Values) -> None:
    """An update over the API; refused whole, or done whole."""
    if subscription.status.over:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise Refused(message, code="resource_missing")
    wanted = wanted_items(book, subscription, values.get("items", []))
    step = _proposed(book, subscription, values, wanted)
    trial_end = _new_trial_end(book, subscription, values)
    if values.get("payment_behavior") == "error_if_incomplete":
        _refuse_if_declined(book, subscription, values, step)
    with book.changing(subscription):
        _set_plain(book, subscription, values)
        subscription.items = step.items
        if trial_end is not None:
            invoice = _move_trial(book, subscription, trial_end, step)
        elif step.restarts:
            invoice = _restart(book, subscription, step.lines)
        else:
            invoice = _take_over(book, subscription, values, step.lines)
    if invoice:
        finalize_and_try(book, invoice)


def wanted_items(book: Book, subscription: Subscription, entries: list[Values]) -> list[Wanted]:
    """The entries of `items`; one without an id is a new item beside the others."""
    own = {item.id: item for item in subscription.items}
    wanted = []
    for place, entry in enumerate(entries):
        id, price = entry.get("id"), entry.get("price")
        if id is not None and id not in own:
            raise invalid(f"items[{place}][id]", f"no item {id} in {subscription.id}.")
        if id is None and price is None:
            raise missing(f"items[{place}][price]")
        found = price_for_sale(book, price, param=f"items[{place}][price]") if price else None
        wanted.append(
            Wanted(
                item=own[id] if id else None,
                price=found,
                quantity=entry.get("quantity"),
                metadata=entry.get("metadata"),
                deleted=entry.get("deleted") or False,
            )
        )
    return wanted


def _proposed(
    book: Book, subscription: Subscription, values: Values, wanted: list[Wanted]
) -> Proposal:
    at = values.get("proration_date") or book.now
    if not subscription.period_start <= at <= subscription.period_end:
        raise invalid("proration_date", "it is outside of the current period.")
    anchor = values.get("billing_cycle_anchor") or {}
    return proposal(
        book,
        subscription,
        wanted,
        at=at,
        prorates=values.get("proration_behavior") != "none",
        restarts=anchor.get("type") == "now",
    )


def _new_trial_end(book: Book, subscription: Subscription, values: Values) -> int | None:
    """None: the trial stays as it is. This very moment: it is over."""
    wanted = values.get("trial_end")
    if wanted is None:
        return None
    if wanted == "now":
        return book.now if subscription.status is Status.TRIALING else None
    return trial_end_of(book, values, start=book.now)


def _refuse_if_declined(
    book: Book, subscription: Subscription, values: Values, step: Proposal
) -> None:
    charged = step.restarts or values.get("proration_behavior") == "always_invoice"
    card = card_for(book, subscription)
    if charged and (card is None or card.declines):
        raise declined()


def _set_plain(book: Book, subscription: Subscription, values: Values) -> None:
    if "metadata" in values:
        subscription.metadata = merged(subscription.metadata, values["metadata"])
    if "description" in values:
        subscription.description = values["description"]
    if "default_payment_method" in values:
        subscription.default_payment_method = values["default_payment_method"]
    if "trial_settings" in values:
        subscription.missing_payment_method = without_card(values)
    subscription.cancellation |= values.get("cancellation_details") or {}
    if values.get("cancel_at_period_end") is not None:
        cancel_at_period_end(book, subscription, values["cancel_at_period_end"])
    if "cancel_at" in values:
        cancel_at(book, subscription, values["cancel_at"] or None)


def cancel_at_period_end(book: Book, subscription: Subscription, cancels: bool) -> None:
    """Or not, after all."""
    if cancels == subscription.cancel_at_period_end:
        return
    subscription.cancel_at_period_end = cancels
    subscription.canceled_at = book.now if cancels else None
    subscription.cancellation["reason"] = "cancellation_requested" if cancels else None


def cancel_at(book: Book, subscription: Subscription, moment: int | None) -> None:
    """As the portal does; None: not, after all."""
    subscription.cancel_at = moment
    subscription.canceled_at = book.now if moment else None
    subscription.cancellation["reason"] = "cancellation_requested" if moment else None
    if moment:
        book.wake(subscription, moment)


def _take_over(
    book: Book, subscription: Subscription, values: Values, lines: list[Line]
) -> Invoice | None:
    """Prorations wait for the next invoice, or are an invoice of their own at once."""
    if values.get("proration_behavior") != "none" and subscription.status is not Status.TRIALING:
        for item in subscription.items:
            item.billed = item.amount
    subscription.waiting += lines
    if values.get("proration_behavior") == "always_invoice" and lines:
        return draft(book, subscription, [], reason="subscription_update")
    return None


def _restart(book: Book, subscription: Subscription, lines: list[Line]) -> Invoice:
    """A new period from now on, charged at once together with what is given back."""
    subscription.anchor = book.now
    begin_period(subscription.items, start=book.now, anchor=book.now)
    book.wake(subscription, subscription.period_end)
    subscription.waiting += lines
    whole = lines_for(book, subscription.items)
    return draft(book, subscription, whole, reason="subscription_update")


def _move_trial(book: Book, subscription: Subscription, end: int, step: Proposal) -> Invoice | None:
    if end <= book.now:
        subscription.status, subscription.trial_end = Status.ACTIVE, book.now
        return _restart(book, subscription, step.lines)
    if subscription.status is not Status.TRIALING:
        subscription.waiting += given_back(book, subscription.items, at=book.now)
        subscription.trial_start = book.now
        begin_trial(subscription.items, start=book.now, end=end)
    for item in subscription.items:
        item.period_end = end
    subscription.status, subscription.trial_end_announced = Status.TRIALING, False
    subscription.trial_end = subscription.anchor = end
    book.wake(subscription, max(book.now, end - ANNOUNCED_BEFORE))
    book.wake(subscription, end)
    return None


def cancel(book: Book, subscription: Subscription, values: Values) -> None:
    """Now. What is given back, if wished, waits, or is an invoice at once."""
    if subscription.status.over:
        message = f"No such subscription: '{subscription.id}'"
        raise Refused(message, status=404, code="resource_missing")
    subscription.cancellation |= values.get("cancellation_details") or {}
    if values.get("prorate"):
        subscription.waiting += given_back(book, subscription.items, at=book.now)
    if values.get("invoice_now") and subscription.waiting:
        invoice = draft(book, subscription, [], reason="manual")
        finalize_and_try(book, invoice)
    end(book, subscription, reason="cancellation_requested")


def due(book: Book, subscription: Subscription) -> None:
    """Its alarm has rung: whatever it was for may have happened otherwise meanwhile."""
    if subscription.status.over:
        return
    if subscription.status is Status.INCOMPLETE:
        _expire(book, subscription)
        return
    _announce_trial_end(book, subscription)
    if subscription.cancel_at is not None and subscription.cancel_at <= book.now:
        end(book, subscription, reason="cancellation_requested")
        return
    if subscription.period_end > book.now:
        return
    if subscription.cancel_at_period_end:
        end(book, subscription, reason="cancellation_requested")
    elif subscription.status is Status.TRIALING and _ends_without_card(book, subscription):
        end(book, subscription, reason="payment_failed")
    else:
        _renew(book, subscription)


def _expire(book: Book, subscription: Subscription) -> None:
    if subscription.created + book.rules.incomplete_seconds > book.now:
        return
    for invoice in subscription.invoices:
        if invoice.status == "open":
            void(book, invoice)
    with book.changing(subscription):
        subscription.status = Status.INCOMPLETE_EXPIRED
        subscription.ended_at = book.now


def _announce_trial_end(book: Book, subscription: Subscription) -> None:
    if subscription.status is not Status.TRIALING or subscription.trial_end_announced:
        return
    if subscription.trial_end and subscription.trial_end - ANNOUNCED_BEFORE <= book.now:
        subscription.trial_end_announced = True
        book.tell(subscription, "trial_will_end")


def _ends_without_card(book: Book, subscription: Subscription) -> bool:
    cancels = subscription.missing_payment_method == "cancel"
    return cancels and card_for(book, subscription) is None


def _renew(book: Book, subscription: Subscription) -> None:
    with book.changing(subscription):
        if subscription.status is Status.TRIALING:
            subscription.status = Status.ACTIVE
        start = subscription.period_end
        begin_period(subscription.items, start=start, anchor=subscription.anchor)
        lines = lines_for(book, subscription.items)
        draft(book, subscription, lines, reason="subscription_cycle", waits=True)
    book.wake(subscription, subscription.period_end)


def preview(book: Book, subscription: Subscription, values: Values) -> Invoice:
    """The invoice that a change would make at once; if none, the next one."""
    details = values.get("subscription_details", {})
    ends = details.get("cancel_at_period_end", subscription.cancel_at_period_end)
    if subscription.status.over or (ends and "items" not in details):
        message = f"No upcoming invoices for customer: {subscription.customer.id}"
        raise Refused(message, status=404, code="invoice_upcoming_none")
    wanted = wanted_items(book, subscription, details.get("items", []))
    step = _proposed(book, subscription, details, wanted)
    at_once = step.restarts or details.get("proration_behavior") == "always_invoice"
    lines = [*subscription.waiting, *step.lines]
    if step.restarts or details.get("trial_end") == "now":
        begin_period(step.items, start=book.now, anchor=book.now)
        lines += lines_for(book, step.items)
    elif not (at_once and step.lines) and not ends:
        begin_period(step.items, start=subscription.period_end, anchor=subscription.anchor)
        lines += lines_for(book, step.items)
    return prepared(book, subscription, lines, reason="upcoming", id=book.new_id("upcoming_in", 24))


def card_of(book: Book, customer: Customer, id: str | None) -> str | None:
    """A card that the customer has; none where none is named."""
    if id and book.get(PaymentMethod, id, param="default_payment_method").customer != customer.id:
        raise invalid("default_payment_method", "it belongs to another customer.")
    return id
