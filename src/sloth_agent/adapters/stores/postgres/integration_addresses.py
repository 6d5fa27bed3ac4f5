"""Whose an integration is."""

from dataclasses import dataclass

import psycopg

from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.errors import Conflict
from sloth_agent.ids import IntegrationId, TenantId


@dataclass(frozen=True, slots=True)
class PostgresIntegrationAddresses:
    """`IntegrationAddresses` on the control tables."""

    database: Database

    async def add(self, id: IntegrationId, organization: TenantId, account: str | None) -> None:
        async with self.database.shared() as connection:
            try:
                found = await connection.execute(
                    "insert into public.integration_addresses as kept"
                    " (integration_id, organization_id, account) values (%s, %s, %s)"
                    " on conflict (integration_id) do update set account = excluded.account"
                    " where kept.organization_id = excluded.organization_id returning account",
                    (id, organization, account),
                )
            except psycopg.errors.UniqueViolation as error:
                raise Conflict("This account was connected by somebody else.") from error
            if await found.fetchone() is None:
                raise Conflict("It is the address of another assistant.")

    async def organization_of(self, id: IntegrationId) -> TenantId | None:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select organization_id from public.integration_addresses"
                " where integration_id = %s",
                (id,),
            )
            row = await found.fetchone()
        return TenantId(row[0]) if row else None

    async def with_account(self, account: str) -> tuple[IntegrationId, TenantId] | None:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select integration_id, organization_id from public.integration_addresses"
                " where account = %s",
                (account,),
            )
            row = await found.fetchone()
        return (IntegrationId(row[0]), TenantId(row[1])) if row else None

    async def remove(self, id: IntegrationId, organization: TenantId) -> None:
        async with self.database.shared() as connection:
            await connection.execute(
                "delete from public.integration_addresses"
                " where integration_id = %s and organization_id = %s",
                (id, organization),
            )
