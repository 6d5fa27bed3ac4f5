"""The addresses under `/v1`, what each accepts, and what it does."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fakes.stripe_server import (
    catalog,
    charging,
    checkout,
    customers,
    invoices,
    parameters,
    subscriptions,
)
from fakes.stripe_server.book import Book
from fakes.stripe_server.expanding import expand
from fakes.stripe_server.forms import Form
from fakes.stripe_server.listing import PAGING, page
from fakes.stripe_server.parameters import METADATA, Choice, Either, Values
from fakes.stripe_server.records import (
    Charge,
    CheckoutSession,
    Customer,
    Dispute,
    Event,
    Invoice,
    InvoicePayment,
    Json,
    PaymentIntent,
    PaymentMethod,
    Price,
    Product,
    Record,
    Refund,
    Status,
    Subscription,
)
from fakes.stripe_server.refusals import Refused, missing, no_such
from fakes.stripe_server.shapes import checkout_lines, line, list_of, shown

Act = Callable[[Book, Values, str], Json]
Shape = dict[str, Any]

EXPAND: Shape = {"expand": [str]}
PRORATION = Choice("always_invoice", "create_prorations", "none")
WHEN = Either((int, Choice("now")))
TRIAL_SETTINGS = {"end_behavior": {"missing_payment_method": Choice("create_invoice", "cancel")}}
CANCELLATION: Shape = {"comment": str, "feedback": str}
ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), str)


@dataclass(frozen=True)
class Operation:
    method: str
    path: re.Pattern[str]
    shape: Shape
    required: tuple[str, ...]
    act: Act


TABLE: list[Operation] = []


def on(method: str, path: str, shape: Shape | None = None, *required: str) -> Callable[[Act], Act]:
    """Put an action into the table; `{}` in the path is the id that it gets."""

    def put(act: Act) -> Act:
        pattern = re.compile("/v1" + path.replace("{}", "([^/]+)"))
        TABLE.append(Operation(method, pattern, EXPAND | (shape or {}), required, act))
        return act

    return put


def perform(book: Book, method: str, path: str, form: Form) -> Json:
    """Do what a request asks for, and show the result with what it wants expanded."""
    operation, id = _found(method, path)
    values = parameters.read(form, operation.shape, *operation.required)
    answer = operation.act(book, values, id)
    expand(book, answer, values.get("expand", []))
    return answer


@cache
def _literal() -> dict[tuple[str, str], Operation]:
    return {(each.method, each.path.pattern): each for each in TABLE if not each.path.groups}


def _found(method: str, path: str) -> tuple[Operation, str]:
    """An address without an id comes before those with one."""
    if exact := _literal().get((method, path)):
        return exact, ""
    for operation in TABLE:
        if operation.method == method and operation.path.groups:
            if match := operation.path.fullmatch(path):
                return operation, match[1]
    message = f"Unrecognized request URL ({method}: {path})."
    raise Refused(message, status=404)


def _page(records: Sequence[Record], values: Values, url: str) -> Json:
    return page(records, values, url=f"/v1{url}", show=shown)


# Customers


CUSTOMER: Shape = {
    "email": str,
    "name": str,
    "description": str,
    "phone": str,
    "address": ADDRESS,
    "preferred_locales": [str],
    "metadata": METADATA,
}
DEFAULT_CARD = {"invoice_settings": {"default_payment_method": str}}


@on("POST", "/customers", CUSTOMER)
def create_customer(book: Book, values: Values, _: str) -> Json:
    return shown(customers.create(book, values))


@on("GET", "/customers", PAGING | {"email": str})
def list_customers(book: Book, values: Values, _: str) -> Json:
    email = values.get("email")
    found = [each for each in book.of(Customer) if not each.deleted and email in (None, each.email)]
    return _page(found, values, "/customers")


@on("GET", "/customers/{}")
def retrieve_customer(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(Customer, id))


@on("POST", "/customers/{}", CUSTOMER | DEFAULT_CARD)
def update_customer(book: Book, values: Values, id: str) -> Json:
    customer = book.customer(id, param="id")
    customers.update(book, customer, values)
    return shown(customer)


@on("DELETE", "/customers/{}")
def delete_customer(book: Book, _: Values, id: str) -> Json:
    customer = book.customer(id, param="id")
    customers.delete(book, customer)
    return shown(customer)


@on("GET", "/customers/{}/payment_methods", PAGING | {"type": Choice("card")})
def list_cards(book: Book, values: Values, id: str) -> Json:
    cards = [each for each in book.of(PaymentMethod) if each.customer == id]
    return _page(cards, values, f"/customers/{id}/payment_methods")


@on("GET", "/payment_methods/{}")
def retrieve_card(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(PaymentMethod, id))


@on(
    "POST",
    "/billing_portal/sessions",
    {"customer": str, "return_url": str, "configuration": str, "locale": str},
    "customer",
)
def open_portal(book: Book, values: Values, _: str) -> Json:
    customer = book.customer(values["customer"])
    return shown(customers.open_portal(book, customer, values))


# Products and prices


PRODUCT: Shape = {
    "name": str,
    "description": str,
    "active": bool,
    "unit_label": str,
    "metadata": METADATA,
}
PRICE: Shape = {
    "lookup_key": str,
    "transfer_lookup_key": bool,
    "nickname": str,
    "active": bool,
    "tax_behavior": Choice("exclusive", "inclusive", "unspecified"),
    "metadata": METADATA,
}
RECURRING: Shape = {
    "interval": Choice("day", "week", "month", "year"),
    "interval_count": int,
    "usage_type": Choice("licensed"),
}
NEW_PRICE: Shape = PRICE | {
    "currency": str,
    "unit_amount": int,
    "product": str,
    "product_data": PRODUCT | {"id": str},
    "recurring": RECURRING,
}


@on("POST", "/products", PRODUCT | {"id": str}, "name")
def create_product(book: Book, values: Values, _: str) -> Json:
    return shown(catalog.create_product(book, values))


@on("GET", "/products", PAGING | {"active": bool, "ids": [str]})
def list_products(book: Book, values: Values, _: str) -> Json:
    found = [
        each
        for each in book.of(Product)
        if values.get("active") in (None, each.active)
        and ("ids" not in values or each.id in values["ids"])
    ]
    return _page(found, values, "/products")


@on("GET", "/products/{}")
def retrieve_product(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(Product, id))


@on("POST", "/products/{}", PRODUCT)
def update_product(book: Book, values: Values, id: str) -> Json:
    product = book.get(Product, id)
    catalog.update_product(book, product, values)
    return shown(product)


@on("POST", "/prices", NEW_PRICE, "currency", "recurring")
def create_price(book: Book, values: Values, _: str) -> Json:
    return shown(catalog.create_price(book, values))


PRICE_FILTERS: Shape = {
    "active": bool,
    "product": str,
    "currency": str,
    "lookup_keys": [str],
    "type": Choice("recurring", "one_time"),
    "recurring": RECURRING,
}


@on("GET", "/prices", PAGING | PRICE_FILTERS)
def list_prices(book: Book, values: Values, _: str) -> Json:
    found = [each for each in book.of(Price) if _price_wanted(each, values)]
    return _page(found, values, "/prices")


def _price_wanted(price: Price, values: Values) -> bool:
    interval = values.get("recurring", {}).get("interval")
    return (
        values.get("active") in (None, price.active)
        and values.get("product") in (None, price.product.id)
        and values.get("currency") in (None, price.currency)
        and values.get("type") in (None, "recurring")
        and interval in (None, price.interval)
        and ("lookup_keys" not in values or price.lookup_key in values["lookup_keys"])
    )


@on("GET", "/prices/{}")
def retrieve_price(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(Price, id))


@on("POST", "/prices/{}", PRICE)
def update_price(book: Book, values: Values, id: str) -> Json:
    price = book.get(Price, id)
    catalog.update_price(book, price, values)
    return shown(price)


# Checkout


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
    return _page(found, values, "/checkout/sessions")


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


# Subscriptions


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
    found = [
        each
        for each in book.of(Subscription)
        if values.get("customer") in (None, each.customer.id)
        and ("price" not in values or values["price"] in {item.price.id for item in each.items})
        and _status_wanted(each.status, values.get("status"))
    ]
    return _page(found, values, "/subscriptions")


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


# Invoices and money


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
    return _page(found, values, "/invoices")


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
    return _page(found, values, "/invoice_payments")


@on("GET", "/payment_intents", PAGING | {"customer": str})
def list_payment_intents(book: Book, values: Values, _: str) -> Json:
    found = [
        each for each in book.of(PaymentIntent) if values.get("customer") in (None, each.customer)
    ]
    return _page(found, values, "/payment_intents")


@on("GET", "/payment_intents/{}")
def retrieve_payment_intent(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(PaymentIntent, id))


@on("GET", "/charges", PAGING | {"customer": str, "payment_intent": str})
def list_charges(book: Book, values: Values, _: str) -> Json:
    found = [each for each in book.of(Charge) if _of_charge(each, values)]
    return _page(found, values, "/charges")


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
    return _page(found, values, "/refunds")


@on("GET", "/refunds/{}")
def retrieve_refund(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(Refund, id))


@on("GET", "/disputes", PAGING | MONEY_FILTERS)
def list_disputes(book: Book, values: Values, _: str) -> Json:
    found = [each for each in book.of(Dispute) if _of_charge(each.charge, values)]
    return _page(found, values, "/disputes")


@on("GET", "/disputes/{}")
def retrieve_dispute(book: Book, _: Values, id: str) -> Json:
    return shown(book.get(Dispute, id))


# Events


@on("GET", "/events", PAGING | {"type": str, "types": [str]})
def list_events(book: Book, values: Values, _: str) -> Json:
    wanted = [values["type"]] if "type" in values else values.get("types")
    found = [each for each in book.events if _type_wanted(each.type, wanted)]
    return page(found, values, url="/v1/events", show=_shown_event)


def _type_wanted(type: str, wanted: list[str] | None) -> bool:
    """By name, or as `invoice.*`."""
    if wanted is None:
        return True
    return any(
        type.startswith(each.removesuffix("*")) if each.endswith("*") else type == each
        for each in wanted
    )


@on("GET", "/events/{}")
def retrieve_event(book: Book, _: Values, id: str) -> Json:
    for event in book.events:
        if event.id == id:
            return _shown_event(event)
    raise no_such("event", id)


def _shown_event(event: Event) -> Json:
    return dict(event.shown)
