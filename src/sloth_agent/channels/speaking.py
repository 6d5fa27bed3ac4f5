"""In which language a person is spoken to."""

from sloth_agent.agent.conversations import Conversations
from sloth_agent.agent.languages import decided
from sloth_agent.agent.models import Speaker
from sloth_agent.channels.chats import Chat
from sloth_agent.channels.messages import Inbound
from sloth_agent.language import Language

LOOKED_AT = 20
"""So many messages back, whoever's, a person may have written what tells their language."""


async def language_for(
    chat: Chat, conversations: Conversations, inbound: Inbound | None = None
) -> Language:
    """As was chosen, as is written, as was written before, or as the person's program speaks.

    What was written before is asked of the database only where the first two say nothing.
    """
    return (
        chat.language
        or (decided(_written(inbound)) if inbound else None)
        or await _written_before(chat, conversations)
        or (inbound.language if inbound else None)
        or Language.ENGLISH
    )


def _written(inbound: Inbound) -> str:
    """Behind other commands stand words for us, not for people."""
    return inbound.text if inbound.command in (None, "human") else ""


async def _written_before(chat: Chat, conversations: Conversations) -> Language | None:
    if chat.conversation is None:
        return None
    messages = await conversations.store.messages(chat.conversation, last=LOOKED_AT)
    theirs = [each.text for each in messages if each.speaker is Speaker.USER]
    languages = (decided(_sentences(said)) for said in reversed(theirs))
    return next(filter(None, languages), None)


def _sentences(said: str) -> str:
    """Without commands, and what stands for a photo or a document."""
    return "\n".join(line for line in said.splitlines() if not line.startswith(("/", "[")))
