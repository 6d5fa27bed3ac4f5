"""Subscriptions on the control tables."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.adapters.stores.postgres.organizations import (
    PostgresOrganizations,
)
from sloth_agent.adapters.stores.postgres.plans import plans_in, terms_from, terms_json
from sloth_agent.billing.models import Grant, Purchase, Subscription
from sloth_agent.billing.ports import Change, Decide, Subscribed
from sloth_agent.billing.revenue import monthly_revenue
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.errors import NotFound
from sloth_agent.ids import TenantId
from sloth_agent.tenants.models import Organization

_NAMES = (
    "organization_id",
    "plan",
    "terms",
    "status",
    "billing_cycle",
    "anchor",
    "current_period_start",
    "current_period_end",
    "trial_start",
    "trial_end",
    "cancel_at_period_end",
    "canceled_at",
    "later",
    "paid",
    "purchase",
    "bought",
)
_COLUMNS: LiteralString = ", ".join(_NAMES)
SUBSCRIPTION_COLUMNS: LiteralString = ", ".join(f"subscriptions.{name}" for name in _NAMES)
"""As `subscription_from` reads them, in a join with other tables."""

_ALIVE = [status.value for status in SubscriptionStatus if status.alive]


@dataclass(frozen=True, slots=True)
class PostgresSubscriptions:
    """`SubscriptionStore` on the control tables."""

    database: Database

    async def find(self, organization: TenantId) -> Subscription | None:
        async with self.database.shared() as connection:
            return await find_in(connection, organization)

    async def change(self, organization: TenantId, decide: Decide) -> Subscription | None:
        async with self.database.shared() as connection:
            await hold(connection, organization)
            return await decide_in(connection, organization, decide)

    async def all(
        self,
        *,
        status: SubscriptionStatus | None,
        plan: str | None,
        after: str | None,
        limit: int,
    ) -> Sequence[Subscribed]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select slug, {_COLUMNS} from public.subscriptions"
                " join public.organizations on id = organization_id"
                " where (%(status)s::text is null or status = %(status)s)"
                " and (%(plan)s::text is null or plan = %(plan)s)"
                " and (%(after)s::text is null or slug > %(after)s)"
                " order by slug limit %(limit)s",
                {"status": status, "plan": plan, "after": after, "limit": limit},
            )
            return [
                Subscribed(slug, subscription_from(row)) for slug, *row in await found.fetchall()
            ]

    async def due(self, now: datetime, *, limit: int) -> Sequence[TenantId]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select organization_id from public.subscriptions"
                " where follow_up_at <= %s and status = any(%s) order by follow_up_at limit %s",
                (now, _ALIVE, limit),
            )
            return [TenantId(id) for (id,) in await found.fetchall()]

    async def with_plans(self, plans: Collection[str]) -> Sequence[Subscription]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.subscriptions where status = any(%(alive)s)"
                " and (plan = any(%(plans)s) or exists (select from jsonb_array_elements(later)"
                " as following where following ->> 'plan' = any(%(plans)s)))",
                {"alive": _ALIVE, "plans": list(plans)},
            )
            return [subscription_from(row) for row in await found.fetchall()]


@dataclass(frozen=True, slots=True)
class PostgresSubscribedOrganizations(PostgresOrganizations):
    """`OrganizationStore` whose organizations never exist without their first subscription."""

    beginning: Callable[[TenantId], Decide]

    async def _give_more(self, connection: Connection, organization: Organization) -> None:
        await decide_in(connection, organization.id, self.beginning(organization.id))


async def hold(connection: Connection, organization: TenantId) -> None:
    """Let nobody else change the subscription until the transaction ends.

    The organization's row is held: there may be no subscription yet.
    """
    found = await connection.execute(
        "select from public.organizations where id = %s for update", (organization,)
    )
    if found.rowcount == 0:
        raise NotFound("There is no such tenant.", hint="See `sloth tenants list`.")


async def decide_in(
    connection: Connection, organization: TenantId, decide: Decide
) -> Subscription | None:
    """Under `hold`."""
    before = await find_in(connection, organization)
    change = decide(before, await plans_in(connection))
    if change is None:
        return before
    return await store_in(connection, change)


async def store_in(connection: Connection, change: Change) -> Subscription:
    """Under `hold`."""
    await _save(connection, change.subscription)
    await _remember(connection, change.subscription, since=change.event.at)
    await record(connection, change.event)
    return change.subscription


async def find_in(connection: Connection, organization: TenantId) -> Subscription | None:
    found = await connection.execute(
        f"select {_COLUMNS} from public.subscriptions where organization_id = %s", (organization,)
    )
    row = await found.fetchone()
    return subscription_from(row) if row else None


_SAVE: LiteralString = (
    f"insert into public.subscriptions ({_COLUMNS}, follow_up_at)"
    f" values ({', '.join(['%s'] * (len(_NAMES) + 1))}) on conflict (organization_id) do update"
    f" set {', '.join(f'{name} = excluded.{name}' for name in (*_NAMES[1:], 'follow_up_at'))}"
)


async def _save(connection: Connection, subscription: Subscription) -> None:
    await connection.execute(
        _SAVE,
        (
            subscription.organization,
            subscription.plan,
            Jsonb(terms_json(subscription.terms)),
            subscription.status,
            subscription.billing_cycle,
            subscription.anchor,
            subscription.current_period_start,
            subscription.current_period_end,
            subscription.trial_start,
            subscription.trial_end,
            subscription.cancel_at_period_end,
            subscription.canceled_at,
            Jsonb([_grant_json(grant) for grant in subscription.later]),
            subscription.paid,
            Jsonb(_purchase_json(subscription.purchase)) if subscription.purchase else None,
            subscription.bought,
            subscription.follow_up_at,
        ),
    )


async def _remember(connection: Connection, subscription: Subscription, *, since: datetime) -> None:
    """For the margin of months that are over."""
    await connection.execute(
        "insert into public.subscription_history"
        " (organization_id, since, plan, status, monthly_revenue, currency)"
        " values (%s, %s, %s, %s, %s, %s) on conflict (organization_id, since) do update"
        " set plan = excluded.plan, status = excluded.status,"
        " monthly_revenue = excluded.monthly_revenue, currency = excluded.currency",
        (
            subscription.organization,
            since,
            subscription.plan,
            subscription.status,
            monthly_revenue(subscription),
            subscription.terms.currency,
        ),
    )


def subscription_from(row: Sequence[Any]) -> Subscription:
    values = dict(zip(_NAMES, row, strict=True))
    return Subscription(
        organization=TenantId(values.pop("organization_id")),
        terms=terms_from(values.pop("terms")),
        status=SubscriptionStatus(values.pop("status")),
        billing_cycle=BillingCycle(values.pop("billing_cycle")),
        later=tuple(_grant(stored) for stored in values.pop("later")),
        purchase=_purchase(stored) if (stored := values.pop("purchase")) else None,
        **values,
    )


def _purchase_json(purchase: Purchase) -> dict[str, Any]:
    return {
        "id": purchase.id,
        "plan": purchase.plan,
        "terms": terms_json(purchase.terms),
        "status": purchase.status,
        "billing_cycle": purchase.billing_cycle,
        "cancel_at_period_end": purchase.cancel_at_period_end,
        **{name: _text(getattr(purchase, name)) for name in _MOMENTS_OF_PURCHASE},
    }


_MOMENTS_OF_PURCHASE = (
    "anchor",
    "period_start",
    "period_end",
    "serves_until",
    "trial_start",
    "trial_end",
    "canceled_at",
)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _purchase(stored: Mapping[str, Any]) -> Purchase:
    moments = {
        name: datetime.fromisoformat(text)
        for name in _MOMENTS_OF_PURCHASE
        if (text := stored[name]) is not None
    }
    return Purchase(
        id=stored["id"],
        plan=stored["plan"],
        terms=terms_from(stored["terms"]),
        status=SubscriptionStatus(stored["status"]),
        billing_cycle=BillingCycle(stored["billing_cycle"]),
        cancel_at_period_end=stored["cancel_at_period_end"],
        **moments,
    )


def _grant_json(grant: Grant) -> dict[str, Any]:
    return {
        "plan": grant.plan,
        "terms": terms_json(grant.terms),
        "microseconds": None if grant.length is None else grant.length // timedelta(microseconds=1),
        "trial": grant.trial,
        "paid": grant.paid,
    }


def _grant(stored: Mapping[str, Any]) -> Grant:
    length = stored["microseconds"]
    return Grant(
        plan=stored["plan"],
        terms=terms_from(stored["terms"]),
        length=None if length is None else timedelta(microseconds=length),
        trial=stored["trial"],
        paid=stored["paid"],
    )
