"""API keys on the control tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from sloth_agent.access.models import ApiKey, KeyHolder, Scope
from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.organizations import (
    ORGANIZATION_COLUMNS,
    organization_from,
)
from sloth_agent.ids import ApiKeyId, TenantId, UserId
from sloth_agent.tenants.audit import AuditEvent

NOTED_EVERY = timedelta(minutes=1)
"""How exactly it is known when a key was used last: each note is a write."""

_NAMES = (
    "id",
    "organization_id",
    "name",
    "beginning",
    "scopes",
    "created_by",
    "created_at",
    "expires_at",
    "revoked_at",
    "last_used_at",
)
_COLUMNS: LiteralString = ", ".join(f"api_keys.{name}" for name in _NAMES)


@dataclass(frozen=True, slots=True)
class PostgresApiKeys:
    """`ApiKeyStore` on the control tables."""

    database: Database

    async def add(self, key: ApiKey, digest: bytes, *, event: AuditEvent) -> None:
        async with self.database.shared() as connection:
            await connection.execute(
                "insert into public.api_keys (id, organization_id, name, beginning, digest, scopes,"
                " created_by, created_at, expires_at)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    key.id,
                    key.organization,
                    key.name,
                    key.beginning,
                    digest,
                    sorted(key.scopes),
                    key.created_by,
                    key.created_at,
                    key.expires_at,
                ),
            )
            await record(connection, event)

    async def with_digest(self, digest: bytes, *, now: datetime) -> KeyHolder | None:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS}, {ORGANIZATION_COLUMNS} from public.api_keys"
                " join public.organizations on organizations.id = organization_id"
                " where digest = %s",
                (digest,),
            )
            row = await found.fetchone()
            if row is None:
                return None
            key = _key(row[: len(_NAMES)])
            if key.last_used_at is None or key.last_used_at < now - NOTED_EVERY:
                await connection.execute(
                    "update public.api_keys set last_used_at = %s where id = %s", (now, key.id)
                )
        return KeyHolder(key=key, organization=organization_from(row[len(_NAMES) :]))

    async def of(
        self, organization: TenantId, *, limit: int, before: ApiKeyId | None
    ) -> Sequence[ApiKey]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.api_keys where organization_id = %(organization)s"
                " and (%(before)s::uuid is null or id < %(before)s)"
                " order by id desc limit %(limit)s",
                {"organization": organization, "before": before, "limit": limit},
            )
            return [_key(row) for row in await found.fetchall()]

    async def revoke(
        self, organization: TenantId, id: ApiKeyId, *, event: AuditEvent
    ) -> ApiKey | None:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "update public.api_keys set revoked_at = coalesce(revoked_at, %s)"
                f" where organization_id = %s and id = %s returning {_COLUMNS}",
                (event.at, organization, id),
            )
            row = await found.fetchone()
            if row is None:
                return None
            key = _key(row)
            if key.revoked_at == event.at:
                await record(connection, event)
        return key


def _key(row: tuple[Any, ...]) -> ApiKey:
    values = dict(zip(_NAMES, row, strict=True))
    created_by = values.pop("created_by")
    return ApiKey(
        id=ApiKeyId(values.pop("id")),
        organization=TenantId(values.pop("organization_id")),
        scopes=frozenset(map(Scope, values.pop("scopes"))),
        created_by=UserId(created_by) if created_by else None,
        **values,
    )
