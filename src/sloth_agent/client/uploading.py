"""Files on their way to a server, and what becomes of them there."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import anyio
import anyio.to_thread

from sloth_agent.client import reading
from sloth_agent.client.server import Server
from sloth_agent.errors import (
    BackendUnavailable,
    Conflict,
    Forbidden,
    NotSignedIn,
    TokenInvalid,
)
from sloth_agent.ids import DocumentId
from sloth_agent.jobs.models import Progress, Report, unheard
from sloth_agent.knowledge.documents import spelled, too_large
from sloth_agent.knowledge.intake import (
    FileOutcome,
    IngestReport,
    OnProgress,
    Outcome,
    check_content,
    failure_of,
    found_files,
    outcome_of,
    outcomes_of,
)
from sloth_agent.knowledge.models import Document, DocumentStatus
from sloth_agent.knowledge.off_limits import OffLimits
from sloth_agent.knowledge.opening import content_of

NOTHING_OFF_LIMITS = OffLimits(None)
"""What the install keeps is on the server's machine."""

FIRST_LOOK_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0

STOPPING = (BackendUnavailable, NotSignedIn, TokenInvalid, Forbidden)
"""After these, raised by the server, no other file would fare better."""

ENDED = (DocumentStatus.COMPLETED, DocumentStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Uploading:
    """Takes files of this machine to one tenant's documents."""

    server: Server
    max_bytes: int  # of one file, as the server has it

    async def keep(self, name: str, content: bytes) -> Document:
        """Upload a file, which the server reads in the background."""
        id, _ = await self._upload(name, content)
        document, _ = await self.status(id)
        return document

    async def status(self, id: DocumentId) -> tuple[Document, Progress | None]:
        """A document, and how far the reading of it is."""
        body = await self.server.get(f"/api/documents/{id}/status/")
        return reading.document(body), reading.progress(body)

    async def take_in(
        self,
        paths: Sequence[str | Path],
        *,
        wait: bool,
        on_found: Callable[[int], None],
        on_progress: OnProgress,
        on_outcome: Callable[[FileOutcome], None],
    ) -> IngestReport:
        """As `Intake.take_in`; a file in a given folder is known by its path in there."""
        started = time.perf_counter()
        found = await found_files(paths, NOTHING_OFF_LIMITS)
        on_found(len(found))
        names = _names(found, [Path(path) for path in paths])

        async def take_in(path: Path) -> FileOutcome:
            report = partial(on_progress, str(path)) if wait else None
            return await self._take_in_one(path, names[path], report)

        outcomes = await outcomes_of(found, take_in, on_outcome)
        return IngestReport(files=outcomes, seconds=time.perf_counter() - started)

    async def take_in_content(self, name: str, content: bytes, *, wait: bool) -> FileOutcome:
        """As `Intake.take_in_content`."""
        try:
            check_content(name, content)
            return await self._learn(name, name, content, unheard if wait else None)
        except STOPPING:
            raise
        except Exception as error:  # noqa: BLE001 - the outer edge of one file
            return failure_of(name, error)

    async def _take_in_one(
        self, path: Path, name: str | None, report: Report | None
    ) -> FileOutcome:
        try:
            name = _unlike_others(path, name)
            content = await anyio.to_thread.run_sync(self._content, path)
            return await self._learn(str(path), name, content, report)
        except STOPPING:
            raise
        except Exception as error:  # noqa: BLE001 - the outer edge of one file
            return failure_of(str(path), error)

    async def _learn(
        self, path: str, name: str, content: bytes, report: Report | None
    ) -> FileOutcome:
        """Without somebody who hears how far it is, nobody waits for it."""
        id, status = await self._upload(name, content)
        if status is DocumentStatus.COMPLETED:
            document, _ = await self.status(id)
            return outcome_of(path, document)
        if report is None:
            return FileOutcome(path=path, status=Outcome.PENDING, document_id=id)
        document = await self._read(id, report)
        return outcome_of(path, document, status=Outcome(document.status))

    async def _upload(self, name: str, content: bytes) -> tuple[DocumentId, DocumentStatus]:
        """What is known and unchanged is completed already."""
        if len(content) > self.max_bytes:
            raise too_large(name, self.max_bytes)
        kept = await self.server.upload("/api/documents/upload/", spelled(name), content)
        return DocumentId(UUID(kept["id"])), DocumentStatus(kept["status"])

    def _content(self, path: Path) -> bytes:
        return content_of(path, NOTHING_OFF_LIMITS, max_bytes=self.max_bytes)

    async def _read(self, id: DocumentId, report: Report) -> Document:
        """The document as it ended."""
        pause = FIRST_LOOK_SECONDS
        while True:
            document, progress = await self.status(id)
            if document.status in ENDED:
                return document
            report(progress or Progress(stage=document.status))
            await anyio.sleep(pause)
            pause = min(1.5 * pause, LONGEST_PAUSE_SECONDS)


def _names(found: Sequence[Path], given: Sequence[Path]) -> dict[Path, str | None]:
    """What each file is called on the server; None: as another one, which comes first."""
    folders = [path for path in given if path.is_dir()]
    names: dict[Path, str | None] = {}
    for path in found:
        above = next((folder for folder in folders if path.is_relative_to(folder)), path.parent)
        name = path.relative_to(above).as_posix()
        names[path] = None if name in names.values() else name
    return names


def _unlike_others(path: Path, name: str | None) -> str:
    """Raises:
    Conflict: on the server one would take the place of the other.
    """
    if name is None:
        raise Conflict(f"Another file is called {path.name}, too.", hint="Ingest their folder.")
    return name
