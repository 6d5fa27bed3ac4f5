"""What an operator sees of jobs, and does about those that failed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, NotFound, Problem
from sloth_agent.ids import JobId
from sloth_agent.jobs.models import Job, JobStatus
from sloth_agent.jobs.ports import JobBoard
from sloth_agent.tenants.audit import Actor, AuditEvent, AuditStore
from sloth_agent.tenants.ports import OrganizationStore

CANCELLED = Problem(code="cancelled", message="Somebody cancelled it.")

UNFINISHED = (JobStatus.PENDING, JobStatus.PROCESSING, JobStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Work for later, of all tenants."""

    board: JobBoard
    organizations: OrganizationStore
    log: AuditStore
    clock: Clock

    async def list(
        self,
        *,
        schema_name: str | None = None,
        statuses: Collection[JobStatus] = UNFINISHED,
        limit: int = 50,
        after: JobId | None = None,
    ) -> Sequence[Job]:
        """Oldest first; `schema_name` keeps to one tenant."""
        return await self.board.all(
            schema_name=schema_name, statuses=statuses, limit=limit, after=after
        )

    async def show(self, id: JobId) -> Job:
        """Raises:
        NotFound: no such job; one that was done long ago is forgotten.
        """
        job = await self.board.find(id)
        if job is None:
            raise NotFound(f"There is no job {id}.", hint="See `sloth jobs list`.")
        return job

    async def retry(self, id: JobId, *, by: Actor) -> Job:
        """Let a job that failed be tried as if anew.

        Raises:
            NotFound: no such job.
            Conflict: it has not failed.
        """
        job = await self.board.retry(id, now=self.clock())
        if job is None:
            status = (await self.show(id)).status
            raise Conflict(f"The job is {status}, and only one that failed is tried again.")
        await self._write("job.retried", job, by=by)
        return job

    async def cancel(self, id: JobId, *, by: Actor) -> Job:
        """Keep a job from being done; whoever does it now stores nothing.

        Raises:
            NotFound: no such job.
            Conflict: it has ended.
        """
        job = await self.board.cancel(id, now=self.clock(), problem=CANCELLED)
        if job is None:
            status = (await self.show(id)).status
            raise Conflict(f"The job is {status} already.")
        await self._write("job.cancelled", job, by=by)
        return job

    async def _write(self, action: str, job: Job, *, by: Actor) -> None:
        organization = await self.organizations.with_schema(job.schema_name)
        event = AuditEvent.of(
            action,
            by=by,
            at=self.clock(),
            organization=organization.id if organization else None,
            subject=str(job.id),
            kind=job.kind,
        )
        await self.log.add(event)
