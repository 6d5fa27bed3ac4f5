"""Turns a kept file into pieces that a search finds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sloth_agent.clock import Clock
from sloth_agent.errors import (
    Conflict,
    EmbedderUnavailable,
    NotFound,
    SlothError,
    UnreadableFile,
)
from sloth_agent.ids import DocumentId
from sloth_agent.knowledge.chunking import ChunkSizes, cut, full_text
from sloth_agent.knowledge.models import (
    Chunk,
    Document,
    DocumentStatus,
    Problem,
    Reading,
    Vector,
    VectorStore,
)
from sloth_agent.knowledge.ports import (
    DocumentReader,
    DocumentStore,
    Embedder,
    FileStore,
    SearchIndex,
)

EMBEDDED_AT_ONCE = 512
"""Chunks whose vectors are asked for together: bounds memory on long documents."""


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Reads the documents of one tenant."""

    store: DocumentStore
    index: SearchIndex
    files: FileStore
    reader: DocumentReader
    embedder: Embedder | None
    clock: Clock

    async def ingest(self, id: DocumentId) -> Document:
        """Parse, cut, embed, store. Running it again leaves the same chunks.

        A file that cannot be read ends as a failed document, with the reason in `problem`.

        Raises:
            NotFound: the document was deleted, before or meanwhile.
        """
        document = await self.store.find(id)
        if document is None:
            raise NotFound(f"There is no document {id}.")
        await self.store.save(document.processing())
        active = await self._generation()
        try:
            reading = await self._read(document)
            chunks = cut(reading.blocks, _sizes(active))
            vectors = await self._vectors(document, chunks, active)
        except (UnreadableFile, EmbedderUnavailable) as error:
            return await self._fail(document, error, active)

        done = document.completed(reading, chunks=len(chunks), now=self.clock())
        text = full_text(reading.blocks)
        try:
            await self.index.publish(done, text, chunks, vectors, generation=active.generation)
        except Conflict:  # it changed meanwhile, and whoever changed it reads it
            return document
        return done

    async def add_to(self, generation: VectorStore, id: DocumentId) -> None:
        """Cut and embed a completed document for a generation that is being built."""
        document = await self.store.find(id)
        if document is None or document.status is not DocumentStatus.COMPLETED:
            return
        reading = await self._read(document)
        chunks = cut(reading.blocks, _sizes(generation))
        vectors = await self._vectors(document, chunks, generation)
        await self.index.publish(
            replace(document, chunks=len(chunks)),
            full_text(reading.blocks),
            chunks,
            vectors,
            generation=generation.generation,
        )

    async def _read(self, document: Document) -> Reading:
        content = await self.files.read(document.file_key)
        return await self.reader.read(content, name=document.title)

    async def _generation(self) -> VectorStore:
        active = await self.index.active()
        if active.chunks or self.embedder is None:
            return active
        return await self.index.adopt(
            space=self.embedder.space, dimensions=self.embedder.dimensions
        )

    async def _vectors(
        self, document: Document, chunks: Sequence[Chunk], generation: VectorStore
    ) -> list[Vector] | None:
        """One vector per chunk; None where the generation has none, or another space than ours.

        A chunk whose text is known from the document's last version, or from a copy of it, is
        not embedded again.
        """
        if self.embedder is None or self.embedder.space != generation.space:
            return None
        known = dict(await self.index.known_vectors(document, generation=generation.generation))
        new = [text for chunk in chunks if (text := chunk.searched_text) not in known]
        for start in range(0, len(new), EMBEDDED_AT_ONCE):
            texts = new[start : start + EMBEDDED_AT_ONCE]
            known.update(zip(texts, await self.embedder.embed(texts), strict=True))
        return [known[chunk.searched_text] for chunk in chunks]

    async def _fail(self, document: Document, error: SlothError, active: VectorStore) -> Document:
        failed = document.failed(_problem(error), now=self.clock())
        try:
            await self.index.publish(failed, "", [], None, generation=active.generation)
        except Conflict:
            return document
        return failed


def _sizes(generation: VectorStore) -> ChunkSizes:
    return ChunkSizes(size=generation.chunk_size, overlap=generation.chunk_overlap)


def _problem(error: SlothError) -> Problem:
    return Problem(code=error.code, message=" ".join(filter(None, (error.message, error.hint))))
