"""How subscriptions end."""

from fakes.stripe_server.book import Book
from fakes.stripe_server.records import Status, Subscription


def end(book: Book, subscription: Subscription, *, reason: str) -> None:
    """Nothing more is charged for it; what was not paid stays open, and is not tried again."""
    subscription.status = Status.CANCELED
    subscription.ended_at = book.now
    subscription.canceled_at = subscription.canceled_at or book.now
    subscription.cancellation["reason"] = subscription.cancellation["reason"] or reason
    book.tell(subscription, "deleted")
    for invoice in subscription.invoices:
        if invoice.status in ("draft", "open"):
            with book.changing(invoice):
                invoice.auto_advance = False
                invoice.finalizes_at = invoice.next_attempt_at = None
