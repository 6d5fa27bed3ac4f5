"""A firm that pays through Stripe: PostgreSQL, and the SDK against the simulation of Stripe."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import anyio
import pytest

from fakes.paying import BY, MONTHLY, YEARLY, paying_now, selling, services_now, subscribed
from fakes.stripe_server.faults import Fault
from fakes.stripe_server.refusals import Refused
from fakes.stripe_server.server import StripeServer
from fakes.stripe_server.webhooks import signature
from sloth_agent import AsyncSloth, Settings
from sloth_agent.billing.access import require_access
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.clock import SetClock
from sloth_agent.errors import (
    Conflict,
    InProgress,
    InvalidInput,
    NotSetUp,
    PaymentDeclined,
    PaymentUnavailable,
    SignatureInvalid,
    SubscriptionExpired,
)
from sloth_agent.ids import TenantId
from sloth_agent.payments.models import ChargeStatus
from sloth_agent.payments.price_sync import Step

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


@pytest.fixture
async def sloth(settings: Settings, stripe_server: StripeServer) -> AsyncIterator[AsyncSloth]:
    async with selling(settings, stripe_server) as sloth:
        yield sloth


@pytest.fixture
async def firm(sloth: AsyncSloth, slug: str) -> TenantId:
    return (await sloth.tenant(slug, create=True)).organization.id


async def test_a_whole_life(sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId) -> None:
    began = await subscribed(sloth, stripe_server, firm)
    assert (began.plan, began.status, began.paid) == ("starter", SubscriptionStatus.ACTIVE, True)
    assert began.purchase is not None
    assert began.terms.price_monthly == Decimal("29.00")

    paying = paying_now(sloth, stripe_server)
    higher = await paying.changing.change(firm, "professional", MONTHLY, by=BY)
    assert (higher.plan, higher.current_period_end) == ("professional", began.current_period_end)

    stripe_server.set_card(stripe_server.customers()[0]["id"], "declines")
    assert began.current_period_end is not None
    stripe_server.advance(began.current_period_end + timedelta(hours=3))
    failed = await paying_now(sloth, stripe_server).desk.refresh(firm)
    assert failed is not None
    assert failed.status is SubscriptionStatus.PAST_DUE
    assert failed.follow_up_at is not None
    over = await sloth.services.at(SetClock(failed.follow_up_at)).subscriptions.current(firm)
    assert over is not None
    assert over.status is SubscriptionStatus.UNPAID  # the grace has passed

    stripe_server.set_card(stripe_server.customers()[0]["id"], "good")
    stripe_server.advance(stripe_server.now + 3 * DAY)
    paying = paying_now(sloth, stripe_server)
    recovered = await paying.desk.refresh(firm)
    assert recovered is not None
    assert recovered.status is SubscriptionStatus.ACTIVE

    await paying.changing.change(firm, "starter", MONTHLY, by=BY)
    ending = await paying.changing.cancel(firm, at_period_end=True, by=BY)
    assert ending.cancel_at_period_end
    resumed = await paying.changing.resume(firm, by=BY)
    assert not resumed.cancel_at_period_end
    ended = await paying.changing.cancel(firm, at_period_end=False, by=BY)
    assert ended.status is SubscriptionStatus.CANCELED

    charges = await paying.desk.payments.charges(firm)
    taken = [charge for charge in charges if charge.status is ChargeStatus.SUCCEEDED]
    kept = sum((charge.amount - charge.refunded for charge in taken), Decimal(0))
    assert kept == sum((each.amount for each in stripe_server.ledger()), Decimal(0))
    assert any(charge.status is ChargeStatus.FAILED for charge in charges)


@pytest.mark.parametrize("plan", ["starter", "professional"])
async def test_a_trial_is_carried_over(
    sloth: AsyncSloth, stripe_server: StripeServer, slug: str, plan: str
) -> None:
    services = services_now(sloth, stripe_server)
    made = await services.organizations_on("starter", by=BY).create(slug)
    trial = await services.subscriptions.current(made.id)
    found = await subscribed(sloth, stripe_server, made.id, plan)
    assert trial is not None
    assert trial.trial_end is not None
    assert found.status is SubscriptionStatus.TRIALING
    assert found.current_period_end == trial.trial_end.replace(microsecond=0)
    assert stripe_server.ledger() == []


async def test_fifty_at_once_are_one_customer_with_one_subscription(
    settings: Settings, sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    """Of two installs that share nothing but the database; half of them want another plan.

    When the firm was not held, there were 50 pages that could be paid on, and 50 subscriptions.
    """
    pages: set[str] = set()

    async def subscribe(install: AsyncSloth, plan: str) -> None:
        subscribing = paying_now(install, stripe_server).subscribing
        with suppress(InProgress):  # all the others were first
            pages.add((await subscribing.subscribe(firm, plan, MONTHLY, by=BY)).id)

    async with selling(settings, stripe_server) as other, anyio.create_task_group() as tasks:
        for number in range(50):
            plan = ("starter", "professional")[number // 2 % 2]
            tasks.start_soon(subscribe, (sloth, other)[number % 2], plan)
    for page in pages:
        with suppress(Refused):
            stripe_server.pay_checkout(page)
    assert len(stripe_server.customers()) == len(stripe_server.subscriptions()) == 1


async def test_who_changes_their_mind_can_pay_on_one_page_only(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    subscribing = paying_now(sloth, stripe_server).subscribing
    first = await subscribing.subscribe(firm, "starter", MONTHLY, by=BY)
    second = await subscribing.subscribe(firm, "professional", YEARLY, by=BY)
    with pytest.raises(Exception, match=r"expired|not open|complete"):
        stripe_server.pay_checkout(first.id)
    stripe_server.pay_checkout(second.id)
    with pytest.raises(Conflict):
        await subscribing.subscribe(firm, "starter", MONTHLY, by=BY)
    assert len(stripe_server.subscriptions()) == 1


@pytest.mark.parametrize("fault", [Fault(commit_then_drop=True), Fault(status=500)], ids=repr)
async def test_an_answer_that_is_lost_costs_nothing_twice(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, fault: Fault
) -> None:
    stripe_server.faults.append(fault)
    await subscribed(sloth, stripe_server, firm)
    stripe_server.faults.append(fault)
    await paying_now(sloth, stripe_server).changing.change(firm, "professional", MONTHLY, by=BY)
    assert len(stripe_server.customers()) == len(stripe_server.subscriptions()) == 1


async def test_a_provider_that_is_away_changes_nothing(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    before = await subscribed(sloth, stripe_server, firm)
    paying = paying_now(sloth, stripe_server)
    stripe_server.faults.extend([Fault(status=503)] * 3)
    started = anyio.current_time()
    with pytest.raises(PaymentUnavailable):
        await paying.changing.change(firm, "professional", MONTHLY, by=BY)
    assert anyio.current_time() - started < 10
    assert await paying.desk.payments.subscription(firm) == before


async def test_a_card_that_is_refused_changes_nothing(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    before = await subscribed(sloth, stripe_server, firm)
    stripe_server.set_card(stripe_server.customers()[0]["id"], "declines")
    paying = paying_now(sloth, stripe_server)
    with pytest.raises(PaymentDeclined):
        await paying.changing.change(firm, "professional", MONTHLY, by=BY)
    after = await paying.desk.refresh(firm)
    assert after is not None
    assert after.plan == before.plan


async def test_a_signature_of_somebody_else_is_refused(sloth: AsyncSloth) -> None:
    provider = sloth.payments.provider
    with pytest.raises(SignatureInvalid):
        provider.read_event(b"{}", "t=1,v1=00")


EVENT: dict[str, object] = {
    "id": "evt_1",
    "type": "invoice.paid",
    "created": 1,
    "data": {"object": {"object": "x"}},
}


NO_EVENTS: list[dict[str, object]] = [
    {"id": 7}, {"id": "\0"}, {"id": "\ud800"}, {"type": None}, {"created": "then"},
    {"created": 1e30}, {"data": []}, {"data": {"object": []}}, {"data": {"object": {"id": "in_1"}}},
    {"data": {"object": {"object": "invoice", "customer": {"id": "cus_1"}}}},
]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"{not json",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"id": "\xed\xa0\x80"}',
        *[json.dumps(EVENT | wrong).encode() for wrong in NO_EVENTS],
    ],
)
async def test_what_is_signed_and_no_event_is_refused(
    sloth: AsyncSloth, stripe_server: StripeServer, body: bytes
) -> None:
    read = paying_now(sloth, stripe_server).provider.read_event
    signed = signature(body, stripe_server.secrets, at=int(time.time()))
    with pytest.raises(SignatureInvalid):
        read(body, signed)
    good = json.dumps(EVENT).encode()
    assert read(good, signature(good, stripe_server.secrets, at=int(time.time()))).id == "evt_1"


async def test_without_a_provider_nobody_pays(settings: Settings) -> None:
    async with AsyncSloth(settings) as sloth:
        with pytest.raises(NotSetUp, match="takes no payments"):
            sloth.payments.subscribing  # noqa: B018 - looking is asking


async def test_prices_follow_the_plans(sloth: AsyncSloth) -> None:
    sync = sloth.payments.price_sync
    again = await sync.sync(dry_run=False)
    assert {each.step for each in again} == {Step.UNCHANGED}

    await sync.provider.set_price("starter", MONTHLY, Decimal("1.00"), "EUR")
    for dry_run in (True, False):
        steps = await sync.sync(dry_run=dry_run)
        (gone,) = [each for each in steps if each.step is Step.WITHDRAWN]
        assert (gone.plan, gone.amount) == ("starter", Decimal("1.00"))
    assert Step.WITHDRAWN not in {each.step for each in await sync.sync(dry_run=True)}


async def test_a_price_that_is_not_that_of_the_plan_is_not_charged(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    paying = paying_now(sloth, stripe_server)
    for price in await paying.provider.prices():
        await paying.provider.withdraw(price)
    await paying.provider.set_price("starter", MONTHLY, Decimal("1.00"), "EUR")
    with pytest.raises(Conflict, match="cannot be paid for yet"):
        await paying.subscribing.subscribe(firm, "starter", MONTHLY, by=BY)


async def test_somebody_elses_invoice_is_no_place_to_go_on_from(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    await subscribed(sloth, stripe_server, firm)
    pages = paying_now(sloth, stripe_server).pages
    (only,) = (await pages.invoices(firm, limit=1)).invoices
    assert not (await pages.invoices(firm, after=only.id)).invoices
    with pytest.raises(InvalidInput):
        await pages.invoices(firm, after="in_of_nobody")


async def test_when_it_ended_is_when_nobody_was_served_any_more(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    """Not the end of the period: that was two weeks before, or weeks later."""
    await subscribed(sloth, stripe_server, firm)
    stripe_server.advance(stripe_server.now + 3 * DAY)
    paying = paying_now(sloth, stripe_server)
    canceled = await paying.changing.cancel(firm, at_period_end=False, by=BY)
    assert canceled.current_period_end is not None
    with pytest.raises(SubscriptionExpired, match="has ended") as refused:
        require_access(canceled)
    assert refused.value.details["ended_at"] == stripe_server.now
    assert "subscribe again" in (refused.value.hint or "")

    began = await subscribed(sloth, stripe_server, firm)
    stripe_server.set_card(stripe_server.customers()[0]["id"], "declines")
    assert began.current_period_end is not None
    stripe_server.advance(began.current_period_end + timedelta(hours=3))
    failed = await paying_now(sloth, stripe_server).desk.refresh(firm)
    assert failed is not None
    assert failed.ended_at is None
    assert failed.follow_up_at is not None
    over = await sloth.services.at(SetClock(failed.follow_up_at)).subscriptions.current(firm)
    with pytest.raises(SubscriptionExpired) as refused:
        require_access(over)
    assert refused.value.details["ended_at"] == failed.follow_up_at  # the grace has passed
    assert "Pay the open invoice" in (refused.value.hint or "")  # to subscribe is refused
    with pytest.raises(Conflict, match="already"):
        await paying.subscribing.subscribe(firm, "starter", MONTHLY, by=BY)
