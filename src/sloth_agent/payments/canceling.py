"""Ending a subscription, whoever keeps it."""

from collections.abc import Callable
from dataclasses import dataclass

from sloth_agent.billing.models import Subscription
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.billing.subscriptions import Subscriptions
from sloth_agent.ids import TenantId
from sloth_agent.payments.changing import Changing
from sloth_agent.tenants.audit import Actor


@dataclass(frozen=True, slots=True)
class Canceling:
    """Ends a subscription where it is kept: with the provider, or here."""

    subscriptions: Subscriptions
    changing: Callable[[], Changing]  # Conflict where nobody takes payments

    async def cancel(
        self, organization: TenantId, *, at_period_end: bool, by: Actor
    ) -> Subscription:
        """Raises:
        NotFound: no such organization, or it has no subscription.
        Conflict: it has ended already, or has no end to wait for.
        PaymentUnavailable: the provider does not answer; nothing has changed.
        """
        present = await self.subscriptions.current(organization)
        purchase = present.purchase if present else None
        goes_on = purchase is not None and purchase.status is not SubscriptionStatus.CANCELED
        where = self.changing() if goes_on else self.subscriptions
        return await where.cancel(organization, at_period_end=at_period_end, by=by)
