"""Sign-ins and their refresh tokens on the control tables."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, LiteralString

from sloth_agent.access.models import Session, Standing
from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.adapters.stores.postgres.organizations import (
    ORGANIZATION_COLUMNS,
    organization_from,
)
from sloth_agent.adapters.stores.postgres.users import USER_COLUMNS, user_from
from sloth_agent.errors import TokenReused
from sloth_agent.ids import SessionId, UserId
from sloth_agent.tenants.audit import AuditEvent

_LASTING: LiteralString = (
    " sessions.ended_at is null and sessions.expires_at > %(now)s"
    " and users.is_active and users.token_version = sessions.token_version"
)
_OF_TOKEN: LiteralString = (
    "select sessions.id, sessions.user_id, sessions.token_version, sessions.created_at,"
    " sessions.expires_at, users.organization_id, refresh.used_at is not null,"
    f" ({_LASTING}) from public.refresh_tokens as refresh"
    " join public.sessions on sessions.id = refresh.session_id"
    " join public.users on users.id = sessions.user_id"
    " where refresh.digest = %(digest)s"
)
_STANDING: LiteralString = (
    f"select {USER_COLUMNS}, {ORGANIZATION_COLUMNS} from public.sessions"
    " join public.users on users.id = sessions.user_id"
    " left join public.organizations on organizations.id = users.organization_id"
    f" where sessions.id = %(id)s and {_LASTING}"
)
_USER_WIDTH = USER_COLUMNS.count(",") + 1


@dataclass(frozen=True, slots=True)
class PostgresSessions:
    """`SessionStore` on the control tables."""

    database: Database

    async def begin(self, session: Session, digest: bytes) -> None:
        async with self.database.shared() as connection:
            await connection.execute(
                "insert into public.sessions (id, user_id, token_version, created_at, expires_at)"
                " values (%s, %s, %s, %s, %s)",
                (
                    session.id,
                    session.user,
                    session.token_version,
                    session.created_at,
                    session.expires_at,
                ),
            )
            await _add_token(connection, session.id, digest)

    async def renew(
        self, digest: bytes, new_digest: bytes, *, until: datetime, reused: AuditEvent
    ) -> Session | None:
        async with self.database.shared() as connection:
            found = await _of_token(connection, digest, now=reused.at)
            if found is None:
                return None
            if found.used:
                await _end(connection, found.session.id, at=reused.at)
                await record(connection, found.told(reused))
            elif not found.lasts:
                return None
            else:
                await connection.execute(
                    "update public.refresh_tokens set used_at = %s where digest = %s",
                    (reused.at, digest),
                )
                await _add_token(connection, found.session.id, new_digest)
                await connection.execute(
                    "update public.sessions set expires_at = %s where id = %s",
                    (until, found.session.id),
                )
                return replace(found.session, expires_at=until)
        # Outside: the end of the session is stored.
        raise TokenReused(
            "This refresh token was used before: its session has ended.", hint="Sign in again."
        )

    async def end(self, digest: bytes, *, event: AuditEvent) -> bool:
        async with self.database.shared() as connection:
            found = await _of_token(connection, digest, now=event.at)
            if found is None or not found.lasts:
                return False
            await _end(connection, found.session.id, at=event.at)
            await record(connection, found.told(event))
            return True

    async def standing(self, id: SessionId, *, now: datetime) -> Standing | None:
        [rows] = await self.database.shared_at_once(_STANDING, {"id": id, "now": now})
        if not rows:
            return None
        [row] = rows
        of_organization = row[_USER_WIDTH:]
        return Standing(
            user=user_from(row[:_USER_WIDTH]),
            organization=organization_from(of_organization) if of_organization[0] else None,
        )

    async def forget(self, *, before: datetime) -> int:
        async with self.database.shared() as connection:
            gone = await connection.execute(
                "delete from public.sessions where expires_at < %s", (before,)
            )
            return gone.rowcount


@dataclass(frozen=True, slots=True)
class _OfToken:
    session: Session
    organization: Any
    used: bool
    lasts: bool

    def told(self, event: AuditEvent) -> AuditEvent:
        return replace(event, organization=self.organization, subject=str(self.session.user))


async def _of_token(connection: Connection, digest: bytes, *, now: datetime) -> _OfToken | None:
    """The session is held until the transaction ends: no two follow one token."""
    await connection.execute(
        "select from public.sessions where id ="
        " (select session_id from public.refresh_tokens where digest = %s) for update",
        (digest,),
    )
    found = await connection.execute(_OF_TOKEN, {"digest": digest, "now": now})
    row = await found.fetchone()
    if row is None:
        return None
    id, user, token_version, created_at, expires_at, organization, used, lasts = row
    session = Session(
        id=SessionId(id),
        user=UserId(user),
        token_version=token_version,
        created_at=created_at,
        expires_at=expires_at,
    )
    return _OfToken(session, organization, used, lasts)


async def _add_token(connection: Connection, session: SessionId, digest: bytes) -> None:
    await connection.execute(
        "insert into public.refresh_tokens (digest, session_id) values (%s, %s)",
        (digest, session),
    )


async def _end(connection: Connection, session: SessionId, *, at: datetime) -> None:
    await connection.execute(
        "update public.sessions set ended_at = coalesce(ended_at, %s) where id = %s", (at, session)
    )
