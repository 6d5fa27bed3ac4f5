"""A firm pays over HTTP; Stripe tells of it twice, in any order, and once not at all."""

import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from pydantic import SecretStr

from fakes.api import Api, Firm, api
from fakes.described import Described
from fakes.paying import paid_through
from fakes.stripe_server.faults import Fault
from fakes.stripe_server.server import StripeServer
from sloth_agent import Settings
from sloth_agent.app.diagnosis import Health, examine

pytestmark = pytest.mark.anyio

SEED = 7
HOOK = "/api/subscriptions/webhooks/stripe/"
PAYING = {
    "subscriptions_subscribe",
    "subscriptions_change",
    "subscriptions_resume",
    "subscriptions_cancel",
    "subscriptions_portal",
    "subscriptions_invoices",
    "subscriptions_stripe_webhook",
}


@pytest.fixture
def stripe_now() -> Iterator[StripeServer]:
    """One whose clock shows what the application's does."""
    with StripeServer(start=datetime.now(UTC)) as server:
        yield server


@pytest.fixture
async def served(settings: Settings, stripe_now: StripeServer) -> AsyncIterator[Api]:
    rotated = SecretStr(f"whsec_new,{stripe_now.secrets[0]}")
    paid = paid_through(settings, stripe_now).model_copy(update={"stripe_webhook_secret": rotated})
    async with api(paid) as served:
        await served.platform.services.paying.price_sync.sync(dry_run=False)
        yield served


async def told(served: Api, stripe_now: StripeServer) -> None:
    """Everything that happened, twice, in an order of its own."""
    deliveries = [*stripe_now.deliveries(), *stripe_now.deliveries()]
    random.Random(SEED).shuffle(deliveries)
    for each in deliveries:
        answer = await served.client.post(HOOK, content=each.body, headers=each.headers)
        assert answer.status_code == 204, answer.text


async def until(firm: Firm, **wanted: object) -> dict[str, object]:
    """What the firm has, once background work has brought it there."""
    with anyio.fail_after(20):
        while True:
            current: dict[str, object] = (await firm.get("/api/subscriptions/current/")).json()
            if wanted.items() <= current.items():
                return current
            await anyio.sleep(0.05)


async def test_a_firm_pays(served: Api, stripe_now: StripeServer) -> None:
    described = Described((await served.client.get("/api/schema/")).json())
    served.client.event_hooks = {"response": [described.holds]}
    firm = await served.signed_up()

    wanted = {"plan": "starter"}
    pages = [(await firm.post("/api/subscriptions/subscribe/", wanted)).json() for _ in range(2)]
    assert pages[0] == pages[1]
    (session,) = {page["checkout_url"].rpartition("/")[2] for page in pages}
    stripe_now.pay_checkout(session)
    await told(served, stripe_now)
    current = await until(firm, plan="starter", status="trialing")
    assert current["trial_end"] is not None

    stripe_now.advance(stripe_now.now + timedelta(days=15))
    await told(served, stripe_now)
    await until(firm, status="active")

    higher = {"plan": "professional", "billing_cycle": "monthly"}
    assert (await firm.post("/api/subscriptions/change/", higher)).json()["plan"] == "professional"
    refused = await firm.post("/api/subscriptions/subscribe/", {"plan": "starter"})
    assert refused.json()["code"] == "conflict"
    ending = (await firm.post("/api/subscriptions/cancel/", {"at_period_end": True})).json()
    assert ending["cancel_at_period_end"] is True
    resumed = (await firm.post("/api/subscriptions/resume/")).json()
    assert resumed["cancel_at_period_end"] is False
    assert (await firm.post("/api/subscriptions/portal/")).json()["url"].startswith("http")
    listed = (await firm.get("/api/subscriptions/invoices/")).json()["items"]
    assert {each["id"] for each in listed} == {each["id"] for each in stripe_now.invoices()}

    stripe_now.cancel_in_dashboard(stripe_now.subscriptions()[0]["id"])
    await told(served, stripe_now)
    await until(firm, status="canceled")
    assert described.succeeded >= PAYING
    slug = firm.registered["user"]["organization"]["slug"]
    services = served.platform.services
    charges = await services.paying.payments.charges((await services.organizations.show(slug)).id)
    kept = sum(each.amount - each.refunded for each in charges)
    assert kept == sum(each.amount for each in stripe_now.ledger()) > 0


