"""Original files that nothing names any more."""

from dataclasses import dataclass
from datetime import timedelta

from sloth_agent.clock import Clock
from sloth_agent.knowledge.ports import DocumentStore, FileStore, PhotoStore

LEFT_ALONE_FOR = timedelta(days=1)
"""A file is written before the record that names it; nobody takes a day in between."""

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What work that was cut off has left in one tenant's file store."""

    documents: DocumentStore
    photos: PhotoStore
    files: FileStore
    clock: Clock

    async def remove(self) -> int:
        """Forget files that nothing names and that are older than a day; returns how many."""
        before = self.clock() - LEFT_ALONE_FOR
        named = await self._of_documents() | await self._of_photos()
        return await self.files.sweep(named, before=before)

    async def _of_documents(self) -> set[str]:
        named: set[str] = set()
        last = None
        while page := await self.documents.all(limit=_PAGE, after=last):
            named.update(document.file_key for document in page)
            last = page[-1].id
        return named

    async def _of_photos(self) -> set[str]:
        named: set[str] = set()
        last = None
        while page := await self.photos.all(limit=_PAGE, after=last):
            named.update(photo.file_key for photo in page)
            last = page[-1].id
        return named
