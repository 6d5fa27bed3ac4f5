"""What a visitor of a firm's web site asks, and what was said so far."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sloth_agent.agent.answering import Answering
from sloth_agent.agent.conversations import Conversations
from sloth_agent.agent.languages import detect
from sloth_agent.agent.models import Answer, Conversation, Message, Speaker
from sloth_agent.agent.ports import Delta
from sloth_agent.billing.allowance import Hold
from sloth_agent.billing.costs import NO_BILL, Bill
from sloth_agent.channels.chats import Chat, ChatState, EventOutcome, Outgoing, Step, chat_id
from sloth_agent.channels.hand_over_words import wants_a_person
from sloth_agent.channels.handing_over import HandingOver, counted, name_of, needs_a_person
from sloth_agent.channels.inbox_ports import Announce, InboxStore
from sloth_agent.channels.models import Integration
from sloth_agent.channels.states import Move, Mover, moved
from sloth_agent.channels.transcripts import Transcripts
from sloth_agent.channels.visitors import Visitor
from sloth_agent.errors import ChatMoved
from sloth_agent.ids import ChatId, ConversationId, MessageId
from sloth_agent.knowledge.queries import cleaned
from sloth_agent.language import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class WebChat:
    """The chat on one site of a tenant: each visitor has one conversation."""

    integration: Integration
    answering: Answering
    conversations: Conversations
    handing_over: HandingOver
    transcripts: Transcripts
    store: InboxStore
    announce: Announce

    async def ask(
        self, visitor: Visitor, question: str, *, language: Language | None = None
    ) -> AsyncIterator[Delta | Answer] | Message:
        """As `Answering.answer`, in the visitor's conversation; the first message begins it.

        Where a person answers in the assistant's place, or is to from now on, the message is kept,
        and returned.
        """
        chat = await self._opened(visitor)
        if chat.state is not ChatState.ASSISTANT:
            return await self._pass_on(chat, question)
        if wants_a_person(question, self.integration.settings):
            with suppress(ChatMoved):
                return await self._hand_over(chat, question, language or detect(question))
            return await self.ask(visitor, question, language=language)

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

    async def _pass_on(self, chat: Chat, question: str) -> Message:
        message = self.transcripts.message(Speaker.USER, cleaned(question))
        told = f"{name_of(chat)}: {message.text}"
        relayed = await self.handing_over.relayed(chat, self.integration, told)
        await self._note(chat, EventOutcome.PASSED_ON, message, queued=relayed)
        return message

    async def _hand_over(self, chat: Chat, question: str, language: Language) -> Message:
        message = self.transcripts.message(Speaker.USER, cleaned(question))
        waiting = moved(chat, Move.ASK, Mover.RULE)
        told, notices = await self._handed_over(waiting, message.text, language)
        await self._note(
            waiting, EventOutcome.DONE, message, told, only_from=chat.state, queued=notices
        )
        return message

    async def call_a_person(self, visitor: Visitor, *, language: Language) -> ChatState:
        """Have somebody of the firm answer; who has called one already waits on."""
        chat = await self._opened(visitor)
        waiting = moved(chat, Move.ASK, Mover.CUSTOMER)
        if waiting.state is not chat.state:
            asked = await self._last_asked(visitor)
            told, notices = await self._handed_over(waiting, asked, language)
            with suppress(ChatMoved):  # then somebody of the firm was faster
                await self._note(
                    waiting, EventOutcome.DONE, told, only_from=chat.state, queued=notices
                )
        return await self.state(visitor)

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
        found = await self.store.chat(before.id) or before
        chat = counted(found, question, messages[-1])
        if found.state is ChatState.ASSISTANT and needs_a_person(chat):
            chat = moved(chat, Move.ASK, Mover.RULE)
            language = language or detect(question)
            told, notices = await self._handed_over(chat, question, language)
            with suppress(ChatMoved):
                await self._note(
                    chat,
                    EventOutcome.ANSWERED,
                    *messages,
                    told,
                    only_from=found.state,
                    queued=notices,
                    hold=hold,
                    bill=bill,
                )
                return
        await self._note(chat, EventOutcome.ANSWERED, *messages, hold=hold, bill=bill)

    async def _handed_over(
        self, chat: Chat, said: str, language: Language
    ) -> tuple[Message, Sequence[Outgoing]]:
        notices = await self.handing_over.call_a_person(chat, self.integration, said)
        told = await self.handing_over.promise(language)
        return self.transcripts.message(Speaker.ASSISTANT, told), notices

    async def _note(
        self,
        chat: Chat,
        outcome: EventOutcome,
        *said: Message,
        only_from: ChatState | None = None,
        queued: Sequence[Outgoing] = (),
        hold: Hold | None = None,
        bill: Bill = NO_BILL,
    ) -> None:
        step = Step(
            chat=chat,
            handled=(),
            outcome=outcome,
            only_from=only_from,
            said=said,
            queued=tuple(queued),
        )
        now = self.conversations.clock()
        for job in await self.store.note(step, now=now, hold=hold, bill=bill):
            await self.announce(job, now)


def _chat_id(visitor: Visitor) -> ChatId:
    return chat_id(visitor.integration, visitor.customer.external_id)
