"""The jobs of one tenant, in the database where it lives."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.database import Row, Statement, TenantDatabase
from sloth_agent.errors import ClaimLost, Problem
from sloth_agent.ids import JobId, new_id
from sloth_agent.jobs.models import Claim, Job, JobKind, JobStatus, NewJob, Progress, Queue

JOB_COLUMNS: LiteralString = (
    "id, schema_name, kind, subject, queue, priority, status, attempts, due_at, worker,"
    " lease_until, progress, problem, created_at, started_at, completed_at"
)
WAKING: LiteralString = "notify sloth_jobs"
"""Sent with whatever makes a job ready: engines listen."""

_KEY: LiteralString = "schema_name = %s and kind = %s and subject = %s"
_CLAIMED: LiteralString = f"{_KEY} and token = %s and status = 'processing'"

_ASKING: LiteralString = (
    "insert into public.processing_jobs as kept (schema_name, kind, subject, id, details, queue,"
    " priority, due_at, created_at, status, attempts, token, worker, lease_until, started_at)"
    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, %s, %s, %s)"
    " on conflict (schema_name, kind, subject) do update set details = excluded.details,"
    " queue = excluded.queue, priority = excluded.priority, created_at = excluded.created_at,"
    " due_at = case when kept.status = 'pending' then least(kept.due_at, excluded.due_at)"
    " else excluded.due_at end,"
    " status = excluded.status, attempts = excluded.attempts, losses = 0, token = kept.token + 1,"
    " worker = excluded.worker, lease_until = excluded.lease_until,"
    " started_at = excluded.started_at, progress = null, problem = null, completed_at = null"
)
_MAY_BEGIN: LiteralString = (
    "kept.status <> 'processing' and (kept.status <> 'pending'"
    " or kept.problem ->> 'code' is distinct from 'rate_limited')"
)
_ENDING: LiteralString = (
    "update public.processing_jobs set status = %s, problem = %s, completed_at = %s,"
    f" lease_until = null where {_CLAIMED} returning 1"
)
_TAKING: LiteralString = (
    f"{_ASKING} where kept.status <> 'processing' or kept.lease_until <= %s returning token"
)
_UNENDED: LiteralString = (
    "select subject from public.processing_jobs where schema_name = %s and kind = %s"
    " and status in ('pending', 'processing') order by subject limit %s"
)


def asking(schema: str, job: NewJob, *, now: datetime, due: datetime | None = None) -> Statement:
    """Ask for a job within a transaction that has more to do."""
    waiting = (JobStatus.PENDING, 0, None, None, None)
    return f"{_ASKING} returning id", (*_asked(schema, job, now, due or now), *waiting)


def asking_unless_done_now(schema: str, job: NewJob, *, now: datetime, due: datetime) -> Statement:
    """Like `asking`, but whoever does it now goes on, and looks for more at its end; see
    `ending_or_again`. What waits because a vendor limits our rate goes on waiting, since it would
    ask too early. No row where it is done now, or waits so.
    """
    statement, values = asking(schema, job, now=now, due=due)
    return statement.replace(" returning", f" where {_MAY_BEGIN} returning"), values


def ending_or_again(schema: str, claim: Claim, *, now: datetime, more: Statement) -> Statement:
    """End a job, or have it done once more where there is more to do by now.

    Whoever asks for it waits for the row that this locks first: between the look for more and the
    end nothing can come.
    """
    held, holder = holding(schema, claim)
    finding, values = more
    ended: LiteralString = (
        "update public.processing_jobs set lease_until = null, worker = null, problem = null,"
        " (status, attempts, losses, due_at, completed_at) = (select"
        " case when count(*) = 0 then 'completed' else 'pending' end,"
        " case when count(*) = 0 then attempts else 0 end,"
        " case when count(*) = 0 then losses else 0 end,"
        " case when count(*) = 0 then due_at else %s end,"
        f" case when count(*) = 0 then %s::timestamptz end from ({finding}) as more)"
        f" where {_CLAIMED}"
    )
    return (
        f"{held}; {ended}; {WAKING}",
        (*holder, now, now, *values, *_claimed(schema, claim)),
    )


def hastening(schema: str, kind: JobKind, subject: UUID, *, due: datetime) -> Statement:
    """Bring what waits for its time forward; more conditions may follow."""
    hastened: LiteralString = (
        f"update public.processing_jobs set due_at = least(due_at, %s) where {_KEY}"
        " and status = 'pending'"
    )
    return hastened, (due, schema, kind, subject)


def holding(schema: str, claim: Claim) -> Statement:
    """Finds a row while the claim lasts, and lets it last until the transaction ends."""
    return (
        f"select 1 from public.processing_jobs where {_CLAIMED} for update",
        _claimed(schema, claim),
    )


def ending(
    schema: str, claim: Claim, *, now: datetime, problem: Problem | None = None
) -> Statement:
    """Record what a job came to, within the transaction that brings it."""
    status = JobStatus.FAILED if problem else JobStatus.COMPLETED
    return _ENDING, (status, _json(problem), now, *_claimed(schema, claim))


def unended(schema: str, kind: JobKind, *, limit: int) -> Statement:
    """The subjects of jobs that wait or are being done, some of them."""
    return _UNENDED, (schema, kind, limit)


def forgetting(schema: str, kind: JobKind, subject: UUID) -> Statement:
    """Remove a job with its subject; whoever does it may write nothing more."""
    return f"delete from public.processing_jobs where {_KEY}", (schema, kind, subject)


def lost() -> ClaimLost:
    return ClaimLost("Somebody else does this job by now, or it was cancelled.")


@dataclass(frozen=True, slots=True)
class PostgresJobs:
    """`JobStore` on the working tables."""

    database: TenantDatabase
    schema: str

    async def ask(self, job: NewJob, *, now: datetime, due: datetime | None = None) -> JobId:
        statement, values = asking(self.schema, job, now=now, due=due)
        [[(id,)]] = await self.database.at_once(self.schema, f"{statement}; {WAKING}", values)
        return JobId(id)

    async def take(
        self, job: NewJob, *, worker: str, now: datetime, until: datetime
    ) -> Claim | None:
        [rows] = await self.database.at_once(
            self.schema,
            _TAKING,
            (*_asked(self.schema, job, now, now), JobStatus.PROCESSING, 1, worker, until, now, now),
        )
        if not rows:
            return None
        return Claim(kind=job.kind, subject=job.subject, details=job.details, token=rows[0][0])

    async def find(self, kind: JobKind, subject: UUID) -> Job | None:
        [rows] = await self.database.at_once(
            self.schema,
            f"select {JOB_COLUMNS} from public.processing_jobs where {_KEY}",
            (self.schema, kind, subject),
        )
        return job_of(rows[0]) if rows else None

    async def release(self, kind: JobKind, subject: UUID, *, worker: str, now: datetime) -> None:
        await self.database.at_once(
            self.schema,
            "update public.processing_jobs set status = 'pending', due_at = %s, worker = null,"
            f" lease_until = null where {_KEY} and status = 'processing' and worker = %s;"
            f" {WAKING}",
            (now, self.schema, kind, subject, worker),
        )

    async def extend(
        self, claim: Claim, *, until: datetime, progress: Progress | None = None
    ) -> bool:
        [rows] = await self.database.at_once(
            self.schema,
            "update public.processing_jobs set lease_until = %s,"
            f" progress = coalesce(%s, progress) where {_CLAIMED} returning 1",
            (until, _json(progress), *_claimed(self.schema, claim)),
        )
        return bool(rows)

    async def end(self, claim: Claim, *, now: datetime, problem: Problem | None = None) -> bool:
        [rows] = await self.database.at_once(
            self.schema, *ending(self.schema, claim, now=now, problem=problem)
        )
        return bool(rows)

    async def put_off(
        self, claim: Claim, *, until: datetime, problem: Problem, is_try: bool = True
    ) -> None:
        await self.database.at_once(
            self.schema,
            "update public.processing_jobs set status = 'pending', due_at = %s, problem = %s,"
            " attempts = attempts - %s, worker = null, lease_until = null"
            f" where {_CLAIMED}; {WAKING}",
            (until, _json(problem), 0 if is_try else 1, *_claimed(self.schema, claim)),
        )


def _asked(schema: str, job: NewJob, now: datetime, due: datetime) -> tuple[object, ...]:
    key = (schema, job.kind, job.subject)
    return *key, new_id(), Jsonb(dict(job.details)), job.queue, job.priority, due, now


def job_of(row: Row) -> Job:
    (id, schema, kind, subject, queue, priority, status, attempts, due_at, worker,
     lease_until, progress, problem, created_at, started_at, completed_at) = row  # fmt: skip
    return Job(
        id=JobId(id),
        schema_name=schema,
        kind=JobKind(kind),
        subject=subject,
        queue=Queue(queue),
        priority=priority,
        status=JobStatus(status),
        attempts=attempts,
        due_at=due_at,
        worker=worker,
        lease_until=lease_until,
        progress=Progress(**progress) if progress else None,
        problem=Problem(**problem) if problem else None,
        created_at=created_at,
        started_at=started_at,
        completed_at=completed_at,
    )


def _claimed(schema: str, claim: Claim) -> tuple[object, ...]:
    return schema, claim.kind, claim.subject, claim.token


def _json(value: Problem | Progress | None) -> Jsonb | None:
    return Jsonb(asdict(value)) if value else None
