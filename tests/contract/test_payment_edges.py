"""What firms may try to have for nothing, and what happens at Stripe behind our back."""

import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

import anyio
import pytest
import stripe

from fakes.paying import BY, MONTHLY, YEARLY, paying_now, selling, services_now, subscribed
from fakes.stripe_server.book import Rules
from fakes.stripe_server.faults import Fault
from fakes.stripe_server.records import Price
from fakes.stripe_server.server import StripeServer
from fakes.stripe_server.webhooks import signature
from sloth_agent import AsyncSloth, Settings
from sloth_agent.app.job_handlers import hands
from sloth_agent.billing.allowance import EVER, Resource
from sloth_agent.billing.models import Subscription
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.clock import SetClock
from sloth_agent.errors import Conflict
from sloth_agent.ids import TenantId
from sloth_agent.jobs.models import THE_TENANT, JobKind, NewJob, Queue
from sloth_agent.payments.comparing import About
from sloth_agent.payments.models import Handled, Occasion
from sloth_agent.payments.reminding import reminder
from sloth_agent.tenants.orphans import TenantFolders

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


@pytest.fixture
async def sloth(settings: Settings, stripe_server: StripeServer) -> AsyncIterator[AsyncSloth]:
    async with selling(settings, stripe_server) as sloth:
        yield sloth


@pytest.fixture
async def firm(sloth: AsyncSloth, stripe_server: StripeServer, slug: str) -> TenantId:
    """On what costs nothing."""
    services = services_now(sloth, stripe_server)
    return (await services.organizations_on("free", by=BY).create(slug)).id


async def refreshed(sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId) -> Subscription:
    found = await paying_now(sloth, stripe_server).desk.refresh(firm)
    assert found is not None
    return found


async def given(sloth: AsyncSloth, clock: SetClock, firm: TenantId, plan: str, days: int) -> None:
    services = sloth.services.at(clock)
    (code,) = await services.codes.generate(plan, days=days, by=BY)
    await services.codes.redeem(firm, code, by=BY)


async def told(sloth: AsyncSloth, stripe_server: StripeServer, slug: str) -> set[About]:
    """What the nightly comparison says of one firm, or of none."""
    reconciling = paying_now(sloth, stripe_server).reconciling
    result = await reconciling.reconcile(dry_run=False, by=BY)
    return {each.about for each in result.differences if each.tenant in (slug, None)}


# What firms may try


@pytest.mark.parametrize(("microseconds", "more"), [(500_000, 0), (0, 1), (0, 0)])
async def test_time_that_was_given_is_had_once(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, microseconds: int, more: int
) -> None:
    """Stripe knows whole seconds; and somebody may redeem another code before they pay."""
    moment = SetClock(stripe_server.now + timedelta(microseconds=microseconds))
    await given(sloth, moment, firm, "starter", 30)
    subscribing = paying_now(sloth, stripe_server).subscribing
    page = await subscribing.subscribe(firm, "starter", MONTHLY, by=BY)
    if more:
        await given(sloth, moment, firm, "starter", more)
    stripe_server.pay_checkout(page.id)
    subscription = await refreshed(sloth, stripe_server, firm)
    kept = [each.length for each in subscription.later if each.plan == "starter"]
    assert sum((length for length in kept if length), timedelta()) <= more * DAY + timedelta(
        seconds=1
    )


@pytest.mark.parametrize(("plan", "days"), [("starter", 365), ("enterprise", 30)])
async def test_what_was_given_is_no_time_on_a_higher_plan(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, plan: str, days: int
) -> None:
    await given(sloth, SetClock(stripe_server.now), firm, plan, days)
    await subscribed(sloth, stripe_server, firm, "starter")
    changing = paying_now(sloth, stripe_server).changing
    with pytest.raises(Conflict, match="not time on a higher one"):
        await changing.change(firm, "enterprise", MONTHLY, by=BY)
    yearly = await changing.change(firm, "starter", YEARLY, by=BY)
    assert yearly.purchase is not None


