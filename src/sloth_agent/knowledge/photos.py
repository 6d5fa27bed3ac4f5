"""The photos of one tenant: taken in, listed, deleted."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import anyio.to_thread

from sloth_agent.billing.allowance import Resource
from sloth_agent.billing.usage import Metering
from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, LimitReached, NotFound, UnreadableFile
from sloth_agent.ids import ChatId, PhotoId, new_id
from sloth_agent.knowledge.documents import title_of, too_large
from sloth_agent.knowledge.models import Photo, Sender
from sloth_agent.knowledge.off_limits import OffLimits
from sloth_agent.knowledge.opening import content_of
from sloth_agent.knowledge.pictures import examined
from sloth_agent.knowledge.ports import FileStore, PhotoStore


@dataclass(frozen=True, slots=True)
class Photos:
    """What one tenant has shown its assistant."""

    store: PhotoStore
    files: FileStore
    metering: Metering
    clock: Clock
    off_limits: OffLimits
    max_bytes: int

    async def add(self, name: str, content: bytes) -> Photo:
        """Keep a picture under a new id, whatever is there already: the same one twice is two.

        It is one photo of the month, for good, and its bytes until it is deleted.

        Raises:
            FileEmpty, UnsupportedFile, FileDamaged: no picture of a kind that is taken.
            FileTooLarge: more bytes than the tenant may upload at once, or too many pixels.
            PhotoLimitExceeded, StorageLimitExceeded: the plan has no room; nothing is kept.
            SubscriptionExpired: likewise.
            StorageUnavailable: likewise.
        """
        photo = await self._examined(name, content, PhotoId(new_id()))
        await self._keep(photo, content)
        return photo

    async def add_sent(
        self, name: str, content: bytes, *, id: PhotoId, sender: Sender, chat: ChatId
    ) -> Photo:
        """Keep a picture that a customer sent; it is one, however often it is tried.

        Raises:
            ChatMoved: the chat was erased meanwhile; nothing is kept.
            UnreadableFile, LimitReached, SubscriptionExpired, StorageUnavailable: as `add`.
        """
        if (known := await self.store.find(id)) is not None:
            return known
        photo = replace(await self._examined(name, content, id), sender=sender)
        await self._keep(photo, content, chat)
        return photo

    async def _examined(self, name: str, content: bytes, id: PhotoId) -> Photo:
        if len(content) > self.max_bytes:
            raise too_large(name, self.max_bytes)
        picture = await anyio.to_thread.run_sync(examined, content)
        return Photo(
            id=id,
            title=title_of(name),
            media_type=picture.kind.value,
            size_bytes=len(content),
            width=picture.width,
            height=picture.height,
            created_at=self.clock(),
        )

    async def _keep(self, photo: Photo, content: bytes, chat: ChatId | None = None) -> None:
        """The file first, then the record that speaks of it.

        Where nobody knows whether it was recorded the file stays; `Leftovers` finds it if not.
        """
        limits = (await self.metering.allowance()).limits
        async with self.metering.held(Resource.PHOTOS) as hold:
            await self.files.write(photo.file_key, content)
            try:
                await self.store.add(photo, hold=hold, limits=limits, chat=chat)
            except (LimitReached, Conflict):
                await self.files.delete(photo.file_key)
                raise

    async def add_file(self, path: str | Path) -> Photo:
        """Keep a picture that lies on this machine.

        Raises:
            NotFound, Forbidden, UnreadableFile: it cannot be opened, or belongs to the install.
            LimitReached, SubscriptionExpired, StorageUnavailable: as `add`.
        """
        return await self.add(Path(path).name, await anyio.to_thread.run_sync(self._read, path))

    def _read(self, path: str | Path) -> bytes:
        if os.path.isdir(path):  # noqa: PTH112 - raises nothing, whatever the name
            raise UnreadableFile(f"{path} is a folder.", hint="Name the photos that are in it.")
        return content_of(Path(path), self.off_limits, max_bytes=self.max_bytes)

    async def list(self, *, limit: int = 1000, after: PhotoId | None = None) -> Sequence[Photo]:
        """Photos in the order in which they came, oldest first."""
        return await self.store.all(limit=limit, after=after)

    async def show(self, id: PhotoId) -> Photo:
        """Raises:
        NotFound: no such photo.
        """
        photo = await self.store.find(id)
        if photo is None:
            raise _unknown(id)
        return photo

    async def delete(self, id: PhotoId) -> None:
        """Forget a photo and its file.

        Raises:
            NotFound: no such photo.
        """
        gone = await self.store.delete(id)
        if gone is None:
            raise _unknown(id)
        await self.files.delete(gone.file_key)


def _unknown(id: PhotoId) -> NotFound:
    return NotFound(f"There is no photo {id}.", hint="See `sloth photos list`.")
