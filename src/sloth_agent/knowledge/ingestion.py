"""Turns a kept file into pieces that a search finds."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from sloth_agent.billing.costs import Costs, Tally
from sloth_agent.clock import Clock
from sloth_agent.errors import (
    ConfigurationError,
    Conflict,
    CostLimitExceeded,
    EmbedderUnavailable,
    NotFound,
    Problem,
    SlothError,
    UnreadableFile,
)
from sloth_agent.ids import DocumentId
from sloth_agent.jobs.models import Claim, Progress, Report, unheard
from sloth_agent.jobs.trying import is_worth_another_try
from sloth_agent.knowledge.chunking import ChunkSizes, cut, full_text
from sloth_agent.knowledge.embedding import vectors_of
from sloth_agent.knowledge.models import (
    Chunk,
    Document,
    DocumentStatus,
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
    costs: Costs
    clock: Clock

    async def ingest(
        self, id: DocumentId, *, claim: Claim | None = None, report: Report = unheard
    ) -> Document:
        """Parse, cut, embed, store. Running it again leaves the same chunks.

        A file that cannot be read ends as a failed document, with the reason in `problem`. The job
        of a claim ends with the document. While it has tries left, what may pass is raised instead.

        Raises:
            NotFound: the document was deleted, before or meanwhile.
            ClaimLost: the claim ended meanwhile; nothing is stored.
        """
        while True:
            begun = await self.store.begin(id)
            if begun is None:
                raise NotFound(f"There is no document {id}.")
            with suppress(Conflict):  # the file changed, or the index was rebuilt, meanwhile
                async with self.costs.counted() as tally:
                    return await self._learned(*begun, tally, claim, report)

    async def _learned(
        self,
        document: Document,
        active: VectorStore,
        tally: Tally,
        claim: Claim | None,
        report: Report,
    ) -> Document:
        try:
            active = await self._adopted(active)
            report(Progress(stage="reading"))
            reading = await self._read(document)
            chunks = cut(reading.blocks, _sizes(active))
            vectors = await self._vectors(document, chunks, active, tally, report)
        except (
            UnreadableFile,
            EmbedderUnavailable,
            CostLimitExceeded,
            ConfigurationError,
        ) as error:
            if (
                claim is not None
                and not claim.is_last
                and is_worth_another_try(error, tries=claim.tries)
            ):
                raise
            return await self._failed(document, error, active, claim)

        done = document.completed(reading, chunks=len(chunks), now=self.clock())
        text = full_text(reading.blocks)
        report(Progress(stage="storing", done=0, total=len(chunks)))
        await self.index.publish(
            done,
            text,
            chunks,
            vectors,
            generation=active.generation,
            bill=tally.bill,
            claim=claim,
        )
        tally.stored()
        return done

    async def add_to(self, generation: VectorStore, id: DocumentId) -> None:
        """Cut and embed a completed document for a generation that is being built.

        One that cannot be read any more ends as failed.

        Raises:
            NotFound, Conflict: the document was deleted, or changed, meanwhile.
            EmbedderUnavailable, CostLimitExceeded: nothing changed.
        """
        document = await self.store.find(id)
        if document is None or document.status is not DocumentStatus.COMPLETED:
            return
        try:
            reading = await self._read(document)
        except UnreadableFile as error:
            await self._failed(document, error, await self.index.active(), None)
            return
        chunks = cut(reading.blocks, _sizes(generation))
        async with self.costs.counted() as tally:
            vectors = await self._vectors(document, chunks, generation, tally, unheard)
            await self.index.publish(
                replace(document, chunks=len(chunks)),
                full_text(reading.blocks),
                chunks,
                vectors,
                generation=generation.generation,
                bill=tally.bill,
            )
            tally.stored()

    async def _read(self, document: Document) -> Reading:
        try:
            content = await self.files.read(document.file_key)
        except NotFound as error:
            now = await self.store.find(document.id)
            if now is None:
                raise
            if now.digest != document.digest:
                raise Conflict(f"{document.title!r} changed while it was being read.") from error
            raise UnreadableFile(
                f"The original of {document.title} is not kept any more.", hint="Ingest it again."
            ) from error
        return await self.reader.read(content, name=document.title)

    async def _adopted(self, active: VectorStore) -> VectorStore:
        """The active generation; an empty one takes on the space of our embedder."""
        if self.embedder is None:
            return active
        await self.embedder.prepare()
        if active.chunks:
            return active
        return await self.index.adopt(
            space=self.embedder.space, dimensions=self.embedder.dimensions
        )

    async def _vectors(
        self,
        document: Document,
        chunks: Sequence[Chunk],
        generation: VectorStore,
        tally: Tally,
        report: Report,
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
            report(Progress(stage="embedding", done=start, total=len(new)))
            await self.costs.require_room(tally)
            vectors = await vectors_of(self.embedder, texts, tally)
            known.update(zip(texts, vectors, strict=True))
        return [known[chunk.searched_text] for chunk in chunks]

    async def _failed(
        self, document: Document, error: SlothError, active: VectorStore, claim: Claim | None
    ) -> Document:
        # Told where a person looks: answers from the version before are missing from now on.
        lost = ("What it taught before is forgotten.",) if document.chunks else ()
        failed = document.failed(Problem.of(error, *lost), now=self.clock())
        await self.index.publish(failed, "", [], None, generation=active.generation, claim=claim)
        return failed


def _sizes(generation: VectorStore) -> ChunkSizes:
    return ChunkSizes(size=generation.chunk_size, overlap=generation.chunk_overlap)
