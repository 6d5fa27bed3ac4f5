"""Integrations whose credentials are a canary, chats with nobody behind them, and their files."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sloth_agent.agent.models import Conversation, ConversationSource, Customer
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.chat_files import ChatFile
from sloth_agent.channels.chats import Chat
from sloth_agent.channels.messages import Attachment
from sloth_agent.channels.models import Credentials, Integration, IntegrationType
from sloth_agent.ids import ChatFileId, ConversationId, new_id
from sloth_agent.tenants.audit import Actor

CANARY = "canary-5ec7e7-0f-a-b07"
"""A secret that must not be seen anywhere."""

BY = Actor(name="test")


async def connected(
    tenant: AsyncTenant,
    type: IntegrationType = IntegrationType.TELEGRAM,
    *,
    token: str = CANARY,
    settings: Mapping[str, object] | None = None,
) -> Integration:
    """One more integration of a tenant."""
    return await tenant.services.integrations.add(
        type, Credentials({"token": token}), settings=settings, by=BY
    )


async def token_of(tenant: AsyncTenant, integration: Integration) -> str:
    """What opens it."""
    credentials = await tenant.services.integrations.credentials(integration.id)
    return credentials.values["token"]


async def chat_with(
    tenant: AsyncTenant,
    integration: Integration,
    person: str,
    *,
    name: str = "Anna",
    heard_at: datetime | None = None,
) -> Chat:
    """A chat in which nothing was said yet."""
    now = heard_at or tenant.services.backends.clock()
    conversation = Conversation(
        id=ConversationId(new_id()),
        source=ConversationSource(integration.type),
        external_id=person,
        created_at=now,
    )
    chat = Chat.new(integration.id, person, customer=person, name=name, now=now)
    chat = replace(chat, conversation=conversation.id)
    return await tenant.services.inbox_store.open_chat(chat, conversation)


async def sent_file(
    tenant: AsyncTenant,
    chat: Chat,
    content: bytes,
    *,
    name: str = "contract.pdf",
    media_type: str = "application/pdf",
    id: ChatFileId | None = None,
) -> ChatFile:
    """A document that was kept; whoever writes in the chat has sent it."""
    return await tenant.services.chat_files.keep(
        Attachment(key="key", name=name, media_type=media_type),
        content,
        id=id or ChatFileId(new_id()),
        chat=chat.id,
        customer=Customer(source=ConversationSource.TELEGRAM, external_id=chat.customer),
    )
