"""Does claimed jobs: keeps the claim alive meanwhile, and records what they came to."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import anyio

from sloth_agent.clock import Clock
from sloth_agent.errors import (
    BackendUnavailable,
    ClaimLost,
    JobTimeout,
    Problem,
    SlothError,
    Unexpected,
)
from sloth_agent.jobs.models import DEADLINES, Claim, Ending, OnEnd, Progress, Report, unheard
from sloth_agent.jobs.ports import JobStore
from sloth_agent.jobs.trying import is_worth_another_try, pause_after

TELL_EVERY_SECONDS = 1.0
"""How soon others see how far a job is."""

_log = logging.getLogger(__name__)

Work = Callable[[Claim, Report], Awaitable[bool]]
"""Does a job. True: what it came to is stored, in one transaction with the end of the job."""


class Workers(Protocol):
    """The processes that do jobs."""

    @property
    def here(self) -> str:
        """The name of this one; no other process ever has the same."""

    def is_gone(self, worker: str) -> bool:
        """Whether a process has certainly ended; False for those that cannot be seen from here."""


@dataclass(slots=True)
class _Latest:
    pass_on: Report
    progress: Progress | None = None

    def report(self, progress: Progress) -> None:
        self.progress = progress
        self.pass_on(progress)


@dataclass(frozen=True, slots=True)
class Running:
    """How this process does jobs."""

    workers: Workers
    lease: timedelta
    chance: Callable[[], float]  # from 0 to 1
    clock: Clock
    on_end: OnEnd = lambda _kind, _ending: None

    async def try_once(
        self, store: JobStore, claim: Claim, work: Work, *, report: Report = unheard
    ) -> Exception | None:
        """Do a job, or fail to, and record it either way; returns why it failed.

        `ClaimLost`: somebody else does it by now, or nobody is to.
        """
        failure, stored = await self._watched(store, claim, work, _Latest(report))
        if isinstance(failure, ClaimLost):
            return failure
        with suppress(BackendUnavailable):  # the lease runs out, and somebody tries again
            if failure is None:
                if not stored and not await store.end(claim, now=self.clock()):
                    return ClaimLost("The claim ended before the work did.")
                self.on_end(claim.kind, Ending.COMPLETED)
            else:
                await self._record(store, claim, failure)
        return failure

    async def _record(self, store: JobStore, claim: Claim, failure: Exception) -> None:
        if not isinstance(failure, SlothError):
            _log.error("The job %s %s failed.", claim.kind, claim.subject, exc_info=failure)
        known = failure if isinstance(failure, SlothError) else Unexpected.named(failure)
        problem = Problem.of(known)
        now = self.clock()
        if not claim.is_last and is_worth_another_try(failure, tries=claim.tries):
            pause = pause_after(claim.tries, chance=self.chance())
            await store.put_off(claim, until=now + pause, problem=problem)
            self.on_end(claim.kind, Ending.PUT_OFF)
        elif await store.end(claim, now=now, problem=problem):
            self.on_end(claim.kind, Ending.FAILED)

    async def _watched(
        self, store: JobStore, claim: Claim, work: Work, latest: _Latest
    ) -> tuple[Exception | None, bool]:
        """Why the work failed, if it did, and whether it stored the end of the job itself."""
        failure: Exception | None = ClaimLost("The claim ended before the work did.")
        stored = False
        async with anyio.create_task_group() as group:
            group.start_soon(self._keep, store, claim, latest, group.cancel_scope)
            try:
                deadline = DEADLINES[claim.kind]
                with anyio.move_on_after(deadline.total_seconds()) as time:
                    stored = await work(claim, latest.report)
                late = JobTimeout(f"It was not done after {deadline}.")
                failure = late if time.cancelled_caught else None
            except Exception as error:  # noqa: BLE001 - the outer edge of one job
                failure = error
            group.cancel_scope.cancel()
        return failure, stored

    async def _keep(
        self, store: JobStore, claim: Claim, latest: _Latest, work: anyio.CancelScope
    ) -> None:
        """Extend the claim three times in each lease, and where there is progress to be told.

        Without the claim the work ends.
        """
        told: Progress | None = None
        silent_for = 0.0
        while True:
            pause = min(TELL_EVERY_SECONDS, self.lease.total_seconds() / 3)
            await anyio.sleep(pause)
            silent_for += pause
            if latest.progress == told and silent_for < self.lease.total_seconds() / 3:
                continue
            with suppress(BackendUnavailable):  # there is time for two more tries
                until = self.clock() + self.lease
                told, silent_for = latest.progress, 0.0
                if not await store.extend(claim, until=until, progress=told):
                    work.cancel()
                    return
