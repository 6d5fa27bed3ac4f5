"""What the payment provider told us of, once each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.payments.models import Handled, PaymentEvent, StoredEvent

_COLUMNS = "id, type, customer, subject, created_at, received_at, handled_at, outcome"


@dataclass(frozen=True, slots=True)
class PostgresPaymentEvents:
    """`PaymentEventStore` on the control tables."""

    database: Database

    async def add(self, event: PaymentEvent, *, now: datetime) -> StoredEvent:
        async with self.database.shared() as connection:
            await connection.execute(
                "insert into public.payment_events"
                " (id, type, customer, subject, created_at, received_at)"
                " values (%s, %s, %s, %s, %s, %s) on conflict (id) do nothing",
                (event.id, event.type, event.customer, event.subject, event.created_at, now),
            )
            found = await connection.execute(
                f"select {_COLUMNS} from public.payment_events where id = %s", (event.id,)
            )
            row = await found.fetchone()
            assert row is not None, "it was there, or is there now"
            return _stored(row)

    async def waiting(self, customer: str) -> Sequence[PaymentEvent]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.payment_events"
                " where customer = %s and handled_at is null order by created_at, id",
                (customer,),
            )
            return [_stored(row).event for row in await found.fetchall()]

    async def waiting_customers(self, *, limit: int) -> Sequence[str]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select customer from public.payment_events"
                " where handled_at is null and customer is not null"
                " group by customer order by min(received_at) limit %s",
                (limit,),
            )
            return [customer for (customer,) in await found.fetchall()]

    async def settle(self, ids: Collection[str], outcome: Handled, *, now: datetime) -> None:
        async with self.database.shared() as connection:
            await settle_in(connection, ids, outcome, now=now)

    async def of_customer(self, customer: str) -> Sequence[StoredEvent]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.payment_events"
                " where customer = %s order by created_at, id",
                (customer,),
            )
            return [_stored(row) for row in await found.fetchall()]

    async def counts(self) -> Mapping[tuple[str, Handled | None], int]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select type, outcome, count(*) from public.payment_events group by type, outcome"
            )
            return {
                (type, Handled(outcome) if outcome else None): count
                for type, outcome, count in await found.fetchall()
            }


async def settle_in(
    connection: Connection, ids: Collection[str], outcome: Handled, *, now: datetime
) -> None:
    """Those that were handled before stay as they are."""
    await connection.execute(
        "update public.payment_events set handled_at = %s, outcome = %s"
        " where id = any(%s) and handled_at is null",
        (now, outcome, list(ids)),
    )


def _stored(row: Sequence[Any]) -> StoredEvent:
    id, type, customer, subject, created_at, received_at, handled_at, outcome = row
    return StoredEvent(
        event=PaymentEvent(
            id=id, type=type, customer=customer, subject=subject, created_at=created_at
        ),
        received_at=received_at,
        handled_at=handled_at,
        outcome=Handled(outcome) if outcome else None,
    )
