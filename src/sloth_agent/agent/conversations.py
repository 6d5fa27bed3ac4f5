"""Conversations: started, continued, looked up."""

from collections.abc import Sequence
from dataclasses import dataclass

from sloth_agent.agent.models import Conversation, ConversationSource, Customer, Message
from sloth_agent.agent.ports import ConversationStore
from sloth_agent.clock import Clock
from sloth_agent.errors import NotFound
from sloth_agent.ids import ConversationId, new_id


@dataclass(frozen=True, slots=True)
class Conversations:
    """What was said between one tenant's assistant and people."""

    store: ConversationStore
    clock: Clock

    async def start(
        self, source: ConversationSource, *, external_id: str | None = None
    ) -> Conversation:
        """Begin one; `external_id` is whoever asks, as the source knows them."""
        conversation = Conversation(
            id=ConversationId(new_id()),
            source=source,
            external_id=external_id,
            created_at=self.clock(),
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
            raise _unknown(id)
        return conversation

    async def messages(self, id: ConversationId, *, last: int = 100) -> Sequence[Message]:
        """The newest messages of a conversation, oldest first."""
        await self.show(id)
        return await self.store.messages(id, last=last)

    async def earlier(
        self, id: ConversationId, *, of: Customer | None, last: int
    ) -> Sequence[Message]:
        """What was said before, for whoever goes on with a conversation; None: nobody said who.

        Raises:
            NotFound: no such conversation, or it is somebody else's.
        """
        conversation = await self.show(id)
        if of is not None and conversation.customer != of:
            raise _unknown(id)
        return await self.store.messages(id, last=last)


def _unknown(id: ConversationId) -> NotFound:
    return NotFound(f"There is no conversation {id}.", hint="Leave it out to start one.")
