"""What billing needs from outside. Each method of a store is one transaction."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, Self
from uuid import UUID

from sloth_agent.billing.lifecycle import Plans
from sloth_agent.billing.models import ActivationCode, Plan, Subscription
from sloth_agent.billing.states import CodeStatus, SubscriptionStatus
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import Actor, AuditEvent


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


@dataclass(frozen=True, slots=True)
class ListedCode:
    code: ActivationCode
    used_by: str | None  # the slug; None: unused, or that tenant is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Somebody tries a code for a firm."""

    organization: TenantId
    digest: bytes | None  # None: mistyped, there is nothing to look up
    at: datetime
    by: Actor

    def event(self, action: str, *, code: UUID | None, **details: object) -> AuditEvent:
        return AuditEvent.of(
            action,
            by=self.by,
            at=self.at,
            organization=self.organization,
            subject=str(code) if code else None,
            **details,
        )


class CodeStore(Protocol):
    """Activation codes, of which only digests are kept."""

    async def add(self, codes: Mapping[bytes, ActivationCode], *, event: AuditEvent) -> None:
        """Keep new codes under their digests."""

    async def all(
        self,
        *,
        now: datetime,
        status: CodeStatus | None,
        plan: str | None,
        before: UUID | None,
        limit: int,
    ) -> Sequence[ListedCode]:
        """Newest first; `before` is the last id of the page before."""

    async def unused(self, now: datetime) -> Mapping[str, int]:
        """How many can still be redeemed, by plan; plans without any are left out."""

    async def revoke(self, which: UUID | bytes, *, event: AuditEvent) -> ActivationCode | None:
        """Let nobody use it any more, by its id or digest; one that was used stays as it is.

        Returns what it is now; None: no such code.
        """

    async def redeem(
        self, attempt: Attempt, grant: Callable[[ActivationCode], Decide]
    ) -> Subscription:
        """Take the code, and change the subscription by `grant` of it: both or neither.

        A refused attempt is counted and written down.

        Raises:
            NotFound: no such organization.
            RateLimited: too many of this firm's codes were wrong; this one is not looked at.
            CodeUnknown, CodeUsed, CodeExpired: it cannot be taken.
            Conflict: it would give the firm nothing; the code stays unused.
        """
