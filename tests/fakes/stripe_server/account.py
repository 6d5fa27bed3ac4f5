"""A simulated account: its clock, the payers and their bank, the dashboard, what happened."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from fakes.form_contract import FormContract
from fakes.stripe_server import charging, checkout, customers, invoices, passing_time, subscriptions
from fakes.stripe_server.book import Book, Rules
from fakes.stripe_server.records import (
    Charge,
    CheckoutSession,
    Customer,
    Dispute,
    Invoice,
    Json,
    Movement,
    Record,
    Subscription,
)
from fakes.stripe_server.service import Service
from fakes.stripe_server.shapes import shown
from fakes.stripe_server.webhooks import Delivery, delivery

Card = Literal["good", "declines"]

START = datetime(2026, 11, 2, 9, tzinfo=UTC)


class StripeAccount(Service):
    """Time stands still until `advance`; the payer, the bank and the dashboard are methods."""

    def __init__(
        self,
        *,
        url: str = "http://stripe.invalid",
        start: datetime = START,
        key: str = "sk_test_loopback",
        secrets: Sequence[str] = ("whsec_loopback",),
        rules: Rules | None = None,
        contract: FormContract | None = None,
    ) -> None:
        self.secrets = tuple(secrets)
        book = Book(now=int(start.timestamp()), url=url, rules=rules or Rules())
        super().__init__(book, key=key, contract=contract)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.book.now, UTC)

    # Time

    def advance(self, to: datetime) -> None:
        """Trials end, renewals are charged, what failed is tried again: all until that moment."""
        with self.working() as book:
            passing_time.advance(book, int(to.timestamp()))

    # The payer

    def pay_checkout(
        self, session_id: str, *, card: Card = "good", email: str = "payer@example.com"
    ) -> Json:
        """Give a card and press "Pay"; the session as it is then: `open` if the card is declined.

        In a trial nothing is charged, so a card that will be declined later passes.
        """
        with self.working() as book:
            session = book.get(CheckoutSession, session_id)
            checkout.complete(book, session, declines=card == "declines", email=email)
            return shown(session)

    def set_card(self, customer: str, card: Card) -> None:
        """The card for everything this customer pays from now on; nothing is charged by this."""
        with self.working() as book:
            customers.set_card(book, book.customer(customer), declines=card == "declines")

    def pay_invoice(self, invoice: str) -> Json:
        """On the page of the invoice, with the card that the customer has.

        Raises:
            Refused: it is paid already, or the card is declined.
        """
        with self.working() as book:
            found = book.get(Invoice, invoice)
            invoices.pay(book, found)
            return shown(found)

    # The bank, and the firm's dashboard

    def refund(self, charge: str, *, amount: int | None = None) -> Json:
        """Give back all that is left of a charge, or a part in the smallest coins."""
        with self.working() as book:
            return shown(charging.refund(book, book.get(Charge, charge), amount=amount))

    def dispute(self, charge: str, *, reason: str = "fraudulent") -> Json:
        """The bank takes the money back."""
        with self.working() as book:
            return shown(charging.dispute(book, book.get(Charge, charge), reason=reason))

    def close_dispute(self, dispute: str, *, won: bool) -> Json:
        """Won: the firm has the money again."""
        with self.working() as book:
            return shown(charging.close_dispute(book, book.get(Dispute, dispute), won=won))

    def cancel_in_dashboard(self, subscription: str, *, at_period_end: bool = False) -> Json:
        """At once, or when the period ends."""
        with self.working() as book:
            found = book.get(Subscription, subscription)
            if at_period_end:
                subscriptions.change(book, found, {"cancel_at_period_end": True})
            else:
                subscriptions.cancel(book, found, {})
            return shown(found)

    def cancel_in_portal(self, subscription: str) -> Json:
        """With the period, in the portal's way: for the moment at which it ends."""
        with self.working() as book:
            found = book.get(Subscription, subscription)
            with book.changing(found):
                subscriptions.cancel_at(book, found, found.period_end)
            return shown(found)

    # What happened

    def ledger(self) -> list[Movement]:
        """Every movement of money so far; refunds and disputes are below zero."""
        with self._lock:
            return list(self.book.movements)

    def events(self, *types: str) -> list[Json]:
        """In the order in which they happened; of some types, or all."""
        with self._lock:
            return [each.shown for each in self.book.events if not types or each.type in types]

    def deliveries(
        self, *types: str, secrets: Sequence[str] | None = None, at: datetime | None = None
    ) -> list[Delivery]:
        """The events, signed now, or at another moment, with our secrets, or with others."""
        moment = None if at is None else int(at.timestamp())
        with self._lock:
            chosen = [each for each in self.book.events if not types or each.type in types]
        return [delivery(each, secrets or self.secrets, at=moment) for each in chosen]

    def customers(self) -> list[Json]:
        return self._all(Customer)

    def subscriptions(self) -> list[Json]:
        """All, those that are over among them: duplicates show here."""
        return self._all(Subscription)

    def invoices(self) -> list[Json]:
        return self._all(Invoice)

    def charges(self) -> list[Json]:
        return self._all(Charge)

    def _all(self, kind: type[Record]) -> list[Json]:
        with self._lock:
            return [shown(each) for each in self.book.of(kind)]
