"""Finds out who sends a request, by what comes with it."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sloth_agent.access.api_keys import PREFIX, ApiKeys
from sloth_agent.access.callers import Caller
from sloth_agent.access.models import KeyHolder, Standing
from sloth_agent.access.sessions import Sessions
from sloth_agent.billing.access import require_access
from sloth_agent.billing.models import Feature
from sloth_agent.billing.usage_ports import CurrentSubscriptions
from sloth_agent.errors import NotSignedIn, TokenInvalid
from sloth_agent.ids import SessionId
from sloth_agent.tenants.tokens import Token

MOMENT_SECONDS = 3.0
"""How long what was found is believed: a logout, another role take no longer to hold."""

MOST_KEPT = 10_000

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(slots=True)
class _Recent(Generic[Key, Value]):
    """What was found a moment ago: asked for with each request, changed once in a while."""

    timer: Callable[[], float] = time.monotonic
    _known: dict[Key, tuple[float, Value]] = field(default_factory=dict)

    async def get(self, key: Key, find: Callable[[], Awaitable[Value]]) -> Value:
        known = self._known.get(key)
        if known is not None and self.timer() < known[0] + MOMENT_SECONDS:
            return known[1]
        asked_at = self.timer()
        value = await find()
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        self._known[key] = asked_at, value
        return value


@dataclass(slots=True)
class Recognising:
    """By an access token or an API key."""

    sessions: Sessions
    keys: ApiKeys
    subscriptions: CurrentSubscriptions
    _standings: _Recent[SessionId, Standing | None] = field(default_factory=_Recent)
    _holders: _Recent[bytes, KeyHolder] = field(default_factory=_Recent)

    async def caller(self, credentials: str) -> Caller:
        """Raises:
        NotSignedIn: no credentials.
        TokenInvalid: forged, out of date, or of a session that has ended.
        FeatureNotInPlan, SubscriptionExpired: the plan has no API, for whoever brings a key.
        """
        if not credentials:
            raise NotSignedIn("You have not signed in.", hint="Send `Authorization: Bearer ...`.")
        if credentials.startswith(PREFIX):
            return await self._program(credentials)
        return await self._person(credentials)

    async def _person(self, credentials: str) -> Caller:
        signed = self.sessions.read(credentials)
        standing = await self._standings.get(
            signed.session, lambda: self.sessions.standing(signed.session)
        )
        if standing is None or standing.user.id != signed.user:
            raise TokenInvalid("The session has ended.", hint="Sign in again.")
        return Caller(organization=standing.organization, user=standing.user)

    async def _program(self, credentials: str) -> Caller:
        holder = await self._holders.get(
            Token(credentials).digest, lambda: self.keys.holder(credentials)
        )
        subscription = await self.subscriptions.current(holder.organization.id)
        require_access(subscription, Feature.API)
        return Caller(organization=holder.organization, key=holder.key)
