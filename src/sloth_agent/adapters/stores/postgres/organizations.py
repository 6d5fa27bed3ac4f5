"""The shared record of tenants, and the schemas they live in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Connection, Database, enter
from sloth_agent.adapters.stores.postgres.migrations.history import head, migrations
from sloth_agent.ids import TenantId
from sloth_agent.tenants.models import Organization

_COLUMNS = "id, slug, name, schema_name, created_at, is_active"


@dataclass(frozen=True, slots=True)
class PostgresOrganizations:
    """`OrganizationStore` on the control tables."""

    database: Database

    async def add(self, organization: Organization) -> bool:
        async with self.database.shared() as connection:
            done = await connection.execute(
                f"insert into public.organizations ({_COLUMNS}) values (%s, %s, %s, %s, %s, %s)"
                " on conflict (slug) do nothing",
                (
                    organization.id,
                    organization.slug,
                    organization.name,
                    organization.schema_name,
                    organization.created_at,
                    organization.is_active,
                ),
            )
            return done.rowcount == 1

    async def find(self, slug: str) -> Organization | None:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.organizations where slug = %s", (slug,)
            )
            row = await found.fetchone()
        return _organization(row) if row else None

    async def all(self) -> Sequence[Organization]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.organizations order by id"
            )
            return [_organization(row) for row in await found.fetchall()]

    async def set_active(self, slug: str, *, active: bool) -> Organization | None:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "update public.organizations set is_active = %s where slug = %s"
                f" returning {_COLUMNS}",
                (active, slug),
            )
            row = await found.fetchone()
        return _organization(row) if row else None


@dataclass(frozen=True, slots=True)
class TenantSchemas:
    """`TenantSpaces` as one schema for each tenant, its version in a table of this database."""

    database: Database

    async def ensure(self, organization: Organization) -> bool:
        schema = organization.schema_name
        async with self.database.shared() as connection:
            if await _version(connection, schema) >= head("tenant"):
                return False
            await connection.execute("select pg_advisory_xact_lock(hashtext(%s))", (schema,))
            done = await _version(connection, schema)
            if done >= head("tenant"):  # somebody else was faster, perhaps a newer release
                return False
            # Single statements in one pipeline: one round trip, and Citus accepts them too.
            async with connection.pipeline():
                await connection.execute(
                    sql.SQL("create schema if not exists {}").format(sql.Identifier(schema))
                )
                await enter(connection, schema)
                for migration in migrations("tenant")[done:]:
                    for statement in migration.statements:
                        await connection.execute(statement)
                await connection.execute(
                    "insert into public.tenant_versions (schema_name, version) values (%s, %s)"
                    " on conflict (schema_name) do update set version = excluded.version",
                    (schema, head("tenant")),
                )
            return done == 0


async def _version(connection: Connection, schema: str) -> int:
    """0 for a tenant that has no tables yet."""
    found = await connection.execute(
        "select version from public.tenant_versions where schema_name = %s", (schema,)
    )
    row = await found.fetchone()
    return row[0] if row else 0


def _organization(row: tuple[Any, ...]) -> Organization:
    id, slug, name, schema, created_at, is_active = row
    return Organization(
        id=TenantId(id),
        slug=slug,
        name=name,
        schema_name=schema,
        created_at=created_at,
        is_active=is_active,
    )
