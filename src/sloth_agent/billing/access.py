"""What a firm may do in the state that its subscription is in."""

from datetime import datetime

from sloth_agent.billing.models import Feature, Subscription
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.errors import FeatureNotInPlan, SubscriptionExpired

AN_INVOICE_IS_OPEN = "Pay the open invoice in the billing portal"


def require_access(subscription: Subscription | None, feature: Feature | None = None) -> None:
    """Let pass who is in a trial, active, or has a payment that is tried again.

    Without a subscription everything is allowed: one person on a laptop is nobody's customer.

    Raises:
        SubscriptionExpired: it was canceled, or what was granted has run out.
        FeatureNotInPlan: the plan, under the terms of this firm, does not have the feature.
    """
    if subscription is None:
        return
    if not subscription.status.alive:
        status, ended_at = subscription.status, subscription.ended_at
        raise subscription_ended(
            subscription.plan, status=status, ended_at=ended_at, is_owed=subscription.is_owed
        )
    if feature is not None and feature not in subscription.terms.features:
        raise not_in_plan(feature, subscription.plan)


def subscription_ended(
    plan: str, *, status: SubscriptionStatus, ended_at: datetime | None, is_owed: bool = False
) -> SubscriptionExpired:
    """What to tell somebody whose firm has to subscribe again, or to pay what is owed."""
    way_out = AN_INVOICE_IS_OPEN if is_owed else "Redeem an activation code, or subscribe again"
    return SubscriptionExpired(
        f"The subscription to {plan} has ended.",
        hint=f"{way_out}; nothing was deleted.",
        status=status.value,
        ended_at=ended_at,
    )


def not_in_plan(feature: Feature, plan: str) -> FeatureNotInPlan:
    """What to tell somebody whose plan has less."""
    return FeatureNotInPlan(
        f"The plan {plan} does not have {feature.value}.",
        hint="Choose a higher plan.",
        feature=feature.value,
        plan=plan,
    )
