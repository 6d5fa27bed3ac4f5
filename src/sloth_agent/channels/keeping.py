"""Keeps what customers send beside words: photos, and documents where the firm wants them."""

from contextlib import suppress
from dataclasses import dataclass

from sloth_agent.agent.models import ConversationSource, Customer
from sloth_agent.channels.chat_files import ChatFiles, keeps_files
from sloth_agent.channels.chats import Chat
from sloth_agent.channels.messages import Attachment, Inbound, MessageKind
from sloth_agent.channels.models import Integration
from sloth_agent.channels.ports import Line
from sloth_agent.channels.turns import Heard, Kept
from sloth_agent.errors import (
    LimitReached,
    NotFound,
    SubscriptionExpired,
    UnreadableFile,
)
from sloth_agent.ids import ChatFileId, PhotoId
from sloth_agent.knowledge.models import Sender
from sloth_agent.knowledge.photos import Photos


@dataclass(frozen=True, slots=True)
class Keeping:
    """Of one tenant."""

    photos: Photos
    files: ChatFiles

    def wants(self, inbound: Inbound, integration: Integration) -> bool:
        """Whether it brings something that is to be kept."""
        is_file = inbound.kind is MessageKind.DOCUMENT
        return inbound.kind is MessageKind.PHOTO or (is_file and keeps_files(integration.settings))

    async def keep(
        self, heard: Heard, chat: Chat, integration: Integration, line: Line
    ) -> Kept | None:
        """Fetch and keep what came with a message; None: it cannot be taken.

        The same event keeps one file, however often it is tried.

        Raises:
            BackendUnavailable: another try may succeed.
            ChatMoved: the chat was erased meanwhile.
        """
        attachment = heard[1].attachment
        if attachment is None:
            return None
        try:
            content = await line.fetch(attachment, max_bytes=self.photos.max_bytes)
            return await self._kept(heard, attachment, content, chat, integration)
        except (UnreadableFile, NotFound, LimitReached, SubscriptionExpired):
            return None

    async def _kept(
        self,
        heard: Heard,
        attachment: Attachment,
        content: bytes,
        chat: Chat,
        integration: Integration,
    ) -> Kept | None:
        event, inbound = heard
        source = ConversationSource(integration.type)
        if inbound.kind is MessageKind.PHOTO:
            with suppress(UnreadableFile):  # no picture of a kind that is taken is still a file
                photo = await self.photos.add_sent(
                    attachment.name,
                    content,
                    id=PhotoId(event.id),
                    sender=Sender(source=source, external_id=inbound.sender),
                    chat=chat.id,
                )
                return Kept(MessageKind.PHOTO, f"[photo {photo.id}]")
        if not keeps_files(integration.settings):
            return None
        file = await self.files.keep(
            attachment,
            content,
            id=ChatFileId(event.id),
            chat=chat.id,
            customer=Customer(source=source, external_id=inbound.sender),
        )
        return Kept(MessageKind.DOCUMENT, f"[document {file.id} {file.name}]")
