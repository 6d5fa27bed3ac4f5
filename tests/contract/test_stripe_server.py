"""The simulated Stripe, driven by Stripe's own library: what other tests then rely on."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import stripe

from fakes.stripe_server.server import START, StripeServer

DAY = timedelta(days=1)
Json = dict[str, Any]


@pytest.fixture
def server(stripe_contracts: Path | None) -> Iterator[StripeServer]:
    with StripeServer(stripe_contracts) as server:
        yield server
    assert server.crashes == []


@pytest.fixture
def stripe_contracts(request: pytest.FixtureRequest) -> Path | None:
    """Where they are at hand, each request of these tests is held against them."""
    try:
        folder: Path = request.getfixturevalue("contracts")
    except pytest.skip.Exception:
        return None
    return folder


def client_of(server: StripeServer, retries: int = 0, **more: Any) -> stripe.StripeClient:
    return stripe.StripeClient(
        server.key, base_addresses={"api": server.url}, max_network_retries=retries, **more
    )


@pytest.fixture
def client(server: StripeServer) -> stripe.StripeClient:
    return client_of(server)


@pytest.fixture
def prices(client: stripe.StripeClient) -> Json:
    """Ids of prices, by name."""
    product = client.v1.products.create({"name": "Sloth", "metadata": {"plan": "starter"}})
    return {
        name: client.v1.prices.create(
            {
                "product": product.id,
                "currency": "eur",
                "unit_amount": amount,
                "recurring": {"interval": interval},
                "lookup_key": name,
            }
        ).id
        for name, amount, interval in (
            ("basic", 2900, "month"),
            ("pro", 7900, "month"),
            ("pro_year", 79000, "year"),
        )
    }


def checked_out(
    server: StripeServer, client: stripe.StripeClient, price: str, **data: Any
) -> stripe.Subscription:
    customer = client.v1.customers.create({"email": "anna@example.com", "metadata": {"firm": "7"}})
    session = client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": customer.id,
            "line_items": [{"price": price, "quantity": 1}],
            "subscription_data": data,
            "success_url": "https://sloth.test/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://sloth.test/plans",
            "client_reference_id": "firm-7",
        }
    )
    assert (session.status, session.url) == ("open", f"{server.url}/c/pay/{session.id}")
    server.pay_checkout(session.id)
    done = client.v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.url) == ("complete", None)
    return client.v1.subscriptions.retrieve(str(done.subscription))


def period_of(subscription: stripe.Subscription) -> tuple[int, int]:
    item = subscription["items"].data[0]
    return item.current_period_start, item.current_period_end


def received(server: StripeServer) -> Decimal:
    return sum((each.amount for each in server.ledger()), Decimal(0))


def advance_to(server: StripeServer, timestamp: int, *, more: timedelta = timedelta()) -> None:
    server.advance(datetime.fromtimestamp(timestamp, UTC) + more)


def test_a_whole_life(server: StripeServer, client: stripe.StripeClient, prices: Json) -> None:
    trial_end = int((START + 14 * DAY).timestamp())
    subscription = checked_out(server, client, prices["basic"], trial_end=trial_end)
    assert (subscription.status, subscription.trial_end) == ("trialing", trial_end)
    assert received(server) == 0

    # The trial ends; an hour later the first month is paid.
    server.advance(START + 11 * DAY)
    assert len(server.events("customer.subscription.trial_will_end")) == 1
    server.advance(START + 14 * DAY + timedelta(hours=2))
    subscription = client.v1.subscriptions.retrieve(subscription.id)
    assert subscription.status == "active"
    assert received(server) == Decimal("29.00")

    # Half of the month later, to a higher plan: half of both is settled at once.
    start, end = period_of(subscription)
    assert start == trial_end
    advance_to(server, start + (end - start) // 2)
    item = subscription["items"].data[0].id
    subscription = client.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": item, "price": prices["pro"]}],
            "proration_behavior": "always_invoice",
            "expand": ["latest_invoice"],
        },
    )
    invoice = subscription.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    assert [line.amount for line in invoice.lines.data] == [-1450, 3950]
    assert (invoice.status, invoice.amount_paid) == ("paid", 2500)
    assert received(server) == Decimal("54.00")

    # The renewal fails, and is tried again until the card is good.
    customer = str(subscription.customer)
    server.set_card(customer, "declines")
    advance_to(server, end, more=timedelta(hours=1))
    subscription = client.v1.subscriptions.retrieve(subscription.id)
    assert subscription.status == "past_due"
    unpaid = client.v1.invoices.retrieve(str(subscription.latest_invoice))
    assert (unpaid.status, unpaid.attempt_count) == ("open", 1)
    server.advance(server.now + DAY)
    unpaid = client.v1.invoices.retrieve(unpaid.id)
    assert unpaid.attempt_count == 2
    server.set_card(customer, "good")
    server.advance(server.now + 2 * DAY)
    assert client.v1.invoices.retrieve(unpaid.id).status == "paid"
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert received(server) == Decimal("133.00")

    # Down again: what is given back makes the next invoice smaller.
    client.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item, "price": prices["basic"]}]}
    )
    start, end = period_of(client.v1.subscriptions.retrieve(subscription.id))
    advance_to(server, end, more=timedelta(hours=1))
    renewed = client.v1.invoices.list({"subscription": subscription.id, "limit": 1}).data[0]
    rest = (end - int((START + 14 * DAY).timestamp())) and renewed.total
    assert renewed.total == rest
    credit, debit, whole = (line.amount for line in renewed.lines.data)
    assert (credit < 0 < debit, whole) == (True, 2900)
    assert received(server) == Decimal("133.00") + Decimal(max(renewed.total, 0)) / 100

    # It ends with its period.
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    _, end = period_of(client.v1.subscriptions.retrieve(subscription.id))
    before = received(server)
    advance_to(server, end, more=40 * DAY)
    ended = client.v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", end)
    assert received(server) == before
    assert client.v1.subscriptions.list({"customer": customer}).data == []
    assert len(client.v1.subscriptions.list({"customer": customer, "status": "all"}).data) == 1
    assert server.contract_problems == []
