"""What came of payments, on the control tables."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.adapters.stores.postgres.payment_accounts import still_held
from sloth_agent.adapters.stores.postgres.payment_events import settle_in
from sloth_agent.adapters.stores.postgres.subscriptions import decide_in, find_in, hold
from sloth_agent.billing.models import Subscription
from sloth_agent.billing.ports import Decide
from sloth_agent.ids import TenantId
from sloth_agent.payments.models import Charge, ChargeStatus, Handled
from sloth_agent.payments.ports import Hold


@dataclass(frozen=True, slots=True)
class PostgresPayments:
    """`PaymentStore`."""

    database: Database

    async def subscription(self, organization: TenantId) -> Subscription | None:
        async with self.database.shared() as connection:
            return await find_in(connection, organization)

    async def apply(
        self,
        held: Hold,
        decide: Decide,
        *,
        charges: Collection[Charge],
        events: Collection[str],
        now: datetime,
    ) -> Subscription | None:
        async with self.database.shared() as connection:
            await hold(connection, held.organization)
            await still_held(connection, held)
            subscription = await decide_in(connection, held.organization, decide)
            for charge in charges:
                await _keep(connection, charge, held.organization)
            await settle_in(connection, events, Handled.APPLIED, now=now)
            return subscription

    async def charges(self, organization: TenantId) -> Sequence[Charge]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select charges.id, payers.customer, amount, refunded, currency, status, dispute,"
                " created_at from public.charges join public.payers using (organization_id)"
                " where organization_id = %s order by created_at, charges.id",
                (organization,),
            )
            return [
                Charge(
                    id=id,
                    customer=customer,
                    amount=amount,
                    refunded=refunded,
                    currency=currency,
                    status=ChargeStatus(status),
                    dispute=dispute,
                    created_at=created_at,
                )
                for id, customer, amount, refunded, currency, status, dispute, created_at in (
                    await found.fetchall()
                )
            ]


async def _keep(connection: Connection, charge: Charge, organization: TenantId) -> None:
    await connection.execute(
        "insert into public.charges"
        " (id, organization_id, amount, refunded, currency, status, dispute, created_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (id) do update"
        " set amount = excluded.amount, refunded = excluded.refunded,"
        " status = excluded.status, dispute = excluded.dispute",
        (
            charge.id,
            organization,
            charge.amount,
            charge.refunded,
            charge.currency,
            charge.status,
            charge.dispute,
            charge.created_at,
        ),
    )
