"""Invoices: drafted, finalized, paid or tried again, and what that does to a subscription."""

from fakes.stripe_server.book import Book
from fakes.stripe_server.charging import card_for, charge
from fakes.stripe_server.ending import end
from fakes.stripe_server.money import in_money
from fakes.stripe_server.periods import DAY
from fakes.stripe_server.records import (
    Invoice,
    InvoicePayment,
    Line,
    PaymentIntent,
    Status,
    Subscription,
    SubscriptionItem,
)
from fakes.stripe_server.refusals import Refused, declined

WAITS_FOR_MONEY = {Status.INCOMPLETE, Status.PAST_DUE, Status.UNPAID}


def lines_for(book: Book, items: list[SubscriptionItem], *, trial: bool = False) -> list[Line]:
    """One line for each item's present period."""
    return [_line_for(book, item, trial=trial) for item in items]


def _line_for(book: Book, item: SubscriptionItem, *, trial: bool) -> Line:
    price, name = item.price, item.price.product.name
    cost = in_money(price.unit_amount, price.currency)
    each = f"{cost} {price.currency.upper()} / {price.interval}"
    return Line(
        id=book.new_id("il", 24),
        created=book.now,
        amount=0 if trial else item.amount,
        description=f"Trial period for {name}"
        if trial
        else f"{item.quantity} × {name} (at {each})",
        period_start=item.period_start,
        period_end=item.period_end,
        price=price,
        quantity=item.quantity,
        subscription=item.subscription,
        item=item.id,
    )


def prepared(
    book: Book, subscription: Subscription, lines: list[Line], *, reason: str, id: str | None = None
) -> Invoice:
    """An invoice that nobody has seen yet; a preview remains one."""
    invoice = Invoice(
        id=id or book.new_id("in", 24),
        created=book.now,
        customer=subscription.customer,
        subscription=subscription,
        subscription_metadata=dict(subscription.metadata),
        reason=reason,
        lines=lines,
        period_start=min((line.period_start for line in lines), default=book.now),
        period_end=book.now,
        currency=subscription.currency,
    )
    reckon(invoice)
    return invoice


def reckon(invoice: Invoice) -> None:
    """What is left to pay when the customer's balance has been used."""
    invoice.starting_balance = invoice.customer.balance
    owed = invoice.total + invoice.starting_balance
    invoice.amount_due = max(owed, 0)
    invoice.ending_balance = min(owed, 0)


def draft(
    book: Book, subscription: Subscription, lines: list[Line], *, reason: str, waits: bool = False
) -> Invoice:
    """With what was left for the next invoice.

    Those of a renewal wait an hour, then they are finalized and charged. The drafts of a
    subscription that nobody pays stay drafts.
    """
    lines = [*subscription.waiting, *lines]
    subscription.waiting = []
    invoice = prepared(book, subscription, lines, reason=reason)
    invoice.ending_balance = None
    for line in lines:
        line.invoice = invoice.id
    invoice.auto_advance = subscription.status is not Status.UNPAID
    if waits and invoice.auto_advance:
        invoice.finalizes_at = book.now + book.rules.draft_seconds
        book.wake(invoice, invoice.finalizes_at)
    subscription.invoices.append(invoice)
    return book.created(invoice)


def finalize(book: Book, invoice: Invoice) -> None:
    """Give it a number and fix its sums."""
    if invoice.status != "draft":
        raise Refused("This invoice is already finalized, you can't re-finalize it.")
    customer = invoice.customer
    reckon(invoice)
    with book.changing(customer):
        customer.invoices_numbered += 1
        customer.balance = invoice.ending_balance or 0
        customer.currency = invoice.currency
    invoice.number = f"{customer.invoice_prefix}-{customer.invoices_numbered:04}"
    invoice.hosted_url = f"{book.url}/i/{invoice.id}"
    invoice.status, invoice.finalized_at, invoice.finalizes_at = "open", book.now, None
    if invoice.amount_due:
        _ask_for_payment(book, invoice)
    book.tell(invoice, "finalized")


def _ask_for_payment(book: Book, invoice: Invoice) -> None:
    intent = PaymentIntent(
        id=book.new_id("pi", 24),
        created=book.now,
        customer=invoice.customer.id,
        amount=invoice.amount_due,
        currency=invoice.currency,
    )
    invoice.payment = InvoicePayment(
        id=book.new_id("inpay", 24), created=book.now, invoice=invoice, intent=intent
    )
    book.add(invoice.payment)
    book.created(intent)


def finalize_and_try(book: Book, invoice: Invoice) -> bool:
    finalize(book, invoice)
    return attempt(book, invoice)