async def test_a_new_firm_may_change_its_mind_in_its_trial(
    sloth: AsyncSloth, stripe_server: StripeServer, slug: str
) -> None:
    services = services_now(sloth, stripe_server)
    firm = (await services.organizations_on("starter", by=BY).create(f"{slug}-b")).id
    await subscribed(sloth, stripe_server, firm, "starter")
    changing = paying_now(sloth, stripe_server).changing
    higher = await changing.change(firm, "professional", MONTHLY, by=BY)
    assert (higher.plan, higher.status) == ("professional", SubscriptionStatus.TRIALING)


async def test_what_was_not_paid_for_is_not_credited(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    began = await subscribed(sloth, stripe_server, firm, "enterprise")
    stripe_server.set_card(stripe_server.customers()[0]["id"], "declines")
    assert began.current_period_end is not None
    stripe_server.advance(began.current_period_end + timedelta(hours=3))
    changing = paying_now(sloth, stripe_server).changing
    with pytest.raises(Conflict, match="has not come yet"):
        await changing.change(firm, "starter", MONTHLY, by=BY)
    assert stripe_server.customers()[0]["balance"] == 0


async def test_another_rhythm_begins_no_month(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    began = await subscribed(sloth, stripe_server, firm)
    month = began.month(stripe_server.now)
    for cycle in (YEARLY, MONTHLY):
        stripe_server.advance(stripe_server.now + DAY)
        changing = paying_now(sloth, stripe_server).changing
        changed = await changing.change(firm, "starter", cycle, by=BY)
        assert changed.month(stripe_server.now) == month


async def test_grace_begins_once_however_long_nobody_pays(settings: Settings, slug: str) -> None:
    """The dashboard may leave it past due for ever, with a new invoice each month."""
    with StripeServer(rules=Rules(after_retries="past_due")) as patient:
        async with selling(settings, patient) as sloth:
            services = services_now(sloth, patient)
            firm = (await services.organizations_on("free", by=BY).create(slug)).id
            await subscribed(sloth, patient, firm)
            patient.set_card(patient.customers()[0]["id"], "declines")
            served = 0
            for _ in range(100):
                patient.advance(patient.now + DAY)
                served += (await refreshed(sloth, patient, firm)).plan == "starter"
            assert served <= 31 + 8


async def test_who_never_pays_hears_once_that_it_is_over(
    sloth: AsyncSloth, stripe_server: StripeServer, slug: str
) -> None:
    firm = (await sloth.tenant(slug, create=True)).organization.id
    await subscribed(sloth, stripe_server, firm)
    stripe_server.set_card(stripe_server.customers()[0]["id"], "declines")
    heard = set()
    for _ in range(130):
        stripe_server.advance(stripe_server.now + DAY)
        await refreshed(sloth, stripe_server, firm)
        present = await services_now(sloth, stripe_server).subscriptions.current(firm)
        assert present is not None
        found = reminder(present, stripe_server.now)
        if found is not None and found.occasion is Occasion.SERVICE_ENDED:
            assert found.at <= stripe_server.now
            heard.add(found)
    assert len(heard) == 1


async def test_what_is_stored_has_to_fit_into_what_is_bought(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    async with sloth.services.databases.main.shared() as connection:
        await connection.execute(
            "insert into public.usage (schema_name, resource, since, used)"
            " values (%s, %s, %s, 205)",
            (f"t_{firm.hex}", Resource.DOCUMENTS, EVER),
        )
    subscribing = paying_now(sloth, stripe_server).subscribing
    with pytest.raises(Conflict, match="uses more") as refused:
        await subscribing.subscribe(firm, "starter", MONTHLY, by=BY)
    assert refused.value.hint == "Free 5 documents first."
    assert stripe_server.customers() == []  # nothing has begun
    assert (await subscribed(sloth, stripe_server, firm, "professional")).plan == "professional"


async def test_an_end_is_taken_back_wherever_it_is_kept(
    sloth: AsyncSloth, stripe_server: StripeServer, slug: str
) -> None:
    """That of a trial is kept here, and was not found at Stripe."""
    services = services_now(sloth, stripe_server)
    firm = (await services.organizations_on("starter", by=BY).create(f"{slug}-b")).id
    canceling = services.canceling
    leaving = await canceling.cancel(firm, at_period_end=True, by=BY)
    assert leaving.cancel_at_period_end
    back = await canceling.resume(firm, by=BY)
    assert (back.status, back.cancel_at_period_end) == (SubscriptionStatus.TRIALING, False)
    with pytest.raises(Conflict):
        await canceling.resume(firm, by=BY)

    await subscribed(sloth, stripe_server, firm)
    await canceling.cancel(firm, at_period_end=True, by=BY)
    assert stripe_server.subscriptions()[0]["cancel_at_period_end"]
    assert not (await canceling.resume(firm, by=BY)).cancel_at_period_end
    assert not stripe_server.subscriptions()[0]["cancel_at_period_end"]


async def test_an_end_from_before_a_firm_paid_is_taken_back(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    """The higher plan that it was given comes first, and still was to be its last."""
    await given(sloth, SetClock(stripe_server.now), firm, "enterprise", 30)
    canceling = services_now(sloth, stripe_server).canceling
    await canceling.cancel(firm, at_period_end=True, by=BY)
    paying = await subscribed(sloth, stripe_server, firm)
    assert (paying.plan, paying.cancel_at_period_end) == ("enterprise", True)
    assert not (await canceling.resume(firm, by=BY)).cancel_at_period_end


@pytest.mark.parametrize("plan", ["starter", "enterprise"])
async def test_who_leaves_at_once_leaves_what_was_given_too(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, plan: str
) -> None:
    """Whether it was to follow, or came before what is bought; it took a second time."""
    await subscribed(sloth, stripe_server, firm, "professional")
    await given(sloth, SetClock(stripe_server.now), firm, plan, 30)
    canceling = services_now(sloth, stripe_server).canceling
    left = await canceling.cancel(firm, at_period_end=False, by=BY)
    assert (left.status, left.later) == (SubscriptionStatus.CANCELED, ())
    assert stripe_server.subscriptions()[0]["status"] == "canceled"
    assert await services_now(sloth, stripe_server).subscriptions.current(firm) == left


# What happens at Stripe


async def test_the_portal_cancels_for_a_moment(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    await subscribed(sloth, stripe_server, firm)
    stripe_server.cancel_in_portal(stripe_server.subscriptions()[0]["id"])
    ending = await refreshed(sloth, stripe_server, firm)
    assert ending.cancel_at_period_end
    assert ending.follow_up_at == ending.current_period_end  # no grace for who leaves
    resumed = await paying_now(sloth, stripe_server).changing.resume(firm, by=BY)
    assert not resumed.cancel_at_period_end
    assert stripe_server.subscriptions()[0]["cancel_at"] is None


async def test_a_price_that_no_plan_has(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, slug: str
) -> None:
    await subscribed(sloth, stripe_server, firm, "enterprise")
    (subscription,) = stripe_server.subscriptions()
    id = subscription["items"]["data"][0]["price"]["id"]
    stripe_server.book.get(Price, id).metadata.clear()
    present = await refreshed(sloth, stripe_server, firm)
    assert (present.plan, present.status) == ("enterprise", SubscriptionStatus.ACTIVE)
    assert About.UNKNOWN_PRICE in await told(sloth, stripe_server, slug)
    stripe_server.cancel_in_dashboard(subscription["id"])
    ended = await refreshed(sloth, stripe_server, firm)
    assert ended.purchase is not None
    assert ended.purchase.status is SubscriptionStatus.CANCELED
    assert ended.plan == "free"


async def test_several_plans_in_one_subscription(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, slug: str
) -> None:
    began = await subscribed(sloth, stripe_server, firm)
    prices = await paying_now(sloth, stripe_server).provider.prices()
    (more,) = [each for each in prices if (each.plan, each.cycle) == ("professional", MONTHLY)]
    client = stripe.StripeClient(
        stripe_server.key, base_addresses={"api": stripe_server.url}, max_network_retries=0
    )
    assert began.purchase is not None
    id = began.purchase.id
    await anyio.to_thread.run_sync(
        lambda: client.v1.subscriptions.update(id, {"items": [{"price": more.id}]})
    )
    assert About.SEVERAL_PLANS in await told(sloth, stripe_server, slug)
    with pytest.raises(Conflict, match="several plans"):
        await paying_now(sloth, stripe_server).changing.change(firm, "enterprise", MONTHLY, by=BY)


async def test_a_customer_of_another_account_pays_as_somebody_new(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    subscribing = paying_now(sloth, stripe_server).subscribing
    await subscribing.subscribe(firm, "starter", MONTHLY, by=BY)
    async with sloth.services.databases.main.shared() as connection:
        await connection.execute(
            "update public.payers set customer = %s, checkout = null where organization_id = %s",
            (f"cus_{firm.hex}", firm),
        )
    page = await subscribing.subscribe(firm, "starter", MONTHLY, by=BY)
    stripe_server.pay_checkout(page.id)
    assert (await refreshed(sloth, stripe_server, firm)).plan == "starter"


async def test_a_firm_that_forgot_that_it_pays(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    """As after the restore of a backup from before it did."""
    await subscribed(sloth, stripe_server, firm)
    async with sloth.services.databases.main.shared() as connection:
        for table in ("payers", "subscriptions", "charges"):
            await connection.execute(
                f"delete from public.{table} where organization_id = %s".encode(), (firm,)
            )
    assert About.FORGOTTEN_CUSTOMER in await told(sloth, stripe_server, str(firm))
    assert (await refreshed(sloth, stripe_server, firm)).plan == "starter"
    with pytest.raises(Conflict, match="already"):
        await paying_now(sloth, stripe_server).subscribing.subscribe(
            firm, "starter", MONTHLY, by=BY
        )


async def test_a_dispute_names_no_customer(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId
) -> None:
    await subscribed(sloth, stripe_server, firm)
    stripe_server.dispute(stripe_server.charges()[0]["id"])
    paying = paying_now(sloth, stripe_server)
    (delivery, *_) = [e for e in stripe_server.deliveries() if e.type == "charge.dispute.created"]
    await paying.intake.receive(delivery.body, delivery.headers["Stripe-Signature"])
    await refreshed(sloth, stripe_server, firm)
    (kept,) = await paying.events.all(stripe_server.customers()[0]["id"])
    assert kept.outcome is Handled.APPLIED
    (charge,) = await paying.payments.charges(firm)
    assert charge.dispute is not None


async def test_what_was_given_back_after_half_a_year_unheard(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, slug: str
) -> None:
    paying = paying_now(sloth, stripe_server)
    page = await paying.subscribing.subscribe(firm, "starter", YEARLY, by=BY)
    stripe_server.pay_checkout(page.id)
    await refreshed(sloth, stripe_server, firm)
    stripe_server.advance(stripe_server.now + 180 * DAY)
    await told(sloth, stripe_server, slug)
    stripe_server.refund(stripe_server.charges()[0]["id"])
    assert await told(sloth, stripe_server, slug) == {About.CHARGE}
    (charge,) = await paying.payments.charges(firm)
    assert charge.refunded == charge.amount


async def test_events_of_a_firm_that_is_gone_wait_for_nobody(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, slug: str
) -> None:
    await subscribed(sloth, stripe_server, firm)
    paying = paying_now(sloth, stripe_server)
    (customer,) = stripe_server.customers()
    for each in stripe_server.deliveries("customer.subscription.created"):
        await paying.intake.receive(each.body, each.headers["Stripe-Signature"])
    await sloth.delete_tenant(slug)
    await told(sloth, stripe_server, slug)
    (kept,) = await paying.events.all(customer["id"])
    assert kept.outcome is Handled.NOT_OURS


@dataclass(frozen=True)
class _Meanwhile:
    """`TenantFolders` that go when the schema has gone, and the record has not."""

    hears: Callable[[], Awaitable[object]]

    async def remove(self, schema_name: str) -> None:
        assert schema_name
        await self.hears()


async def test_stripe_tells_of_the_end_while_a_firm_is_deleted(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, slug: str
) -> None:
    """It was answered with 500: the tables of its jobs had gone."""
    await subscribed(sloth, stripe_server, firm)
    services = services_now(sloth, stripe_server)
    intake, events = services.paying.intake, services.paying.events
    (customer,) = stripe_server.customers()

    async def hears() -> None:
        for each in stripe_server.deliveries("customer.subscription.deleted"):
            await intake.receive(each.body, each.headers["Stripe-Signature"])

    folders = cast("TenantFolders", _Meanwhile(hears))
    await replace(services.erasing, folders=folders).erase(slug, by=BY)
    (kept,) = await events.all(customer["id"])
    assert kept.event.type == "customer.subscription.deleted"
    assert kept.outcome is Handled.NOT_OURS


async def test_a_job_of_a_firm_that_is_deleted_is_no_bug(
    sloth: AsyncSloth,
    stripe_server: StripeServer,
    firm: TenantId,
    slug: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await subscribed(sloth, stripe_server, firm)
    services = services_now(sloth, stripe_server)
    work = (await services.of(await services.organizations.with_id(firm))).work
    job = NewJob(kind=JobKind.PAYMENTS, subject=THE_TENANT, queue=Queue.BILLING)
    taker = hands(services, [Queue.BILLING])
    await work.ask(job)
    claimed = await taker.claim()
    assert claimed is not None
    schema, claim = claimed

    async def does() -> None:
        await taker.do(schema, claim)

    folders = cast("TenantFolders", _Meanwhile(does))
    await replace(services.erasing, folders=folders).erase(slug, by=BY)
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


async def test_a_firm_that_stripe_answers_oddly_stops_no_other(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, slug: str
) -> None:
    services = services_now(sloth, stripe_server)
    other = (await services.organizations_on("free", by=BY).create(f"{slug}-b")).id
    for each in (firm, other):
        await subscribed(sloth, stripe_server, each)
    for subscription in stripe_server.subscriptions():
        stripe_server.cancel_in_dashboard(subscription["id"])
    listed = "/v1/subscriptions"  # of all firms at first, then of one
    stripe_server.faults += [Fault(path=listed), Fault(status=400, path=listed)]
    paying = paying_now(sloth, stripe_server)
    result = await paying.reconciling.reconcile(dry_run=False, by=BY)
    assert len(result.failed) == 1
    mine = {slug: firm, f"{slug}-b": other}
    for spared in mine.keys() - result.failed.keys():
        found = await paying.payments.subscription(mine[spared])
        assert found is not None
        assert found.purchase is not None
        assert found.purchase.status is SubscriptionStatus.CANCELED


async def test_an_event_about_nothing_that_has_a_name(
    sloth: AsyncSloth, stripe_server: StripeServer
) -> None:
    about = {"object": "invoice", "id": None, "customer": "cus_x"}
    body = json.dumps(
        {
            "id": f"evt_{time.time_ns()}",
            "type": "invoice.upcoming",
            "created": int(time.time()),
            "data": {"object": about},
        }
    ).encode()
    signed = signature(body, stripe_server.secrets, at=int(time.time()))
    event = await paying_now(sloth, stripe_server).intake.receive(body, signed)
    assert event.subject == event.id
