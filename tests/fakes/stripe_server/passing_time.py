"""The clock moves, and what was due meanwhile happens in its order."""

from fakes.stripe_server import checkout, invoices, subscriptions
from fakes.stripe_server.book import Book
from fakes.stripe_server.records import CheckoutSession, Invoice, Subscription


def advance(book: Book, to: int) -> None:
    if to < book.now:
        raise ValueError("Time does not go back.")
    while (alarm := book.next_alarm(to)) is not None:
        at, record = alarm
        book.now = max(book.now, at)
        if isinstance(record, Subscription):
            subscriptions.due(book, record)
        elif isinstance(record, Invoice):
            invoices.due(book, record)
        elif isinstance(record, CheckoutSession):
            checkout.due(book, record)
    book.now = to
