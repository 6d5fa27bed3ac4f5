"""Connects a firm's account at a messenger, and lets go of it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from sloth_agent.channels.inbox import Messengers
from sloth_agent.channels.inbox_ports import Announce, InboxStore, IntegrationAddresses
from sloth_agent.channels.integrations import Integrations
from sloth_agent.channels.messages import Account
from sloth_agent.channels.models import (
    NO_CREDENTIALS,
    Credentials,
    Integration,
    IntegrationStatus,
    IntegrationType,
)
from sloth_agent.channels.web_pages import WebPages
from sloth_agent.clock import Clock
from sloth_agent.errors import (
    BackendUnavailable,
    ChannelRefused,
    ConfigurationError,
    Conflict,
    CredentialUnreadable,
    NotFound,
    Problem,
    SlothError,
)
from sloth_agent.ids import IntegrationId, TenantId
from sloth_agent.tenants.audit import Actor

WEBHOOK = "webhook"
"""The setting that says where the vendor tells us what happens."""

ACCOUNT = "account"
"""The setting that says who an integration is at the vendor's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting:
    """The messengers of one tenant."""

    organization: TenantId
    integrations: Integrations
    messengers: Messengers
    addresses: IntegrationAddresses
    inbox: InboxStore
    announce: Announce
    clock: Clock
    public_url: str | None  # as the vendor reaches us; None: it cannot, and we ask it instead

    async def connect(
        self, type: IntegrationType, given: Mapping[str, str], *, by: Actor
    ) -> Integration:
        """Try credentials, and have the vendor tell us what happens there.

        An account that this firm connected before goes on with its chats and what waits in them.

        Raises:
            FeatureNotInPlan, SubscriptionExpired: the plan does not have it, or has ended.
            ChannelRefused: the vendor does not take the credentials.
            Conflict: another assistant of this install has the account.
            BackendUnavailable: the vendor does not answer.
        """
        await self.integrations.require(type)
        messenger = self.messengers(type)
        credentials = Credentials({**given, **messenger.new_secrets()})
        async with messenger.open(credentials, {}) as line:
            account = await line.introduce()
            integration = await self._kept(type, credentials, account, by=by)
            if self.public_url is not None:
                url = self.webhook_url(integration)
                await self.integrations.change_settings(integration.id, {WEBHOOK: url})
                try:
                    await line.listen(url)
                except SlothError as error:
                    await self.integrations.mark(
                        integration.id, IntegrationStatus.ERROR, Problem.of(error)
                    )
                    raise
        await self.integrations.mark(integration.id, IntegrationStatus.ACTIVE)
        now = self.clock()
        for job in await self.inbox.resume(integration.id, now=now):
            await self.announce(job, now)
        return await self.integrations.show(integration.id)

    async def connect_web(self, pages: WebPages, *, by: Actor) -> Integration:
        """Show the chat on a firm's own pages. There is no vendor, and no credentials.

        Raises:
            SubscriptionExpired: nothing new is connected.
        """
        made = await self._left_behind(pages, by=by) or await self.integrations.add(
            IntegrationType.WEB, NO_CREDENTIALS, settings=pages.settings, by=by
        )
        await self.addresses.add(made.id, self.organization, None)
        return made

    async def _left_behind(self, pages: WebPages, *, by: Actor) -> Integration | None:
        """A chat that came with an archive goes on: the pages that show it have its id."""
        for integration in await self.integrations.list():
            owner = await self.addresses.organization_of(integration.id)
            is_shut = integration.status is IntegrationStatus.DISABLED
            if integration.type is IntegrationType.WEB and is_shut and owner is None:
                return await self.integrations.connect_anew(
                    integration.id,
                    NO_CREDENTIALS,
                    settings=pages.settings,
                    status=IntegrationStatus.ACTIVE,
                    by=by,
                )
        return None

    async def disconnect(self, id: IntegrationId, *, by: Actor) -> None:
        """Forget an account, and have the vendor tell us nothing more, if it can be reached.

        What another install has set since, to which the firm has moved, stays.

        Raises:
            NotFound: no such integration.
        """
        integration = await self.integrations.show(id)
        if integration.type.is_messenger:
            with suppress(
                BackendUnavailable, ChannelRefused, CredentialUnreadable, ConfigurationError
            ):
                credentials = await self.integrations.credentials(id)
                messenger = self.messengers(integration.type)
                async with messenger.open(credentials, integration.settings) as line:
                    if url := webhook_of(integration):
                        await line.stop_listening(url)
        await self.addresses.remove(id, self.organization)
        await self.integrations.disconnect(id, by=by)

    def webhook_url(self, integration: Integration) -> str:
        """Where the vendor tells us what happens."""
        assert self.public_url is not None
        return webhook_url(self.public_url, integration)

    async def _kept(
        self, type: IntegrationType, credentials: Credentials, account: Account, *, by: Actor
    ) -> Integration:
        settings = {**account.settings, ACCOUNT: account.key}
        known = await self._known(type, account)
        if known is not None:
            with suppress(NotFound):
                return await self.integrations.connect_anew(
                    known, credentials, settings=settings, status=IntegrationStatus.PENDING, by=by
                )
        integration = await self.integrations.add(
            type, credentials, settings=settings, status=IntegrationStatus.PENDING, by=by
        )
        try:
            await self.addresses.add(integration.id, self.organization, account.key)
        except Conflict:
            await self.integrations.disconnect(integration.id, by=by)
            raise
        return integration

    async def _known(self, type: IntegrationType, account: Account) -> IntegrationId | None:
        """The integration that the account has here; one that came with an archive gets its
        address back.
        """
        owner = await self.addresses.with_account(account.key)
        if owner is not None:
            id, organization = owner
            if organization != self.organization:
                raise Conflict(
                    "This account is connected to another assistant of this install.",
                    hint="Disconnect it there first.",
                )
            return id
        for integration in await self.integrations.list():
            if integration.type is type and integration.settings.get(ACCOUNT) == account.key:
                # A copy beside its original has the ids of that one, and needs others.
                with suppress(Conflict):
                    await self.addresses.add(integration.id, self.organization, account.key)
                    return integration.id
        return None


def webhook_of(integration: Integration) -> str | None:
    """Where the vendor tells what happens; None: nowhere, whoever polls hears of it."""
    url = integration.settings.get(WEBHOOK)
    return url if isinstance(url, str) else None


def webhook_url(public_url: str, integration: Integration) -> str:
    """Where the vendor tells what happens, of an install that is reached by `public_url`."""
    base = public_url.rstrip("/")
    return f"{base}/api/integrations/webhooks/{integration.type}/{integration.id}/"
