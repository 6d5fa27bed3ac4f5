"""Work for later: what it is, how urgent, and how far it has come."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from uuid import UUID

from sloth_agent.errors import Problem
from sloth_agent.ids import JobId


class Queue(StrEnum):
    """What workers may keep to."""

    BILLING = "billing"
    DOCUMENTS = "documents"
    MESSAGES = "messages"
    PERIODIC = "periodic"


class JobKind(StrEnum):
    INGEST = "ingest"  # read one document; subject: the document
    REBUILD = "rebuild"  # a new index beside the old one; subject: THE_TENANT; details: sizes
    REPLY = "reply"  # answer what waits in a chat; subject: the chat
    PAYMENTS = "payments"  # ask the payment provider what the firm has; subject: THE_TENANT
    SETTLE = "settle"  # what keeps searches fast after many changes; subject: THE_TENANT


DEADLINES: Mapping[JobKind, timedelta] = {
    JobKind.INGEST: timedelta(hours=1),
    JobKind.REBUILD: timedelta(days=1),
    JobKind.REPLY: timedelta(minutes=10),
    JobKind.PAYMENTS: timedelta(minutes=5),
    JobKind.SETTLE: timedelta(hours=1),
}
"""Longer than any of them takes; what takes longer hangs."""

THE_TENANT = UUID(int=0)
"""The subject of what is done for a tenant as a whole."""


Details = Mapping[str, int | None]
"""What else whoever does a job has to know, by names that its kind has."""


class Priority(IntEnum):
    """The lower the sooner."""

    CUSTOMER = 0  # somebody is waiting for an answer
    USUAL = 50
    BULK = 100  # many at once, such as the rebuilding of an index


class JobStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"  # for good, until somebody asks for it again


class Ending(StrEnum):
    """How one try of a job ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    PUT_OFF = "put_off"  # it failed, and is tried again


OnEnd = Callable[[JobKind, Ending], None]
"""Hears of each try that ended in this process, once its end is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What is asked for. There is one job of a kind for each subject of a tenant."""

    kind: JobKind
    subject: UUID
    queue: Queue = Queue.DOCUMENTS
    priority: Priority = Priority.USUAL
    details: Details = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to do a job until its lease runs out.

    The token grows with each claim: what is written with an older one is refused.
    """

    kind: JobKind
    subject: UUID
    details: Details = field(default_factory=dict)
    token: int
    tries: int = 1  # this one among them
    is_last: bool = True  # no try follows this one, whatever goes wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job has come."""

    stage: str  # what is being done, such as `reading`
    done: int | None = None  # of `total`, in the stage's own measure; None: it cannot be counted
    total: int | None = None

    @property
    def percent(self) -> int | None:
        """Of the stage."""
        return None if self.done is None or not self.total else 100 * self.done // self.total


Report = Callable[[Progress], None]
"""Hears how far the work is; whoever does it says so as often as it likes."""


def unheard(_: Progress) -> None:
    """A `Report` to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The record of one job."""

    id: JobId
    schema_name: str  # of the tenant whose work it is
    kind: JobKind
    subject: UUID
    queue: Queue
    priority: int
    status: JobStatus
    attempts: int
    due_at: datetime  # not to be begun before
    worker: str | None  # who has it, or had it last
    lease_until: datetime | None  # None: nobody has it
    progress: Progress | None  # None: not begun
    problem: Problem | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
