"""What the payment provider told us of, once each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.payments.models import Handled, KeptEvent, PaymentEvent


@dataclass(frozen=True, slots=True)
class PostgresPaymentEvents:
    """`PaymentEventStore` on the control tables."""

    database: Database

    async def add(self, event: PaymentEvent, *, now: datetime) -> bool:
        async with self.database.shared() as connection:
            added = await connection.execute(
                "insert into public.payment_events"
                " (id, type, customer, subject, created_at, received_at)"
                " values (%s, %s, %s, %s, %s, %s) on conflict (id) do nothing",
                (event.id, event.type, event.customer, event.subject, event.created_at, now),
            )
            if added.rowcount:
                return True
            waiting = await connection.execute(
                "select from public.payment_events where id = %s and handled_at is null",
                (event.id,),
            )
            return waiting.rowcount > 0

    async def waiting(self, customer: str) -> Sequence[PaymentEvent]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select id, type, subject, created_at from public.payment_events"
                " where customer = %s and handled_at is null order by created_at, id",
                (customer,),
            )
            return [
                PaymentEvent(
                    id=id, type=type, customer=customer, subject=subject, created_at=created_at
                )
                for id, type, subject, created_at in await found.fetchall()
            ]

    async def all(self, customer: str) -> Sequence[KeptEvent]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select id, type, subject, created_at, received_at, handled_at, outcome"
                " from public.payment_events where customer = %s order by received_at, id",
                (customer,),
            )
            return [
                KeptEvent(
                    event=PaymentEvent(
                        id=id, type=type, customer=customer, subject=subject, created_at=created_at
                    ),
                    received_at=received_at,
                    handled_at=handled_at,
                    outcome=Handled(outcome) if outcome else None,
                )
                for id, type, subject, created_at, received_at, handled_at, outcome in (
                    await found.fetchall()
                )
            ]

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


async def settle_in(
    connection: Connection, ids: Collection[str], outcome: Handled, *, now: datetime
) -> None:
    """Those that were handled before stay as they are."""
    await connection.execute(
        "update public.payment_events set handled_at = %s, outcome = %s"
        " where id = any(%s) and handled_at is null",
        (now, outcome, list(ids)),
    )
