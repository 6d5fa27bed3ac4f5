"""Documents that customers send, kept for the people of the firm.

The assistant learns nothing of them: they are no documents of its knowledge, and nobody reads them
for it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Protocol
from uuid import UUID

from sloth_agent.agent.models import Customer
from sloth_agent.billing.models import NO_LIMITS, Limits
from sloth_agent.billing.usage import Metering
from sloth_agent.channels.messages import Attachment
from sloth_agent.clock import Clock
from sloth_agent.errors import ChatMoved, LimitReached, NotFound
from sloth_agent.ids import ChatFileId, ChatId
from sloth_agent.knowledge.documents import too_large
from sloth_agent.knowledge.ports import FileStore
from sloth_agent.tenants.audit import Actor, TenantLog

FILES_KEPT = "files_kept"
"""The setting of an integration that says so; else documents are declined."""

LONGEST_NAME = 120
UNKNOWN_TYPE = "application/octet-stream"

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,62}/[a-z0-9][a-z0-9.+-]{0,126}")


def keeps_files(settings: Mapping[str, object]) -> bool:
    return settings.get(FILES_KEPT) is True


def chat_file_key(id: UUID) -> str:
    """Where the file store keeps it; what was sent never changes."""
    return id.hex


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFile:
    """A document that a customer sent."""

    id: ChatFileId
    chat: ChatId | None  # that it came by; None: its integration was disconnected
    customer: Customer  # who sent it; in a group not only one does
    name: str  # as the customer gave it, in one line
    media_type: str  # as the customer's program says: not to be relied on
    size_bytes: int
    created_at: datetime

    @property
    def file_key(self) -> str:
        return chat_file_key(self.id)


class ChatFileStore(Protocol):
    """The records of one tenant, counted with their bytes. Each method is one transaction."""

    async def add(self, file: ChatFile, *, limits: Limits = NO_LIMITS) -> None:
        """Record a file; one that is recorded already is not counted again.

        Raises:
            StorageLimitExceeded: nothing is recorded.
            ChatMoved: its chat was erased meanwhile; the same.
        """

    async def find(self, id: ChatFileId) -> ChatFile | None: ...

    async def all(
        self, *, chat: ChatId | None = None, limit: int, after: ChatFileId | None = None
    ) -> Sequence[ChatFile]:
        """Of one chat, or of all and of those that are gone; oldest first."""

    async def delete(self, id: ChatFileId) -> ChatFile | None:
        """Forget a file, and its bytes; return it as it was, None if there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFiles:
    """Of one tenant."""

    store: ChatFileStore
    files: FileStore
    metering: Metering
    log: TenantLog
    clock: Clock
    max_bytes: int

    async def keep(
        self,
        attachment: Attachment,
        content: bytes,
        *,
        id: ChatFileId,
        chat: ChatId,
        customer: Customer,
    ) -> ChatFile:
        """Keep what a customer sent; with the same `id` it is one, however often it is tried.

        Raises:
            FileTooLarge: more bytes than the tenant may upload at once.
            StorageLimitExceeded: the plan has no room; nothing is kept.
            SubscriptionExpired, StorageUnavailable: likewise.
            ChatMoved: the chat was erased meanwhile; likewise.
        """
        if (known := await self.store.find(id)) is not None:
            return known
        file = ChatFile(
            id=id,
            chat=chat,
            customer=customer,
            name=name_of_file(attachment.name),
            media_type=checked_media_type(attachment.media_type),
            size_bytes=len(content),
            created_at=self.clock(),
        )
        if len(content) > self.max_bytes:
            raise too_large(file.name, self.max_bytes)
        await self._keep(file, content)
        return file

    async def _keep(self, file: ChatFile, content: bytes) -> None:
        """As photos are kept: the file first, then the record that speaks of it."""
        limits = (await self.metering.allowance()).limits
        await self.files.write(file.file_key, content)
        try:
            await self.store.add(file, limits=limits)
        except (LimitReached, ChatMoved):
            await self.files.delete(file.file_key)
            raise

    async def list(
        self, *, chat: ChatId | None = None, limit: int = 1000, after: ChatFileId | None = None
    ) -> Sequence[ChatFile]:
        """Of one chat, or of all; oldest first."""
        return await self.store.all(chat=chat, limit=limit, after=after)

    async def show(self, id: ChatFileId) -> ChatFile:
        """Raises:
        NotFound: no such file.
        """
        file = await self.store.find(id)
        if file is None:
            raise _unknown(id)
        return file

    async def content(self, id: ChatFileId) -> bytes:
        """As it was sent. It comes from a stranger: to be saved, not to be opened by a program.

        Raises:
            NotFound: no such file.
        """
        return await self.files.read((await self.show(id)).file_key)

    async def delete(self, id: ChatFileId, *, by: Actor) -> None:
        """Forget a file and its bytes.

        Raises:
            NotFound: no such file.
        """
        # Cut short between the two, there is an event without a deletion, which is asked for
        # again; not a deletion that nobody knows of.
        await self.show(id)
        await self.log.write("chat_file.deleted", by=by, subject=str(id))
        gone = await self.store.delete(id)
        if gone is None:
            raise _unknown(id)
        await self.files.delete(gone.file_key)


def name_of_file(given: str) -> str:
    """What a customer's file is called wherever it is shown: no path, and nothing that steers."""
    last = re.split(r"[/\\]", given)[-1]
    line = "".join(sign if sign.isprintable() else " " for sign in last)
    name = " ".join(line.split()).strip(". ")
    if len(name) <= LONGEST_NAME:
        return name or "document"
    ending = PurePath(name).suffix[:20]
    return f"{name[: LONGEST_NAME - len(ending)].rstrip()}{ending}"


def checked_media_type(given: str) -> str:
    """What is none is nothing known."""
    plain = given.partition(";")[0].strip().lower()
    return plain if _MEDIA_TYPE.fullmatch(plain) else UNKNOWN_TYPE


def _unknown(id: ChatFileId) -> NotFound:
    return NotFound(f"There is no file {id}.", hint="See `sloth channels files`.")
