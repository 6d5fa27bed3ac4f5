"""What referrals need from outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sloth_agent.billing.lifecycle import Plans
from sloth_agent.billing.models import Subscription
from sloth_agent.billing.referrals import Lift, Referral, ReferralReward, ReferralStatus
from sloth_agent.ids import TenantId, UserId
from sloth_agent.tenants.audit import AuditEvent


@dataclass(frozen=True, slots=True)
class ReferredFirm:
    """A referral with the firm that it is about."""

    slug: str
    referral: Referral
    subscription: Subscription | None  # as stored, not followed up


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralCounts:
    """Of one user."""

    signups: int  # users who signed up with the code; not each brings a firm
    firms: Mapping[ReferralStatus, int]
    rewards: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnedReward:
    """The next step of a user who has the active referrals for it."""

    referrer: UserId
    organization: TenantId  # the referrer's
    step: int


DecideLift = Callable[[Subscription | None, Plans], Lift | None]
"""What a reward makes of the subscription of the referrer's firm; None: it waits."""


class ReferralStore(Protocol):
    """All referrals of the install. Each method is one transaction."""

    async def firms(
        self, *, referrer: UserId | None, after: TenantId | None, limit: int
    ) -> Sequence[ReferredFirm]:
        """By the id of the firm, oldest first; of all users if None."""

    async def set_status(
        self, referral: Referral, status: ReferralStatus, *, event: AuditEvent
    ) -> bool:
        """False, and nothing changes, if it has another status than `referral` by now."""

    async def counts(self, referrer: UserId) -> ReferralCounts: ...

    async def earned(self) -> Sequence[EarnedReward]:
        """Rewards that have not been given yet, the next one of each user."""

    async def give(self, earned: EarnedReward, decide: DecideLift) -> ReferralReward | None:
        """Record a reward and lift the firm, both or neither; of several at once one does.

        None: it waits, was given meanwhile, or the active referrals have become too few.
        """

    async def rewards(self, referrer: UserId) -> Sequence[ReferralReward]:
        """By step."""
