"""Customers, their cards and their way into the portal."""

from fakes.stripe_server.book import Book, merged
from fakes.stripe_server.charging import attach_card
from fakes.stripe_server.ending import end
from fakes.stripe_server.parameters import Values
from fakes.stripe_server.records import Customer, PaymentMethod, PortalSession, Subscription

PLAIN = ("email", "name", "description", "phone", "address", "preferred_locales")


def create(book: Book, values: Values) -> Customer:
    customer = Customer(
        id=book.new_id("cus"),
        created=book.now,
        invoice_prefix=book.new_id("", 8)[1:].upper(),
        metadata=values.get("metadata") or {},
    )
    _set_plain(customer, values)
    return book.created(customer)


def update(book: Book, customer: Customer, values: Values) -> None:
    with book.changing(customer):
        _set_plain(customer, values)
        if "metadata" in values:
            customer.metadata = merged(customer.metadata, values["metadata"])
        settings = values.get("invoice_settings", {})
        if "default_payment_method" in settings:
            id = settings["default_payment_method"]
            if id:
                book.get(PaymentMethod, id, param="invoice_settings[default_payment_method]")
            customer.default_payment_method = id


def _set_plain(customer: Customer, values: Values) -> None:
    for name in PLAIN:
        if name in values:
            setattr(customer, name, values[name])


def delete(book: Book, customer: Customer) -> None:
    """Everything that the customer pays for ends at once."""
    for subscription in subscriptions_of(book, customer):
        if not subscription.status.over:
            end(book, subscription, reason="cancellation_requested")
    book.tell(customer, "deleted")
    customer.deleted = True


def subscriptions_of(book: Book, customer: Customer) -> list[Subscription]:
    return [each for each in book.of(Subscription) if each.customer is customer]


def set_card(book: Book, customer: Customer, *, declines: bool) -> PaymentMethod:
    """A new card for everything that the customer pays for from now on."""
    card = attach_card(book, customer, declines=declines)
    with book.changing(customer):
        customer.default_payment_method = card.id
    for subscription in subscriptions_of(book, customer):
        if subscription.default_payment_method and not subscription.status.over:
            with book.changing(subscription):
                subscription.default_payment_method = card.id
    return card


def open_portal(book: Book, customer: Customer, values: Values) -> PortalSession:
    id = book.new_id("bps", 24)
    session = PortalSession(
        id=id,
        created=book.now,
        customer=customer,
        url=f"{book.url}/p/{id}",
        return_url=values.get("return_url"),
        configuration=values.get("configuration") or "bpc_loopback",
        locale=values.get("locale"),
    )
    return book.add(session)
