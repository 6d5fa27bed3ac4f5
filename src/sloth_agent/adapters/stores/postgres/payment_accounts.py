"""Organizations as the payment provider knows them, and who is busy with which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.billing.states import BillingCycle
from sloth_agent.errors import InProgress, NotFound
from sloth_agent.ids import TenantId, new_id
from sloth_agent.payments.models import Checkout, Page, Payer
from sloth_agent.payments.ports import Hold

_COLUMNS = "organization_id, customer, asked_at, checkout"


@dataclass(frozen=True, slots=True)
class PostgresPayerAccounts:
    """`PayerStore` on the control tables."""

    database: Database

    async def hold(self, organization: TenantId, *, now: datetime, until: datetime) -> Hold | None:
        token = new_id()
        async with self.database.shared() as connection:
            exists = await connection.execute(
                "select from public.organizations where id = %s", (organization,)
            )
            if exists.rowcount == 0:
                raise NotFound("There is no such tenant.", hint="See `sloth tenants list`.")
            taken = await connection.execute(
                "insert into public.payers (organization_id, held_by, held_until)"
                " values (%(firm)s, %(token)s, %(until)s) on conflict (organization_id) do update"
                " set held_by = excluded.held_by, held_until = excluded.held_until"
                " where payers.held_until is null or payers.held_until <= %(now)s",
                {"firm": organization, "token": token, "until": until, "now": now},
            )
            return Hold(organization, token) if taken.rowcount else None

    async def release(self, hold: Hold) -> None:
        async with self.database.shared() as connection:
            await connection.execute(
                "update public.payers set held_by = null, held_until = null"
                " where organization_id = %s and held_by = %s",
                (hold.organization, hold.token),
            )

    async def find(self, organization: TenantId) -> Payer | None:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.payers where organization_id = %s", (organization,)
            )
            row = await found.fetchone()
            return _payer(row) if row else None

    async def save(self, payer: Payer, *, hold: Hold) -> None:
        async with self.database.shared() as connection:
            await still_held(connection, hold)
            await connection.execute(
                "update public.payers set customer = %s, checkout = %s where organization_id = %s",
                (
                    payer.customer,
                    Jsonb(_checkout_json(payer.checkout)) if payer.checkout else None,
                    payer.organization,
                ),
            )


async def still_held(connection: Connection, hold: Hold) -> None:
    """Until the transaction ends nobody else takes it.

    Raises:
        InProgress: somebody else has taken it already.
    """
    found = await connection.execute(
        "select from public.payers where organization_id = %s and held_by = %s for update",
        (hold.organization, hold.token),
    )
    if found.rowcount == 0:
        raise InProgress(
            "Somebody else sees to the firm's payments by now.",
            hint="Ask again.",
            retry_after_seconds=5,
        )


def _payer(row: Sequence[Any]) -> Payer:
    organization, customer, asked_at, checkout = row
    return Payer(
        organization=TenantId(organization),
        customer=customer,
        asked_at=asked_at,
        checkout=_checkout(checkout) if checkout else None,
    )


def _checkout_json(checkout: Checkout) -> dict[str, Any]:
    page = checkout.page
    return {
        "plan": checkout.plan,
        "cycle": checkout.cycle,
        "page": {"id": page.id, "url": page.url, "expires_at": page.expires_at.isoformat()},
    }


def _checkout(stored: Mapping[str, Any]) -> Checkout:
    page = stored["page"]
    return Checkout(
        plan=stored["plan"],
        cycle=BillingCycle(stored["cycle"]),
        page=Page(
            id=page["id"], url=page["url"], expires_at=datetime.fromisoformat(page["expires_at"])
        ),
    )
