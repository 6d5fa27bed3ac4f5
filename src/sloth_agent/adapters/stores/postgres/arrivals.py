"""Tenants that come out of an archive: by one import at a time, and open when all is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.errors import Conflict
from sloth_agent.tenants.audit import AuditEvent
from sloth_agent.tenants.models import Organization, Stage

_LOCK = 0x51075  # beside a number for the tenant's slug


@dataclass(frozen=True, slots=True)
class PostgresArrivals:
    """`Arrivals` on the control tables."""

    database: Database

    @asynccontextmanager
    async def alone(self, slug: str) -> AsyncIterator[None]:
        # Held by an open transaction: it ends with the process, however that ends.
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select pg_try_advisory_xact_lock(%s, hashtext(%s))", (_LOCK, slug)
            )
            if await found.fetchone() != (True,):
                raise Conflict(
                    f"Somebody is importing the tenant {slug!r}.",
                    hint="Wait until that has ended.",
                )
            yield

    async def arrived(self, organization: Organization, event: AuditEvent) -> bool:
        async with self.database.shared() as connection:
            opened = await connection.execute(
                "update public.organizations set stage = %s where id = %s and stage = %s",
                (Stage.LIVE, organization.id, Stage.IMPORTING),
            )
            if opened.rowcount:
                await record(connection, event)
            return opened.rowcount == 1

    async def forget(self, organization: Organization) -> bool:
        async with self.database.shared() as connection:
            gone = await connection.execute(
                "delete from public.organizations where id = %s", (organization.id,)
            )
            return gone.rowcount == 1
