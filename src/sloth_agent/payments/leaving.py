"""A firm that goes takes its subscription with it: nobody is charged for what is not there."""

from collections.abc import Callable
from dataclasses import dataclass

from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.ids import TenantId
from sloth_agent.payments.applying import is_open
from sloth_agent.payments.desk import Desk
from sloth_agent.payments.ports import PayerStore, PaymentStore


@dataclass(frozen=True, slots=True)
class Leaving:
    """`Farewell` of a firm that may pay through a provider."""

    payers: PayerStore
    payments: PaymentStore
    takes_payments: bool
    desk: Callable[[], Desk]  # Conflict where nobody takes payments

    async def end(self, organization: TenantId) -> None:
        """End at once whatever the provider would charge for, and the page to pay on.

        Running it again goes on where it was cut short.

        Raises:
            Conflict: the firm has paid through a provider that is not set any more.
            PaymentUnavailable: the provider does not answer.
        """
        payer = await self.payers.find(organization)
        if payer is None or payer.customer is None:
            return
        if not self.takes_payments and not await self._pays(organization):
            return
        desk = self.desk()
        async with desk.visit(organization) as visit:
            if visit.payer.checkout is not None:
                await desk.provider.end_checkout(visit.payer.checkout.page.id)
            said = await visit.ask()
            for each in said.subscriptions:
                if is_open(each):
                    key = visit.key("leave")
                    await desk.provider.cancel(each.id, at_period_end=False, key=key)

    async def _pays(self, organization: TenantId) -> bool:
        """As far as we know."""
        subscription = await self.payments.subscription(organization)
        purchase = subscription.purchase if subscription else None
        return purchase is not None and purchase.status is not SubscriptionStatus.CANCELED
