"""Ending a subscription, whoever keeps it, and taking that back."""

from collections.abc import Callable
from dataclasses import dataclass

from sloth_agent.billing.models import Purchase, Subscription
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.billing.subscriptions import Subscriptions
from sloth_agent.ids import TenantId
from sloth_agent.payments.changing import Changing
from sloth_agent.tenants.audit import Actor


@dataclass(frozen=True, slots=True)
class Canceling:
    """Ends a subscription, and takes that back, where it is kept: with the provider, or here."""

    subscriptions: Subscriptions
    changing: Callable[[], Changing]  # Conflict where nobody takes payments

    async def cancel(
        self, organization: TenantId, *, at_period_end: bool, by: Actor
    ) -> Subscription:
        """End it with the period, or at once with all that was to follow.

        Raises:
            NotFound: no such organization, or it has no subscription.
            Conflict: it has ended already, or has no end to wait for.
            PaymentUnavailable: the provider does not answer; nothing has changed.
        """
        present = await self.subscriptions.current(organization)
        if _open_purchase(present):
            changing = self.changing()
            left = await changing.cancel(organization, at_period_end=at_period_end, by=by)
            if at_period_end or not left.status.alive:
                return left  # else what was given would go on, or begin
        return await self.subscriptions.cancel(organization, at_period_end=at_period_end, by=by)

    async def resume(self, organization: TenantId, *, by: Actor) -> Subscription:
        """Take an end back before it has come.

        Raises:
            NotFound: no such organization.
            Conflict: it was not canceled, has ended, or nobody takes payments.
            PaymentUnavailable: the provider does not answer; nothing has changed.
        """
        present = await self.subscriptions.current(organization)
        purchase = _open_purchase(present)
        ends_there = purchase is not None and purchase.cancel_at_period_end
        if present is None or not present.leaves_what_was_given or ends_there:
            present = await self.changing().resume(organization, by=by)
        if present.leaves_what_was_given:
            present = await self.subscriptions.resume(organization, by=by)
        return present


def _open_purchase(subscription: Subscription | None) -> Purchase | None:
    """What the firm buys, and goes on to; None: nothing."""
    purchase = subscription.purchase if subscription else None
    if purchase is None or purchase.status is SubscriptionStatus.CANCELED:
        return None
    return purchase
