"""What the payment provider told us of, once each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.ids import TenantId
from sloth_agent.payments.models import Handled, KeptEvent, PaymentEvent
from sloth_agent.payments.ports import Kept

# Disputes and refunds name a charge, and no customer.
_ADDING = (
    "insert into public.payment_events (id, type, customer, subject, created_at, received_at)"
    " values (%(id)s, %(type)s, coalesce(%(customer)s, (select payers.customer from public.charges"
    " join public.payers using (organization_id) where charges.id = %(subject)s)),"
    " %(subject)s, %(created_at)s, %(now)s) on conflict (id) do nothing;"
    " select handled_at from public.payment_events where id = %(id)s;"
    " select organization_id, asked_at from public.payers"
    " where customer = (select customer from public.payment_events where id = %(id)s)"
)


_EVENT: LiteralString = "id, type, customer, subject, created_at"


@dataclass(frozen=True, slots=True)
class PostgresPaymentEvents:
    """`PaymentEventStore` on the control tables."""

    database: Database

    async def add(self, event: PaymentEvent, *, now: datetime) -> Kept:
        [[(handled_at,)], payers] = await self.database.shared_at_once(
            _ADDING,
            {
                "id": event.id,
                "type": event.type,
                "customer": event.customer,
                "subject": event.subject,
                "created_at": event.created_at,
                "now": now,
            },
        )
        organization, asked_at = payers[0] if payers else (None, None)
        return Kept(
            waits=handled_at is None,
            organization=TenantId(organization) if organization else None,
            asked_at=asked_at,
        )

    async def waiting(self, customer: str) -> Sequence[PaymentEvent]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_EVENT} from public.payment_events"
                " where customer = %s and handled_at is null order by created_at, id",
                (customer,),
            )
            return [_event(row) for row in await found.fetchall()]

    async def all(self, customer: str) -> Sequence[KeptEvent]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select received_at, handled_at, outcome, {_EVENT} from public.payment_events"
                " where customer = %s order by received_at, id",
                (customer,),
            )
            return [
                KeptEvent(
                    event=_event(row),
                    received_at=received_at,
                    handled_at=handled_at,
                    outcome=Handled(outcome) if outcome else None,
                )
                for received_at, handled_at, outcome, *row in await found.fetchall()
            ]

    async def counts(self) -> Mapping[Handled | None, int]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select outcome, count(*) from public.payment_events group by outcome"
            )
            return {
                Handled(outcome) if outcome else None: count
                for outcome, count in await found.fetchall()
            }

    async def give_up_on_strangers(self, *, now: datetime) -> None:
        async with self.database.shared() as connection:
            await connection.execute(
                "update public.payment_events set handled_at = %s, outcome = %s"
                " where handled_at is null and not exists (select from public.payers"
                " where payers.customer = payment_events.customer)",
                (now, Handled.NOT_OURS),
            )

    async def overdue(self, *, before: datetime) -> Collection[str]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select distinct customer from public.payment_events"
                " where handled_at is null and customer is not null and received_at < %s",
                (before,),
            )
            return {customer for (customer,) in await found.fetchall()}

    async def settle(self, ids: Collection[str], outcome: Handled, *, now: datetime) -> None:
        async with self.database.shared() as connection:
            await settle_in(connection, ids, outcome, now=now)


def _event(row: Sequence[Any]) -> PaymentEvent:
    id, type, customer, subject, created_at = row
    return PaymentEvent(id=id, type=type, customer=customer, subject=subject, created_at=created_at)


async def settle_in(
    connection: Connection, ids: Collection[str], outcome: Handled, *, now: datetime
) -> None:
    """Those that were handled before stay as they are."""
    await connection.execute(
        "update public.payment_events set handled_at = %s, outcome = %s"
        " where id = any(%s) and handled_at is null",
        (now, outcome, list(ids)),
    )
