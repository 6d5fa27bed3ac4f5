"""Beginning to pay: the firm is sent to a page of the provider."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid5

from sloth_agent.billing.lifecycle import Plans, advanced, terms_held
from sloth_agent.billing.models import Plan, Subscription
from sloth_agent.billing.plans import on_sale
from sloth_agent.billing.ports import PlanStore
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.errors import Conflict, InProgress
from sloth_agent.ids import TenantId
from sloth_agent.payments.applying import is_open
from sloth_agent.payments.desk import Desk, Visit
from sloth_agent.payments.fitting import refuse_what_does_not_fit
from sloth_agent.payments.models import Checkout, Order, Page, Price
from sloth_agent.payments.ports import Contacts, PaymentProvider, UsageOf
from sloth_agent.tenants.audit import Actor

LEAST_TRIAL = timedelta(hours=49)
"""Providers begin no trial that is shorter than two days."""

LONGEST_WAIT = timedelta(days=700)
"""Nor do they put off the first payment for much longer than that."""

PAGE_LASTS = timedelta(hours=24)
"""After it was begun nobody can pay on it any more."""

USABLE_FOR = timedelta(minutes=5)
"""A page that ends sooner is not handed out again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribing:
    """How firms begin to pay."""

    desk: Desk
    plans: PlanStore
    contacts: Contacts
    usage: UsageOf
    frontend: str  # where the provider's page leads back to

    async def subscribe(
        self, organization: TenantId, plan: str, cycle: BillingCycle, *, by: Actor
    ) -> Page:
        """A page on which the firm begins to pay for a plan.

        Nothing is charged before the firm's trial has ended, nor what it was given of this plan or
        a higher one.
        The same wish leads to the same page, as long as nobody has paid there.

        Raises:
            NotFound: no such organization or plan.
            Conflict: it has what it wants, or uses more than the plan has; the plan costs nothing
                or is no longer sold, or the provider's prices are not those of the plans.
            PaymentUnavailable: the provider does not answer; nothing has begun.
        """
        plans = {each.slug: each for each in await self.plans.all()}
        wanted = on_sale(plans, plan)
        if wanted.terms.free:
            raise Conflict(f"The plan {wanted.slug!r} costs nothing.", hint="Cancel the other one.")
        refuse_what_does_not_fit(wanted, await self.usage.report(organization))
        async with self.desk.visit(organization) as visit:
            begun = visit.payer.checkout
            if begun is not None and _leads_to(begun, wanted, cycle, now=self.desk.clock()):
                return begun.page
            await self._make_known(visit)
            subscription = await visit.refresh(by=by)
            await self._make_known_again(visit)
            _refuse_a_second(visit)
            await self._end_former(visit)
            return await self._begin(visit, wanted, cycle, subscription, plans)

    async def _make_known(self, visit: Visit) -> None:
        """Once, and found again if this process died before it wrote that down."""
        if visit.payer.customer is not None:
            return
        await self._introduce(visit, after=None)

    async def _make_known_again(self, visit: Visit) -> None:
        """Who was deleted there, or is known to another account, pays as somebody new."""
        if not visit.remote and not await self.desk.provider.knows(visit.customer):
            await self._introduce(visit, after=visit.customer)

    async def _introduce(self, visit: Visit, *, after: str | None) -> None:
        contact = await self.contacts.of(visit.payer.organization)
        key = f"customer:{uuid5(contact.organization, repr((contact, after)))}"
        customer = await self.desk.provider.create_customer(contact, key=key)
        await visit.save(replace(visit.payer, customer=customer, checkout=None))

    async def _end_former(self, visit: Visit) -> None:
        """Nobody is to pay on two pages."""
        begun = visit.payer.checkout
        if begun is None:
            return
        if not await self.desk.provider.end_checkout(begun.page.id):
            await visit.refresh()
            _refuse_a_second(visit)
            _refuse_while_it_begins(visit, begun, now=self.desk.clock())
        await visit.save(replace(visit.payer, checkout=None))

    async def _begin(
        self,
        visit: Visit,
        plan: Plan,
        cycle: BillingCycle,
        subscription: Subscription | None,
        plans: Plans,
    ) -> Page:
        """Nobody can pay on a page whose address was lost before it was stored."""
        price = await price_of(self.desk.provider, plan, cycle)
        order = Order(
            organization=visit.payer.organization,
            customer=visit.customer,
            price=price.id,
            trial_end=_first_charge(subscription, plan, plans, now=self.desk.clock()),
            success_url=f"{self.frontend}/billing?checkout=paid",
            cancel_url=f"{self.frontend}/billing?checkout=canceled",
        )
        page = await self.desk.provider.begin_checkout(order, key=visit.key("checkout"))
        checkout = Checkout(plan=plan.slug, cycle=cycle, page=page)
        await visit.save(replace(visit.payer, checkout=checkout))
        return page


async def price_of(provider: PaymentProvider, plan: Plan, cycle: BillingCycle) -> Price:
    """At which the provider sells a plan now.

    Raises:
        Conflict: it does not, or at another price than ours.
    """
    amount = plan.terms.price_in(cycle)
    for price in await provider.prices():
        same = (price.plan, price.cycle, price.amount, price.currency)
        if same == (plan.slug, cycle, amount, plan.terms.currency):
            return price
    raise Conflict(
        f"The plan {plan.slug!r} cannot be paid for yet: its price is not known to the provider.",
        hint="Run `sloth admin plans sync-stripe`.",
    )


def _leads_to(checkout: Checkout, plan: Plan, cycle: BillingCycle, *, now: datetime) -> bool:
    same = (checkout.plan, checkout.cycle) == (plan.slug, cycle)
    return same and checkout.page.expires_at > now + USABLE_FOR


def _refuse_a_second(visit: Visit) -> None:
    if any(is_open(each) for each in visit.remote):
        raise Conflict(
            "The firm has a subscription already.", hint="Change its plan, or cancel it first."
        )


def _refuse_while_it_begins(visit: Visit, begun: Checkout, *, now: datetime) -> None:
    """Somebody has paid on the page, and the bank has not said yet that it does.

    It says so within a day, or nothing comes of it.
    """
    expires = begun.page.expires_at
    began = any(each.created_at >= expires - PAGE_LASTS for each in visit.remote)
    if not began and now < expires:
        raise InProgress(
            "A payment is under way.", hint="Ask again in a minute.", retry_after_seconds=60
        )


def _first_charge(
    subscription: Subscription | None, plan: Plan, plans: Plans, *, now: datetime
) -> datetime | None:
    """When its trial, and what it has of this plan or a higher one, ends; None: it has neither.

    Raises:
        Conflict: that never ends, or not for years.
    """
    if subscription is None:
        return None
    present = advanced(subscription, plans=plans, now=now)
    if not present.status.alive:
        return None
    ends = [
        held.until
        for held in terms_held(present)
        if plans[held.plan].step >= plan.step and not held.terms.free
    ]
    if present.status is SubscriptionStatus.TRIALING:
        ends = [present.current_period_end, *ends]
    if not ends:
        return None
    last = ends[-1]
    if last is None or last > now + LONGEST_WAIT:
        raise Conflict("The firm has this plan, or a higher one, for years or without end already.")
    return max(last, now + LEAST_TRIAL)
