"""Keys with which programs come in."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sloth_agent.access.models import ApiKey, KeyHolder, Scope
from sloth_agent.access.ports import ApiKeyStore
from sloth_agent.clock import Clock
from sloth_agent.errors import InvalidInput, NotFound, TokenInvalid
from sloth_agent.ids import ApiKeyId, TenantId, UserId, new_id
from sloth_agent.tenants.audit import Actor, AuditEvent
from sloth_agent.tenants.models import checked_name
from sloth_agent.tenants.tokens import Token

PREFIX = "sloth_"
"""By which people, and programs that look for leaked secrets, know a key."""

SHOWN = len(PREFIX) + 6

MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The keys of all organizations."""

    store: ApiKeyStore
    clock: Clock

    async def create(
        self,
        organization: TenantId,
        name: str,
        *,
        scopes: Collection[Scope] = tuple(Scope),
        expires_at: datetime | None = None,
        created_by: UserId | None = None,
        by: Actor,
    ) -> tuple[ApiKey, str]:
        """Make a key; the text of it is shown this once.

        Raises:
            InvalidInput: a bad name, no scope, an end in the past.
        """
        now = self.clock()
        if not scopes:
            raise InvalidInput("A key without a scope opens nothing.", field="scopes")
        if expires_at is not None and expires_at <= now:
            raise InvalidInput("The key would have ended already.", field="expires_at")
        text = PREFIX + Token.new().text
        key = ApiKey(
            id=ApiKeyId(new_id()),
            organization=organization,
            name=checked_name(name),
            beginning=text[:SHOWN],
            scopes=frozenset(scopes),
            created_by=created_by,
            created_at=now,
            expires_at=expires_at,
        )
        event = AuditEvent.of(
            "api_key.created",
            by=by,
            at=now,
            organization=organization,
            subject=str(key.id),
            scopes=sorted(key.scopes),
        )
        await self.store.add(key, Token(text).digest, event=event)
        return key, text

    async def holder(self, text: str) -> KeyHolder:
        """Raises:
        TokenInvalid: no such key, or one that was revoked or is out of date.
        """
        now = self.clock()
        holder = await self.store.with_digest(Token(text).digest, now=now)
        if holder is None or not holder.key.is_valid(now):
            raise TokenInvalid("The API key is not valid.", hint="Make another one.")
        return holder

    async def list(
        self, organization: TenantId, *, limit: int = 100, before: ApiKeyId | None = None
    ) -> Sequence[ApiKey]:
        """Newest first, those that were revoked included.

        Raises:
            InvalidInput: a limit out of range.
        """
        if not 1 <= limit <= MOST_AT_ONCE:
            raise InvalidInput(f"The limit is 1 to {MOST_AT_ONCE}.", field="limit")
        return await self.store.of(organization, limit=limit, before=before)

    async def revoke(self, organization: TenantId, id: ApiKeyId, *, by: Actor) -> ApiKey:
        """Let nobody in with a key any more, within five seconds.

        Raises:
            NotFound: the organization has no such key.
        """
        event = AuditEvent.of(
            "api_key.revoked",
            by=by,
            at=self.clock(),
            organization=organization,
            subject=str(id),
        )
        revoked = await self.store.revoke(organization, id, event=event)
        if revoked is None:
            raise NotFound(f"There is no API key {id}.")
        return revoked
