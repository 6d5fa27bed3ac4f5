"""How much one chat may cost a firm: a stranger with a script must not use up its month."""

from dataclasses import dataclass
from datetime import timedelta

from sloth_agent.channels.inbox_ports import InboxStore
from sloth_agent.clock import Clock
from sloth_agent.ids import ChatId

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Restraint:
    """Of the chats of one tenant."""

    store: InboxStore
    clock: Clock
    turns_a_minute: int
    turns_a_day: int

    async def refuses(self, chat: ChatId) -> bool:
        """Whether so much was answered there, or passed on, that no more is."""
        now = self.clock()
        if await self.store.turns(chat, since=now - MINUTE) >= self.turns_a_minute:
            return True
        return await self.store.turns(chat, since=now - DAY) >= self.turns_a_day

    async def has_said_so(self, chat: ChatId) -> bool:
        """Whether the last thing that was done there was to refuse."""
        return await self.store.was_refused(chat)
