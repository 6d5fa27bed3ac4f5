"""Pages for a person who tries it by hand: checkout, the portal, an invoice."""

from dataclasses import dataclass
from html import escape

from fakes.stripe_server import checkout, customers, invoices, subscriptions
from fakes.stripe_server.book import Book
from fakes.stripe_server.money import in_money
from fakes.stripe_server.records import CheckoutSession, Invoice, PortalSession, Subscription

EMAIL = "payer@example.com"


@dataclass(frozen=True)
class Button:
    value: str
    text: str


def page(book: Book, path: str) -> str:
    """Raises Refused where there is none."""
    kind, id = _address(path)
    if kind == "c":
        return _checkout(book.get(CheckoutSession, id))
    if kind == "p":
        return _portal(book, book.get(PortalSession, id))
    return _invoice(book.get(Invoice, id))


def press(book: Book, path: str, button: str) -> str:
    """Do what a button says; the address where the person goes then."""
    kind, id = _address(path)
    if kind == "c":
        return _pay(book, book.get(CheckoutSession, id), button) or path
    if kind == "p":
        _manage(book, book.get(PortalSession, id), button)
    else:
        invoices.pay(book, book.get(Invoice, id))
    return path


def _address(path: str) -> tuple[str, str]:
    steps = path.strip("/").split("/")
    return steps[0], steps[-1]


def _pay(book: Book, session: CheckoutSession, card: str) -> str | None:
    if not checkout.complete(book, session, declines=card == "declines", email=EMAIL):
        return None
    return (session.success_url or "").replace("{CHECKOUT_SESSION_ID}", session.id)


def _manage(book: Book, session: PortalSession, button: str) -> None:
    if button in ("good", "declines"):
        customers.set_card(book, session.customer, declines=button == "declines")
    else:
        subscription = book.get(Subscription, button)
        subscriptions.change(book, subscription, {"cancel_at_period_end": True})


def _checkout(session: CheckoutSession) -> str:
    if session.status != "open":
        return _page("Checkout", f"<p>This session is {session.status}.</p>")
    lines = "".join(
        f"<li>{quantity} × {escape(price.product.name)}: "
        f"{_sum(price.unit_amount * quantity, price.currency)} / {price.interval}</li>"
        for price, quantity in session.prices
    )
    due = _sum(session.amount_total, session.prices[0][0].currency)
    form = _form(Button("good", "Pay"), Button("declines", "Pay with a card that is declined"))
    return _page("Checkout", f"<ul>{lines}</ul><p>Due today: {due}</p>{form}", session.cancel_url)


def _portal(book: Book, session: PortalSession) -> str:
    rows = "".join(map(_subscription, customers.subscriptions_of(book, session.customer)))
    cards = _form(Button("good", "Use a good card"), Button("declines", "Use one that is declined"))
    return _page("Subscriptions", f"<ul>{rows}</ul>{cards}", session.return_url)


def _subscription(it: Subscription) -> str:
    ends = ", ends with its period" if it.cancel_at_period_end else ""
    button = "" if it.status.over or ends else _form(Button(it.id, "Cancel at the end"))
    return f"<li>{escape(it.items[0].price.product.name)}: {it.status.value}{ends} {button}</li>"


def _invoice(it: Invoice) -> str:
    pay = _form(Button("pay", "Pay")) if it.status == "open" else ""
    due = _sum(it.amount_due, it.currency)
    return _page(f"Invoice {it.number}", f"<p>{due}, {it.status}</p>{pay}")


def _sum(amount: int, currency: str) -> str:
    return f"{in_money(amount, currency)} {currency.upper()}"


def _form(*buttons: Button) -> str:
    inside = " ".join(
        f'<button name="press" value="{each.value}">{each.text}</button>' for each in buttons
    )
    return f'<form method="post">{inside}</form>'


def _page(title: str, body: str, back: str | None = None) -> str:
    link = f'<p><a href="{escape(back)}">Back</a></p>' if back else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<h1>{escape(title)}</h1>{body}{link}</html>"
    )
