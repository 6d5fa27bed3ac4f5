"""The chat in which the people of a firm are told of its customers, whatever those come by."""

from collections.abc import Sequence
from dataclasses import dataclass

from sloth_agent.channels.chats import Chat, Outgoing, chat_id
from sloth_agent.channels.inbox import Messengers
from sloth_agent.channels.inbox_ports import InboxStore
from sloth_agent.channels.integrations import Integrations
from sloth_agent.channels.messages import Original
from sloth_agent.channels.models import Integration, IntegrationStatus
from sloth_agent.channels.queueing import queued, shown
from sloth_agent.clock import Clock

STAFF_CHAT = "staff_chat"
"""The setting of an integration that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffChats:
    """Of one tenant."""

    store: InboxStore
    integrations: Integrations
    messengers: Messengers
    clock: Clock

    async def told(
        self,
        chat: Chat,
        integration: Integration,
        words: str,
        *,
        originals: Sequence[Original] = (),
    ) -> Sequence[Outgoing]:
        """What tells staff of a customer's chat; an answer to it goes to the customer.

        In the chat of the same integration, else in that of another one, where only words can be
        told; nothing where there is none.
        """
        room = await self._near(integration)
        if room is None:
            return ()
        where, there = room
        capabilities = self.messengers(there.type).capabilities
        told = queued(where, words, capabilities, self.clock, about=chat.id)
        if not capabilities.shows_originals or there.id != integration.id:
            return told
        return [*told, *(shown(where, each, self.clock, about=chat.id) for each in originals)]

    async def _near(self, integration: Integration) -> tuple[Chat, Integration] | None:
        others = [each for each in await self.integrations.list() if each.id != integration.id]
        for each in (integration, *others):
            named = each.settings.get(STAFF_CHAT)
            if not isinstance(named, str) or each.status is IntegrationStatus.DISABLED:
                continue
            chat = await self.store.chat(chat_id(each.id, named))
            if chat is not None:
                return chat, each
        return None
