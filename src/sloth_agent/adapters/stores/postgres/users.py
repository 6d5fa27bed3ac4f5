"""Users, invitations and links for passwords, on the control tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.adapters.stores.postgres.referrals import begin_referral
from sloth_agent.errors import Conflict, SeatLimitExceeded
from sloth_agent.ids import TenantId, UserId
from sloth_agent.language import Language
from sloth_agent.tenants.account_ports import Invitation, UserChange
from sloth_agent.tenants.audit import AuditEvent
from sloth_agent.tenants.referral_codes import new_referral_code
from sloth_agent.tenants.users import Role, User

_NAMES = (
    "id",
    "email",
    "organization_id",
    "role",
    "language",
    "created_at",
    "is_superuser",
    "phone",
    "avatar",
    "is_active",
    "token_version",
    "referral_code",
    "referred_by",
)
_COLUMNS: LiteralString = ", ".join(_NAMES)
USER_COLUMNS: LiteralString = ", ".join(f"users.{name}" for name in _NAMES)
"""As `user_from` reads them, in a join with other tables."""


_RESET: LiteralString = (
    "update public.password_resets set used_at = %(now)s where token_hash = %(digest)s"
    " and used_at is null and expires_at > %(now)s"
    " and user_id in (select id from public.users where is_active) returning user_id"
)
_ACCEPT: LiteralString = (
    "update public.invitations set accepted_at = %(now)s where token_hash = %(digest)s"
    " and accepted_at is null and expires_at > %(now)s returning organization_id, email, role"
)


@dataclass(frozen=True, slots=True)
class PostgresUsers:
    """`UserStore` and `TakenSeats` on the control tables."""

    database: Database

    async def add(
        self, user: User, *, password_hash: str | None, seats: int | None, event: AuditEvent
    ) -> None:
        async with self.database.shared() as connection:
            if user.organization is not None:
                await _hold(connection, user.organization)
                await _check_seats(connection, user.organization, seats, now=event.at)
            await insert_user(connection, user, password_hash)
            await begin_referral(connection, user)
            await _check_owner(connection, user.organization)
            await record(connection, event)

    async def find(self, id: UserId) -> User | None:
        return await self._one("id = %s", id)

    async def with_email(self, email: str) -> tuple[User, str | None] | None:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select password_hash, {_COLUMNS} from public.users where email = %s", (email,)
            )
            row = await found.fetchone()
        return (user_from(row[1:]), row[0]) if row else None

    async def with_referral_code(self, code: str) -> User | None:
        return await self._one("referral_code = %s", code)

    async def _one(self, condition: LiteralString, value: UUID | str) -> User | None:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.users where {condition}", (value,)
            )
            row = await found.fetchone()
        return user_from(row) if row else None

    async def all(
        self, organization: TenantId | None, *, limit: int, after: UserId | None
    ) -> Sequence[User]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                f"select {_COLUMNS} from public.users"
                " where (%(organization)s::uuid is null or organization_id = %(organization)s)"
                " and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s",
                {"organization": organization, "after": after, "limit": limit},
            )
            return [user_from(row) for row in await found.fetchall()]

    async def change(
        self, id: UserId, change: UserChange, *, seats: int | None, event: AuditEvent
    ) -> User | None:
        async with self.database.shared() as connection:
            if event.organization is not None:
                await _hold(connection, event.organization)
                if change.is_active and not await _is_active(connection, id):
                    await _check_seats(connection, event.organization, seats, now=event.at)
            if change.role is not None:
                event = await _with_old_role(connection, id, event)
            found = await connection.execute(
                "update public.users set role = coalesce(%s, role),"
                " is_active = coalesce(%s, is_active), language = coalesce(%s, language),"
                " phone = nullif(coalesce(%s, phone), ''),"
                " avatar = nullif(coalesce(%s, avatar), ''),"
                " token_version = token_version + %s"
                f" where id = %s returning {_COLUMNS}",
                (
                    change.role,
                    change.is_active,
                    change.language,
                    change.phone,
                    change.avatar,
                    int(change.ends_sessions),
                    id,
                ),
            )
            row = await found.fetchone()
            if row is None:
                return None
            await _check_owner(connection, event.organization)
            await record(connection, event)
        return user_from(row)

    async def set_password(self, id: UserId, password_hash: str, *, event: AuditEvent) -> None:
        async with self.database.shared() as connection:
            await _set_password(connection, id, password_hash, event)

    async def add_reset(
        self, id: UserId, digest: bytes, *, expires_at: datetime, event: AuditEvent
    ) -> None:
        async with self.database.shared() as connection:
            await connection.execute(
                "insert into public.password_resets (token_hash, user_id, expires_at)"
                " values (%s, %s, %s)",
                (digest, id, expires_at),
            )
            await record(connection, event)

    async def use_reset(
        self, digest: bytes, password_hash: str, *, event: AuditEvent
    ) -> User | None:
        async with self.database.shared() as connection:
            used = await _use_token(connection, _RESET, digest, now=event.at)
            if used is None:
                return None
            [id] = used
            event = replace(event, subject=str(id))
            return await _set_password(connection, UserId(id), password_hash, event)

    async def invite(
        self, invitation: Invitation, digest: bytes, *, seats: int | None, event: AuditEvent
    ) -> None:
        async with self.database.shared() as connection:
            await _hold(connection, invitation.organization)
            if invitation.role is not Role.OWNER:
                await _check_owner(connection, invitation.organization)
            known = await connection.execute(
                "select from public.users where email = %s", (invitation.email,)
            )
            if known.rowcount:
                raise _taken(invitation.email)
            await connection.execute(
                "delete from public.invitations where organization_id = %s and email = %s",
                (invitation.organization, invitation.email),
            )
            await _check_seats(connection, invitation.organization, seats, now=event.at)
            await connection.execute(
                "insert into public.invitations"
                " (token_hash, id, organization_id, email, role, expires_at)"
                " values (%s, %s, %s, %s, %s, %s)",
                (
                    digest,
                    invitation.id,
                    invitation.organization,
                    invitation.email,
                    invitation.role,
                    invitation.expires_at,
                ),
            )
            await record(connection, event)

    async def seats_taken(self, organization: TenantId, *, now: datetime) -> int:
        async with self.database.shared() as connection:
            return await _seats_taken(connection, organization, now=now)

    async def invitations(
        self, organization: TenantId | None, *, now: datetime
    ) -> Sequence[Invitation]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select id, organization_id, email, role, expires_at from public.invitations"
                " where (%(organization)s::uuid is null or organization_id = %(organization)s)"
                " and accepted_at is null and expires_at > %(now)s order by id",
                {"organization": organization, "now": now},
            )
            return [
                Invitation(
                    id=id,
                    organization=TenantId(organization_id),
                    email=email,
                    role=Role(role),
                    expires_at=expires_at,
                )
                for id, organization_id, email, role, expires_at in await found.fetchall()
            ]

    async def withdraw(self, organization: TenantId, id: UUID, *, event: AuditEvent) -> bool:
        async with self.database.shared() as connection:
            done = await connection.execute(
                "delete from public.invitations where organization_id = %s and id = %s"
                " and accepted_at is null and expires_at > %s",
                (organization, id, event.at),
            )
            if done.rowcount:
                await record(connection, event)
            return done.rowcount == 1

    async def accept(
        self,
        digest: bytes,
        id: UserId,
        *,
        language: Language,
        password_hash: str,
        event: AuditEvent,
    ) -> User | None:
        async with self.database.shared() as connection:
            await _hold_inviting(connection, digest)
            used = await _use_token(connection, _ACCEPT, digest, now=event.at)
            if used is None:
                return None
            organization, email, role = used
            user = User(
                id=id,
                email=email,
                organization=TenantId(organization),
                role=Role(role),
                language=language,
                created_at=event.at,
                referral_code=new_referral_code(),
            )
            await insert_user(connection, user, password_hash)
            await _check_owner(connection, user.organization)
            await record(connection, replace(event, organization=user.organization))
        return user


async def _use_token(
    connection: Connection, statement: LiteralString, digest: bytes, *, now: datetime
) -> tuple[Any, ...] | None:
    """What the token gives; None if it is unknown, was used, or is too old."""
    found = await connection.execute(statement, {"digest": digest, "now": now})
    return await found.fetchone()


async def _hold(connection: Connection, organization: TenantId) -> None:
    """Let nobody else change who belongs to an organization until the transaction ends."""
    await connection.execute(
        "select from public.organizations where id = %s for update", (organization,)
    )


async def _hold_inviting(connection: Connection, digest: bytes) -> None:
    """As `_hold`, before the invitation is: in the order in which others hold both."""
    await connection.execute(
        "select from public.organizations where id ="
        " (select organization_id from public.invitations where token_hash = %s) for update",
        (digest,),
    )


async def _check_seats(
    connection: Connection, organization: TenantId, seats: int | None, *, now: datetime
) -> None:
    """Under `_hold`."""
    if seats is None:
        return
    used = await _seats_taken(connection, organization, now=now)
    if used >= seats:
        raise SeatLimitExceeded(
            f"All {seats} users of the plan are taken.",
            hint="Deactivate a user, withdraw an invitation, or choose a larger plan.",
            resource="users",
            used=used,
            limit=seats,
        )


async def _seats_taken(connection: Connection, organization: TenantId, *, now: datetime) -> int:
    found = await connection.execute(
        "select (select count(*) from public.users where organization_id = %(id)s and is_active)"
        " + (select count(*) from public.invitations where organization_id = %(id)s"
        " and accepted_at is null and expires_at > %(now)s)",
        {"id": organization, "now": now},
    )
    [taken] = await found.fetchone() or (0,)
    return int(taken)


async def _is_active(connection: Connection, id: UserId) -> bool:
    """Under `_hold`."""
    found = await connection.execute("select from public.users where id = %s and is_active", (id,))
    return found.rowcount == 1


async def _check_owner(connection: Connection, organization: TenantId | None) -> None:
    """Under `_hold`: nobody else takes an owner away at the same time."""
    if organization is None:
        return
    found = await connection.execute(
        "select from public.users where organization_id = %s and role = 'owner' and is_active",
        (organization,),
    )
    if found.rowcount == 0:
        raise Conflict(
            "An organization always has an active owner.",
            hint="Make or invite its first user as an owner, or another one before this one goes.",
        )


async def _with_old_role(connection: Connection, id: UserId, event: AuditEvent) -> AuditEvent:
    """Under `_hold`: the role that is about to be changed."""
    found = await connection.execute("select role from public.users where id = %s", (id,))
    [previous] = await found.fetchone() or (None,)
    return replace(event, details={**event.details, "previous": previous})


async def insert_user(connection: Connection, user: User, password_hash: str | None) -> None:
    try:
        await connection.execute(
            f"insert into public.users ({_COLUMNS}, password_hash)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                user.id,
                user.email,
                user.organization,
                user.role,
                user.language,
                user.created_at,
                user.is_superuser,
                user.phone,
                user.avatar,
                user.is_active,
                user.token_version,
                user.referral_code,
                user.referred_by,
                password_hash,
            ),
        )
    except psycopg.errors.UniqueViolation as error:
        if error.diag.constraint_name == "users_referral_code_key":
            raise Conflict("The new referral code is taken.", hint="Try again.") from error
        raise _taken(user.email) from error


def _taken(email: str) -> Conflict:
    return Conflict(f"There is a user {email} already.", hint="Use another address.")


async def _set_password(
    connection: Connection, id: UserId, password_hash: str, event: AuditEvent
) -> User | None:
    found = await connection.execute(
        "update public.users set password_hash = %s, token_version = token_version + 1"
        f" where id = %s returning {_COLUMNS}",
        (password_hash, id),
    )
    row = await found.fetchone()
    if row is None:
        return None
    await connection.execute(
        "delete from public.password_resets where user_id = %s and used_at is null", (id,)
    )
    user = user_from(row)
    await record(connection, replace(event, organization=user.organization))
    return user


def user_from(row: tuple[Any, ...]) -> User:
    (id, email, organization, role, language, created_at, is_superuser, phone, avatar, is_active,
     token_version, referral_code, referred_by) = row  # fmt: skip
    return User(
        id=UserId(id),
        email=email,
        organization=TenantId(organization) if organization else None,
        role=Role(role) if role else None,
        language=Language(language),
        created_at=created_at,
        is_superuser=is_superuser,
        phone=phone,
        avatar=avatar,
        is_active=is_active,
        token_version=token_version,
        referral_code=referral_code,
        referred_by=UserId(referred_by) if referred_by else None,
    )
