"""Work that a tenant asks for: done at once in this process, or left to a worker."""

import logging
from dataclasses import dataclass
from datetime import datetime

import anyio

from sloth_agent.errors import BackendUnavailable, ClaimLost
from sloth_agent.ids import JobId
from sloth_agent.jobs.models import JobStatus, NewJob, Queue, Report, unheard
from sloth_agent.jobs.ports import Engine, JobStore
from sloth_agent.jobs.running import Running, Work

LONGEST_NOTICE_SECONDS = 5.0
"""Of what is due later nobody is told: workers look for it by themselves."""

_LOOK_EVERY_SECONDS = 0.2

_LOOKS_BEFORE_A_WARNING = 50  # ten seconds

_log = logging.getLogger(__name__)

_ENDED = (JobStatus.COMPLETED, JobStatus.FAILED)


@dataclass(frozen=True, slots=True)
class TenantWork:
    """The jobs of one tenant."""

    store: JobStore
    running: Running
    engine: Engine

    async def ask(self, job: NewJob, *, due: datetime | None = None) -> JobId:
        """Leave a job to whoever is free, at once or when it is due."""
        now = self.running.clock()
        id = await self.store.ask(job, now=now, due=due)
        await self.tell(job.queue, id, due=due or now)
        return id

    async def tell(self, queue: Queue, id: JobId, *, due: datetime) -> None:
        """Let workers know of a job that is stored."""
        seconds = max(0.0, (due - self.running.clock()).total_seconds())
        if seconds > LONGEST_NOTICE_SECONDS:
            return  # workers find it
        try:
            await self.engine.announce(queue, id, seconds=seconds)
        except BackendUnavailable as error:
            _log.warning("Workers hear of a job later: %s", error.message)

    async def do(self, job: NewJob, work: Work, *, report: Report = unheard) -> bool:
        """Do a job, or wait until whoever does it has ended; returns whether it was done here.

        `report` hears how far it is, whoever does it.

        Raises:
            SlothError: whatever the work raises; it is recorded too.
        """
        if not self.engine.does_own:
            await self.ask(job)
            await self._ended(job, report)
            return False
        while True:
            now = self.running.clock()
            claim = await self.store.take(
                job, worker=self.running.workers.here, now=now, until=now + self.running.lease
            )
            if claim is not None:
                failure = await self.running.try_once(self.store, claim, work, report=report)
                if failure is None:
                    return True
                if not isinstance(failure, ClaimLost):
                    raise failure
            if await self._ended_elsewhere(job, report):
                return False

    async def _ended(self, job: NewJob, report: Report) -> None:
        """Wait for a worker, however often it has to try."""
        looks = 0
        while not await self._ended_elsewhere(job, report):
            looks += 1
            if looks == _LOOKS_BEFORE_A_WARNING:
                _log.warning("Nobody has begun the work yet: is a `sloth worker` running?")
            await anyio.sleep(_LOOK_EVERY_SECONDS)

    async def _ended_elsewhere(self, job: NewJob, report: Report) -> bool:
        """Wait for whoever has it; False: nobody has, and it is not done."""
        while True:
            found = await self.store.find(job.kind, job.subject)
            if found is None or found.status in _ENDED:
                return True
            if found.status is JobStatus.PENDING:
                return False
            if found.progress is not None:
                report(found.progress)
            if found.worker is not None and self.running.workers.is_gone(found.worker):
                await self.store.release(
                    job.kind, job.subject, worker=found.worker, now=self.running.clock()
                )
                return False
            if found.lease_until is not None and found.lease_until <= self.running.clock():
                return False
            await anyio.sleep(_LOOK_EVERY_SECONDS)
