"""Referrals and their rewards on the control tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.adapters.stores.postgres.plans import plans_in
from sloth_agent.adapters.stores.postgres.subscriptions import (
    SUBSCRIPTION_COLUMNS,
    find_in,
    hold,
    store_in,
    subscription_from,
)
from sloth_agent.billing.referral_ports import (
    DecideLift,
    EarnedReward,
    ReferralCounts,
    ReferredFirm,
)
from sloth_agent.billing.referrals import (
    ACTIVE_FOR_A_REWARD,
    Referral,
    ReferralReward,
    ReferralStatus,
)
from sloth_agent.ids import TenantId, UserId
from sloth_agent.tenants.audit import AuditEvent
from sloth_agent.tenants.users import User

_REWARD: LiteralString = "referrer_id, step, organization_id, old_plan, new_plan, granted_at"


async def begin_referral(connection: Connection, user: User) -> None:
    """A firm counts for whoever's code its first user has; later users are not asked.

    So nobody brings a firm that was here before, the own one least of all, and no two bring each
    other. Under the lock that a new user of the organization takes.
    """
    if user.referred_by is None or user.organization is None:
        return
    await connection.execute(
        "with first as (select %(organization)s::uuid as organization_id where not exists"
        " (select from public.users where organization_id = %(organization)s and id <> %(id)s))"
        " insert into public.referrals (organization_id, referrer_id, status, created_at)"
        " select organization_id, %(referrer)s, %(status)s, %(now)s from first",
        {
            "organization": user.organization,
            "id": user.id,
            "referrer": user.referred_by,
            "status": ReferralStatus.PENDING,
            "now": user.created_at,
        },
    )


@dataclass(frozen=True, slots=True)
class PostgresReferrals:
    """`ReferralStore` on the control tables."""

    database: Database

    async def firms(
        self, *, referrer: UserId | None, after: TenantId | None, limit: int
    ) -> Sequence[ReferredFirm]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select slug, referrals.organization_id, referrer_id, referrals.status,"
                f" referrals.created_at, activated_at, {SUBSCRIPTION_COLUMNS}"
                " from public.referrals join public.organizations on id = organization_id"
                " left join public.subscriptions"
                " on subscriptions.organization_id = referrals.organization_id"
                " where (%(referrer)s::uuid is null or referrer_id = %(referrer)s)"
                " and (%(after)s::uuid is null or referrals.organization_id > %(after)s)"
                " order by referrals.organization_id limit %(limit)s",
                {"referrer": referrer, "after": after, "limit": limit},
            )
            return [
                ReferredFirm(
                    slug,
                    Referral(
                        organization=TenantId(organization),
                        referrer=UserId(referrer_id),
                        status=ReferralStatus(status),
                        created_at=created_at,
                        activated_at=activated_at,
                    ),
                    subscription_from(subscription) if subscription[0] else None,
                )
                for slug, organization, referrer_id, status, created_at, activated_at, *subscription
                in await found.fetchall()
            ]  # fmt: skip

    async def set_status(
        self, referral: Referral, status: ReferralStatus, *, event: AuditEvent
    ) -> bool:
        activated = event.at if status is ReferralStatus.ACTIVE else None
        async with self.database.shared() as connection:
            done = await connection.execute(
                "update public.referrals set status = %s, activated_at = coalesce(activated_at, %s)"
                " where organization_id = %s and status = %s",
                (status, activated, referral.organization, referral.status),
            )
            if done.rowcount:
                await record(connection, event)
            return done.rowcount == 1

    async def counts(self, referrer: UserId) -> ReferralCounts:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select (select count(*) from public.users where referred_by = %(referrer)s),"
                " (select count(*) from public.referral_rewards where referrer_id = %(referrer)s)",
                {"referrer": referrer},
            )
            signups, rewards = await found.fetchone() or (0, 0)
            found = await connection.execute(
                "select status, count(*) from public.referrals where referrer_id = %s"
                " group by status",
                (referrer,),
            )
            firms = {ReferralStatus(status): count for status, count in await found.fetchall()}
        return ReferralCounts(signups=signups, firms=firms, rewards=rewards)

    async def earned(self) -> Sequence[EarnedReward]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "with given as (select referrer_id, max(step) as step"
                " from public.referral_rewards group by referrer_id),"
                " active as (select referrer_id, count(*) as firms from public.referrals"
                " where status = 'active' group by referrer_id)"
                " select users.id, users.organization_id, coalesce(given.step, 0) + 1 from active"
                " join public.users on users.id = active.referrer_id"
                " left join given on given.referrer_id = active.referrer_id"
                " where users.organization_id is not null"
                " and firms >= %s * (coalesce(given.step, 0) + 1) order by users.id",
                (ACTIVE_FOR_A_REWARD,),
            )
            return [
                EarnedReward(
                    referrer=UserId(referrer), organization=TenantId(organization), step=step
                )
                for referrer, organization, step in await found.fetchall()
            ]

    async def give(self, earned: EarnedReward, decide: DecideLift) -> ReferralReward | None:
        async with self.database.shared() as connection:
            await hold(connection, earned.organization)
            before = await find_in(connection, earned.organization)
            lift = decide(before, await plans_in(connection))
            if lift is None or not await _record_reward(connection, lift.reward):
                return None
            await store_in(connection, lift.change)
        return lift.reward

    async def rewards(self, referrer: UserId) -> Sequence[ReferralReward]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_REWARD} from public.referral_rewards where referrer_id = %s"
                " order by step",
                (referrer,),
            )
            return [
                ReferralReward(
                    referrer=UserId(referrer_id),
                    step=step,
                    organization=TenantId(organization),
                    old_plan=old_plan,
                    new_plan=new_plan,
                    granted_at=granted_at,
                )
                for referrer_id, step, organization, old_plan, new_plan, granted_at
                in await found.fetchall()
            ]  # fmt: skip


async def _record_reward(connection: Connection, reward: ReferralReward) -> bool:
    """False if it was given before, or is not earned any more."""
    done = await connection.execute(
        "with active as (select count(*) as firms from public.referrals"
        " where referrer_id = %(referrer)s and status = 'active')"
        f" insert into public.referral_rewards ({_REWARD})"
        " select %(referrer)s, %(step)s, %(organization)s, %(old_plan)s, %(new_plan)s,"
        " %(granted_at)s from active where firms >= %(enough)s on conflict do nothing",
        {
            "referrer": reward.referrer,
            "step": reward.step,
            "organization": reward.organization,
            "old_plan": reward.old_plan,
            "new_plan": reward.new_plan,
            "granted_at": reward.granted_at,
            "enough": ACTIVE_FOR_A_REWARD * reward.step,
        },
    )
    return done.rowcount == 1
