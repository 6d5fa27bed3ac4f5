"""What work for later needs from outside."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sloth_agent.errors import Problem
from sloth_agent.ids import JobId
from sloth_agent.jobs.models import Claim, Job, JobKind, JobStatus, NewJob, Progress, Queue


class JobStore(Protocol):
    """The jobs of one tenant. Each method is one transaction.

    Where a claim is given, nothing is written once somebody else has claimed the job, or it was
    cancelled.
    """

    async def ask(self, job: NewJob, *, now: datetime, due: datetime | None = None) -> JobId:
        """Ask for a job, to be begun by whoever is free, at once or not before it is due.

        One that waits already keeps its place. One that is being done is begun anew, and whoever
        does it now may write nothing more.
        """

    async def take(
        self, job: NewJob, *, worker: str, now: datetime, until: datetime
    ) -> Claim | None:
        """Ask for a job and claim it at once; None while somebody else's claim lasts."""

    async def find(self, kind: JobKind, subject: UUID) -> Job | None: ...

    async def release(self, kind: JobKind, subject: UUID, *, worker: str, now: datetime) -> None:
        """Let others have a job whose worker is gone, if that worker has it still."""

    async def extend(
        self, claim: Claim, *, until: datetime, progress: Progress | None = None
    ) -> bool:
        """Say that the work goes on; False: the claim has ended, and so should the work."""

    async def end(self, claim: Claim, *, now: datetime, problem: Problem | None = None) -> bool:
        """Record that a job is done, or has failed for good; False: the claim has ended before."""

    async def put_off(
        self, claim: Claim, *, until: datetime, problem: Problem, is_try: bool = True
    ) -> None:
        """Let the job be tried again, not before a moment; what only had to wait was no try."""


class Engine(Protocol):
    """Brings work to workers. What is said here may be lost or come twice: the record is true."""

    @property
    def does_own(self) -> bool:
        """Whether whoever asks for a job and waits for it does it, without any worker."""

    async def check(self) -> str:
        """How work is brought to workers, in words.

        Raises:
            BackendUnavailable: it cannot be, at the moment.
        """

    async def announce(self, queue: Queue, id: JobId, *, seconds: float = 0.0) -> None:
        """Say that a job is ready, or will be in some seconds; it is stored already.

        Raises:
            BackendUnavailable: nobody heard it.
        """


class JobBoard(Protocol):
    """The jobs of all tenants of an install. Each method is one transaction in each database."""

    async def claim(
        self,
        queues: Collection[Queue],
        *,
        worker: str,
        now: datetime,
        until: datetime,
        most: int | None = None,
    ) -> tuple[str, Claim] | None:
        """Claim the job whose turn it is, of the tenant whose schema comes with it.

        The most urgent ones first; among these one of the tenant that was served longest ago, and
        of which the worker does fewer than `most`. None: nothing is due.
        """

    async def release_overdue(self, *, now: datetime) -> int:
        """Let others have the jobs whose leases ran out; those that were lost too often fail."""

    async def workers(self) -> Sequence[str]:
        """Who has jobs."""

    async def release_all_of(self, worker: str, *, lost: bool, now: datetime) -> int:
        """Let others have the jobs of a worker: one that is gone, or one that hands them back.

        Those that were lost too often fail.
        """

    async def next_due(self, queues: Collection[Queue]) -> datetime | None:
        """When the first of the waiting jobs may begin; None: none waits."""

    async def count_due(self, *, now: datetime) -> Mapping[Queue, int]:
        """How many jobs of each queue wait for somebody; those with none are left out."""

    async def all(
        self,
        *,
        schema_name: str | None,
        statuses: Collection[JobStatus],
        limit: int,
        after: JobId | None = None,
    ) -> Sequence[Job]:
        """Oldest first, `after` not included."""

    async def find(self, id: JobId) -> Job | None: ...

    async def retry(self, id: JobId, *, now: datetime) -> Job | None:
        """Let a job that failed be tried as if anew; None: no such job has failed."""

    async def cancel(self, id: JobId, *, now: datetime, problem: Problem) -> Job | None:
        """Keep a job from being done; None: no such job waits or is being done."""

    async def forget_completed(self, *, before: datetime) -> int:
        """Remove the records of jobs that were done before a moment."""
