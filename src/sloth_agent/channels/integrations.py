"""The accounts at messengers and calendars that one tenant has connected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sloth_agent.billing.access import require_access
from sloth_agent.billing.usage_ports import CurrentSubscriptions
from sloth_agent.channels.chat_files import FILES_KEPT
from sloth_agent.channels.hand_over_words import HAND_OVER_WORDS, checked_words
from sloth_agent.channels.models import (
    Credentials,
    Integration,
    IntegrationStatus,
    IntegrationType,
)
from sloth_agent.channels.ports import IntegrationStore
from sloth_agent.channels.vault import Vault
from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, CredentialUnreadable, InvalidInput, NotFound, Problem
from sloth_agent.ids import IntegrationId, new_id
from sloth_agent.tenants.audit import Actor, TenantLog


@dataclass(frozen=True, slots=True)
class Integrations:
    """What one tenant is reached by."""

    store: IntegrationStore
    vault: Vault
    subscriptions: CurrentSubscriptions
    log: TenantLog
    clock: Clock

    async def list(
        self, *, limit: int = 1000, after: IntegrationId | None = None
    ) -> Sequence[Integration]:
        """Oldest first, without credentials."""
        return await self.store.all(limit=limit, after=after)

    async def show(self, id: IntegrationId) -> Integration:
        """Raises:
        NotFound: no such integration.
        """
        integration = await self.store.find(id)
        if integration is None:
            raise _unknown(id)
        return integration

    async def add(
        self,
        type: IntegrationType,
        credentials: Credentials,
        *,
        settings: Mapping[str, object] | None = None,
        status: IntegrationStatus = IntegrationStatus.ACTIVE,
        by: Actor,
    ) -> Integration:
        """Keep an account whose credentials were tried; `settings` hold nothing that is secret.

        Raises:
            FeatureNotInPlan, SubscriptionExpired: the plan does not have it, or has ended.
            InvalidInput: no credentials, where it needs some.
        """
        await self.require(type)
        if type.needs_credentials and not credentials.values:
            raise InvalidInput("An integration needs credentials.", field="credentials")
        integration = Integration(
            id=IntegrationId(new_id()),
            type=type,
            status=status,
            settings=settings or {},
            created_at=self.clock(),
        )
        sealed = self.vault.seal(integration.id, credentials) if credentials.values else None
        # Cut short between the two, there is an event without an integration, which is asked for
        # again; not one that nobody knows of.
        await self.log.write(
            "integration.connected", by=by, subject=str(integration.id), type=type.value
        )
        await self.store.add(integration, sealed)
        return integration

    async def require(self, type: IntegrationType) -> None:
        """Raises:
        FeatureNotInPlan, SubscriptionExpired: the plan does not have it, or has ended.
        """
        require_access(await self.subscriptions.current(self.vault.tenant), type.feature)

    async def connect_anew(
        self,
        id: IntegrationId,
        credentials: Credentials,
        *,
        settings: Mapping[str, object],
        status: IntegrationStatus,
        by: Actor,
    ) -> Integration:
        """Give an integration other credentials; its settings are kept but for those given.

        Raises:
            NotFound: no such integration.
        """
        integration = await self.show(id)
        await self.log.write(
            "integration.connected", by=by, subject=str(id), type=integration.type.value
        )
        changed = replace(
            integration,
            settings={**integration.settings, **settings},
            status=status,
            problem=None,
        )
        if not await self.store.replace(changed, self.vault.seal(id, credentials)):
            raise _unknown(id)
        return changed

    async def change_settings(self, id: IntegrationId, settings: Mapping[str, object]) -> None:
        """Those given take the place of others by their names; None removes one."""
        await self.store.change_settings(id, settings)

    async def set_hand_over_words(
        self, id: IntegrationId, words: Sequence[str], *, by: Actor
    ) -> Sequence[str]:
        """Name the words after which a person is to answer, in the place of earlier ones.

        Raises:
            NotFound: no such integration.
            InvalidInput: too many, or what is no word.
        """
        checked = checked_words(words)
        await self.show(id)
        await self.log.write(
            "integration.changed", by=by, subject=str(id), fields=[HAND_OVER_WORDS]
        )
        await self.change_settings(id, {HAND_OVER_WORDS: checked})
        return checked

    async def set_files_kept(self, id: IntegrationId, kept: bool, *, by: Actor) -> None:
        """Say whether documents that customers send are kept for the people of the firm.

        Raises:
            NotFound: no such integration.
            Conflict: nobody sends files there.
        """
        integration = await self.show(id)
        if not integration.type.is_messenger:
            raise Conflict(
                f"Customers send no files by {integration.type}.",
                hint="Name an integration of Telegram or WhatsApp.",
            )
        await self.log.write("integration.changed", by=by, subject=str(id), fields=[FILES_KEPT])
        await self.change_settings(id, {FILES_KEPT: kept})

    async def mark(
        self, id: IntegrationId, status: IntegrationStatus, problem: Problem | None = None
    ) -> None:
        """Say whether it works, and why not."""
        await self.store.mark(id, status, problem)

    async def credentials(self, id: IntegrationId) -> Credentials:
        """What opens the account; nothing of it is to be shown or logged.

        Raises:
            NotFound: no such integration.
            CredentialUnreadable: they stayed behind with an import, or do not open.
        """
        sealed = await self.store.find_sealed(id)
        if sealed is None:
            await self.show(id)
            raise CredentialUnreadable(
                f"The integration {id} has no credentials any more.", hint="Connect it again."
            )
        return self.vault.open(id, sealed)

    async def disconnect(self, id: IntegrationId, *, by: Actor) -> None:
        """Forget an account and what opens it.

        Raises:
            NotFound: no such integration.
        """
        integration = await self.show(id)
        # In the order of `add`, for the same reason.
        await self.log.write(
            "integration.disconnected", by=by, subject=str(id), type=integration.type.value
        )
        if not await self.store.delete(id):
            raise _unknown(id)


def _unknown(id: IntegrationId) -> NotFound:
    return NotFound(f"There is no integration {id}.", hint="See `sloth channels list`.")
