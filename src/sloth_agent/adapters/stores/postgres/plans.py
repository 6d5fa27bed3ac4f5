"""Plans on the control tables."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.billing.models import Feature, Limits, Plan, Terms
from sloth_agent.billing.plan_file import shipped_plans
from sloth_agent.tenants.audit import AuditEvent

_COLUMNS: LiteralString = "slug, name, step, terms, trial_days, is_active"
_INSERT: LiteralString = (
    f"insert into public.plans ({_COLUMNS}) values (%s, %s, %s, %s, %s, %s) on conflict (slug)"
)


@dataclass(frozen=True, slots=True)
class PostgresPlans:
    """`PlanStore` on the control tables."""

    database: Database

    async def all(self) -> Sequence[Plan]:
        async with self.database.shared() as connection:
            return list((await plans_in(connection)).values())

    async def replace(self, plans: Sequence[Plan], *, event: AuditEvent) -> Mapping[str, Plan]:
        async with self.database.shared() as connection:
            # Of two files loaded at once, one is in force, whole.
            await connection.execute("lock table public.plans in share row exclusive mode")
            before = await plans_in(connection)
            await connection.execute(
                "update public.plans set is_active = false where not slug = any(%s)",
                ([plan.slug for plan in plans],),
            )
            for plan in plans:
                await connection.execute(
                    f"{_INSERT} do update set name = excluded.name, step = excluded.step,"
                    " terms = excluded.terms, trial_days = excluded.trial_days,"
                    " is_active = excluded.is_active",
                    _row(plan),
                )
            await record(connection, event)
        return before


async def plans_in(connection: Connection) -> dict[str, Plan]:
    """By slug, the smallest first; an install that has none gets those that are shipped."""
    found = await connection.execute(f"select {_COLUMNS} from public.plans order by step, slug")
    plans = [_plan(row) for row in await found.fetchall()]
    if not plans:
        plans = list(shipped_plans())
        for plan in plans:
            await connection.execute(f"{_INSERT} do nothing", _row(plan))
    return {plan.slug: plan for plan in plans}


def terms_json(terms: Terms) -> dict[str, Any]:
    """Prices as text: JSON numbers are not exact everywhere."""
    cap = terms.max_cost_per_month
    return {
        "limits": asdict(terms.limits),
        "features": sorted(terms.features),
        "price_monthly": str(terms.price_monthly),
        "price_yearly": str(terms.price_yearly),
        "currency": terms.currency,
        "max_cost_per_month": None if cap is None else str(cap),
    }


def terms_from(stored: Mapping[str, Any]) -> Terms:
    cap = stored["max_cost_per_month"]
    return Terms(
        limits=Limits(**stored["limits"]),
        features=frozenset(Feature(name) for name in stored["features"]),
        price_monthly=Decimal(stored["price_monthly"]),
        price_yearly=Decimal(stored["price_yearly"]),
        currency=stored["currency"],
        max_cost_per_month=None if cap is None else Decimal(cap),
    )


def _row(plan: Plan) -> tuple[object, ...]:
    return (
        plan.slug,
        plan.name,
        plan.step,
        Jsonb(terms_json(plan.terms)),
        plan.trial_days,
        plan.is_active,
    )


def _plan(row: tuple[Any, ...]) -> Plan:
    slug, name, step, terms, trial_days, is_active = row
    return Plan(
        slug=slug,
        name=name,
        step=step,
        terms=terms_from(terms),
        trial_days=trial_days,
        is_active=is_active,
    )
