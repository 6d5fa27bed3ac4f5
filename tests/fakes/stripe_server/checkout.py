"""Checkout: the page on which a payer gives a card, and the subscription that it makes."""

from fakes.stripe_server import customers
from fakes.stripe_server.book import Book
from fakes.stripe_server.charging import attach_card
from fakes.stripe_server.parameters import Values
from fakes.stripe_server.periods import DAY
from fakes.stripe_server.records import CheckoutSession, Customer
from fakes.stripe_server.refusals import Refused, invalid, missing
from fakes.stripe_server.subscriptions import (
    Order,
    begin,
    price_for_sale,
    trial_end_of,
    without_card,
)

HOUR = 3600
SHORTEST_TRIAL = 48 * HOUR


def open_session(book: Book, values: Values) -> CheckoutSession:
    """A page that waits for a payer for up to a day."""
    if values["mode"] != "subscription":
        raise invalid("mode", "only subscriptions are sold here.")
    if not values.get("success_url"):
        raise missing("success_url")
    id = book.new_id("cs_test", 58)
    entries = values["line_items"]
    session = CheckoutSession(
        id=id,
        created=book.now,
        url=f"{book.url}/c/pay/{id}",
        customer=_customer(book, values),
        customer_email=values.get("customer_email"),
        prices=[
            (price_for_sale(book, each["price"], param="line_items"), each.get("quantity", 1))
            for each in entries
        ],
        line_ids=[book.new_id("li", 24) for _ in entries],
        success_url=values["success_url"],
        cancel_url=values.get("cancel_url"),
        client_reference_id=values.get("client_reference_id"),
        metadata=values.get("metadata") or {},
        subscription_data=values.get("subscription_data", {}),
        payment_method_collection=values.get("payment_method_collection", "always"),
        locale=values.get("locale"),
        expires_at=_expiry(book, values),
    )
    _check_trial(book, session.subscription_data)
    book.wake(session, session.expires_at)
    return book.add(session)


def _customer(book: Book, values: Values) -> Customer | None:
    id = values.get("customer")
    if id and values.get("customer_email"):
        raise invalid("customer_email", "the customer has one.")
    return book.customer(id) if id else None


def _expiry(book: Book, values: Values) -> int:
    wanted: int = values.get("expires_at") or book.now + DAY
    if not book.now + HOUR // 2 <= wanted <= book.now + DAY:
        raise invalid("expires_at", "between 30 minutes and 24 hours from now.")
    return wanted


def _check_trial(book: Book, data: Values) -> None:
    trial_end = trial_end_of(book, data, start=book.now)
    if "trial_end" in data and trial_end and trial_end < book.now + SHORTEST_TRIAL:
        raise invalid("subscription_data[trial_end]", "it must be at least 2 days in the future.")


def complete(book: Book, session: CheckoutSession, *, declines: bool, email: str) -> bool:
    """The payer presses "Pay"; a card that is declined leaves everything as it is."""
    if session.status != "open":
        raise Refused(f"This Checkout Session is {session.status}.")
    if declines and session.amount_total:
        return False
    customer = session.customer or customers.create(
        book, {"email": session.customer_email or email}
    )
    card = attach_card(book, customer, declines=declines)
    session.customer = customer
    session.subscription = begin(book, _order(book, session, customer, card.id))
    session.invoice = session.subscription.invoices[0]
    session.status = "complete"
    book.tell(session, "completed")
    return True


def _order(book: Book, session: CheckoutSession, customer: Customer, card: str) -> Order:
    data = session.subscription_data
    return Order(
        customer=customer,
        prices=[(price, quantity, {}) for price, quantity in session.prices],
        trial_end=trial_end_of(book, data, start=book.now),
        metadata=data.get("metadata") or {},
        description=data.get("description"),
        card=card,
        missing_payment_method=without_card(data),
    )


def expire(book: Book, session: CheckoutSession) -> None:
    if session.status != "open":
        message = f"Only Checkout Sessions with a status of open can be expired: {session.status}."
        raise Refused(message)
    session.status = "expired"
    book.tell(session, "expired")


def due(book: Book, session: CheckoutSession) -> None:
    if session.status == "open" and session.expires_at <= book.now:
        expire(book, session)
