"""What is done again and again, and what is known of the last time."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sloth_agent.clock import Clock
from sloth_agent.tasks.schedules import Schedule

Outcome = Mapping[str, int]
"""How many of what were changed, such as `{"files": 3}`."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a task came to."""

    outcome: Outcome
    failed: Mapping[str, str] = field(default_factory=dict)
    """Tenants, by their slugs, for which it was not done, and why: they stop no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicTask:
    """Work that looks at what there is and at the time, and changes nothing twice.

    So it may run late, twice or beside itself.
    """

    name: str
    schedule: Schedule
    does: str
    work: Callable[[Clock], Awaitable[Done]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRun:
    """The last time that a task was run, by the schedule or by hand."""

    task: str
    id: UUID
    started_at: datetime
    done_at: datetime | None = None  # None: it still runs, or did not get to its end
    outcome: Outcome | None = None
    problem: str | None = None  # why it did not
    failed: Mapping[str, str] = field(default_factory=dict)  # as in `Done`; not kept


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """A task, and when it is its turn."""

    task: PeriodicTask
    last_run: TaskRun | None
    next_due: datetime  # in the past for what is late
