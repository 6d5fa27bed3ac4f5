"""The shared record of tenants."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.errors import Conflict
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import AuditEvent
from sloth_agent.tenants.models import Organization, Stage

_COLUMNS: LiteralString = (
    "id, slug, name, schema_name, database, domain, created_at, is_active, stage"
)


@dataclass(frozen=True, slots=True)
class PostgresOrganizations:
    """`OrganizationStore` on the control tables."""

    database: Database

    async def add(self, organization: Organization) -> bool:
        with _unique_domain(organization.domain):
            return await self._add(organization)

    async def _add(self, organization: Organization) -> bool:
        async with self.database.shared() as connection:
            return await insert_organization(connection, organization)

    async def find(self, slug: str) -> Organization | None:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.organizations where slug = %s", (slug,)
            )
            row = await found.fetchone()
        return _organization(row) if row else None

    async def all(self) -> Sequence[Organization]:
        async with self.database.shared() as connection:
            return await all_organizations(connection)

    async def tenants_by_database(self) -> Mapping[str, int]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select database, count(*) from public.organizations group by database"
            )
            return dict(await found.fetchall())

    async def update(
        self, slug: str, *, name: str | None, domain: str | None
    ) -> Organization | None:
        with _unique_domain(domain):
            return await self._changed(
                "update public.organizations set name = coalesce(%s, name),"
                f" domain = coalesce(%s, domain) where slug = %s returning {_COLUMNS}",
                (name, domain, slug),
            )

    async def set_active(self, slug: str, *, active: bool) -> Organization | None:
        return await self._changed(
            f"update public.organizations set is_active = %s where slug = %s returning {_COLUMNS}",
            (active, slug),
        )

    async def mark_deleting(self, slug: str) -> Organization | None:
        return await self._changed(
            "update public.organizations set stage = 'deleting' where slug = %s"
            f" returning {_COLUMNS}",
            (slug,),
        )

    async def remove(self, organization: Organization, *, event: AuditEvent) -> bool:
        async with self.database.shared() as connection:
            gone = await connection.execute(
                "delete from public.organizations where id = %s", (organization.id,)
            )
            if gone.rowcount:
                await record(connection, event)
            return gone.rowcount == 1

    async def _changed(
        self, statement: LiteralString, values: tuple[object, ...]
    ) -> Organization | None:
        async with self.database.shared() as connection:
            row = await (await connection.execute(statement, values)).fetchone()
        return _organization(row) if row else None


@contextmanager
def _unique_domain(domain: str | None) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise Conflict(
            f"The domain {domain} is another tenant's.", hint="Use another domain.", field="domain"
        ) from error


async def insert_organization(connection: Connection, organization: Organization) -> bool:
    """False if the slug is taken, and then nothing changes."""
    done = await connection.execute(
        f"insert into public.organizations ({_COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (slug) do nothing",
        (
            organization.id,
            organization.slug,
            organization.name,
            organization.schema_name,
            organization.database,
            organization.domain,
            organization.created_at,
            organization.is_active,
            organization.stage,
        ),
    )
    return done.rowcount == 1


async def all_organizations(connection: Connection) -> list[Organization]:
    """Oldest first."""
    found = await connection.execute(f"select {_COLUMNS} from public.organizations order by id")
    return [_organization(row) for row in await found.fetchall()]


def _organization(row: tuple[Any, ...]) -> Organization:
    id, slug, name, schema, database, domain, created_at, is_active, stage = row
    return Organization(
        id=TenantId(id),
        slug=slug,
        name=name,
        schema_name=schema,
        database=database,
        domain=domain,
        created_at=created_at,
        is_active=is_active,
        stage=Stage(stage),
    )
