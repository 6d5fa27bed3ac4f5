"""A worker: takes jobs whose turn it is, several at once, until it is told to stop."""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from sloth_agent.errors import BackendUnavailable, NotFound
from sloth_agent.jobs.models import Claim, Queue
from sloth_agent.jobs.ports import JobBoard, JobStore
from sloth_agent.jobs.running import Running, Work

LOOK_EVERY_SECONDS = 5.0
"""How often a worker looks for what others have left, and for what nobody woke it for."""

DRAIN_SECONDS = 30.0
"""How long a worker that is told to stop goes on with what it has begun."""

_SHORTEST_WAIT_SECONDS = 0.05  # for a job that is due, and that somebody else is just claiming

_log = logging.getLogger(__name__)


class Alarm(Protocol):
    """Tells that there may be work."""

    async def wait(self, seconds: float) -> None:
        """Return soon after a job has become ready anywhere, or when the time is over."""


Prepared = tuple[JobStore, Work]
Prepare = Callable[[str, Claim], Awaitable[Prepared | None]]
"""Finds out what a job of a tenant, given by its schema, means; None: nobody is to do it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """Take one job after the other."""

    board: JobBoard
    running: Running
    prepare: Prepare
    queues: Collection[Queue] = tuple(Queue)
    most_of_one: int | None = None  # jobs of one tenant at once, in this process

    async def claim(self) -> tuple[str, Claim] | None:
        """The job whose turn it is, with its tenant's schema; None: nothing is due."""
        now = self.running.clock()
        return await self.board.claim(
            self.queues,
            worker=self.running.workers.here,
            now=now,
            until=now + self.running.lease,
            most=self.most_of_one,
        )

    async def do(self, schema: str, claim: Claim) -> None:
        try:
            prepared = await self.prepare(schema, claim)
            if prepared is not None:
                await self.running.try_once(prepared[0], claim, prepared[1])
        except BackendUnavailable as error:  # the lease runs out, and somebody tries again
            _log.warning("A job waits for its next try: %s", error.message)
        except NotFound:  # its jobs have gone with it
            _log.info("The job %s %s is of a tenant that was deleted.", claim.kind, claim.subject)
        except Exception:  # noqa: BLE001 - the outer edge of one job: others go on
            _log.exception("The job %s %s could not be begun.", claim.kind, claim.subject)

    async def work_off(self, *, seconds: float) -> bool:
        """Do what is due, but begin nothing when the time is over; returns whether it was then."""
        ends = self.running.clock() + timedelta(seconds=seconds)
        while self.running.clock() < ends:
            claimed = await self.claim()
            if claimed is None:
                return False
            await self.do(*claimed)
        return True

    async def take_over(self) -> None:
        """Let everybody have the jobs of those who are gone."""
        await self.board.release_overdue(now=self.running.clock())
        for worker in await self.board.workers():
            if self.running.workers.is_gone(worker):
                await self.board.release_all_of(worker, lost=True, now=self.running.clock())

    async def hand_back(self) -> None:
        """Let others have what was begun here, and will not be ended here."""
        here = self.running.workers.here
        await self.board.release_all_of(here, lost=False, now=self.running.clock())


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """The jobs of all tenants, several at once, done in this process."""

    hands: Hands
    alarm: Alarm
    at_once: int = 2
    on_look: Callable[[], None] = lambda: None  # hears that the worker is alive
    drain_seconds: float = DRAIN_SECONDS
    stopping: anyio.Event = field(default_factory=anyio.Event)

    def stop(self) -> None:
        """Begin nothing more, and end when what was begun has ended, or the patience has."""
        self.stopping.set()

    async def work(self) -> None:
        """Do jobs until `stop`. What is not done by then is handed back."""
        places = anyio.Semaphore(self.at_once)
        async with anyio.create_task_group() as jobs:
            async with anyio.create_task_group() as looking:
                looking.start_soon(self._look_around)
                looking.start_soon(self._take_jobs, jobs, places)
                await self.stopping.wait()
                looking.cancel_scope.cancel()
            with anyio.move_on_after(self.drain_seconds):
                for _ in range(self.at_once):
                    await places.acquire()
            jobs.cancel_scope.cancel()
        with suppress(BackendUnavailable):  # the leases run out
            await self.hands.hand_back()

    async def _take_jobs(self, jobs: TaskGroup, places: anyio.Semaphore) -> None:
        while True:
            await places.acquire()
            try:
                claimed = await self._next()
            except BaseException:
                places.release()
                raise
            jobs.start_soon(self._do, *claimed, places)

    async def _do(self, schema: str, claim: Claim, places: anyio.Semaphore) -> None:
        try:
            await self.hands.do(schema, claim)
        finally:
            places.release()

    async def _next(self) -> tuple[str, Claim]:
        """Wait for a job and claim it; cut off in between, the claim is handed back with others."""
        while True:
            with suppress(BackendUnavailable):
                if (claimed := await self.hands.claim()) is not None:
                    return claimed
            await self.alarm.wait(await self._patience())

    async def _patience(self) -> float:
        """Until the next job is due, or for as long as others may forget to wake us."""
        with suppress(BackendUnavailable):
            due = await self.hands.board.next_due(self.hands.queues)
            if due is not None:
                seconds = (due - self.hands.running.clock()).total_seconds()
                return min(max(seconds, _SHORTEST_WAIT_SECONDS), LOOK_EVERY_SECONDS)
        return LOOK_EVERY_SECONDS

    async def _look_around(self) -> None:
        while True:
            self.on_look()
            with suppress(BackendUnavailable):
                await self.hands.take_over()
            await anyio.sleep(LOOK_EVERY_SECONDS)


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers of one process: what only waits for others keeps nobody from what has to be computed,
    nor the other way round.
    """

    workers: Sequence[Working]

    @property
    def is_stopping(self) -> bool:
        return any(worker.stopping.is_set() for worker in self.workers)

    def stop(self) -> None:
        """Begin nothing more, and end when what was begun has ended, or the patience has."""
        for worker in self.workers:
            worker.stop()

    def draining_for(self, seconds: float) -> "Crew":
        """The same with another patience."""
        return Crew([replace(worker, drain_seconds=seconds) for worker in self.workers])

    async def work(self) -> None:
        """Do jobs until `stop`. What is not done by then is handed back."""
        async with anyio.create_task_group() as group:
            for worker in self.workers:
                group.start_soon(worker.work)
