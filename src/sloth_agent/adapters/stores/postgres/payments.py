"""What came of payments, on the control tables."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.adapters.stores.postgres.payment_accounts import still_held
from sloth_agent.adapters.stores.postgres.payment_events import settle_in
from sloth_agent.adapters.stores.postgres.subscriptions import (
    SUBSCRIPTION_COLUMNS,
    decide_in,
    find_in,
    hold,
    subscription_from,
)
from sloth_agent.billing.models import Subscription
from sloth_agent.billing.ports import Decide
from sloth_agent.ids import TenantId
from sloth_agent.payments.models import Charge, ChargeStatus, Handled, Said
from sloth_agent.payments.ports import Hold, PayingFirm


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
        said: Said,
        now: datetime,
    ) -> Subscription | None:
        async with self.database.shared() as connection:
            await hold(connection, held.organization)
            await still_held(connection, held)
            subscription = await decide_in(connection, held.organization, decide)
            for charge in said.charges:
                await _keep(connection, charge, held.organization)
            await settle_in(connection, [e.id for e in said.events], Handled.APPLIED, now=now)
            await connection.execute(
                "update public.payers set asked_at = %s where organization_id = %s",
                (said.asked_at, held.organization),
            )
            return subscription

    async def charges(self, organization: TenantId) -> Sequence[Charge]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_CHARGE} from public.charges join public.payers using (organization_id)"
                " where organization_id = %s order by created_at, charges.id",
                (organization,),
            )
            return [_charge(row) for row in await found.fetchall()]

    async def payers(self, *, after: str | None, limit: int) -> Sequence[PayingFirm]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select slug, payers.organization_id, customer, asked_at, {SUBSCRIPTION_COLUMNS}"
                " from public.payers"
                " join public.organizations on organizations.id = payers.organization_id"
                " left join public.subscriptions using (organization_id)"
                " where customer is not null and (%(after)s::text is null or slug > %(after)s)"
                " order by slug limit %(limit)s",
                {"after": after, "limit": limit},
            )
            return [
                PayingFirm(
                    organization=TenantId(organization),
                    slug=slug,
                    customer=customer,
                    asked_at=asked_at,
                    subscription=subscription_from(row) if row[0] is not None else None,
                )
                for slug, organization, customer, asked_at, *row in await found.fetchall()
            ]

    async def unknown(self, charges: Collection[Charge]) -> Sequence[Charge]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select customer from public.payers where customer = any(%s)",
                ([each.customer for each in charges],),
            )
            ours = {customer for (customer,) in await found.fetchall()}
            found = await connection.execute(
                f"select {_CHARGE} from public.charges join public.payers using (organization_id)"
                " where charges.id = any(%s)",
                ([each.id for each in charges],),
            )
            known = {charge.id: charge for charge in map(_charge, await found.fetchall())}
        return [each for each in charges if each.customer in ours and known.get(each.id) != each]


_CHARGE: LiteralString = (
    "charges.id, customer, amount, refunded, currency, status, dispute, created_at"
)


def _charge(row: Sequence[Any]) -> Charge:
    id, customer, amount, refunded, currency, status, dispute, created_at = row
    return Charge(
        id=id,
        customer=customer,
        amount=amount,
        refunded=refunded,
        currency=currency,
        status=ChargeStatus(status),
        dispute=dispute,
        created_at=created_at,
    )


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
