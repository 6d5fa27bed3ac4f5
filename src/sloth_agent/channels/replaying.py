"""Runs what came in once more: what would be answered, and nothing is sent or stored."""

from dataclasses import dataclass

from sloth_agent.agent.answering import Answering
from sloth_agent.agent.models import Reply
from sloth_agent.agent.ports import Trial
from sloth_agent.channels.chats import Event
from sloth_agent.channels.inbox import Messengers
from sloth_agent.channels.inbox_ports import InboxStore
from sloth_agent.channels.integrations import Integrations
from sloth_agent.channels.messages import Inbound
from sloth_agent.channels.speaking import language_for
from sloth_agent.errors import NotFound
from sloth_agent.ids import EventId


@dataclass(frozen=True, slots=True)
class Replay:
    """An event, how it is understood now, and what would be answered."""

    event: Event
    inbound: Inbound | None  # None: it says nothing to us
    reply: Reply | None  # None: there is nothing to ask a model


@dataclass(frozen=True, slots=True)
class Replaying:
    """The sandbox for one tenant's events."""

    integrations: Integrations
    messengers: Messengers
    store: InboxStore
    answering: Answering

    async def replay(self, id: EventId) -> Replay:
        """What it costs is recorded as for all trials; it counts as no message of the plan.

        Raises:
            NotFound: no such event, or it was forgotten.
        """
        event = await self.store.event(id)
        if event is None:
            raise NotFound(f"There is no event {id}.", hint="See `sloth channels events`.")
        integration = await self.integrations.show(event.integration)
        inbound = self.messengers(integration.type).read(event.payload, integration.settings)
        if inbound is None or inbound.command is not None or not inbound.text.strip():
            return Replay(event, inbound, None)
        chat = await self.store.chat(event.chat)
        conversations = self.answering.conversations
        language = await language_for(chat, conversations, inbound) if chat else None
        async for part in self.answering.reply(inbound.text, language=language):
            if isinstance(part, Trial):
                return Replay(event, inbound, part.reply)
        raise AssertionError("what is replied ends with a Trial")
