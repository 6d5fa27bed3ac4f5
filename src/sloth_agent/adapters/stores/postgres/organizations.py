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

_NAMES = (
    "id",
    "slug",
    "name",
    "schema_name",
    "database",
    "moves",
    "domain",
    "created_at",
    "is_active",
    "stage",
)
_COLUMNS: LiteralString = ", ".join(_NAMES)
ORGANIZATION_COLUMNS: LiteralString = ", ".join(f"organizations.{name}" for name in _NAMES)
"""As `organization_from` reads them, in a join with other tables."""


@dataclass(frozen=True, slots=True)
class PostgresOrganizations:
    """`OrganizationStore` on the control tables."""

    database: Database

    async def add(self, organization: Organization, *, event: AuditEvent | None = None) -> bool:
        with _unique_domain(organization.domain):
            async with self.database.shared() as connection:
                if not await insert_organization(connection, organization):
                    return False
                if event is not None:
                    await record(connection, event)
                await self._give_more(connection, organization)
                return True

    async def _give_more(self, connection: Connection, organization: Organization) -> None:
        """What else a new tenant begins with."""

    async def find(self, slug: str) -> Organization | None:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.organizations where slug = %s", (slug,)
            )
            row = await found.fetchone()
        return organization_from(row) if row else None

    async def get(self, id: TenantId) -> Organization | None:
        [rows] = await self.database.shared_at_once(
            f"select {_COLUMNS} from public.organizations where id = %(id)s", {"id": id}
        )
        return organization_from(rows[0]) if rows else None

    async def with_schema(self, schema_name: str) -> Organization | None:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.organizations where schema_name = %s",
                (schema_name,),
            )
            row = await found.fetchone()
        return organization_from(row) if row else None

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
        self, id: TenantId, *, name: str | None, domain: str | None, event: AuditEvent
    ) -> Organization | None:
        with _unique_domain(domain):
            return await self._changed(
                "update public.organizations set name = coalesce(%s, name),"
                " domain = nullif(coalesce(%s, domain), '') where id = %s"
                f" returning {_COLUMNS}",
                (name, domain, id),
                event,
            )

    async def set_active(
        self, id: TenantId, *, active: bool, event: AuditEvent
    ) -> Organization | None:
        return await self._changed(
            f"update public.organizations set is_active = %s where id = %s returning {_COLUMNS}",
            (active, id),
            event,
        )

    async def mark_deleting(self, slug: str) -> Organization | None:
        return await self._changed(
            "update public.organizations set stage = 'deleting' where slug = %s"
            f" returning {_COLUMNS}",
            (slug,),
        )

    async def moved(self, organization: Organization, event: AuditEvent) -> None:
        async with self.database.shared() as connection:
            told = await connection.execute(
                "update public.organizations set database = %s, moves = %s"
                " where id = %s and schema_name = %s and moves < %s",
                (
                    organization.database,
                    organization.moves,
                    organization.id,
                    organization.schema_name,
                    organization.moves,
                ),
            )
            if told.rowcount:
                await record(connection, event)

    async def remove(self, organization: Organization, *, event: AuditEvent) -> bool:
        async with self.database.shared() as connection:
            gone = await connection.execute(
                "delete from public.organizations where id = %s", (organization.id,)
            )
            if gone.rowcount:
                await record(connection, event)
            return gone.rowcount == 1

    async def _changed(
        self,
        statement: LiteralString,
        values: tuple[object, ...],
        event: AuditEvent | None = None,
    ) -> Organization | None:
        async with self.database.shared() as connection:
            row = await (await connection.execute(statement, values)).fetchone()
            if row and event is not None:
                await record(connection, event)
        return organization_from(row) if row else None


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
        f"insert into public.organizations ({_COLUMNS})"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (slug) do nothing",
        (
            organization.id,
            organization.slug,
            organization.name,
            organization.schema_name,
            organization.database,
            organization.moves,
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
    return [organization_from(row) for row in await found.fetchall()]


def organization_from(row: tuple[Any, ...]) -> Organization:
    id, slug, name, schema, database, moves, domain, created_at, is_active, stage = row
    return Organization(
        id=TenantId(id),
        slug=slug,
        name=name,
        schema_name=schema,
        database=database,
        moves=moves,
        domain=domain,
        created_at=created_at,
        is_active=is_active,
        stage=Stage(stage),
    )
