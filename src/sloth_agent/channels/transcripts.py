"""What is said in chats, as messages of their conversations."""

from dataclasses import dataclass, replace

from sloth_agent.agent.models import Conversation, ConversationSource, Message, Speaker
from sloth_agent.channels.chats import Chat
from sloth_agent.channels.inbox_ports import InboxStore
from sloth_agent.channels.models import IntegrationType
from sloth_agent.clock import Clock
from sloth_agent.ids import ConversationId, MessageId, new_id


@dataclass(frozen=True, slots=True)
class Transcripts:
    """Of one tenant."""

    store: InboxStore
    clock: Clock

    async def begun(self, chat: Chat, channel: IntegrationType) -> Chat:
        """The chat, with a conversation.

        Raises:
            ChatMoved: it was erased meanwhile.
        """
        if chat.conversation is not None:
            return chat
        conversation = Conversation(
            id=ConversationId(new_id()),
            source=ConversationSource(channel),
            external_id=chat.customer,
            created_at=self.clock(),
        )
        await self.store.begin_conversation(chat, conversation)
        return replace(chat, conversation=conversation.id)

    def message(self, speaker: Speaker, words: str, *, id: MessageId | None = None) -> Message:
        """With an `id` of the caller's it is one, however often it is tried."""
        return Message(
            id=id or MessageId(new_id()), speaker=speaker, text=words, created_at=self.clock()
        )
