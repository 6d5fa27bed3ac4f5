"""Learns from files and folders on this machine."""

import glob
import logging
import os
import stat
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from sloth_agent.errors import (
    Conflict,
    DatabaseUnavailable,
    FileEmpty,
    InvalidInput,
    Problem,
    SlothError,
    StorageUnavailable,
    SubscriptionExpired,
    Unexpected,
)
from sloth_agent.ids import DocumentId, JobId
from sloth_agent.jobs.models import Claim, JobKind, NewJob, Progress, Report, unheard
from sloth_agent.jobs.tenant_work import TenantWork
from sloth_agent.knowledge.documents import Documents, spelled
from sloth_agent.knowledge.ingestion import Ingestion
from sloth_agent.knowledge.models import Document, DocumentStatus, Unread
from sloth_agent.knowledge.off_limits import OffLimits
from sloth_agent.knowledge.opening import content_of

FILES_AT_ONCE = 4

STOPPING = (DatabaseUnavailable, StorageUnavailable, SubscriptionExpired)
"""After these no other file would fare better."""

OnProgress = Callable[[str, Progress], None]

_log = logging.getLogger(__name__)


class Outcome(StrEnum):
    COMPLETED = "completed"
    SKIPPED = "skipped"  # known and unchanged
    FAILED = "failed"
    PENDING = "pending"  # kept, and to be read by a worker


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutcome:
    """What became of one file."""

    path: str
    status: Outcome
    document_id: DocumentId | None = None  # None where the file could not even be opened
    job_id: JobId | None = None  # set when pending
    pages: int | None = None
    chunks: int = 0
    problem: Problem | None = None  # set when failed
    unread: tuple[Unread, ...] = ()  # parts that gave no text, of a file that was read


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What became of all files, in the order in which they were found."""

    files: tuple[FileOutcome, ...]
    seconds: float

    def count(self, status: Outcome) -> int:
        return sum(file.status is status for file in self.files)


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes in whole folders for one tenant."""

    documents: Documents
    ingestion: Ingestion
    work: TenantWork
    off_limits: OffLimits

    async def take_in(
        self,
        paths: Sequence[str | Path],
        *,
        wait: bool = True,
        on_found: Callable[[int], None] = lambda _: None,
        on_progress: OnProgress = lambda _path, _progress: None,
        on_outcome: Callable[[FileOutcome], None] = lambda _: None,
    ) -> IngestReport:
        """Learn from files, folders (with all below them) and patterns such as `docs/*.pdf`.

        One bad file never stops the others. Hidden files and symbolic links inside a folder are
        left out, and so is what the install itself keeps. Without `wait` files are kept, to be
        read by a worker. `on_found` hears how many files there are, `on_progress` how far each
        is, `on_outcome` what became of it.

        Raises:
            InvalidInput: an empty path, which would otherwise be the working directory.
            DatabaseUnavailable, StorageUnavailable, SubscriptionExpired: what was done so far is
                kept.
        """
        started = time.perf_counter()
        found = await found_files(paths, self.off_limits)
        on_found(len(found))

        async def take_in(path: Path) -> FileOutcome:
            return await self._patiently(path, partial(on_progress, str(path)) if wait else None)

        outcomes = await outcomes_of(found, take_in, on_outcome)
        if wait and any(one.status is not Outcome.SKIPPED for one in outcomes):
            await self.ingestion.index.settle()
        return IngestReport(files=outcomes, seconds=time.perf_counter() - started)

    async def take_in_content(self, name: str, content: bytes, *, wait: bool = True) -> FileOutcome:
        """Learn from bytes that have a name but no place on this machine.

        Nothing, or white space, is refused, and what the name taught before stays.
        """
        try:
            check_content(name, content)
            document = await self.documents.upload(name, content)
            return await self._learn(name, document, unheard if wait else None)
        except Exception as error:  # noqa: BLE001 - the outer edge of one file
            return failure_of(name, error)

    async def keep(self, name: str, content: bytes) -> Document:
        """Keep a file that is to be read by a worker; one that is known and unchanged is not.

        Raises:
            UnreadableFile: its first bytes show that nobody can read it.
            FileTooLarge, DocumentLimitExceeded, StorageLimitExceeded, SubscriptionExpired: as
                `Documents.upload`.
        """
        self.ingestion.reader.check(content, name=name)
        document = await self.documents.upload(name, content)
        if not _completed(document):
            await self.work.ask(_reading(document))
        return document

    async def _patiently(self, path: Path, report: Report | None) -> FileOutcome:
        try:
            return await self._take_in_one(path, report)
        except DatabaseUnavailable:  # a server that was killed is started again by the next try
            return await self._take_in_one(path, report)

    async def _take_in_one(self, path: Path, report: Report | None) -> FileOutcome:
        try:
            content = await anyio.to_thread.run_sync(self._content, path)
            source = spelled(await anyio.to_thread.run_sync(os.path.realpath, path))
            for twin in await self.documents.with_content(content):
                if _completed(twin) and twin.source != source and await _has_left(twin, source):
                    with suppress(Conflict):  # it took the place of a known file: that one changed
                        return outcome_of(str(path), await self.documents.moved_to(source, twin))
            document = await self.documents.upload(path.name, content, source=source)
            return await self._learn(str(path), document, report)
        except Exception as error:  # noqa: BLE001 - the outer edge of one file
            return failure_of(str(path), error)

    def _content(self, path: Path) -> bytes:
        return content_of(path, self.off_limits, max_bytes=self.documents.max_bytes)

    async def _learn(self, path: str, document: Document, report: Report | None) -> FileOutcome:
        """Without somebody who hears how far it is, reading is left to a worker."""
        if _completed(document):
            return outcome_of(path, document)
        if report is None:
            id = await self.work.ask(_reading(document))
            return FileOutcome(
                path=path, status=Outcome.PENDING, document_id=document.id, job_id=id
            )
        document = await self._read(document, report)
        status = Outcome.COMPLETED if _completed(document) else Outcome.FAILED
        return outcome_of(path, document, status=status)

    async def _read(self, document: Document, report: Report) -> Document:
        """The document as it ended, whoever read it."""
        read = document

        async def reading(claim: Claim, report: Report) -> bool:
            nonlocal read
            read = await self.ingestion.ingest(document.id, claim=claim, report=report)
            return True

        if await self.work.do(_reading(document), reading, report=report):
            return read
        return await self.documents.show(document.id)


