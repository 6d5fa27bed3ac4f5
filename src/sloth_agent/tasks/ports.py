"""What the running of tasks needs from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sloth_agent.tasks.models import TaskRun
from sloth_agent.tenants.audit import AuditEvent


class TaskRunStore(Protocol):
    """The last run of each task. Each method is one transaction."""

    async def all(self) -> Sequence[TaskRun]: ...

    async def begin(self, run: TaskRun, *, event: AuditEvent) -> None:
        """Record a run that somebody asked for, whatever was before."""

    async def claim(self, run: TaskRun, *, due: datetime, abandoned: datetime) -> bool:
        """Record a run if it is its turn; of many who ask at once, one hears True.

        It is, where no run has begun since `due`, or where the last one began before `abandoned`
        and never got to its end.
        """

    async def end(self, run: TaskRun) -> None:
        """Record how it ended, unless another run of the task has begun since."""
