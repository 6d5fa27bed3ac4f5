"""What firms had at a moment, on the control tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sloth_agent.adapters.stores.postgres.database import Database, Row
from sloth_agent.billing.margin import Home, Payer
from sloth_agent.billing.states import SubscriptionStatus


@dataclass(frozen=True, slots=True)
class PostgresPayers:
    """`Payers` on the control tables."""

    database: Database

    async def before(self, moment: datetime) -> Sequence[Payer]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select slug, database, schema_name, plan, status, monthly_revenue, currency"
                " from public.organizations left join lateral ("
                " select plan, status, monthly_revenue, currency from public.subscription_history"
                " where organization_id = organizations.id and since < %s"
                " order by since desc limit 1) as held on true order by slug",
                (moment,),
            )
            return [_payer(row) for row in await found.fetchall()]


def _payer(row: Row) -> Payer:
    slug, database, schema, plan, status, revenue, currency = row
    home = Home(database=database, schema_name=schema)
    if plan is None:
        return Payer(slug=slug, home=home)
    return Payer(
        slug=slug,
        home=home,
        plan=plan,
        status=SubscriptionStatus(status),
        revenue=revenue,
        currency=currency,
    )
