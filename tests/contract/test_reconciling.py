"""What we missed of Stripe is found and repaired; what a person has to decide is told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import anyio
import pytest
import stripe

from fakes.paying import BY, MONTHLY, paying_now, selling, services_now, subscribed
from fakes.stripe_server.faults import Fault
from fakes.stripe_server.refusals import Refused
from fakes.stripe_server.server import StripeServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.errors import NotSetUp, PaymentUnavailable
from sloth_agent.ids import TenantId
from sloth_agent.payments.comparing import About
from sloth_agent.payments.explaining import Kind
from sloth_agent.payments.models import Handled
from sloth_agent.payments.reconciling import Reconciliation

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


@pytest.fixture
async def sloth(settings: Settings, stripe_server: StripeServer) -> AsyncIterator[AsyncSloth]:
    async with selling(settings, stripe_server) as sloth:
        yield sloth


@pytest.fixture
async def firm(sloth: AsyncSloth, slug: str) -> TenantId:
    return (await sloth.tenant(slug, create=True)).organization.id


@pytest.fixture
async def paying_firm(sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId) -> TenantId:
    await subscribed(sloth, stripe_server, firm)
    return firm


async def reconciled(
    sloth: AsyncSloth, stripe_server: StripeServer, *, dry_run: bool = False
) -> Reconciliation:
    """Of firms that this Stripe knows: those of other tests had one of their own."""
    reconciling = paying_now(sloth, stripe_server).reconciling
    result = await reconciling.reconcile(dry_run=dry_run, by=BY)
    lost = About.LOST_SUBSCRIPTION
    return replace(result, differences=[e for e in result.differences if e.about is not lost])


def found(result: Reconciliation) -> set[tuple[About, str]]:
    return {(each.about, each.what) for each in result.differences}


async def test_what_nobody_told_us_is_found(
    sloth: AsyncSloth, stripe_server: StripeServer, paying_firm: TenantId
) -> None:
    assert (await reconciled(sloth, stripe_server)).differences == []
    stripe_server.set_card(stripe_server.customers()[0]["id"], "declines")
    stripe_server.advance(stripe_server.now + 31 * DAY)

    shown = await reconciled(sloth, stripe_server, dry_run=True)
    assert {(About.SUBSCRIPTION, "status"), (About.CHARGE, "all of it")} <= found(shown)
    assert not shown.repaired
    services = services_now(sloth, stripe_server)
    before = await services.paying.payments.subscription(paying_firm)
    assert before is not None
    assert before.status is SubscriptionStatus.ACTIVE  # nothing was changed by looking

    repaired = await reconciled(sloth, stripe_server)
    assert found(repaired) == found(shown)
    after = await services.subscriptions.current(paying_firm)
    assert after is not None
    assert after.status is SubscriptionStatus.PAST_DUE
    assert (await reconciled(sloth, stripe_server)).differences == []


async def test_money_that_was_given_back_unheard(
    sloth: AsyncSloth, stripe_server: StripeServer, paying_firm: TenantId
) -> None:
    stripe_server.refund(stripe_server.charges()[0]["id"])
    assert found(await reconciled(sloth, stripe_server)) == {(About.CHARGE, "refunded")}
    (charge,) = await paying_now(sloth, stripe_server).payments.charges(paying_firm)
    assert charge.refunded == charge.amount


@pytest.mark.usefixtures("paying_firm")
async def test_an_event_whose_job_was_lost(sloth: AsyncSloth, stripe_server: StripeServer) -> None:
    paying = paying_now(sloth, stripe_server)
    told = paying.provider.read_event(*_delivered(stripe_server))
    await paying.events.add(told, now=stripe_server.now)
    assert found(await reconciled(sloth, stripe_server)) == set()  # its job may still come
    stripe_server.advance(stripe_server.now + timedelta(hours=1))
    assert (About.EVENT, "all of it") in found(await reconciled(sloth, stripe_server))
    customer = stripe_server.customers()[0]["id"]
    (kept,) = await paying.events.all(customer)
    assert kept.outcome is Handled.APPLIED


@pytest.mark.usefixtures("paying_firm")
async def test_events_that_change_nothing_are_kept_and_counted(
    sloth: AsyncSloth, stripe_server: StripeServer
) -> None:
    paying = paying_now(sloth, stripe_server)
    before = (await reconciled(sloth, stripe_server)).events
    sent = [each for each in stripe_server.deliveries() if each.type.startswith("customer.")]
    for each in sent:
        await paying.intake.receive(each.body, each.headers["Stripe-Signature"])
    after = (await reconciled(sloth, stripe_server)).events
    unknown = [each for each in sent if not each.type.startswith("customer.subscription.")]
    assert after[Handled.UNKNOWN] - before.get(Handled.UNKNOWN, 0) == len(unknown) > 0


def _delivered(stripe_server: StripeServer) -> tuple[bytes, str]:
    deliveries = stripe_server.deliveries()
    (first, *_) = [each for each in deliveries if each.type == "customer.subscription.created"]
    return first.body, first.headers["Stripe-Signature"]


async def test_what_a_person_has_to_decide(
    sloth: AsyncSloth, stripe_server: StripeServer, paying_firm: TenantId
) -> None:
    (mine,) = stripe_server.subscriptions()
    stripe_server.set_card(mine["customer"], "good")
    price = mine["items"]["data"][0]["price"]["id"]
    client = stripe.StripeClient(
        stripe_server.key, base_addresses={"api": stripe_server.url}, max_network_retries=0
    )
    await anyio.to_thread.run_sync(
        lambda: client.v1.subscriptions.create(
            {"customer": mine["customer"], "items": [{"price": price}]}
        )
    )
    stranger = await anyio.to_thread.run_sync(
        lambda: client.v1.customers.create({"email": "gone@example.com"})
    )
    stripe_server.set_card(stranger.id, "good")
    await anyio.to_thread.run_sync(
        lambda: client.v1.subscriptions.create(
            {
                "customer": stranger.id,
                "items": [{"price": price}],
                "metadata": {"sloth_organization": str(paying_firm)},
            }
        )
    )
    first = await reconciled(sloth, stripe_server)
    again = await reconciled(sloth, stripe_server)
    decisions = {About.SECOND_SUBSCRIPTION, About.UNKNOWN_CUSTOMER}
    assert {each.about for each in first.differences if each.about.needs_somebody} == decisions
    assert {each.about for each in again.differences} == decisions  # told until it is decided


async def test_one_firm_that_cannot_be_compared_stops_no_other(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, slug: str
) -> None:
    other = (await sloth.tenant(f"{slug}-b", create=True)).organization.id
    for each in (firm, other):
        await subscribed(sloth, stripe_server, each)
    for subscription in stripe_server.subscriptions():
        stripe_server.cancel_in_dashboard(subscription["id"])
    paying = paying_now(sloth, stripe_server)
    async with paying.desk.visit(firm):  # somebody is at it, for longer than we wait
        result = await reconciled(sloth, stripe_server)
    assert list(result.failed) == [slug]
    ended = await paying.payments.subscription(other)
    assert ended is not None
    assert ended.status is SubscriptionStatus.CANCELED


async def test_twice_at_once_is_once(
    sloth: AsyncSloth, stripe_server: StripeServer, paying_firm: TenantId
) -> None:
    stripe_server.cancel_in_dashboard(stripe_server.subscriptions()[0]["id"])
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(reconciled, sloth, stripe_server)
    told = await sloth.audit.list(organization=paying_firm, action="subscription.changed")
    assert [each.details["status"] for each in told] == ["canceled", "active"]


async def test_nothing_is_compared_while_stripe_is_away(
    sloth: AsyncSloth, stripe_server: StripeServer, paying_firm: TenantId
) -> None:
    stripe_server.always = Fault(status=503)
    with pytest.raises(PaymentUnavailable):
        await reconciled(sloth, stripe_server)
    assert await paying_now(sloth, stripe_server).payments.subscription(paying_firm)


async def test_a_firms_history(
    sloth: AsyncSloth, stripe_server: StripeServer, paying_firm: TenantId, slug: str
) -> None:
    paying = paying_now(sloth, stripe_server)
    await paying.intake.receive(*_delivered(stripe_server))
    services = services_now(sloth, stripe_server)
    (code,) = await services.codes.generate("enterprise", days=30, by=BY)
    await services.codes.redeem(paying_firm, code, by=BY)
    told = await services.explaining.explain(slug)
    kinds = {(entry.kind, entry.what) for entry in told.entries}
    assert kinds >= {
        (Kind.EVENT, "customer.subscription.created"),
        (Kind.DECISION, "subscription.changed"),
        (Kind.DECISION, "code.redeemed"),
        (Kind.CHARGE, "taken"),
    }
    assert [entry.at for entry in told.entries] == sorted(entry.at for entry in told.entries)
    assert told.subscription is not None
    assert told.subscription.plan == "enterprise"
    assert told.customer == stripe_server.customers()[0]["id"]


async def test_who_is_deleted_pays_no_more(
    sloth: AsyncSloth, stripe_server: StripeServer, paying_firm: TenantId, slug: str
) -> None:
    stripe_server.always = Fault(status=503)
    with pytest.raises(PaymentUnavailable):
        await sloth.delete_tenant(slug)
    assert (await sloth.show_tenant(slug)).id == paying_firm  # nothing is erased yet
    stripe_server.always = Fault()
    await sloth.delete_tenant(slug)
    assert [each["status"] for each in stripe_server.subscriptions()] == ["canceled"]


async def test_who_is_deleted_cannot_pay_afterwards(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, slug: str
) -> None:
    page = await paying_now(sloth, stripe_server).subscribing.subscribe(
        firm, "starter", MONTHLY, by=BY
    )
    await sloth.delete_tenant(slug)
    with pytest.raises(Refused, match="expired"):
        stripe_server.pay_checkout(page.id)


async def test_who_pays_elsewhere_is_not_deleted_unheard(
    settings: Settings, sloth: AsyncSloth, paying_firm: TenantId, slug: str
) -> None:
    async with AsyncSloth(settings) as without:
        with pytest.raises(NotSetUp, match="takes no payments"):
            await without.delete_tenant(slug)
    assert (await sloth.show_tenant(slug)).id == paying_firm
