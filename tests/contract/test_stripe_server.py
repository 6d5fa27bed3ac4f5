"""The simulated Stripe, driven by Stripe's own library: what other tests then rely on."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe

from fakes.contracts import ObjectContract
from fakes.stripe_server.account import START
from fakes.stripe_server.book import Rules
from fakes.stripe_server.faults import Fault
from fakes.stripe_server.server import StripeServer

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
Json = dict[str, Any]


@pytest.fixture
def client(stripe_server: StripeServer) -> stripe.StripeClient:
    return client_of(stripe_server)


def client_of(server: StripeServer, retries: int = 0) -> stripe.StripeClient:
    return stripe.StripeClient(
        server.key, base_addresses={"api": server.url}, max_network_retries=retries
    )


@pytest.fixture
def prices(client: stripe.StripeClient) -> dict[str, str]:
    return make_prices(client)


def make_prices(client: stripe.StripeClient) -> dict[str, str]:
    """Ids, by lookup key."""
    product = client.v1.products.create({"name": "Sloth", "metadata": {"plan": "starter"}})
    made = {}
    for key, amount, interval in (
        ("basic", 2900, "month"),
        ("pro", 7900, "month"),
        ("year", 79000, "year"),
    ):
        order: Any = {"unit_amount": amount, "recurring": {"interval": interval}}
        order |= {"product": product.id, "currency": "eur", "lookup_key": key}
        made[key] = client.v1.prices.create(order).id
    return made


def checkout_order(price: str, **data: Any) -> Any:
    return {
        "mode": "subscription",
        "line_items": [{"price": price, "quantity": 1}],
        "subscription_data": data,
        "success_url": "https://sloth.test/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://sloth.test/plans",
        "client_reference_id": "firm-7",
        "metadata": {"firm": "7"},
    }


def bought(
    server: StripeServer, client: stripe.StripeClient, price: str, **data: Any
) -> stripe.Subscription:
    customer = client.v1.customers.create({"email": "anna@example.com", "metadata": {"firm": "7"}})
    order = checkout_order(price, **data) | {"customer": customer.id}
    session = client.v1.checkout.sessions.create(order)
    assert (session.status, session.url) == ("open", f"{server.url}/c/pay/{session.id}")
    server.pay_checkout(session.id)
    done = client.v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.url) == ("complete", None)
    return client.v1.subscriptions.retrieve(str(done.subscription))


def period_of(subscription: stripe.Subscription) -> tuple[datetime, datetime]:
    item = subscription["items"].data[0]
    return (
        datetime.fromtimestamp(item.current_period_start, UTC),
        datetime.fromtimestamp(item.current_period_end, UTC),
    )


def received(server: StripeServer) -> Decimal:
    return sum((each.amount for each in server.ledger()), Decimal(0))


def types(server: StripeServer) -> list[str]:
    return [event["type"] for event in server.events()]


class Life:
    """One subscription, from its trial to its end."""

    def __init__(self, server: StripeServer, client: stripe.StripeClient) -> None:
        self.server, self.client = server, client
        self.prices = make_prices(client)
        trial_end = int((START + 14 * DAY).timestamp())
        self.id = bought(server, client, self.prices["basic"], trial_end=trial_end).id

    @property
    def now(self) -> stripe.Subscription:
        return self.client.v1.subscriptions.retrieve(self.id)

    @property
    def newest(self) -> stripe.Invoice:
        return self.client.v1.invoices.retrieve(str(self.now.latest_invoice))

    def change(self, price: str, **more: Any) -> None:
        entry = {"id": self.now["items"].data[0].id, "price": self.prices[price]}
        change: Any = {"items": [entry], **more}
        self.client.v1.subscriptions.update(self.id, change)

    def trial_ends(self) -> None:
        assert self.now.status == "trialing"
        assert received(self.server) == 0
        self.server.advance(START + 11 * DAY)
        assert types(self.server)[-1] == "customer.subscription.trial_will_end"
        self.server.advance(START + 14 * DAY + HOUR)  # renewals are charged an hour later
        assert self.now.status == "active"
        assert received(self.server) == Decimal("29.00")

    def goes_up(self) -> None:
        start, end = period_of(self.now)
        self.server.advance(start + (end - start) / 2)
        self.change("pro", proration_behavior="always_invoice")
        assert [line.amount for line in self.newest.lines.data] == [-1450, 3950]
        assert (self.newest.status, self.newest.amount_paid) == ("paid", 2500)
        assert received(self.server) == Decimal("54.00")

    def is_not_paid_at_first(self) -> None:
        customer = str(self.now.customer)
        self.server.set_card(customer, "declines")
        self.server.advance(period_of(self.now)[1] + HOUR)
        assert self.now.status == "past_due"
        assert (self.newest.status, self.newest.attempt_count) == ("open", 1)
        self.server.advance(self.server.now + DAY)
        assert self.newest.attempt_count == 2
        self.server.set_card(customer, "good")
        self.server.advance(self.server.now + 2 * DAY)
        assert (self.newest.status, self.now.status) == ("paid", "active")
        assert received(self.server) == Decimal("133.00")

    def goes_down(self) -> None:
        self.change("basic")
        assert received(self.server) == Decimal("133.00")
        self.server.advance(period_of(self.now)[1] + HOUR)
        credit, debit, whole = (line.amount for line in self.newest.lines.data)
        assert credit < -debit < 0
        assert whole == 2900
        # More was given back than a month costs: the rest is kept for the customer.
        customer = self.client.v1.customers.retrieve(str(self.now.customer))
        assert self.newest.total == customer.balance == credit + debit + whole < 0
        assert received(self.server) == Decimal("133.00")

    def ends_with_its_period(self) -> None:
        self.client.v1.subscriptions.update(self.id, {"cancel_at_period_end": True})
        end = period_of(self.now)[1]
        self.server.advance(end + 40 * DAY)
        assert (self.now.status, self.now.ended_at) == ("canceled", int(end.timestamp()))
        assert types(self.server)[-1] == "customer.subscription.deleted"
        assert received(self.server) == Decimal("133.00")


def test_a_whole_life(stripe_server: StripeServer, client: stripe.StripeClient) -> None:
    life = Life(stripe_server, client)
    life.trial_ends()
    life.goes_up()
    life.is_not_paid_at_first()
    life.goes_down()
    life.ends_with_its_period()


def test_a_checkout_tells_what_happened_in_its_order(
    stripe_server: StripeServer, client: stripe.StripeClient, prices: dict[str, str]
) -> None:
    seen = len(types(stripe_server))
    session = client.v1.checkout.sessions.create(checkout_order(prices["basic"]))
    stripe_server.pay_checkout(session.id, email="new@example.com")
    assert types(stripe_server)[seen:] == [
        "customer.created",
        "payment_method.attached",
        "customer.subscription.created",
        "invoice.created",
        "customer.updated",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]
    [completed] = stripe_server.events("checkout.session.completed")
    about = completed["data"]["object"]
    assert (about["client_reference_id"], about["payment_status"]) == ("firm-7", "paid")
    [updated] = stripe_server.events("customer.subscription.updated")
    assert updated["data"]["previous_attributes"] == {"status": "incomplete"}


def test_a_declined_card_leaves_the_session_open(
    stripe_server: StripeServer, client: stripe.StripeClient, prices: dict[str, str]
) -> None:
    session = client.v1.checkout.sessions.create(checkout_order(prices["basic"]))
    assert stripe_server.pay_checkout(session.id, card="declines")["status"] == "open"
    stripe_server.advance(START + DAY)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert stripe_server.subscriptions() == []


def test_a_year_instead_of_a_month_begins_at_once(
    stripe_server: StripeServer, client: stripe.StripeClient, prices: dict[str, str]
) -> None:
    subscription = bought(stripe_server, client, prices["basic"])
    start, end = period_of(subscription)
    stripe_server.advance(start + (end - start) / 4)
    change: Any = {"items": [{"id": subscription["items"].data[0].id, "price": prices["year"]}]}
    what_if: Any = {"subscription": subscription.id, "subscription_details": change}
    preview = client.v1.invoices.create_preview(what_if)
    changed = client.v1.subscriptions.update(
        subscription.id, change | {"expand": ["latest_invoice"]}
    )
    invoice = changed.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    amounts = [line.amount for line in invoice.lines.data]
    assert amounts == [line.amount for line in preview.lines.data] == [-2175, 79000]
    assert invoice.amount_paid == preview.amount_due == 76825
    start, end = period_of(changed)
    assert (start, end - start) == (stripe_server.now, 365 * DAY)


def test_a_preview_changes_nothing(
    stripe_server: StripeServer, client: stripe.StripeClient, prices: dict[str, str]
) -> None:
    subscription = bought(stripe_server, client, prices["basic"])
    seen = types(stripe_server)
    start, end = period_of(subscription)
    half = int((start + (end - start) / 2).timestamp())
    items: Any = [{"id": subscription["items"].data[0].id, "price": prices["pro"]}]
    details: Any = {"items": items, "proration_date": half, "proration_behavior": "always_invoice"}
    preview = client.v1.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": details}
    )
    assert [line.amount for line in preview.lines.data] == [-1450, 3950]
    upcoming = client.v1.invoices.create_preview({"subscription": subscription.id})
    assert upcoming.total == 2900
    assert client.v1.subscriptions.retrieve(subscription.id) == subscription
    assert types(stripe_server) == seen


@pytest.mark.parametrize(
    ("after_retries", "status"), [("unpaid", "unpaid"), ("canceled", "canceled")]
)
def test_whoever_never_pays(after_retries: Any, status: str) -> None:
    with StripeServer(rules=Rules(retry_days=(1, 3), after_retries=after_retries)) as server:
        client = client_of(server)
        subscription = bought(server, client, make_prices(client)["basic"])
        server.set_card(str(subscription.customer), "declines")
        _, end = period_of(subscription)
        server.advance(end + HOUR + 3 * DAY)
        assert client.v1.subscriptions.retrieve(subscription.id).status == status
        tries = server.events("invoice.payment_failed")
        assert [each["data"]["object"]["attempt_count"] for each in tries] == [1, 2, 3]
        assert len(server.events("charge.failed")) == 3
        assert received(server) == Decimal("29.00")


def test_without_a_first_payment_there_is_no_subscription(
    stripe_server: StripeServer, client: stripe.StripeClient, prices: dict[str, str]
) -> None:
    customer = client.v1.customers.create({}).id
    order: Any = {"customer": customer, "items": [{"price": prices["basic"]}]}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.create(order)
    stripe_server.set_card(customer, "declines")
    with pytest.raises(stripe.CardError):
        client.v1.subscriptions.create(order | {"payment_behavior": "error_if_incomplete"})
    assert stripe_server.subscriptions() == []
    assert client.v1.subscriptions.create(order).status == "incomplete"
    stripe_server.advance(START + DAY)
    [left] = stripe_server.subscriptions()
    assert left["status"] == "incomplete_expired"


def test_one_customer_may_have_two_subscriptions(
    stripe_server: StripeServer, client: stripe.StripeClient, prices: dict[str, str]
) -> None:
    customer = client.v1.customers.create({}).id
    stripe_server.set_card(customer, "good")
    order: Any = {"customer": customer, "items": [{"price": prices["basic"]}]}
    made = [client.v1.subscriptions.create(order).id for _ in range(3)]
    listed = client.v1.subscriptions.list({"customer": customer, "limit": 2})
    assert listed.has_more
    assert [each.id for each in listed.auto_paging_iter()] == made[::-1]


def test_money_goes_back(
    stripe_server: StripeServer, client: stripe.StripeClient, prices: dict[str, str]
) -> None:
    bought(stripe_server, client, prices["basic"])
    charge = stripe_server.charges()[0]["id"]
    client.v1.refunds.create({"charge": charge, "amount": 900})
    stripe_server.refund(charge)
    assert client.v1.charges.retrieve(charge).refunded
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"charge": charge})
    assert refused.value.code == "charge_already_refunded"
    assert received(stripe_server) == 0

    bought(stripe_server, client, prices["pro"])
    dispute = stripe_server.dispute(stripe_server.charges()[1]["id"])
    assert received(stripe_server) == 0
    stripe_server.close_dispute(dispute["id"], won=True)
    assert received(stripe_server) == Decimal("79.00")
    assert types(stripe_server)[-1] == "charge.dispute.closed"


def test_a_lookup_key_stands_at_one_price(
    client: stripe.StripeClient, prices: dict[str, str]
) -> None:
    product = client.v1.prices.retrieve(prices["basic"]).product
    order: Any = {"product": product, "currency": "eur", "unit_amount": 3500}
    order |= {"recurring": {"interval": "month"}, "lookup_key": "basic"}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.prices.create(order)
    dearer = client.v1.prices.create(order | {"transfer_lookup_key": True})
    found = client.v1.prices.list({"lookup_keys": ["basic"], "expand": ["data.product"]})
    assert [each.id for each in found.data] == [dearer.id]
    assert isinstance(found.data[0].product, stripe.Product)


def test_a_deleted_customer_pays_no_more(
    stripe_server: StripeServer, client: stripe.StripeClient, prices: dict[str, str]
) -> None:
    customer = str(bought(stripe_server, client, prices["basic"]).customer)
    client.v1.customers.delete(customer)
    assert types(stripe_server)[-2:] == ["customer.subscription.deleted", "customer.deleted"]
    stripe_server.advance(START + 100 * DAY)
    assert received(stripe_server) == Decimal("29.00")
    assert client.v1.customers.retrieve(customer).deleted


# Keys, faults, refusals


def test_one_key_is_one_customer(stripe_server: StripeServer, client: stripe.StripeClient) -> None:
    options: Any = {"idempotency_key": "firm-7"}
    first = client.v1.customers.create({"email": "a@example.com"}, options)
    again = client.v1.customers.create({"email": "a@example.com"}, options)
    assert again.id == first.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError) as refused:
        client.v1.customers.create({"email": "b@example.com"}, options)
    assert refused.value.http_status == 400
    stripe_server.advance(START + DAY)
    assert client.v1.customers.create({"email": "a@example.com"}, options).id != first.id


def test_one_key_at_one_time(stripe_server: StripeServer, client: stripe.StripeClient) -> None:
    stripe_server.faults.append(Fault(hang_seconds=0.3))
    slow = threading.Thread(
        target=client.v1.customers.create, args=({}, {"idempotency_key": "one"})
    )
    slow.start()
    while not stripe_server.requests:
        threading.Event().wait(0.005)
    with pytest.raises(stripe.APIError) as refused:
        client.v1.customers.create({}, {"idempotency_key": "one"})
    slow.join()
    assert refused.value.http_status == 409
    assert len(stripe_server.customers()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=503),
        Fault(refuse=True),
        Fault(commit_then_drop=True),
        Fault(commit_then_status=500),
    ],
    ids=repr,
)
def test_what_is_tried_again_is_done_once(
    stripe_server: StripeServer, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.01)
    stripe_server.faults.append(fault)
    created = client_of(stripe_server, retries=2).v1.customers.create({})
    assert [each["id"] for each in stripe_server.customers()] == [created.id]
    assert len(stripe_server.requests) == 2


def test_faults_choose_their_requests(
    stripe_server: StripeServer, client: stripe.StripeClient
) -> None:
    stripe_server.faults.append(Fault(bad_json=True, method="GET", path="/v1/customers"))
    customer = client.v1.customers.create({})
    with pytest.raises(stripe.APIError):
        client.v1.customers.retrieve(customer.id)
    assert client.v1.customers.retrieve(customer.id).id == customer.id


def test_refusals_have_stripes_codes(stripe_server: StripeServer) -> None:
    with pytest.raises(stripe.AuthenticationError):
        stripe.StripeClient(
            "sk_test_other", base_addresses={"api": stripe_server.url}
        ).v1.customers.list()
    client = client_of(stripe_server)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.subscriptions.retrieve("sub_none")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.subscriptions.create({"customer": "cus_none", "items": [{"price": "price_none"}]})
    assert (refused.value.http_status, refused.value.param) == (400, "customer")


def test_unknown_parameters_are_refused_and_written_down(contracts: Path) -> None:
    with StripeServer(contracts) as server:
        customers = client_of(server).v1.customers
        wrong: Any = {"name": "Anna", "address": {"town": "Lviv"}}
        with pytest.raises(stripe.InvalidRequestError) as refused:
            customers.create(wrong)
        assert (refused.value.code, refused.value.param) == ("parameter_unknown", "address[town]")
        assert server.contract_problems == ["POST /v1/customers form[address]: town is unknown"]
        server.contract_problems.clear()
        with pytest.raises(stripe.InvalidRequestError):
            client_of(server).raw_request("post", "/v1/refunds", amount="all", reason="bored")
        [amount, reason] = server.contract_problems
        assert amount == "POST /v1/refunds form[amount]: 'all' is no integer"
        assert "form[reason]: 'bored' is none of duplicate" in reason


# Webhooks


def test_deliveries_are_signed(stripe_server: StripeServer, client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"name": "Ганна"})
    [sent] = stripe_server.deliveries(secrets=["whsec_new", "whsec_old"])
    for secret in ("whsec_new", "whsec_old"):
        event = stripe.Webhook.construct_event(sent.body, sent.headers["Stripe-Signature"], secret)
        assert (event.type, event.data.object["id"]) == ("customer.created", customer.id)
        assert event.request is not None
        assert event.request.idempotency_key
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(sent.body, sent.headers["Stripe-Signature"], "whsec_other")
    [old] = stripe_server.deliveries(at=datetime.now(UTC) - timedelta(minutes=6))
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(
            old.body, old.headers["Stripe-Signature"], stripe_server.secrets[0]
        )


class _Receiver(BaseHTTPRequestHandler):
    answers: list[int]
    taken: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signature = self.headers["Stripe-Signature"]
        event = stripe.Webhook.construct_event(body, signature, "whsec_loopback")
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.taken.append(event.type)
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def receiver(*answers: int) -> Iterator[tuple[str, list[str]]]:
    taken: list[str] = []
    handler = type("Receiver", (_Receiver,), {"answers": list(answers), "taken": taken})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}/hook", taken
        http.shutdown()
        thread.join()


def test_it_posts_events_until_they_are_taken() -> None:
    with (
        receiver(500, 200) as (url, taken),
        StripeServer(webhook_url=url, webhook_retry_seconds=[0.05]) as server,
    ):
        customers = client_of(server).v1.customers
        customer = customers.create({})
        customers.update(customer.id, {"name": "Anna"})
        assert server.wait_for_webhooks()
        assert sorted(taken) == ["customer.created", "customer.updated"]
        assert server.undelivered == []


def test_events_are_listed(
    stripe_server: StripeServer, client: stripe.StripeClient, prices: dict[str, str]
) -> None:
    stripe_server.advance(START + DAY)
    customer = client.v1.customers.create({})
    since: Any = {"created": {"gte": int(stripe_server.now.timestamp())}}
    [event] = client.v1.events.list(since).data
    assert event.data.object["id"] == customer.id
    assert client.v1.events.retrieve(event.id).type == "customer.created"
    made = client.v1.events.list({"type": "price.*", "limit": 2})
    assert len(list(made.auto_paging_iter())) == len(prices)


# Shapes, pages, and the asynchronous client


def test_answers_have_stripes_shapes(
    stripe_server: StripeServer,
    client: stripe.StripeClient,
    prices: dict[str, str],
    contracts: Path,
) -> None:
    shapes = ObjectContract(contracts / "stripe.openapi.json")
    subscription = bought(stripe_server, client, prices["basic"], trial_period_days=7)
    stripe_server.advance(START + 8 * DAY)
    client.v1.subscriptions.update(
        subscription.id, {"items": [{"price": prices["pro"]}], "cancel_at_period_end": True}
    )
    stripe_server.refund(stripe_server.charges()[0]["id"])
    client.v1.billing_portal.sessions.create({"customer": str(subscription.customer)})
    answers = [event["data"]["object"] for event in stripe_server.events()]
    paid = client.v1.invoices.list({"expand": ["data.payments"]}).data
    answers += [json.loads(str(each)) for each in paid]
    assert {each["object"] for each in answers} >= {"subscription", "invoice", "charge", "refund"}
    assert [problem for each in answers for problem in shapes.problems(each)] == []


def test_a_person_can_press_pay(client: stripe.StripeClient, prices: dict[str, str]) -> None:
    session = client.v1.checkout.sessions.create(checkout_order(prices["basic"]))
    url = str(session.url)
    with urllib.request.urlopen(url) as shown:
        assert "29.00 EUR / month" in shown.read().decode()

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            """We look at where it leads."""

    with pytest.raises(urllib.error.HTTPError) as led:
        urllib.request.build_opener(Stay).open(url, b"press=good")
    led.value.close()
    assert led.value.headers["Location"] == f"https://sloth.test/done?session={session.id}"
    customer = client.v1.checkout.sessions.retrieve(session.id).customer
    portal = client.v1.billing_portal.sessions.create({"customer": str(customer)})
    with urllib.request.urlopen(portal.url) as shown:
        assert "Sloth: active" in shown.read().decode()


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")  # of httpx, by the SDK
async def test_the_asynchronous_client(stripe_server: StripeServer) -> None:
    http = stripe.HTTPXClient()
    client = stripe.StripeClient(
        stripe_server.key, base_addresses={"api": stripe_server.url}, http_client=http
    )
    made = await client.v1.customers.create_async({"email": "a@example.com"})
    listed = await client.v1.customers.list_async({"email": "a@example.com"})
    assert [each.id for each in listed.data] == [made.id]
    await http.close_async()  # type: ignore[no-untyped-call]  # the SDK's
