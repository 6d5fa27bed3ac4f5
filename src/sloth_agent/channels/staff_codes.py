"""Codes that make a chat the one in which the firm's people are."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sloth_agent.billing.code_text import digest_of, new_code
from sloth_agent.channels.integrations import Integrations
from sloth_agent.channels.models import IntegrationType
from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.ids import IntegrationId
from sloth_agent.tenants.audit import Actor

VALID_FOR = timedelta(minutes=15)

MOST_TRIES = 5
"""Wrong codes that an integration hears before its own is void."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffCode:
    """To be sent to the integration, as `/staff CODE`, by somebody of the firm; once."""

    code: str = field(repr=False)
    integration: IntegrationId
    expires_at: datetime


class StaffCodeStore(Protocol):
    """The codes of one tenant's integrations, one each. Each method is one transaction."""

    async def set(self, integration: IntegrationId, digest: bytes, *, until: datetime) -> bool:
        """In the place of an earlier one; False: no such integration."""

    async def use(
        self, integration: IntegrationId, digest: bytes, *, chat: str, now: datetime
    ) -> bool:
        """Make a chat the staff's, by the vendor's name of it.

        False: it is not this integration's code, or not any more; that counts as a try.
        """


@dataclass(frozen=True, slots=True)
class StaffCodes:
    """Of one tenant."""

    store: StaffCodeStore
    integrations: Integrations
    clock: Clock

    async def make(self, id: IntegrationId, *, by: Actor) -> StaffCode:
        """A code for 15 minutes, to be shown now: afterwards nobody can read it any more.

        Raises:
            NotFound: no such integration.
            Conflict: staff have no chat there.
        """
        integration = await self.integrations.show(id)
        if integration.type is not IntegrationType.TELEGRAM:
            raise Conflict(
                f"Staff have no chat of their own at {integration.type}.",
                hint="Answer with `sloth channels answer`, over HTTP, or on Telegram.",
            )
        code, until = new_code(), self.clock() + VALID_FOR
        digest = digest_of(code)
        assert digest is not None, "a new code checks"
        await self.integrations.log.write("staff_chat.code_made", by=by, subject=str(id))
        if not await self.store.set(id, digest, until=until):
            raise NotFound(f"There is no integration {id}.", hint="See `sloth channels list`.")
        return StaffCode(code=code, integration=id, expires_at=until)

    async def use(self, id: IntegrationId, typed: str, *, chat: str) -> bool:
        """Whether the chat is the staff's from now on. What is mistyped is no try."""
        digest = digest_of(typed)
        return digest is not None and await self.store.use(id, digest, chat=chat, now=self.clock())
