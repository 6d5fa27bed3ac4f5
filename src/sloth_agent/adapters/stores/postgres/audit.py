"""The audit log on the control tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import Actor, AuditEvent

_COLUMNS: LiteralString = (
    "id, at, actor, address, request_id, organization_id, action, subject, details"
)


async def record(connection: Connection, event: AuditEvent) -> None:
    """Write an event in the transaction of the change that it tells of."""
    await connection.execute(
        f"insert into public.audit_log ({_COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            event.id,
            event.happened_at or event.at,
            event.by.name,
            event.by.address,
            event.by.request_id,
            event.organization,
            event.action,
            event.subject,
            Jsonb(dict(event.details)),
        ),
    )


@dataclass(frozen=True, slots=True)
class PostgresAudit:
    """`AuditStore` on the control tables."""

    database: Database

    async def add(self, event: AuditEvent) -> None:
        async with self.database.shared() as connection:
            await record(connection, event)

    async def newest(
        self,
        *,
        organization: TenantId | None,
        action: str | None,
        before: UUID | None,
        limit: int,
    ) -> Sequence[AuditEvent]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.audit_log"
                " where (%(organization)s::uuid is null or organization_id = %(organization)s)"
                " and (%(action)s::text is null or action like %(action)s)"
                " and (%(before)s::uuid is null or id < %(before)s)"
                " order by id desc limit %(limit)s",
                {
                    "organization": organization,
                    "action": _like(action),
                    "before": before,
                    "limit": limit,
                },
            )
            return [_event(row) for row in await found.fetchall()]


def _like(action: str | None) -> str | None:
    if action is None:
        return None
    literal = action.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return literal.replace("*", "%")


def _event(row: tuple[Any, ...]) -> AuditEvent:
    id, at, actor, address, request_id, organization, action, subject, details = row
    return AuditEvent(
        id=id,
        at=at,
        by=Actor(name=actor, address=address, request_id=request_id),
        organization=TenantId(organization) if organization else None,
        action=action,
        subject=subject,
        details=details,
    )
