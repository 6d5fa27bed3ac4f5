"""Subscriptions."""

from fakes.stripe_server import (
    subscriptions,
)
from fakes.stripe_server.book import Book
from fakes.stripe_server.listing import PAGING, refuse_strangers
from fakes.stripe_server.operations.table import Shape, on, paged
from fakes.stripe_server.parameters import METADATA, Choice, Either, Values
from fakes.stripe_server.records import (
    Json,
    Status,
    Subscription,
)
from fakes.stripe_server.refusals import missing
from fakes.stripe_server.shapes import shown

PRORATION = Choice("always_invoice", "create_prorations", "none")
WHEN = Either((int, Choice("now")))
TRIAL_SETTINGS = {"end_behavior": {"missing_payment_method": Choice("create_invoice", "cancel")}}
CANCELLATION: Shape = {"comment": str, "feedback": str}
ITEM: Shape = {"price": str, "quantity": int, "metadata": METADATA}
ITEM_CHANGE: Shape = ITEM | {"id": str, "deleted": bool}
SUBSCRIPTION: Shape = {
    "cancel_at_period_end": bool,
    "collection_method": Choice("charge_automatically"),
    "default_payment_method": str,
    "description": str,
    "metadata": METADATA,
    "off_session": bool,
    "proration_behavior": PRORATION,
    "trial_end": WHEN,
    "trial_settings": TRIAL_SETTINGS,
}
CREATION: Shape = SUBSCRIPTION | {
    "customer": str,
    "items": [ITEM],
    "trial_period_days": int,
    "payment_behavior": Choice("allow_incomplete", "default_incomplete", "error_if_incomplete"),
}
CHANGE: Shape = SUBSCRIPTION | {
    "cancel_at": Either((int, Choice(""))),
    "items": [ITEM_CHANGE],
    "billing_cycle_anchor": {"type": Choice("now", "unchanged")},
    "cancellation_details": CANCELLATION,
    "payment_behavior": Choice("allow_incomplete", "error_if_incomplete"),
    "proration_date": int,
}


@on("POST", "/subscriptions", CREATION, "customer", "items")
def create_subscription(book: Book, values: Values, _: str) -> Json:
    customer = book.customer(values["customer"])
    entries = values["items"]
    if not all(each.get("price") for each in entries):
        raise missing("items[0][price]")
    prices = [
        (
            subscriptions.price_for_sale(book, each["price"], param=f"items[{place}][price]"),
            each.get("quantity", 1),
            each.get("metadata") or {},
        )
        for place, each in enumerate(entries)
    ]
    order = subscriptions.Order(
        customer=customer,
        prices=prices,
        trial_end=subscriptions.trial_end_of(book, values, start=book.now),
        metadata=values.get("metadata") or {},
        description=values.get("description"),
        card=subscriptions.card_of(book, customer, values.get("default_payment_method")),
        missing_payment_method=subscriptions.without_card(values),
        payment_behavior=values.get("payment_behavior", "allow_incomplete"),
        cancel_at_period_end=values.get("cancel_at_period_end") or False,
    )
    return shown(subscriptions.begin(book, order))


SUBSCRIPTION_FILTERS: Shape = {
    "customer": str,
    "price": str,
    "status": Choice("all", "ended", *(status.value for status in Status)),
}


@on("GET", "/subscriptions", PAGING | SUBSCRIPTION_FILTERS)
def list_subscriptions(book: Book, values: Values, _: str) -> Json:
    refuse_strangers(book, values)
    found = [
        each
        for each in book.of(Subscription)
        if values.get("customer") in (None, each.customer.id)
        and ("price" not in values or values["price"] in {item.price.id for item in each.items})
        and _status_wanted(each.status, values.get("status"))
    ]
    return paged(found, values, "/subscriptions")


def _status_wanted(status: Status, wanted: str | None) -> bool:
    """Whoever does not ask is not shown what is over."""
    if wanted is None:
        return not status.over
    return wanted in ("all", status) or (wanted == "ended" and status.over)


@on("GET", "/subscriptions/{}")
def retrieve_subscription(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(Subscription, id))


@on("POST", "/subscriptions/{}", CHANGE)
def change_subscription(book: Book, values: Values, id: str) -> Json:
    subscription = book.get(Subscription, id)
    subscriptions.card_of(book, subscription.customer, values.get("default_payment_method"))
    subscriptions.change(book, subscription, values)
    return shown(subscription)


CANCELING: Shape = {"cancellation_details": CANCELLATION, "invoice_now": bool, "prorate": bool}


@on("DELETE", "/subscriptions/{}", CANCELING)
def cancel_subscription(book: Book, values: Values, id: str) -> Json:
    subscription = book.get(Subscription, id)
    subscriptions.cancel(book, subscription, values)
    return shown(subscription)
