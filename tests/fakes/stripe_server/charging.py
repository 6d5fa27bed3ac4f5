"""Cards, charges, refunds and disputes."""

from fakes.stripe_server.book import Book
from fakes.stripe_server.records import (
    Charge,
    Customer,
    Dispute,
    Invoice,
    PaymentMethod,
    Refund,
    Subscription,
)
from fakes.stripe_server.refusals import Refused, invalid


def attach_card(book: Book, customer: Customer, *, declines: bool) -> PaymentMethod:
    card = PaymentMethod(
        id=book.new_id("pm", 24), created=book.now, customer=customer.id, declines=declines
    )
    book.add(card)
    book.tell(card, "attached")
    return card


def card_for(book: Book, subscription: Subscription) -> PaymentMethod | None:
    """The subscription's own comes before the customer's."""
    customer = subscription.customer
    id = subscription.default_payment_method or customer.default_payment_method
    return book.get(PaymentMethod, id) if id else None


def charge(book: Book, invoice: Invoice, card: PaymentMethod) -> bool:
    """Try to take what is due; the charge and its intent are told, the invoice is the caller's."""
    assert invoice.payment is not None
    intent = invoice.payment.intent
    made = Charge(
        id=book.new_id("ch", 24),
        created=book.now,
        customer=invoice.customer.id,
        invoice=invoice.id,
        payment_intent=intent.id,
        payment_method=card.id,
        amount=invoice.amount_due,
        currency=invoice.currency,
        succeeded=not card.declines,
    )
    book.add(made)
    intent.latest_charge = made.id
    if not made.succeeded:
        book.tell(made, "failed")
        book.tell(intent, "payment_failed")
        return False
    intent.status, intent.received, intent.payment_method = "succeeded", made.amount, card.id
    book.move(made, made.amount, "charge", made.id)
    book.tell(made, "succeeded")
    book.tell(intent, "succeeded")
    return True


def refund(
    book: Book,
    charge: Charge,
    *,
    amount: int | None = None,
    reason: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Refund:
    """Give back a part, or all that is left."""
    left = charge.amount - charge.refunded
    if not charge.succeeded:
        raise Refused("This charge did not succeed.", code="charge_not_refundable")
    if charge.disputed:
        raise Refused(f"Charge {charge.id} has been charged back.", code="charge_disputed")
    if left == 0:
        raise Refused(
            f"Charge {charge.id} has already been refunded.", code="charge_already_refunded"
        )
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        raise invalid("amount", f"{amount} is not within what is left of the charge, {left}.")
    made = Refund(
        id=book.new_id("re", 24),
        created=book.now,
        charge=charge,
        amount=amount,
        reason=reason,
        metadata=metadata or {},
    )
    charge.refunded += amount
    book.move(charge, -amount, "refund", made.id)
    book.tell(charge, "refunded", {"amount_refunded": charge.refunded - amount})
    return book.created(made)


def dispute(book: Book, charge: Charge, *, reason: str) -> Dispute:
    """The payer's bank takes the money back at once, until the dispute is decided."""
    if not charge.succeeded or charge.disputed or charge.refunded:
        raise Refused("Only a whole, successful charge can be disputed here.")
    made = Dispute(
        id=book.new_id("du", 24),
        created=book.now,
        charge=charge,
        amount=charge.amount,
        reason=reason,
    )
    with book.changing(charge):
        charge.disputed = True
    book.move(charge, -made.amount, "dispute", made.id)
    book.created(made)
    book.tell(made, "funds_withdrawn")
    return made


def close_dispute(book: Book, dispute: Dispute, *, won: bool) -> Dispute:
    """Won: the money comes back."""
    if dispute.status != "needs_response":
        raise Refused("This dispute is closed already.")
    dispute.status = "won" if won else "lost"
    if won:
        book.move(dispute.charge, dispute.amount, "dispute_won", dispute.id)
        book.tell(dispute, "funds_reinstated")
    book.tell(dispute, "closed")
    return dispute
