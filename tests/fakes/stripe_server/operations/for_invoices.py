"""Invoices."""

from collections.abc import Callable

from fakes.stripe_server import (
    invoices,
    subscriptions,
)
from fakes.stripe_server.book import Book
from fakes.stripe_server.listing import PAGING
from fakes.stripe_server.money_shapes import line
from fakes.stripe_server.operations.for_subscriptions import ITEM_CHANGE, PRORATION
from fakes.stripe_server.operations.table import Shape, on, paged
from fakes.stripe_server.parameters import Choice, Values
from fakes.stripe_server.records import (
    Invoice,
    Json,
    Subscription,
)
from fakes.stripe_server.shape_parts import list_of
from fakes.stripe_server.shapes import shown

INVOICE_FILTERS: Shape = {
    "customer": str,
    "subscription": str,
    "status": Choice("draft", "open", "paid", "uncollectible", "void"),
}


@on("GET", "/invoices", PAGING | INVOICE_FILTERS)
def list_invoices(book: Book, values: Values, _: str) -> Json:
    found = [
        each
        for each in book.of(Invoice)
        if values.get("customer") in (None, each.customer.id)
        and values.get("subscription") in (None, each.subscription.id)
        and values.get("status") in (None, each.status)
    ]
    return paged(found, values, "/invoices")


DETAILS: Shape = {
    "items": [ITEM_CHANGE],
    "billing_cycle_anchor": {"type": Choice("now", "unchanged")},
    "cancel_at_period_end": bool,
    "proration_behavior": PRORATION,
    "proration_date": int,
    "trial_end": Choice("now"),
}


@on(
    "POST",
    "/invoices/create_preview",
    {"customer": str, "subscription": str, "subscription_details": DETAILS},
    "subscription",
)
def preview_invoice(book: Book, values: Values, _: str) -> Json:
    subscription = book.get(Subscription, values["subscription"], param="subscription")
    return shown(subscriptions.preview(book, subscription, values))


@on("GET", "/invoices/{}")
def retrieve_invoice(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(Invoice, id))


@on("GET", "/invoices/{}/lines", PAGING)
def invoice_lines(book: Book, _: Values, id: str) -> Json:
    invoice = book.get(Invoice, id)
    return list_of(map(line, invoice.lines), f"/v1/invoices/{id}/lines")


def _on_invoice(address: str, act: Callable[[Book, Invoice], object]) -> None:
    def perform(book: Book, _: Values, id: str) -> Json:
        invoice = book.get(Invoice, id)
        act(book, invoice)
        return shown(invoice)

    on("POST", f"/invoices/{{}}/{address}")(perform)


_on_invoice("pay", invoices.pay)
_on_invoice("void", invoices.void)
_on_invoice("finalize", invoices.finalize)
_on_invoice("mark_uncollectible", invoices.mark_uncollectible)
