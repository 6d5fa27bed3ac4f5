"""Checkout sessions."""

from fakes.stripe_server import (
    checkout,
)
from fakes.stripe_server.book import Book
from fakes.stripe_server.listing import PAGING
from fakes.stripe_server.operations.for_subscriptions import TRIAL_SETTINGS
from fakes.stripe_server.operations.table import Shape, on, paged
from fakes.stripe_server.parameters import METADATA, Choice, Values
from fakes.stripe_server.records import (
    CheckoutSession,
    Json,
)
from fakes.stripe_server.shape_parts import list_of
from fakes.stripe_server.shapes import checkout_lines, shown

SESSION: Shape = {
    "mode": Choice("payment", "setup", "subscription"),
    "customer": str,
    "customer_email": str,
    "line_items": [{"price": str, "quantity": int}],
    "success_url": str,
    "cancel_url": str,
    "client_reference_id": str,
    "metadata": METADATA,
    "expires_at": int,
    "locale": str,
    "payment_method_collection": Choice("always", "if_required"),
    "payment_method_types": [Choice("card")],
    "ui_mode": Choice("hosted_page"),
    "subscription_data": {
        "trial_end": int,
        "trial_period_days": int,
        "trial_settings": TRIAL_SETTINGS,
        "metadata": METADATA,
        "description": str,
    },
}


@on("POST", "/checkout/sessions", SESSION, "mode", "line_items")
def open_session(book: Book, values: Values, _: str) -> Json:
    return shown(checkout.open_session(book, values))


SESSION_FILTERS: Shape = {
    "customer": str,
    "subscription": str,
    "status": Choice("open", "complete", "expired"),
}


@on("GET", "/checkout/sessions", PAGING | SESSION_FILTERS)
def list_sessions(book: Book, values: Values, _: str) -> Json:
    found = [
        each
        for each in book.of(CheckoutSession)
        if values.get("customer") in (None, each.customer and each.customer.id)
        and values.get("subscription") in (None, each.subscription and each.subscription.id)
        and values.get("status") in (None, each.status)
    ]
    return paged(found, values, "/checkout/sessions")


@on("GET", "/checkout/sessions/{}")
def retrieve_session(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(CheckoutSession, id))


@on("GET", "/checkout/sessions/{}/line_items", PAGING)
def session_lines(book: Book, _: Values, id: str) -> Json:
    session = book.get(CheckoutSession, id)
    return list_of(checkout_lines(session), f"/v1/checkout/sessions/{id}/line_items")


@on("POST", "/checkout/sessions/{}/expire")
def expire_session(book: Book, _: Values, id: str) -> Json:
    session = book.get(CheckoutSession, id)
    checkout.expire(book, session)
    return shown(session)
