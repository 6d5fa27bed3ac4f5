"""Replies to requests that may come again, on the control tables."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from sloth_agent.access.models import Place, Repeatable
from sloth_agent.adapters.stores.postgres.database import Database

_OF_REQUEST: LiteralString = " caller = %(caller)s and endpoint = %(endpoint)s and key = %(key)s"
_CLAIM: LiteralString = (
    "insert into public.replies (caller, endpoint, key, fingerprint, lease, until)"
    " values (%(caller)s, %(endpoint)s, %(key)s, %(fingerprint)s, %(lease)s, %(until)s)"
    " on conflict (caller, endpoint, key) do update set fingerprint = excluded.fingerprint,"
    " lease = excluded.lease, until = excluded.until, status = null, sealed = null"
    " where replies.until < %(now)s"
)
_PLACE: LiteralString = (
    f"select fingerprint, lease, status, sealed from public.replies where {_OF_REQUEST}"
)


@dataclass(frozen=True, slots=True)
class PostgresReplies:
    """`ReplyStore` on the control tables."""

    database: Database

    async def claim(
        self, request: Repeatable, *, lease: UUID, now: datetime, until: datetime
    ) -> Place:
        values = {
            **_of(request),
            "fingerprint": request.fingerprint,
            "lease": lease,
            "now": now,
            "until": until,
        }
        while True:
            async with self.database.shared() as connection:
                await connection.execute(_CLAIM, values)
                row = await (await connection.execute(_PLACE, values)).fetchone()
            if row is not None:  # else it was released in between
                fingerprint, held_by, status, sealed = row
                return Place(fingerprint=fingerprint, lease=held_by, status=status, sealed=sealed)

    async def renew(self, request: Repeatable, *, lease: UUID, until: datetime) -> None:
        async with self.database.shared() as connection:
            await connection.execute(
                f"update public.replies set until = %(until)s where {_OF_REQUEST}"
                " and lease = %(lease)s and status is null",
                {**_of(request), "until": until, "lease": lease},
            )

    async def keep(
        self, request: Repeatable, *, lease: UUID, status: int, sealed: bytes, until: datetime
    ) -> None:
        async with self.database.shared() as connection:
            await connection.execute(
                "update public.replies set status = %(status)s, sealed = %(sealed)s,"
                f" until = %(until)s where {_OF_REQUEST} and lease = %(lease)s",
                {
                    **_of(request),
                    "status": status,
                    "sealed": sealed,
                    "until": until,
                    "lease": lease,
                },
            )

    async def release(self, request: Repeatable, *, lease: UUID) -> None:
        async with self.database.shared() as connection:
            await connection.execute(
                f"delete from public.replies where {_OF_REQUEST} and lease = %(lease)s",
                {**_of(request), "lease": lease},
            )

    async def forget(self, *, now: datetime) -> int:
        async with self.database.shared() as connection:
            gone = await connection.execute("delete from public.replies where until < %s", (now,))
            return gone.rowcount


def _of(request: Repeatable) -> dict[str, object]:
    return {
        "caller": request.caller,
        "endpoint": request.endpoint,
        "key": request.key.encode("utf-8", "surrogatepass"),
    }
