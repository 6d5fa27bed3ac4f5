"""What firms pay."""

from decimal import ROUND_HALF_EVEN, Decimal

from sloth_agent.billing.models import Subscription
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus

CENT = Decimal("0.01")
MONTHS_IN_YEAR = 12


def monthly_revenue(subscription: Subscription) -> Decimal:
    """What a month of the subscription brings, by the terms that the firm has.

    A twelfth of a yearly price is rounded to cents, half to even. Nothing for a trial, for what was
    given, or after the end.
    """
    serving = subscription.status.alive and subscription.status is not SubscriptionStatus.TRIALING
    if not (serving and subscription.paid):
        return Decimal(0).quantize(CENT)
    terms = subscription.terms
    if subscription.billing_cycle is BillingCycle.YEARLY:
        return (terms.price_yearly / MONTHS_IN_YEAR).quantize(CENT, ROUND_HALF_EVEN)
    return terms.price_monthly
