"""Customers, their cards, the portal."""

from fakes.stripe_server import (
    customers,
)
from fakes.stripe_server.book import Book
from fakes.stripe_server.listing import PAGING
from fakes.stripe_server.operations.table import Shape, on, paged
from fakes.stripe_server.parameters import METADATA, Choice, Values
from fakes.stripe_server.records import (
    Customer,
    Json,
    PaymentMethod,
)
from fakes.stripe_server.shapes import shown

ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), str)
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
    return paged(found, values, "/customers")


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
    return paged(cards, values, f"/customers/{id}/payment_methods")


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
