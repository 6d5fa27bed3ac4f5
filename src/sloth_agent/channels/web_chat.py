"""What a visitor of a firm's web site asks, and what was said so far."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from sloth_agent.agent.answering import Answering
from sloth_agent.agent.conversations import Conversations
from sloth_agent.agent.languages import detect
from sloth_agent.agent.models import Answer, Conversation, Message, Speaker
from sloth_agent.agent.ports import Delta
from sloth_agent.billing.allowance import Hold
from sloth_agent.billing.costs import NO_BILL, Bill
from sloth_agent.channels.chats import Chat, ChatState, EventOutcome, Step, chat_id
from sloth_agent.channels.handing_over import HandingOver, counted, needs_a_person
from sloth_agent.channels.inbox_ports import InboxStore
from sloth_agent.channels.messages import Capabilities
from sloth_agent.channels.models import Integration
from sloth_agent.channels.texts import text
from sloth_agent.channels.visitors import Visitor
from sloth_agent.ids import ChatId, ConversationId, MessageId, new_id
from sloth_agent.knowledge.queries import LONGEST_QUERY, cleaned
from sloth_agent.language import Language

CAPABILITIES = Capabilities(longest_text=LONGEST_QUERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebChat:
    """The chat on one site of a tenant: each visitor has one conversation."""

    integration: Integration
    firm: Callable[[], Awaitable[str]]  # how the firm calls itself
    answering: Answering
    conversations: Conversations
    handing_over: HandingOver
    store: InboxStore

    async def ask(
        self, visitor: Visitor, question: str, *, language: Language | None = None
    ) -> AsyncIterator[Delta | Answer] | Message:
        """As `Answering.answer`, in the visitor's conversation; the first message begins it.

        Where a person answers in the assistant's place, the message is kept, and returned.
        """
        chat = await self._opened(visitor)
        if chat.state is not ChatState.ASSISTANT:
            message = self._said(Speaker.USER, cleaned(question))
            await self._note(chat, EventOutcome.PASSED_ON, message)
            return message

        async def keep(
            id: ConversationId,  # noqa: ARG001 - the chat's own
            messages: Sequence[Message],
            *,
            hold: Hold,
            bill: Bill = NO_BILL,
        ) -> None:
            await self._keep(chat, question, messages, language, hold, bill)

        return self.answering.answer(
            question, conversation=chat.conversation, language=language, keep=keep
        )

    async def call_a_person(self, visitor: Visitor, *, language: Language) -> ChatState:
        """Have somebody of the firm answer; who has called one already waits on."""
        chat = await self._opened(visitor)
        if chat.state is ChatState.ASSISTANT:
            asked = await self._last_asked(visitor)
            chat, told = await self._handed_over(chat, asked, language)
            await self._note(chat, EventOutcome.DONE, told)
        return chat.state

    async def state(self, visitor: Visitor) -> ChatState:
        """Who answers."""
        chat = await self.store.chat(_chat_id(visitor))
        return chat.state if chat else ChatState.ASSISTANT

    async def messages(
        self, visitor: Visitor, *, last: int, after: MessageId | None = None
    ) -> Sequence[Message]:
        """The newest ones, or those after one of them; oldest first."""
        return await self.conversations.store.messages(visitor.conversation, last=last, after=after)

    async def _last_asked(self, visitor: Visitor) -> str:
        messages = await self.messages(visitor, last=10)
        asked = [message.text for message in messages if message.speaker is Speaker.USER]
        return asked[-1] if asked else ""

    async def _opened(self, visitor: Visitor) -> Chat:
        """Of two messages that come first at once, both find the same conversation."""
        now = self.conversations.clock()
        customer = visitor.customer
        chat = Chat(
            id=_chat_id(visitor),
            integration=visitor.integration,
            external_id=customer.external_id,
            customer=customer.external_id,
            conversation=visitor.conversation,
            last_heard_at=now,
            created_at=now,
        )
        conversation = Conversation(
            id=visitor.conversation,
            source=customer.source,
            external_id=customer.external_id,
            created_at=now,
        )
        return await self.store.open_chat(chat, conversation)

    async def _keep(
        self,
        before: Chat,
        question: str,
        messages: Sequence[Message],
        language: Language | None,
        hold: Hold,
        bill: Bill,
    ) -> None:
        """Somebody may have come into the chat while it was answered: that stays so."""
        chat, said = await self.store.chat(before.id) or before, list(messages)
        if chat.state is ChatState.ASSISTANT:
            chat = counted(chat, question, said[-1])
            if needs_a_person(chat):
                language = language or detect(question)
                chat, told = await self._handed_over(chat, question, language)
                said.append(told)
        await self._note(chat, EventOutcome.ANSWERED, *said, hold=hold, bill=bill)

    async def _handed_over(self, chat: Chat, said: str, language: Language) -> tuple[Chat, Message]:
        await self.handing_over.call_a_person(chat, self.integration, said, CAPABILITIES)
        told = text("handed_over", language, firm=await self.firm())
        return chat.handed_to(ChatState.WAITING), self._said(Speaker.ASSISTANT, told)

    async def _note(
        self,
        chat: Chat,
        outcome: EventOutcome,
        *said: Message,
        hold: Hold | None = None,
        bill: Bill = NO_BILL,
    ) -> None:
        step = Step(chat=chat, handled=(), outcome=outcome, said=said)
        await self.store.note(step, now=self.conversations.clock(), hold=hold, bill=bill)

    def _said(self, speaker: Speaker, words: str) -> Message:
        return Message(
            id=MessageId(new_id()),
            speaker=speaker,
            text=words,
            created_at=self.conversations.clock(),
        )


def _chat_id(visitor: Visitor) -> ChatId:
    return chat_id(visitor.integration, visitor.customer.external_id)
