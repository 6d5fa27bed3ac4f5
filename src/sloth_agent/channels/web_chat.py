"""What a visitor of a firm's web site asks, and what was said so far."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sloth_agent.agent.answering import Answering
from sloth_agent.agent.conversations import Conversations
from sloth_agent.agent.models import Answer, Message
from sloth_agent.agent.ports import Delta
from sloth_agent.channels.visitors import Visitor
from sloth_agent.ids import MessageId
from sloth_agent.language import Language


@dataclass(frozen=True, slots=True)
class WebChat:
    """The chat on one tenant's web site: each visitor has one conversation."""

    conversations: Conversations
    answering: Answering

    async def ask(
        self, visitor: Visitor, question: str, *, language: Language | None = None
    ) -> AsyncIterator[Delta | Answer]:
        """As `Answering.answer`, in the visitor's conversation; the first message begins it."""
        customer = visitor.customer
        await self.conversations.keep(visitor.conversation, of=customer)
        return self.answering.answer(
            question,
            conversation=visitor.conversation,
            language=language,
            source=customer.source,
            external_id=customer.external_id,
        )

    async def messages(
        self, visitor: Visitor, *, last: int, after: MessageId | None = None
    ) -> Sequence[Message]:
        """The newest ones, or those after one of them; oldest first."""
        return await self.conversations.store.messages(visitor.conversation, last=last, after=after)
