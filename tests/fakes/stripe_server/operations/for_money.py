"""Payments, charges, refunds and disputes."""

from fakes.stripe_server import (
    charging,
)
from fakes.stripe_server.book import Book
from fakes.stripe_server.listing import PAGING, refuse_strangers
from fakes.stripe_server.operations.table import Shape, on, paged
from fakes.stripe_server.parameters import METADATA, Choice, Values
from fakes.stripe_server.records import (
    Charge,
    Dispute,
    InvoicePayment,
    Json,
    PaymentIntent,
    Refund,
)
from fakes.stripe_server.refusals import missing
from fakes.stripe_server.shapes import shown

PAYMENT_FILTERS: Shape = {
    "invoice": str,
    "payment": {"type": Choice("payment_intent"), "payment_intent": str},
}


@on("GET", "/invoice_payments", PAGING | PAYMENT_FILTERS)
def list_invoice_payments(book: Book, values: Values, _: str) -> Json:
    intent = values.get("payment", {}).get("payment_intent")
    found = [
        each
        for each in book.of(InvoicePayment)
        if values.get("invoice") in (None, each.invoice.id) and intent in (None, each.intent.id)
    ]
    return paged(found, values, "/invoice_payments")


@on("GET", "/payment_intents", PAGING | {"customer": str})
def list_payment_intents(book: Book, values: Values, _: str) -> Json:
    found = [
        each for each in book.of(PaymentIntent) if values.get("customer") in (None, each.customer)
    ]
    return paged(found, values, "/payment_intents")


@on("GET", "/payment_intents/{}")
def retrieve_payment_intent(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(PaymentIntent, id))


@on("GET", "/charges", PAGING | {"customer": str, "payment_intent": str})
def list_charges(book: Book, values: Values, _: str) -> Json:
    refuse_strangers(book, values)
    found = [each for each in book.of(Charge) if _of_charge(each, values)]
    return paged(found, values, "/charges")


def _of_charge(charge: Charge, values: Values) -> bool:
    return (
        values.get("customer") in (None, charge.customer)
        and values.get("charge") in (None, charge.id)
        and values.get("payment_intent") in (None, charge.payment_intent)
    )


@on("GET", "/charges/{}")
def retrieve_charge(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(Charge, id))


REASON = Choice("duplicate", "fraudulent", "requested_by_customer")
REFUND: Shape = {
    "charge": str,
    "payment_intent": str,
    "amount": int,
    "reason": REASON,
    "metadata": METADATA,
}


@on("POST", "/refunds", REFUND)
def refund(book: Book, values: Values, _: str) -> Json:
    given = charging.refund(
        book,
        _charge_to_refund(book, values),
        amount=values.get("amount"),
        reason=values.get("reason"),
        metadata=values.get("metadata"),
    )
    return shown(given)


def _charge_to_refund(book: Book, values: Values) -> Charge:
    id = values.get("charge")
    if id is None and "payment_intent" in values:
        intent = book.get(PaymentIntent, values["payment_intent"], param="payment_intent")
        id = intent.latest_charge
    if id is None:
        raise missing("charge")
    return book.get(Charge, id, param="charge")


MONEY_FILTERS: Shape = {"charge": str, "payment_intent": str}


@on("GET", "/refunds", PAGING | MONEY_FILTERS)
def list_refunds(book: Book, values: Values, _: str) -> Json:
    found = [each for each in book.of(Refund) if _of_charge(each.charge, values)]
    return paged(found, values, "/refunds")


@on("GET", "/refunds/{}")
def retrieve_refund(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(Refund, id))


@on("GET", "/disputes", PAGING | MONEY_FILTERS)
def list_disputes(book: Book, values: Values, _: str) -> Json:
    found = [each for each in book.of(Dispute) if _of_charge(each.charge, values)]
    return paged(found, values, "/disputes")


@on("GET", "/disputes/{}")
def retrieve_dispute(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(Dispute, id))
