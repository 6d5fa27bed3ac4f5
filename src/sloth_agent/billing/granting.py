"""Giving a firm time on a plan, whoever asks for it: an operator, a code, a reward."""

from datetime import timedelta

from sloth_agent.billing.lifecycle import Plans, advanced, with_grant
from sloth_agent.billing.models import Grant, Subscription
from sloth_agent.billing.ports import Change
from sloth_agent.billing.states import BillingCycle
from sloth_agent.errors import InvalidInput
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import AuditEvent

MOST_DAYS = 36_500
"""A hundred years; what shall last longer is without end."""


def granted(
    before: Subscription | None,
    grant: Grant,
    *,
    organization: TenantId,
    plans: Plans,
    event: AuditEvent,
    cycle: BillingCycle | None = None,
) -> Change:
    """Add a grant to what the firm has at the time of the event.

    Raises:
        Conflict: it would never begin, behind something that never ends.
    """
    present = advanced(before, plans=plans, now=event.at) if before else None
    after = with_grant(
        present, grant, organization=organization, plans=plans, now=event.at, cycle=cycle
    )
    return Change.of(present, after, event)


def length_in_days(days: int) -> timedelta | None:
    """0 days are without end.

    Raises:
        InvalidInput: fewer, or more than a hundred years.
    """
    if not 0 <= days <= MOST_DAYS:
        raise InvalidInput(
            f"{days} is not a number of days up to {MOST_DAYS}.",
            hint="What shall last longer is without end.",
            field="days",
        )
    return timedelta(days=days) if days else None
