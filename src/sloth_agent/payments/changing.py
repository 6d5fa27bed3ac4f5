"""Going on otherwise: another plan, an end, an end that is taken back."""

from dataclasses import dataclass
from datetime import timedelta

from sloth_agent.billing.lifecycle import Plans
from sloth_agent.billing.models import Plan, Subscription
from sloth_agent.billing.plans import on_sale
from sloth_agent.billing.ports import PlanStore
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.errors import Conflict
from sloth_agent.ids import TenantId
from sloth_agent.payments.applying import is_open, the_one
from sloth_agent.payments.desk import Desk, Visit
from sloth_agent.payments.fitting import refuse_what_does_not_fit
from sloth_agent.payments.models import RemoteSubscription
from sloth_agent.payments.ports import UsageOf
from sloth_agent.payments.subscribing import LEAST_TRIAL, price_of
from sloth_agent.tenants.audit import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Changing:
    """What firms that pay may change. Everything may raise:

    NotFound: no such organization.
    Conflict: the firm buys nothing through the provider.
    PaymentUnavailable: the provider does not answer.
    """

    desk: Desk
    plans: PlanStore
    usage: UsageOf

    async def change(
        self, organization: TenantId, plan: str, cycle: BillingCycle, *, by: Actor
    ) -> Subscription:
        """Go on with another plan from now on, or pay in another rhythm.

        What more it costs for the rest of the period is charged at once; what less is credited.

        Raises:
            NotFound: no such plan.
            Conflict: the firm has it already, uses more than it has, has not paid what is due, or
                waits for its first payment longer than a trial of the plan is; or it is not on
                sale.
            PaymentDeclined: the difference could not be charged.
        """
        plans = {each.slug: each for each in await self.plans.all()}
        wanted = on_sale(plans, plan)
        if wanted.terms.free:
            raise Conflict(f"The plan {wanted.slug!r} costs nothing.", hint="Cancel this one.")
        refuse_what_does_not_fit(wanted, await self.usage.report(organization))
        async with self.desk.visit(organization) as visit:
            remote = await self._open(visit, by=by)
            if (remote.price.plan, remote.price.cycle) == (wanted.slug, cycle):
                raise Conflict("The firm has this plan already, and pays for it like that.")
            refuse_what_is_not_paid_for(remote, wanted, plans)
            price = await price_of(self.desk.provider, wanted, cycle)
            await self.desk.provider.change_price(remote, price.id, key=visit.key("change"))
            return await _present(visit, by=by)

    async def cancel(
        self, organization: TenantId, *, at_period_end: bool, by: Actor
    ) -> Subscription:
        """End it at once, or with the period that is paid for."""
        async with self.desk.visit(organization) as visit:
            remote = await self._open(visit, by=by)
            key = visit.key("cancel")
            await self.desk.provider.cancel(remote.id, at_period_end=at_period_end, key=key)
            return await _present(visit, by=by)

    async def resume(self, organization: TenantId, *, by: Actor) -> Subscription:
        """Go on after the period after all.

        Raises:
            Conflict: it was not canceled.
        """
        async with self.desk.visit(organization) as visit:
            remote = await self._open(visit, by=by)
            if remote.ends_at is None:
                raise Conflict("The subscription was not canceled.")
            await self.desk.provider.resume(remote, key=visit.key("resume"))
            return await _present(visit, by=by)

    async def _open(self, visit: Visit, *, by: Actor) -> RemoteSubscription:
        subscription = await visit.refresh(by=by)
        remote = the_one(visit.remote, subscription.purchase if subscription else None)
        if remote is None or not is_open(remote):
            raise Conflict("The firm pays for nothing here.", hint="Subscribe first.")
        return remote


async def _present(visit: Visit, *, by: Actor) -> Subscription:
    subscription = await visit.refresh(by=by)
    assert subscription is not None, "it buys something"
    return subscription


def refuse_what_is_not_paid_for(remote: RemoteSubscription, wanted: Plan, plans: Plans) -> None:
    """Raises:
    Conflict: a change would give back what was never paid, or give for nothing what costs more.
    """
    if remote.is_mixed:
        raise Conflict("The firm has several plans at the provider.", hint="Leave one of them.")
    if remote.status in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID):
        raise Conflict("The last payment has not come yet.", hint="Pay it first.")
    if remote.status is not SubscriptionStatus.TRIALING or remote.trial_end is None:
        return
    present = plans.get(remote.price.plan or "")
    is_higher = present is None or wanted.step > present.step
    own_trial = remote.created_at + timedelta(days=wanted.trial_days) + LEAST_TRIAL
    if is_higher and remote.trial_end > own_trial:
        raise Conflict(
            "What the firm was given of this plan is not time on a higher one.",
            hint=f"Wait until {remote.trial_end.date()}, or cancel at once and subscribe anew.",
        )
