"""Activation codes on the control tables."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.adapters.stores.postgres.subscriptions import decide_in, hold
from sloth_agent.billing.activation_codes import (
    MOST_WRONG_TRIES,
    TRIES_ARE_COUNTED_FOR,
    mistyped,
    refusal,
    too_many_tries,
)
from sloth_agent.billing.models import ActivationCode, Subscription
from sloth_agent.billing.ports import Attempt, Decide, ListedCode
from sloth_agent.billing.states import CodeStatus
from sloth_agent.errors import SlothError
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import AuditEvent

_NAMES = (
    "id",
    "plan",
    "duration_days",
    "created_by",
    "created_at",
    "expires_at",
    "used_by",
    "used_at",
    "revoked_at",
)
_COLUMNS: LiteralString = ", ".join(f"code.{name}" for name in _NAMES)

_STATUS: LiteralString = (
    "case when used_at is not null then 'used' when revoked_at is not null then 'revoked'"
    " when expires_at <= %(now)s then 'expired' else 'unused' end"
)


@dataclass(frozen=True, slots=True)
class PostgresCodes:
    """`CodeStore` on the control tables."""

    database: Database

    async def add(self, codes: Mapping[bytes, ActivationCode], *, event: AuditEvent) -> None:
        async with self.database.shared() as connection:
            await connection.cursor().executemany(
                "insert into public.activation_codes"
                " (id, digest, plan, duration_days, created_by, created_at, expires_at)"
                " values (%s, %s, %s, %s, %s, %s, %s)",
                [
                    (
                        code.id,
                        digest,
                        code.plan,
                        code.duration_days,
                        code.created_by,
                        code.created_at,
                        code.expires_at,
                    )
                    for digest, code in codes.items()
                ],
            )
            await record(connection, event)

    async def all(
        self,
        *,
        now: datetime,
        status: CodeStatus | None,
        plan: str | None,
        before: UUID | None,
        limit: int,
    ) -> Sequence[ListedCode]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS}, slug from public.activation_codes as code"
                " left join public.organizations as firm on firm.id = code.used_by"
                f" where (%(status)s::text is null or {_STATUS} = %(status)s)"
                " and (%(plan)s::text is null or plan = %(plan)s)"
                " and (%(before)s::uuid is null or code.id < %(before)s)"
                " order by code.id desc limit %(limit)s",
                {"now": now, "status": status, "plan": plan, "before": before, "limit": limit},
            )
            return [ListedCode(_code(row), slug) for *row, slug in await found.fetchall()]

    async def unused(self, now: datetime) -> Mapping[str, int]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select plan, count(*) from public.activation_codes"
                f" where {_STATUS} = 'unused' group by plan",
                {"now": now},
            )
            return dict(await found.fetchall())

    async def revoke(self, which: UUID | bytes, *, event: AuditEvent) -> ActivationCode | None:
        key: LiteralString = "code.id" if isinstance(which, UUID) else "code.digest"
        async with self.database.shared() as connection:
            revoked = await connection.execute(
                "update public.activation_codes as code set revoked_at = %s"
                f" where {key} = %s and used_at is null and revoked_at is null"
                f" returning {_COLUMNS}",
                (event.at, which),
            )
            row = await revoked.fetchone()
            if row is None:
                return await _find(connection, key, which)
            code = _code(row)
            await record(connection, replace(event, subject=str(code.id)))
            return code

    async def redeem(
        self, attempt: Attempt, grant: Callable[[ActivationCode], Decide]
    ) -> Subscription:
        async with self.database.shared() as connection:
            await hold(connection, attempt.organization)
            await _count_try(connection, attempt)
            try:
                async with connection.transaction():
                    return await _redeemed(connection, attempt, grant)
            except SlothError as error:
                # What the attempt changed is undone; that it was made is not.
                refused = error
                await record(connection, await _refused_event(connection, attempt, error))
        raise refused


async def _redeemed(
    connection: Connection, attempt: Attempt, grant: Callable[[ActivationCode], Decide]
) -> Subscription:
    code = await _take(connection, attempt)
    subscription = await decide_in(connection, attempt.organization, grant(code))
    assert subscription is not None, "whoever redeems a code has a subscription"
    await connection.execute(
        "update public.activation_code_tries set wrong = wrong - 1 where organization_id = %s",
        (attempt.organization,),
    )
    return subscription


async def _take(connection: Connection, attempt: Attempt) -> ActivationCode:
    """The one statement that decides who of many gets a code."""
    if attempt.digest is None:
        raise mistyped()
    taken = await connection.execute(
        "update public.activation_codes as code set used_by = %(organization)s, used_at = %(now)s"
        " where digest = %(digest)s and used_at is null and revoked_at is null"
        " and (expires_at is null or expires_at > %(now)s)"
        f" returning {_COLUMNS}",
        {"organization": attempt.organization, "now": attempt.at, "digest": attempt.digest},
    )
    row = await taken.fetchone()
    if row is None:
        raise refusal(await _find(connection, "code.digest", attempt.digest), attempt.at)
    return _code(row)


async def _count_try(connection: Connection, attempt: Attempt) -> None:
    """Count it as a wrong one, which a right one takes back.

    Raises:
        RateLimited: all tries of the hour were used.
    """
    counted = await connection.execute(
        "insert into public.activation_code_tries as tries (organization_id, since, wrong)"
        " values (%(organization)s, %(now)s, 1) on conflict (organization_id) do update set"
        " since = case when tries.since <= %(forgotten)s then excluded.since else tries.since end,"
        " wrong = case when tries.since <= %(forgotten)s then 1 else tries.wrong + 1 end"
        " where tries.since <= %(forgotten)s or tries.wrong < %(most)s",
        {
            "organization": attempt.organization,
            "now": attempt.at,
            "forgotten": attempt.at - TRIES_ARE_COUNTED_FOR,
            "most": MOST_WRONG_TRIES,
        },
    )
    if counted.rowcount == 0:
        found = await connection.execute(
            "select since from public.activation_code_tries where organization_id = %s",
            (attempt.organization,),
        )
        (since,) = await found.fetchone() or (attempt.at,)
        raise too_many_tries(since, now=attempt.at)


async def _refused_event(connection: Connection, attempt: Attempt, error: SlothError) -> AuditEvent:
    code = await _find(connection, "code.digest", attempt.digest) if attempt.digest else None
    return attempt.event("code.refused", code=code.id if code else None, reason=error.code)


async def _find(
    connection: Connection, key: LiteralString, value: UUID | bytes
) -> ActivationCode | None:
    found = await connection.execute(
        f"select {_COLUMNS} from public.activation_codes as code where {key} = %s", (value,)
    )
    row = await found.fetchone()
    return _code(row) if row else None


def _code(row: Sequence[Any]) -> ActivationCode:
    values = dict(zip(_NAMES, row, strict=True))
    used_by = values.pop("used_by")
    return ActivationCode(used_by=TenantId(used_by) if used_by else None, **values)
