"""Finds out who sends a request, by what comes with it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sloth_agent.access.api_keys import PREFIX, ApiKeys
from sloth_agent.access.callers import Caller
from sloth_agent.access.sessions import Sessions
from sloth_agent.billing.access import require_access
from sloth_agent.billing.models import Feature
from sloth_agent.billing.usage_ports import CurrentSubscriptions
from sloth_agent.errors import NotSignedIn, TokenInvalid

MOMENT_SECONDS = 3.0
"""How long what was found is believed: a logout, another role take no longer to hold."""

MANY = 1_000
"""Beyond that, those that are not believed any more are forgotten."""


@dataclass(slots=True)
class Recognising:
    """By an access token or an API key; what was found is believed for a moment."""

    sessions: Sessions
    keys: ApiKeys
    subscriptions: CurrentSubscriptions
    timer: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[float, Caller]] = field(default_factory=dict)

    async def caller(self, credentials: str) -> Caller:
        """Raises:
        NotSignedIn: no credentials.
        TokenInvalid: forged, out of date, or of a session that has ended.
        FeatureNotInPlan, SubscriptionExpired: the plan has no API, for whoever brings a key.
        """
        if not credentials:
            raise NotSignedIn("You have not signed in.", hint="Send `Authorization: Bearer ...`.")
        caller = await self._recent(credentials)
        if caller.key is not None:
            subscription = await self.subscriptions.current(caller.key.organization)
            require_access(subscription, Feature.API)
        return caller

    def forget(self, credentials: str) -> None:
        """Look anew at whoever comes with these: they have changed."""
        self._known.pop(credentials, None)

    async def _recent(self, credentials: str) -> Caller:
        """Asked for with each request, and changed once in a while."""
        known = self._known.get(credentials)
        if known is not None and self.timer() < known[0] + MOMENT_SECONDS:
            return known[1]
        looked_at = self.timer()
        is_key = credentials.startswith(PREFIX)
        caller = await (self._program(credentials) if is_key else self._person(credentials))
        if len(self._known) >= MANY:
            lasting = looked_at - MOMENT_SECONDS
            self._known = {key: seen for key, seen in self._known.items() if seen[0] > lasting}
        self._known[credentials] = looked_at, caller
        return caller

    async def _person(self, credentials: str) -> Caller:
        signed = self.sessions.read(credentials)
        standing = await self.sessions.standing(signed.session)
        if standing is None or standing.user.id != signed.user:
            raise TokenInvalid("The session has ended.", hint="Sign in again.")
        return Caller(organization=standing.organization, user=standing.user)

    async def _program(self, credentials: str) -> Caller:
        holder = await self.keys.holder(credentials)
        return Caller(organization=holder.organization, key=holder.key)
