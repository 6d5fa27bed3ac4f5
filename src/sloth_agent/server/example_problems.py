"""Errors as they really come, made by whatever raises them: for the API's description."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sloth_agent.access.replies import being_answered
from sloth_agent.billing.access import not_in_plan, subscription_ended
from sloth_agent.billing.allowance import Allowance, Resource
from sloth_agent.billing.costs import cap_reached
from sloth_agent.billing.models import BYTES_IN_MB, Feature, Limits
from sloth_agent.billing.periods import Period
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.billing.usage import limit_reached
from sloth_agent.errors import SlothError
from sloth_agent.server.limiting import Left, Rate, too_often
from sloth_agent.server.problems import UNEXPECTED, unusable
from sloth_agent.server.request_bodies import too_large

MONTH = Period(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))

ALLOWANCE = Allowance(
    month=MONTH,
    limits=Limits(
        max_users=3,
        max_documents=50,
        max_photos_per_month=100,
        max_messages_per_month=500,
        max_storage_mb=500,
    ),
)


def example_problems() -> Sequence[SlothError]:
    """One of each kind that tells more than its code and a sentence."""
    rate = Rate(name="requests", amount=600)
    return (
        *_full(),
        cap_reached(MONTH.start),
        subscription_ended("starter", status=SubscriptionStatus.UNPAID, ended_at=MONTH.start),
        not_in_plan(Feature.API, "starter"),
        too_often(Left(rate=rate, remaining=0, resets_in=41)),
        being_answered(),
        too_large(20 * BYTES_IN_MB),
        unusable([{"field": "email", "message": "must be set"}]),
        UNEXPECTED,
    )


def _full() -> Iterator[SlothError]:
    for resource in Resource:
        room = ALLOWANCE.room(resource)
        assert room.limit is not None, "the example has limits"
        yield limit_reached(room, used=room.limit)