async def test_what_was_told_while_stripe_was_away(served: Api, stripe_now: StripeServer) -> None:
    firm = await served.signed_up()
    page = (await firm.post("/api/subscriptions/subscribe/", {"plan": "professional"})).json()
    stripe_now.always = Fault(status=503)
    stripe_now.pay_checkout(page["checkout_url"].rpartition("/")[2])
    await told(served, stripe_now)
    started = anyio.current_time()
    refused = await firm.post("/api/subscriptions/subscribe/", {"plan": "starter"})
    assert (refused.status_code, refused.json()["code"]) == (503, "payment_unavailable")
    assert anyio.current_time() - started < 10
    stripe_now.always = Fault()
    await until(firm, plan="professional")  # a job has tried again


async def test_what_is_not_signed_is_refused(served: Api, stripe_now: StripeServer) -> None:
    firm = await served.signed_up()
    await firm.post("/api/subscriptions/subscribe/", {"plan": "starter"})
    (signed, *_) = stripe_now.deliveries()
    (old, *_) = stripe_now.deliveries(at=datetime.now(UTC) - timedelta(seconds=301))
    (forged, *_) = stripe_now.deliveries(secrets=["whsec_other"])
    for body, headers in (
        (signed.body + b" ", signed.headers),
        (signed.body, {}),
        (old.body, old.headers),
        (forged.body, forged.headers),
    ):
        answer = await served.client.post(HOOK, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "signature_invalid")
    assert await served.platform.services.paying.desk.events.waiting(_customer(stripe_now)) == []


async def test_a_key_that_stripe_refuses(
    served: Api, stripe_now: StripeServer, caplog: pytest.LogCaptureFixture
) -> None:
    """It was a bug of ours with a traceback for each request; jobs did not try again."""
    firm = await served.signed_up()
    page = (await firm.post("/api/subscriptions/subscribe/", {"plan": "professional"})).json()
    known, stripe_now.key = stripe_now.key, "sk_test_rolled"
    stripe_now.pay_checkout(page["checkout_url"].rpartition("/")[2])
    await told(served, stripe_now)
    for path, body in (("change", {"plan": "enterprise"}), ("portal", None)):
        refused = await firm.post(f"/api/subscriptions/{path}/", body)
        assert (refused.status_code, refused.json()["code"]) == (503, "payment_unavailable")
        assert "key" not in refused.text.lower()
    lines = [each for each in caplog.records if "STRIPE_SECRET_KEY" in each.getMessage()]
    assert len(lines) == 2
    assert not any(each.exc_info for each in lines)
    (found,) = [each for each in await examine(served.platform.settings) if each.name == "payments"]
    assert (found.health, found.message) == (Health.FAILED, "Stripe refuses the key.")
    assert "STRIPE_SECRET_KEY" in (found.hint or "")
    stripe_now.key = known
    await until(firm, plan="professional")  # a job has tried again


@pytest.mark.parametrize("secret", [None, SecretStr(" , ")])
async def test_without_the_secret_of_the_webhook(
    settings: Settings,
    stripe_now: StripeServer,
    secret: SecretStr | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    paid = paid_through(settings, stripe_now).model_copy(update={"stripe_webhook_secret": secret})
    async with api(paid):
        (line,) = [each for each in caplog.messages if "STRIPE_WEBHOOK_SECRET" in each]
    assert "Every webhook of Stripe's is refused" in line
    (found,) = [each for each in await examine(paid) if each.name == "payments"]
    assert found.health is Health.WARNING
    assert "STRIPE_WEBHOOK_SECRET" in (found.hint or "")
    (found,) = [
        each
        for each in await examine(paid_through(settings, stripe_now))
        if each.name == "payments"
    ]
    assert found.health is Health.OK


def _customer(stripe_now: StripeServer) -> str:
    (customer,) = stripe_now.customers()
    id: str = customer["id"]
    return id
