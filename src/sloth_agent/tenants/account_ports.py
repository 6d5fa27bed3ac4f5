"""What users, invitations and passwords need from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sloth_agent.ids import TenantId, UserId
from sloth_agent.language import Language
from sloth_agent.tenants.audit import AuditEvent
from sloth_agent.tenants.users import Role, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A seat that waits for somebody."""

    id: UUID
    organization: TenantId
    email: str  # normalised
    role: Role
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """What is to become of a user; None leaves it as it is, an empty text takes it away."""

    role: Role | None = None
    is_active: bool | None = None
    language: Language | None = None
    phone: str | None = None
    avatar: str | None = None

    @property
    def ends_sessions(self) -> bool:
        """Rights that were signed for are not those that hold now."""
        return self.role is not None or self.is_active is False


class UserStore(Protocol):
    """The users of all organizations. Each method is one transaction, its event included.

    An organization that has had an owner never ends up without an active one, whatever is done at
    once.
    """

    async def add(
        self, user: User, *, password_hash: str | None, seats: int | None, event: AuditEvent
    ) -> None:
        """Store a new user; with `referred_by`, the organization's first one makes it a referral.

        Raises:
            Conflict: the address or the code is taken, or the organization has no owner and this
                is none.
            SeatLimitExceeded: as many users and open invitations as `seats` already.
        """

    async def find(self, id: UserId) -> User | None: ...

    async def with_email(self, email: str) -> tuple[User, str | None] | None:
        """A user and the hash of the password, None where none was set yet."""

    async def with_referral_code(self, code: str) -> User | None: ...

    async def all(
        self, organization: TenantId | None, *, limit: int, after: UserId | None
    ) -> Sequence[User]:
        """Oldest first; of all organizations if None."""

    async def change(
        self, id: UserId, change: UserChange, *, seats: int | None, event: AuditEvent
    ) -> User | None:
        """None: no such user. With another role, the event tells the one before as `previous`.

        Raises:
            Conflict: the organization would have no active owner.
            SeatLimitExceeded: a user comes back, and as many users and open invitations as `seats`
                are there already.
        """

    async def set_password(self, id: UserId, password_hash: str, *, event: AuditEvent) -> None:
        """Void every session and every link for a new password, too."""

    async def add_reset(
        self, id: UserId, digest: bytes, *, expires_at: datetime, event: AuditEvent
    ) -> None: ...

    async def use_reset(
        self, digest: bytes, password_hash: str, *, event: AuditEvent
    ) -> User | None:
        """Set a password by a link, once.

        None: unknown, used, out of date at the time of the event, or the user is inactive.
        """

    async def invite(
        self, invitation: Invitation, digest: bytes, *, seats: int | None, event: AuditEvent
    ) -> None:
        """An open invitation of the same address is replaced.

        Raises:
            Conflict: somebody has this address already, or the organization has no active owner
                and this is to be none.
            SeatLimitExceeded: as many users and open invitations as `seats` already.
        """

    async def invitations(
        self, organization: TenantId | None, *, now: datetime
    ) -> Sequence[Invitation]:
        """The open ones, oldest first; of all organizations if None."""

    async def withdraw(self, organization: TenantId, id: UUID, *, event: AuditEvent) -> bool:
        """False: no such open invitation."""

    async def accept(
        self,
        digest: bytes,
        id: UserId,
        *,
        language: Language,
        password_hash: str,
        event: AuditEvent,
    ) -> User | None:
        """Turn an invitation into a user with its address and role, once.

        None: unknown, used or out of date at the time of the event.

        Raises:
            Conflict: somebody has this address already, or the organization would have no active
                owner; the invitation stays open.
        """


class PasswordHasher(Protocol):
    """Slow on purpose."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """False without a hash, at the same cost: time tells nobody who has an account."""


class Mailer(Protocol):
    """Sends plain text."""

    async def send(self, to: str, *, subject: str, text: str) -> None:
        """Raises:
        BackendUnavailable: the mail server did not take it. Safe to retry.
        """


class Seats(Protocol):
    """How many users an organization may have."""

    async def allowed(self, organization: TenantId) -> int | None:
        """None: as many as they like."""
