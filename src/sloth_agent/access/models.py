"""Who comes in over the network."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sloth_agent.ids import ApiKeyId, SessionId, TenantId, UserId
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.users import User


class Scope(StrEnum):
    """What an API key is for."""

    CHAT = "chat"  # ask, try out, read what was said
    DOCUMENTS = "documents"  # upload, list and delete files
    PHOTOS = "photos"
    INTEGRATIONS = "integrations"  # connect messengers and calendars, answer customers there
    PROMPT = "prompt"
    USAGE = "usage"  # read the subscription and what is used of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in, until it ends; its tokens follow each other."""

    id: SessionId
    user: UserId
    token_version: int  # of the user, at that time
    created_at: datetime
    expires_at: datetime  # unless it is refreshed


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who has a session, and what holds for them now."""

    user: User
    organization: Organization | None  # None: an operator who belongs to none


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What an access token says."""

    user: UserId
    session: SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a browser or a program signs in with from now on."""

    access: str = field(repr=False)  # for 15 minutes
    refresh: str = field(repr=False)  # for 30 days, once


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """Lets a program act for an organization. The key itself is kept nowhere."""

    id: ApiKeyId
    organization: TenantId
    name: str
    beginning: str  # of the key, for people to tell it by
    scopes: Collection[Scope]
    created_by: UserId | None  # None: whoever made it is no user any more
    created_at: datetime
    expires_at: datetime | None = None  # None: never
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHolder:
    """A program that came with a key."""

    key: ApiKey
    organization: Organization


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatable:
    """A request that whoever sends it may send again, under a key of their own."""

    caller: str  # who sends it: keys of others are others
    endpoint: str
    key: str
    fingerprint: bytes  # of what is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a request was answered."""

    status: int
    media_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the reply to a request is kept."""

    fingerprint: bytes
    lease: UUID  # of whoever works it out, or did
    status: int | None  # None: it is being worked out
    sealed: bytes | None
