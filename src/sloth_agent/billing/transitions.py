"""The states of a subscription, and what leads from one to the next: one table."""

from collections.abc import Mapping
from enum import StrEnum

from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.errors import Conflict


class Event(StrEnum):
    TRIAL_BEGAN = "trial_began"
    ACTIVATED = "activated"  # by hand, by a code, by a payment
    RENEWED = "renewed"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_GIVEN_UP = "payment_given_up"
    RAN_OUT = "ran_out"
    CANCELED = "canceled"


_TRIALING = SubscriptionStatus.TRIALING
_ACTIVE = SubscriptionStatus.ACTIVE
_PAST_DUE = SubscriptionStatus.PAST_DUE
_CANCELED = SubscriptionStatus.CANCELED
_UNPAID = SubscriptionStatus.UNPAID

TRANSITIONS: Mapping[Event, Mapping[SubscriptionStatus | None, SubscriptionStatus]] = {
    Event.TRIAL_BEGAN: dict.fromkeys([None, _TRIALING, _ACTIVE, _PAST_DUE], _TRIALING),
    Event.ACTIVATED: dict.fromkeys([None, *SubscriptionStatus], _ACTIVE),
    Event.RENEWED: dict.fromkeys([_ACTIVE, _PAST_DUE], _ACTIVE),
    Event.PAYMENT_FAILED: dict.fromkeys([_TRIALING, _ACTIVE, _PAST_DUE], _PAST_DUE),
    Event.PAYMENT_GIVEN_UP: {_PAST_DUE: _UNPAID},
    Event.RAN_OUT: dict.fromkeys([_TRIALING, _ACTIVE, _PAST_DUE], _UNPAID),
    Event.CANCELED: dict.fromkeys([_TRIALING, _ACTIVE, _PAST_DUE, _UNPAID], _CANCELED),
}
"""What happens -> the state before -> the state after; None is a firm without a subscription.

A trial begins from a running state where the rest of it was put off for a higher plan.
"""


def next_status(status: SubscriptionStatus | None, event: Event) -> SubscriptionStatus:
    """Raises:
    Conflict: this cannot happen to a subscription in that state.
    """
    try:
        return TRANSITIONS[event][status]
    except KeyError:
        state = status or "missing"
        raise Conflict(f"A subscription that is {state} cannot be {event}.") from None