def _reading(document: Document) -> NewJob:
    return NewJob(kind=JobKind.INGEST, subject=document.id)


async def found_files(paths: Sequence[str | Path], off_limits: OffLimits) -> list[Path]:
    """What files, folders and patterns lead to, as `Intake.take_in` says.

    Raises:
        InvalidInput: an empty path, which would otherwise be the working directory.
    """
    if "" in paths:
        raise InvalidInput(
            "A path is empty.",
            hint="Is a variable unset? The working directory is `.`.",
            field="paths",
        )
    return await anyio.to_thread.run_sync(_found, paths, off_limits)


async def outcomes_of(
    found: Sequence[Path],
    take_in: Callable[[Path], Awaitable[FileOutcome]],
    on_outcome: Callable[[FileOutcome], None],
) -> tuple[FileOutcome, ...]:
    """Take in files, some at once; the error that `take_in` raises ends it for all of them."""
    outcomes: dict[Path, FileOutcome] = {}
    stopped: list[SlothError] = []
    waiting = iter(found)

    async def work() -> None:
        for path in waiting:
            try:
                outcomes[path] = await take_in(path)
            except SlothError as error:
                stopped.append(error)
                group.cancel_scope.cancel()
                return
            on_outcome(outcomes[path])

    async with anyio.create_task_group() as group:
        for _ in range(min(FILES_AT_ONCE, len(found))):
            group.start_soon(work)
    if stopped:
        raise stopped[0]
    return tuple(outcomes[path] for path in found)


def check_content(name: str, content: bytes) -> None:
    """Raises:
    FileEmpty: nothing, or white space.
    """
    if not content.strip():
        raise FileEmpty(f"There is nothing in {name}.", hint="Nothing was changed.")


def _found(paths: Sequence[str | Path], off_limits: OffLimits) -> list[Path]:
    """Each file once, by the first of its names."""
    found: dict[str, Path] = {}
    for path in _files(paths, off_limits):
        is_there = os.path.exists(path)  # noqa: PTH110 - raises nothing, whatever the name
        # What is not there is told by the name that was asked for.
        found.setdefault(os.path.realpath(path) if is_there else str(path), path)
    return list(found.values())


def _files(paths: Sequence[str | Path], off_limits: OffLimits) -> Iterator[Path]:
    """Existing files, and missing ones by their given name, each folder in a fixed order."""
    for given in paths:
        path = Path(given)
        if _is_folder(path):
            yield from _below(path, off_limits)
        elif not os.path.lexists(path) and glob.has_magic(str(given)):
            for match in _matches(str(given)) or [path]:
                if off_limits.home and off_limits.holds(match):
                    yield off_limits.home  # one refusal, for all that it holds
                else:
                    yield from _below(match, off_limits) if _is_folder(match) else [match]
        else:
            yield path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # whoever opens it will say why
        return False


def _matches(pattern: str) -> list[Path]:
    # Path.glob takes no absolute patterns.
    return sorted(Path(match) for match in glob.glob(pattern, recursive=True))  # noqa: PTH207


def _below(folder: Path, off_limits: OffLimits) -> Iterator[Path]:
    """The files of a folder, and the folders that cannot be opened."""
    if off_limits.holds(folder):
        yield folder  # whoever opens it will say why
        return
    closed: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not off_limits.holds(Path(parent, name))
        )
        for name in sorted(files):
            path = Path(parent, name)
            if not name.startswith(".") and _is_regular(path):
                yield path
    yield from (Path(error.filename) for error in closed)


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:  # gone since the folder was listed
        return False


async def _has_left(document: Document, source: str) -> bool:
    """Whether nothing is left where it came from, or another way led there to the same file."""
    old = anyio.Path(document.source)
    try:
        if not old.is_absolute():
            return False
        return not await old.exists() or spelled(str(await old.resolve())) == source
    except OSError:  # it cannot be looked at, in a closed folder say, and may well be there
        return False


def _completed(document: Document) -> bool:
    return document.status is DocumentStatus.COMPLETED


def outcome_of(path: str, document: Document, *, status: Outcome = Outcome.SKIPPED) -> FileOutcome:
    """What became of a file, as its document tells."""
    return FileOutcome(
        path=path,
        status=status,
        document_id=document.id,
        pages=document.pages,
        chunks=document.chunks,
        problem=document.problem,
        unread=document.unread,
    )


def failure_of(path: str, error: Exception) -> FileOutcome:
    """A file that failed; an error after which no other would fare better is raised again."""
    if isinstance(error, STOPPING):
        raise error
    if not isinstance(error, SlothError):
        _log.error("%s could not be learned", path, exc_info=error)
        error = Unexpected.named(error)
    return FileOutcome(path=path, status=Outcome.FAILED, problem=Problem.of(error))
