"""Original files that nothing names any more."""

from dataclasses import dataclass
from datetime import timedelta

from sloth_agent.clock import Clock
from sloth_agent.knowledge.ports import DocumentStore, FileStore

LEFT_ALONE_FOR = timedelta(days=1)
"""A file is written before the record that names it; nobody takes a day in between."""

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What work that was cut off has left in one tenant's file store."""

    store: DocumentStore
    files: FileStore
    clock: Clock

    async def remove(self) -> int:
        """Forget files that no document names and that are older than a day; returns how many."""
        before = self.clock() - LEFT_ALONE_FOR
        return await self.files.sweep(await self._named(), before=before)

    async def _named(self) -> set[str]:
        named: set[str] = set()
        last = None
        while page := await self.store.all(limit=_PAGE, after=last):
            named.update(document.file_key for document in page)
            last = page[-1].id
        return named
