"""Builds a new index beside the old one, and swaps."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sloth_agent.errors import Conflict, NotFound
from sloth_agent.knowledge.chunking import ChunkSizes
from sloth_agent.knowledge.ingestion import Ingestion
from sloth_agent.knowledge.models import VectorStore
from sloth_agent.knowledge.ports import DocumentStore, SearchIndex


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """Cuts and embeds all documents of one tenant anew, while searches read the old index."""

    index: SearchIndex
    documents: DocumentStore
    ingestion: Ingestion

    async def rebuild(
        self,
        *,
        chunk_size: int | None = None,
        chunk_overlap: int | None = None,
        on_progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> VectorStore:
        """Make a generation with the present embedder and the given sizes, and swap to it.

        Killed half-way, the next run goes on where it stopped. `on_progress` hears how many
        documents are done, out of how many.

        Raises:
            InvalidInput: sizes that cannot be used.
            EmbedderUnavailable, CostLimitExceeded: the old index stays in use.
            Conflict: another rebuild, with other sizes, took over.
        """
        next_one = await self.index.next_generation(await self._wanted(chunk_size, chunk_overlap))
        while not await self.index.activate(next_one.generation):
            missing = await self.documents.unfinished(generation=next_one.generation)
            for number, document in enumerate(missing, start=1):
                try:
                    await self.ingestion.add_to(next_one, document)
                except (NotFound, Conflict):  # deleted or changed meanwhile: look again
                    continue
                on_progress(number, len(missing))
        await self.index.settle()
        return await self.index.active()

    async def _wanted(self, chunk_size: int | None, chunk_overlap: int | None) -> VectorStore:
        active = await self.index.active()
        embedder = self.ingestion.embedder
        if embedder is not None:
            await embedder.prepare()
        wanted = replace(
            active,
            space=embedder.space if embedder else None,
            dimensions=embedder.dimensions if embedder else None,
            chunk_size=active.chunk_size if chunk_size is None else chunk_size,
            chunk_overlap=active.chunk_overlap if chunk_overlap is None else chunk_overlap,
        )
        ChunkSizes(size=wanted.chunk_size, overlap=wanted.chunk_overlap)
        return wanted