def attempt(book: Book, invoice: Invoice) -> bool:
    """Try the card; whether it paid. Without a card, or with a bad one, try again by the rules."""
    if invoice.amount_due == 0:
        _paid(book, invoice)
        return True
    card = card_for(book, invoice.subscription)
    if card and charge(book, invoice, card):
        _paid(book, invoice)
        return True
    _failed(book, invoice)
    return False


def _paid(book: Book, invoice: Invoice) -> None:
    with book.changing(invoice):
        invoice.status, invoice.paid_at = "paid", book.now
        invoice.amount_paid = invoice.amount_due
        invoice.attempted, invoice.next_attempt_at = True, None
        invoice.attempts += bool(invoice.amount_due)
    if invoice.payment:
        invoice.payment.status, invoice.payment.paid_at = "paid", book.now
        book.tell(invoice.payment, "paid")
    with book.changing(invoice.customer):
        invoice.customer.delinquent = False
    book.tell(invoice, "paid")
    book.tell(invoice, "payment_succeeded")
    _let_in_again(book, invoice)


def _let_in_again(book: Book, invoice: Invoice) -> None:
    """By the newest invoice that was asked for: older debts do not keep a subscription out."""
    subscription = invoice.subscription
    asked = [each for each in subscription.invoices if each.status != "draft"]
    if subscription.status in WAITS_FOR_MONEY and asked[-1] is invoice:
        with book.changing(subscription):
            subscription.status = Status.ACTIVE


def _failed(book: Book, invoice: Invoice) -> None:
    subscription = invoice.subscription
    with book.changing(invoice):
        invoice.attempted = True
        invoice.attempts += 1
        invoice.first_attempt_at = invoice.first_attempt_at or book.now
        invoice.next_attempt_at = _next_attempt(book, invoice)
    book.tell(invoice, "payment_failed")
    if subscription.status.over or subscription.status is Status.INCOMPLETE:
        return
    with book.changing(invoice.customer):
        invoice.customer.delinquent = True
    if invoice.next_attempt_at:
        book.wake(invoice, invoice.next_attempt_at)
        _mark(book, subscription, Status.PAST_DUE)
    else:
        _give_up(book, subscription)


def _next_attempt(book: Book, invoice: Invoice) -> int | None:
    days = book.rules.retry_days
    first = invoice.first_attempt_at
    if (
        first is None
        or not invoice.auto_advance
        or invoice.subscription.status is Status.INCOMPLETE
    ):
        return None
    moments = (first + day * DAY for day in days)
    return next((moment for moment in moments if moment > book.now), None)


def _mark(book: Book, subscription: Subscription, status: Status) -> None:
    if subscription.status is not Status.UNPAID:
        with book.changing(subscription):
            subscription.status = status


def _give_up(book: Book, subscription: Subscription) -> None:
    if book.rules.after_retries == "canceled":
        end(book, subscription, reason="payment_failed")
    else:
        with book.changing(subscription):
            subscription.status = Status(book.rules.after_retries)


def pay(book: Book, invoice: Invoice) -> None:
    """By the firm's wish, or the payer's, outside of the schedule."""
    if invoice.status == "draft":
        finalize(book, invoice)
    if invoice.status == "paid":
        raise Refused("Invoice is already paid", code="invoice_already_paid")
    if invoice.status not in ("open", "uncollectible"):
        raise Refused(f"A {invoice.status} invoice cannot be paid.")
    if not attempt(book, invoice):
        raise declined()


def void(book: Book, invoice: Invoice) -> None:
    if invoice.status not in ("open", "uncollectible"):
        raise Refused(f"You can only void open invoices; this one is {invoice.status}.")
    invoice.status, invoice.voided_at, invoice.next_attempt_at = "void", book.now, None
    invoice.auto_advance = False
    if invoice.payment:
        invoice.payment.status = "canceled"
        invoice.payment.canceled_at = invoice.payment.intent.canceled_at = book.now
        invoice.payment.intent.status = "canceled"
        book.tell(invoice.payment.intent, "canceled")
    book.tell(invoice, "voided")


def mark_uncollectible(book: Book, invoice: Invoice) -> None:
    if invoice.status != "open":
        raise Refused(f"A {invoice.status} invoice cannot be given up.")
    invoice.status, invoice.uncollectible_at = "uncollectible", book.now
    invoice.next_attempt_at = None
    book.tell(invoice, "marked_uncollectible")


def due(book: Book, invoice: Invoice) -> None:
    """Its alarm has rung: whatever it was for may have happened otherwise meanwhile."""
    if invoice.status == "draft" and invoice.finalizes_at and invoice.finalizes_at <= book.now:
        finalize_and_try(book, invoice)
    elif (
        invoice.status == "open" and invoice.next_attempt_at and invoice.next_attempt_at <= book.now
    ):
        attempt(book, invoice)
