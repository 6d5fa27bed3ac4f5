"""Subscriptions of firms that never bought anything."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.models import NO_LIMITS, Subscription, Terms
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.ids import TenantId


@dataclass(frozen=True, slots=True)
class Sold:
    """`CurrentSubscriptions` that has the same for every firm."""

    subscription: Subscription | None

    async def current(self, _organization: TenantId) -> Subscription | None:
        return self.subscription


def limited(
    tenant: AsyncTenant,
    *,
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE,
    max_cost_per_month: Decimal | None = None,
    **limits: int,
) -> AsyncTenant:
    """The tenant under a plan that has these limits and no others, since a week ago.

    The same in every process: months begin at midnight.
    """
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(7)
    subscription = Subscription(
        organization=tenant.organization.id,
        plan="starter",
        terms=Terms(
            limits=replace(NO_LIMITS, **limits),
            features=frozenset(),
            price_monthly=Decimal(29),
            price_yearly=Decimal(290),
            currency="EUR",
            max_cost_per_month=max_cost_per_month,
        ),
        status=status,
        billing_cycle=BillingCycle.MONTHLY,
        anchor=start,
        current_period_start=start,
        current_period_end=start + timedelta(days=30),
    )
    return replace(tenant, services=replace(tenant.services, subscriptions=Sold(subscription)))
