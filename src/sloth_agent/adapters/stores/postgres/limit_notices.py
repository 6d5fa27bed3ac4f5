"""Notices about limits of one tenant, in the database where it lives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from sloth_agent.adapters.stores.postgres.database import Row, TenantDatabase
from sloth_agent.billing.allowance import Resource
from sloth_agent.billing.notices import Notice

_COLUMNS: LiteralString = "resource, period_start, percent, used, allowed, noticed_at"


@dataclass(frozen=True, slots=True)
class PostgresNotices:
    """`NoticeStore` on the working tables."""

    database: TenantDatabase
    schema: str

    async def add(self, notice: Notice) -> bool:
        [added] = await self.database.at_once(
            self.schema,
            f"insert into public.limit_notices (schema_name, {_COLUMNS})"
            " values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing returning 1",
            (
                self.schema,
                notice.resource,
                notice.period_start,
                notice.percent,
                notice.used,
                notice.limit,
                notice.noticed_at,
            ),
        )
        return bool(added)

    async def all(self, *, limit: int) -> Sequence[Notice]:
        [rows] = await self.database.at_once(
            self.schema,
            f"select {_COLUMNS} from public.limit_notices where schema_name = %s"
            " order by noticed_at desc, resource limit %s",
            (self.schema, limit),
        )
        return [_notice(row) for row in rows]

    async def claim_mails(
        self, *, period_start: datetime, now: datetime, until: datetime
    ) -> Sequence[Notice]:
        [rows] = await self.database.at_once(
            self.schema,
            "update public.limit_notices set mailing_until = %s"
            " where schema_name = %s and period_start = %s and mailed_at is null"
            f" and (mailing_until is null or mailing_until <= %s) returning {_COLUMNS}",
            (until, self.schema, period_start, now),
        )
        return sorted((_notice(row) for row in rows), key=lambda notice: notice.resource)

    async def mailed(self, notices: Sequence[Notice], *, at: datetime) -> None:
        async with self.database.inside(self.schema) as connection:
            for notice in notices:
                await connection.execute(
                    "update public.limit_notices set mailed_at = %s where schema_name = %s"
                    " and resource = %s and period_start = %s and percent = %s",
                    (at, self.schema, notice.resource, notice.period_start, notice.percent),
                )


def _notice(row: Row) -> Notice:
    resource, period_start, percent, used, limit, noticed_at = row
    return Notice(
        resource=Resource(resource),
        period_start=period_start,
        percent=percent,
        used=used,
        limit=limit,
        noticed_at=noticed_at,
    )
