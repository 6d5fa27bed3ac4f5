"""What coming in over the network needs from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sloth_agent.access.models import (
    ApiKey,
    KeyHolder,
    Place,
    Repeatable,
    Session,
    Signed,
    Standing,
)
from sloth_agent.ids import ApiKeyId, SessionId, TenantId
from sloth_agent.tenants.audit import AuditEvent
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.users import User


class SessionStore(Protocol):
    """The sessions of all users. Each method is one transaction, its event included."""

    async def begin(self, session: Session, digest: bytes) -> None:
        """Store a session with its first refresh token."""

    async def renew(
        self,
        digest: bytes,
        new_digest: bytes,
        *,
        until: datetime,
        reused: AuditEvent,
    ) -> Session | None:
        """Put a new refresh token in the place of one, at the time of the event.

        None: unknown, or the session has ended, for whatever reason.

        Raises:
            TokenReused: it was used before; the session ends, and `reused` is written down.
        """

    async def end(self, digest: bytes, *, event: AuditEvent) -> bool:
        """End the session of a refresh token, used or not; False: there is none that lasts."""

    async def standing(self, id: SessionId, *, now: datetime) -> Standing | None:
        """None: it has ended, or what was signed is void: another role, another password."""

    async def forget(self, *, before: datetime) -> int:
        """Remove sessions that ended by themselves before a moment."""


class TokenSigner(Protocol):
    """Access tokens that nobody can forge."""

    def sign(self, signed: Signed, *, now: datetime) -> str: ...

    def read(self, token: str, *, now: datetime) -> Signed:
        """Raises:
        TokenInvalid: not one of ours, or out of date.
        """


class ApiKeyStore(Protocol):
    """The keys of all organizations. Each method is one transaction, its event included."""

    async def add(self, key: ApiKey, digest: bytes, *, event: AuditEvent) -> None: ...

    async def with_digest(self, digest: bytes, *, now: datetime) -> KeyHolder | None:
        """Whoever comes with a key, and that it was used now. None: no such key."""

    async def of(
        self, organization: TenantId, *, limit: int, before: ApiKeyId | None
    ) -> Sequence[ApiKey]:
        """Newest first."""

    async def revoke(
        self, organization: TenantId, id: ApiKeyId, *, event: AuditEvent
    ) -> ApiKey | None:
        """None: no such key; revoking it again changes nothing."""


class SignupStore(Protocol):
    """New organizations with their first users."""

    async def add(
        self,
        organization: Organization,
        owner: User,
        *,
        password_hash: str,
        events: Sequence[AuditEvent],
    ) -> bool:
        """Store both, the first subscription and the referral, in one transaction.

        False: the slug is taken, and nothing changes.

        Raises:
            Conflict: the address is taken.
        """


class ReplyStore(Protocol):
    """The replies to requests that may come again. Each method is one transaction."""

    async def claim(
        self, request: Repeatable, *, lease: UUID, now: datetime, until: datetime
    ) -> Place:
        """Keep the place for a reply until a moment; with another lease it is somebody else's."""

    async def renew(self, request: Repeatable, *, lease: UUID, until: datetime) -> None:
        """Keep the place for longer, unless somebody else has it by now."""

    async def keep(
        self, request: Repeatable, *, lease: UUID, status: int, sealed: bytes, until: datetime
    ) -> None:
        """Store the reply, unless somebody else has the place by now."""

    async def release(self, request: Repeatable, *, lease: UUID) -> None:
        """Let the request be tried again."""

    async def forget(self, *, now: datetime) -> int:
        """Remove what is out of date."""


class Sealer(Protocol):
    """Keeps bytes so that whoever reads the database learns nothing of them."""

    def seal(self, content: bytes, *, bound_to: str) -> bytes: ...

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Raises:
        CredentialUnreadable: changed, bound to something else, or sealed with a key that is gone.
        """
