"""What a firm may do in the state that its subscription is in."""

from sloth_agent.billing.models import Feature, Subscription
from sloth_agent.errors import FeatureNotInPlan, SubscriptionExpired


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
        raise SubscriptionExpired(
            f"The subscription to {subscription.plan} has ended.",
            hint="Redeem an activation code, or subscribe again; nothing was deleted.",
            status=subscription.status.value,
            ended_at=subscription.current_period_end,
        )
    if feature is not None and feature not in subscription.terms.features:
        raise FeatureNotInPlan(
            f"The plan {subscription.plan} does not have {feature.value}.",
            hint="Choose a higher plan.",
            feature=feature.value,
            plan=subscription.plan,
        )
