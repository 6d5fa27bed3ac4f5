"""What billing needs from outside. Each method of a store is one transaction."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, Self

from sloth_agent.billing.lifecycle import Plans
from sloth_agent.billing.models import Plan, Subscription
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import AuditEvent


class PlanStore(Protocol):
    """All plans of the install; on first use those that are shipped."""

    async def all(self) -> Sequence[Plan]:
        """By step, the smallest first."""

    async def replace(self, plans: Sequence[Plan], *, event: AuditEvent) -> Mapping[str, Plan]:
        """Store these, withdraw those that are not among them; returns what was before."""


@dataclass(frozen=True, slots=True)
class Change:
    """A subscription as it is to be, and what the audit log says of it."""

    subscription: Subscription
    event: AuditEvent

    @classmethod
    def of(cls, before: Subscription | None, after: Subscription, event: AuditEvent) -> Self:
        """Tell in the event what the firm had and has."""
        end = after.current_period_end
        details = {
            **event.details,
            "plan_before": before.plan if before else None,
            "status_before": before.status.value if before else None,
            "plan": after.plan,
            "status": after.status.value,
            "period_end": end.isoformat() if end else None,
            "later": [grant.plan for grant in after.later],
        }
        return cls(after, replace(event, subject=event.subject or after.plan, details=details))


Decide = Callable[[Subscription | None, Plans], Change | None]
"""What becomes of a firm's subscription; None: it stays as it is."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A firm with its subscription."""

    slug: str
    subscription: Subscription


class SubscriptionStore(Protocol):
    async def find(self, organization: TenantId) -> Subscription | None: ...

    async def change(self, organization: TenantId, decide: Decide) -> Subscription | None:
        """Decide and store while nobody else changes this firm's subscription.

        Raises:
            NotFound: no such organization.
        """

    async def all(
        self,
        *,
        status: SubscriptionStatus | None,
        plan: str | None,
        after: str | None,
        limit: int,
    ) -> Sequence[Subscribed]:
        """By slug; `after` is the last slug of the page before."""

    async def due(self, now: datetime, *, limit: int) -> Sequence[TenantId]:
        """Firms whose period has ended and has not been followed up."""

    async def with_plans(self, plans: Collection[str]) -> Sequence[Subscription]:
        """Running subscriptions that are on one of the plans, or will be."""
