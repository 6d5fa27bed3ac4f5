"""The integrations of one tenant."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import LiteralString

from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.database import Connection, Row, TenantDatabase
from sloth_agent.channels.models import (
    LEFT_BEHIND,
    Integration,
    IntegrationStatus,
    IntegrationType,
)
from sloth_agent.errors import Problem
from sloth_agent.ids import IntegrationId

_COLUMNS: LiteralString = (
    "id, type, status, settings, messages_in, messages_out, last_activity_at, problem, created_at"
)


@dataclass(frozen=True, slots=True)
class PostgresIntegrations:
    """`IntegrationStore` within one tenant's schema."""

    database: TenantDatabase
    schema: str

    async def add(self, integration: Integration, sealed: bytes | None) -> None:
        await self._rows(
            f"insert into integrations ({_COLUMNS}, credentials)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning id",
            (*_values(integration), sealed),
        )

    async def find(self, id: IntegrationId) -> Integration | None:
        rows = await self._rows(f"select {_COLUMNS} from integrations where id = %s", (id,))
        return _integration(rows[0]) if rows else None

    async def all(self, *, limit: int, after: IntegrationId | None = None) -> Sequence[Integration]:
        rows = await self._rows(
            f"select {_COLUMNS} from integrations where %s::uuid is null or id > %s"
            " order by id limit %s",
            (after, after, limit),
        )
        return [_integration(row) for row in rows]

    async def find_sealed(self, id: IntegrationId) -> bytes | None:
        rows = await self._rows("select credentials from integrations where id = %s", (id,))
        return rows[0][0] if rows else None

    async def all_sealed(
        self, *, limit: int, after: IntegrationId | None = None
    ) -> Sequence[tuple[IntegrationId, bytes]]:
        rows = await self._rows(
            "select id, credentials from integrations where credentials is not null"
            " and (%s::uuid is null or id > %s) order by id limit %s",
            (after, after, limit),
        )
        return [(IntegrationId(id), sealed) for id, sealed in rows]

    async def reseal(self, id: IntegrationId, *, old: bytes, new: bytes) -> bool:
        rows = await self._rows(
            "update integrations set credentials = %s where id = %s and credentials = %s"
            " returning id",
            (new, id, old),
        )
        return bool(rows)

    async def replace(self, integration: Integration, sealed: bytes) -> bool:
        rows = await self._rows(
            "update integrations set credentials = %s, settings = %s, status = %s, problem = %s"
            " where id = %s returning id",
            (
                sealed,
                Jsonb(dict(integration.settings)),
                integration.status,
                _problem_json(integration.problem),
                integration.id,
            ),
        )
        return bool(rows)

    async def change_settings(self, id: IntegrationId, settings: Mapping[str, object]) -> None:
        await self._rows(
            "update integrations set settings = jsonb_strip_nulls(settings || %s) where id = %s"
            " returning id",
            (Jsonb(dict(settings)), id),
        )

    async def mark(
        self, id: IntegrationId, status: IntegrationStatus, problem: Problem | None
    ) -> None:
        await self._rows(
            "update integrations set status = %s, problem = %s where id = %s returning id",
            (status, _problem_json(problem), id),
        )

    async def delete(self, id: IntegrationId) -> bool:
        return bool(await self._rows("delete from integrations where id = %s returning id", (id,)))

    async def _rows(self, statement: LiteralString, values: Sequence[object]) -> list[Row]:
        [rows] = await self.database.at_once(self.schema, statement, values)
        return rows


async def shut_imported(connection: Connection) -> None:
    """Whatever an archive says of integrations: none works before it is connected again here."""
    await connection.execute(
        "update integrations set credentials = null, status = %s, problem = %s",
        (IntegrationStatus.DISABLED, Jsonb(asdict(LEFT_BEHIND))),
    )
    # What waited there is answered there.
    await connection.execute(
        "update channel_outbox set ended_at = queued_at, problem = %s where ended_at is null",
        (Jsonb(asdict(LEFT_BEHIND)),),
    )
    await connection.execute(
        "update channel_events set handled_at = received_at, outcome = 'ignored'"
        " where handled_at is null"
    )


def _values(integration: Integration) -> tuple[object, ...]:
    return (
        integration.id,
        integration.type,
        integration.status,
        Jsonb(dict(integration.settings)),
        integration.messages_in,
        integration.messages_out,
        integration.last_activity_at,
        _problem_json(integration.problem),
        integration.created_at,
    )


def _problem_json(problem: Problem | None) -> Jsonb | None:
    return Jsonb(asdict(problem)) if problem else None


def _integration(row: Row) -> Integration:
    (id, type, status, settings, messages_in, messages_out, last_activity_at, problem,
     created_at) = row  # fmt: skip
    return Integration(
        id=IntegrationId(id),
        type=IntegrationType(type),
        status=IntegrationStatus(status),
        settings=settings,
        messages_in=messages_in,
        messages_out=messages_out,
        last_activity_at=last_activity_at,
        problem=Problem(**problem) if problem else None,
        created_at=created_at,
    )
