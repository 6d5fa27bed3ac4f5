"""Referrals: followed up, rewarded, counted."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sloth_agent.billing.lifecycle import Plans
from sloth_agent.billing.models import Subscription
from sloth_agent.billing.ports import PlanStore
from sloth_agent.billing.referral_ports import (
    EarnedReward,
    ReferralCounts,
    ReferralStore,
    ReferredFirm,
)
from sloth_agent.billing.referrals import (
    ACTIVE_FOR_A_REWARD,
    Lift,
    ReferralReward,
    ReferralStatus,
    lift,
    status_now,
)
from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, InvalidInput, NotFound
from sloth_agent.ids import TenantId, UserId
from sloth_agent.tenants.audit import SYSTEM, AuditEvent
from sloth_agent.tenants.users import User

MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralStats:
    """What has become of a user's code."""

    code: str
    counts: ReferralCounts

    @property
    def next_reward_at(self) -> int:
        """So many active referrals bring the next plan step."""
        return ACTIVE_FOR_A_REWARD * (self.counts.rewards + 1)

    def firms(self, status: ReferralStatus) -> int:
        return self.counts.firms.get(status, 0)


@dataclass(frozen=True, slots=True)
class Referrals:
    """Firms that users have brought here."""

    store: ReferralStore
    plans: PlanStore
    clock: Clock

    async def stats(self, user: User) -> ReferralStats:
        """Counts as of now."""
        await self.follow_up(user.id)
        return ReferralStats(code=user.referral_code, counts=await self.store.counts(user.id))

    async def list(
        self, user: User, *, after: TenantId | None = None, limit: int = 50
    ) -> Sequence[ReferredFirm]:
        """Firms that a user has brought here, oldest first, as of now.

        Raises:
            InvalidInput: a limit out of range.
        """
        if not 1 <= limit <= MOST_AT_ONCE:
            raise InvalidInput(f"The limit is 1 to {MOST_AT_ONCE}.", field="limit")
        await self.follow_up(user.id)
        return await self.store.firms(referrer=user.id, after=after, limit=limit)

    async def rewards(self, user: User) -> Sequence[ReferralReward]:
        """What a user's firm has been given for it, oldest first."""
        return await self.store.rewards(user.id)

    async def follow_up(self, referrer: UserId | None = None) -> int:
        """Bring referrals to what the firms' subscriptions say now; returns how many changed.

        Those of one user, or all.
        """
        plans = {plan.slug: plan for plan in await self.plans.all()}
        now = self.clock()
        changed = 0
        async for firm in self._firms(referrer):
            changed += await self._followed_up(firm, plans, now)
        return changed

    async def reward(self) -> int:
        """Lift the firms of all users who have earned it, one plan step for each 50; how many."""
        await self.follow_up()
        given = 0
        while rewards := [
            reward for earned in await self.store.earned() if (reward := await self._give(earned))
        ]:
            given += len(rewards)
        return given

    async def _firms(self, referrer: UserId | None) -> AsyncIterator[ReferredFirm]:
        after = None
        while page := await self.store.firms(referrer=referrer, after=after, limit=MOST_AT_ONCE):
            for firm in page:
                yield firm
            after = page[-1].referral.organization

    async def _followed_up(self, firm: ReferredFirm, plans: Plans, now: datetime) -> bool:
        referral = firm.referral
        status = status_now(referral, firm.subscription, plans=plans, now=now)
        if status is referral.status:
            return False
        event = AuditEvent.of(
            f"referral.{status}",
            by=SYSTEM,
            at=now,
            organization=referral.organization,
            subject=str(referral.referrer),
        ).by_clock(self.clock)
        return await self.store.set_status(referral, status, event=event)

    async def _give(self, earned: EarnedReward) -> ReferralReward | None:
        event = AuditEvent.of(
            "referral.rewarded",
            by=SYSTEM,
            at=self.clock(),
            organization=earned.organization,
            subject=str(earned.referrer),
            step=earned.step,
        ).by_clock(self.clock)

        def decide(before: Subscription | None, plans: Plans) -> Lift | None:
            return lift(
                before,
                plans,
                referrer=earned.referrer,
                organization=earned.organization,
                step=earned.step,
                event=event,
            )

        # The tenant was deleted meanwhile; or something as high, without end, is to follow anyway.
        with suppress(NotFound, Conflict):
            return await self.store.give(earned, decide)
        return None
