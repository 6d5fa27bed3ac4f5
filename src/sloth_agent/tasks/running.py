"""Periodic tasks: listed, run by hand, and run when it is their turn."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio

from sloth_agent.clock import Clock, SetClock
from sloth_agent.errors import BackendUnavailable, NotFound, SlothError
from sloth_agent.ids import new_id
from sloth_agent.tasks.models import PeriodicTask, TaskRun, TaskState
from sloth_agent.tasks.ports import TaskRunStore
from sloth_agent.tasks.schedules import Schedule
from sloth_agent.tenants.audit import Actor, AuditEvent

TAKEN_OVER_AFTER = timedelta(minutes=15)
"""What was begun so long ago and is not done was killed, or failed: somebody else may try."""

LOOK_EVERY_SECONDS = 15.0
"""How late a task begins at most, while a process keeps them."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tasks:
    """The periodic tasks of this install."""

    tasks: Sequence[PeriodicTask]
    store: TaskRunStore
    clock: Clock

    async def list(self) -> Sequence[TaskState]:
        """All tasks with their last run and the moment at which they are due."""
        runs = {run.task: run for run in await self.store.all()}
        return [self._state(task, runs.get(task.name)) for task in self.tasks]

    async def run(self, name: str, *, at: datetime | None = None, by: Actor) -> TaskRun:
        """Run a task now, due or not; with `at` its clock shows another time, until it ends.

        Raises:
            NotFound: no such task.
            SlothError: what stopped the task; running it again goes on.
        """
        task = self._named(name)
        run = self._begun(task)
        shown = at.isoformat() if at else None
        event = AuditEvent.of("task.run", by=by, at=run.started_at, subject=name, clock=shown)
        await self.store.begin(run, event=event)
        return await self._ended(task, run, clock=SetClock(at) if at else self.clock)

    async def run_due(self) -> Sequence[TaskRun]:
        """Run each task that is due and that nobody else has claimed; one failure stops no other.

        Several processes may call it at any time: each due moment is one run.
        """
        return [run for task in self.tasks if (run := await self._run_if_due(task))]

    async def keep(self) -> None:
        """Run whatever is due, for as long as this is not cancelled; several processes may."""
        while True:
            with suppress(BackendUnavailable):
                await self.run_due()
            await anyio.sleep(LOOK_EVERY_SECONDS)

    async def _run_if_due(self, task: PeriodicTask) -> TaskRun | None:
        run = self._begun(task)
        due = task.schedule.latest(run.started_at)
        abandoned = run.started_at - TAKEN_OVER_AFTER
        if not await self.store.claim(run, due=due, abandoned=abandoned):
            return None
        try:
            return await self._ended(task, run, clock=self.clock)
        except Exception as error:  # noqa: BLE001 - the outer edge of this task
            _log.exception("The task %s failed.", task.name)
            return replace(run, problem=in_words(error))

    async def _ended(self, task: PeriodicTask, run: TaskRun, *, clock: Clock) -> TaskRun:
        try:
            done = await task.work(clock)
        except Exception as error:
            await self.store.end(replace(run, problem=in_words(error)))
            raise
        ended = replace(run, done_at=self.clock(), outcome=done.outcome, failed=done.failed)
        await self.store.end(ended)
        return ended

    def _begun(self, task: PeriodicTask) -> TaskRun:
        return TaskRun(task=task.name, id=new_id(), started_at=self.clock())

    def _state(self, task: PeriodicTask, last: TaskRun | None) -> TaskState:
        return TaskState(task=task, last_run=last, next_due=self._next_due(task.schedule, last))

    def _next_due(self, schedule: Schedule, last: TaskRun | None) -> datetime:
        if last is None:
            return schedule.latest(self.clock())
        following = schedule.following(last.started_at)
        if last.done_at is None:
            return min(following, last.started_at + TAKEN_OVER_AFTER)
        return following

    def _named(self, name: str) -> PeriodicTask:
        for task in self.tasks:
            if task.name == name:
                return task
        known = ", ".join(task.name for task in self.tasks)
        raise NotFound(f"There is no task {name!r}.", hint=f"There are: {known}.")


def in_words(error: Exception) -> str:
    """Without what only a developer may see."""
    return error.message if isinstance(error, SlothError) else f"unexpected {type(error).__name__}"
