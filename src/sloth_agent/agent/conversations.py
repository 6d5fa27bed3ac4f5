"""Conversations: started, continued, looked up."""

from collections.abc import Sequence
from dataclasses import dataclass

from sloth_agent.agent.models import Conversation, ConversationSource, Message
from sloth_agent.agent.ports import ConversationStore
from sloth_agent.clock import Clock
from sloth_agent.errors import NotFound
from sloth_agent.ids import ConversationId, new_id


@dataclass(frozen=True, slots=True)
class Conversations:
    """What was said between one tenant's assistant and people."""

    store: ConversationStore
    clock: Clock

    async def start(self, source: ConversationSource) -> Conversation:
        conversation = Conversation(
            id=ConversationId(new_id()), source=source, created_at=self.clock()
        )
        await self.store.start(conversation)
        return conversation

    async def list(
        self, *, limit: int = 50, before: ConversationId | None = None
    ) -> Sequence[Conversation]:
        """Newest first."""
        return await self.store.all(limit=limit, before=before)

    async def show(self, id: ConversationId) -> Conversation:
        """Raises:
        NotFound: no such conversation.
        """
        conversation = await self.store.find(id)
        if conversation is None:
            raise NotFound(f"There is no conversation {id}.", hint="Leave it out to start one.")
        return conversation

    async def messages(self, id: ConversationId, *, last: int = 100) -> Sequence[Message]:
        """The newest messages of a conversation, oldest first."""
        await self.show(id)
        return await self.store.messages(id, last=last)
