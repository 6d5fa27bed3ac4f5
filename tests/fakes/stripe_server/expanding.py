"""`expand`: ids in an answer become the objects that they name."""

from typing import Any

from fakes.stripe_server.book import Book
from fakes.stripe_server.records import CheckoutSession, Invoice, Json
from fakes.stripe_server.refusals import Refused
from fakes.stripe_server.shape_parts import list_of
from fakes.stripe_server.shapes import checkout_lines, shown


def expand(book: Book, answer: Json, paths: list[str]) -> None:
    """In place. A path through a list goes on in every one of its entries."""
    for path in paths:
        _expand(book, answer, path.split("."), path)


def _expand(book: Book, here: Any, steps: list[str], path: str) -> None:
    if isinstance(here, list):
        for entry in here:
            _expand(book, entry, steps, path)
        return
    if not isinstance(here, dict) or not steps:
        return
    first, *rest = steps
    if first not in here:
        _include(book, here, first, path)
    value = here[first]
    if isinstance(value, str):
        here[first] = value = _named(book, value, path)
    _expand(book, value, rest, path)


def _named(book: Book, id: str, path: str) -> Json:
    record = book.find(id)
    if record is None:
        raise _not_expandable(path)
    return shown(record)


def _include(book: Book, here: Json, name: str, path: str) -> None:
    """Lists that Stripe shows only to those who ask."""
    if here.get("object") == "invoice" and name == "payments":
        invoice = book.get(Invoice, here["id"])
        payments = [shown(invoice.payment)] if invoice.payment else []
        here[name] = list_of(payments, f"/v1/invoice_payments?invoice={invoice.id}")
    elif here.get("object") == "checkout.session" and name == "line_items":
        session = book.get(CheckoutSession, here["id"])
        url = f"/v1/checkout/sessions/{session.id}/line_items"
        here[name] = list_of(checkout_lines(session), url)
    else:
        raise _not_expandable(path)


def _not_expandable(path: str) -> Refused:
    message = f"This property cannot be expanded ({path})."
    return Refused(message, param="expand")
