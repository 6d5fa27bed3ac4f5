"""What comes in by a channel: kept once, and answered by a job."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sloth_agent.channels.chats import Chat, Event
from sloth_agent.channels.inbox_ports import Announce, InboxStore
from sloth_agent.channels.integrations import Integrations
from sloth_agent.channels.messages import Delivery, Inbound, Payload, WebhookRequest
from sloth_agent.channels.models import TEMPLATE, Integration, IntegrationStatus, IntegrationType
from sloth_agent.channels.ports import Messenger
from sloth_agent.clock import Clock
from sloth_agent.errors import NotFound, WindowClosed
from sloth_agent.ids import ChatId, EventId, IntegrationId, new_id
from sloth_agent.jobs.models import JobKind, NewJob, Priority, Queue

REST = timedelta(seconds=0.7)
"""So long we wait for more before we answer: people send a thought in several messages."""

LONGEST_ID = 200

Messengers = Callable[[IntegrationType], Messenger]
"""Raises `ConfigurationError` where the messenger's library is not installed."""


def reply_job(chat: ChatId) -> NewJob:
    """Jobs of one subject are never done side by side: so each chat is answered in order."""
    return NewJob(
        kind=JobKind.REPLY, subject=chat, queue=Queue.MESSAGES, priority=Priority.CUSTOMER
    )


@dataclass(frozen=True, slots=True)
class Inbox:
    """What comes in for one tenant."""

    integrations: Integrations
    messengers: Messengers
    store: InboxStore
    announce: Announce
    clock: Clock

    async def receive(
        self, type: IntegrationType, id: IntegrationId, request: WebhookRequest
    ) -> None:
        """Keep what a vendor tells; once this returns, nothing is lost.

        Raises:
            NotFound: no such integration of this type, or it is not connected any more.
            Forbidden: it is not from the vendor.
            InvalidInput: it is not what the vendor sends.
        """
        integration = await self.integrations.show(id)
        is_shut = integration.status in (IntegrationStatus.DISABLED, IntegrationStatus.PENDING)
        if is_shut or integration.type is not type:
            raise NotFound(f"No account at {type} is connected as {id}.")
        messenger = self.messengers(integration.type)
        credentials = await self.integrations.credentials(id)
        for payload in messenger.read_request(request, credentials):
            await self.take(integration, payload)

    async def take(self, integration: Integration, payload: Payload) -> None:
        """Keep one event, whether it came by itself or was asked for."""
        messenger = self.messengers(integration.type)
        if (delivery := messenger.read_delivery(payload)) is not None:
            await self._note(integration, delivery)
            return
        inbound = messenger.read(payload, integration.settings)
        if inbound is None or not inbound.for_us or not _has_usable_ids(inbound):
            return
        now = self.clock()
        name = inbound.group or inbound.name
        chat = Chat.new(integration.id, inbound.chat, customer=inbound.sender, name=name, now=now)
        event = Event(
            id=EventId(new_id()),
            integration=integration.id,
            external_id=inbound.id,
            chat=chat.id,
            reference=inbound.reference,
            payload=_storable(payload),
            received_at=now,
        )
        due = now + REST
        job = await self.store.receive(event, chat, now=now, due=due)
        if job is not None:
            await self.announce(job, due)

    async def _note(self, integration: Integration, delivery: Delivery) -> None:
        problem = delivery.problem
        if problem is None:
            return
        if problem.code == WindowClosed.code and integration.settings.get(TEMPLATE):
            now = self.clock()
            for job in await self.store.send_late(integration.id, delivery.reference, now=now):
                await self.announce(job, now)
        # What is sent again has that name no more.
        await self.store.undelivered(integration.id, delivery.reference, problem)


def _has_usable_ids(inbound: Inbound) -> bool:
    ids = (inbound.id, inbound.chat, inbound.sender)
    return all(0 < len(id) <= LONGEST_ID and id.isprintable() for id in ids)


def _storable(value: Any) -> Any:
    """Without what no database takes: NULs, and halves of characters."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value
