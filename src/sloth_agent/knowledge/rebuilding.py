"""Builds a new index beside the old one, and swaps."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sloth_agent.errors import Conflict, NotFound
from sloth_agent.ids import JobId
from sloth_agent.jobs.models import THE_TENANT, Claim, JobKind, NewJob, Priority, Progress, Report
from sloth_agent.jobs.tenant_work import TenantWork
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
    work: TenantWork

    async def rebuild(
        self,
        *,
        chunk_size: int | None = None,
        chunk_overlap: int | None = None,
        on_progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> VectorStore:
        """Make a generation with the present embedder and the given sizes, and swap to it.

        Killed half-way, a worker or the next run goes on where it stopped. While somebody else
        rebuilds, this waits. `on_progress` hears how many documents are done, out of how many.

        Raises:
            InvalidInput: sizes that cannot be used.
            EmbedderUnavailable, CostLimitExceeded: the old index stays in use.
        """
        job = _rebuilding(await self._wanted(chunk_size, chunk_overlap))

        def tell(progress: Progress) -> None:
            on_progress(progress.done or 0, progress.total or 0)

        done_here = await self.work.do(job, self.carry_out, report=tell)
        while not done_here and not await self._is_so(job):  # somebody rebuilt it otherwise
            done_here = await self.work.do(job, self.carry_out, report=tell)
        return await self.index.active()

    async def ask(
        self, *, chunk_size: int | None = None, chunk_overlap: int | None = None
    ) -> JobId:
        """Leave a rebuild to a worker.

        Raises:
            InvalidInput: sizes that cannot be used.
        """
        return await self.work.ask(_rebuilding(await self._wanted(chunk_size, chunk_overlap)))

    async def carry_out(self, claim: Claim, report: Report) -> bool:
        """Do a rebuild that was asked for: `Work`."""
        await self._build(await self._wanted(**claim.details), report)
        return False

    async def _build(self, wanted: VectorStore, report: Report) -> None:
        next_one = await self.index.next_generation(wanted)
        while not await self.index.activate(next_one.generation):
            missing = await self.documents.unfinished(generation=next_one.generation)
            for number, document in enumerate(missing, start=1):
                try:
                    await self.ingestion.add_to(next_one, document)
                except (NotFound, Conflict):  # deleted or changed meanwhile: look again
                    continue
                report(Progress(stage="rebuilding", done=number, total=len(missing)))
        await self.index.settle()

    async def _is_so(self, job: NewJob) -> bool:
        return await self.index.active() == await self._wanted(**job.details)

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


def _rebuilding(wanted: VectorStore) -> NewJob:
    sizes = {"chunk_size": wanted.chunk_size, "chunk_overlap": wanted.chunk_overlap}
    return NewJob(kind=JobKind.REBUILD, subject=THE_TENANT, priority=Priority.BULK, details=sizes)
