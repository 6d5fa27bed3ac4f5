"""The jobs of all tenants, in every database of the install."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from operator import attrgetter
from typing import LiteralString

from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.database import Database, Row
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.adapters.stores.postgres.jobs import JOB_COLUMNS, WAKING, job_of
from sloth_agent.errors import Problem
from sloth_agent.ids import JobId
from sloth_agent.jobs.models import Claim, Job, JobKind, JobStatus, Queue
from sloth_agent.jobs.trying import MOST_LOSSES

# Jumps from one tenant's jobs to the next one's along the index, however many each has; then the
# most urgent tenants, those served longest ago before others, until one has a job that is due.
_CLAIMING: LiteralString = (
    "with recursive lines (queue, priority, schema_name) as ("
    " (select queue, priority, schema_name from public.processing_jobs"
    " where status = 'pending' order by queue, priority, schema_name limit 1)"
    " union all"
    " select following.* from lines, lateral (select queue, priority, schema_name"
    " from public.processing_jobs where status = 'pending' and (queue, priority, schema_name)"
    " > (lines.queue, lines.priority, lines.schema_name)"
    " order by queue, priority, schema_name limit 1) as following),"
    " waiting as materialized (select lines.* from lines left join public.job_turns"
    " using (schema_name) where queue = any(%(queues)s)"
    " order by priority, served_at nulls first, schema_name),"
    " next as (select job.id from waiting, lateral (select id from public.processing_jobs"
    " where status = 'pending' and queue = waiting.queue and priority = waiting.priority"
    " and schema_name = waiting.schema_name and due_at <= %(now)s"
    " and (%(most)s::integer is null or %(most)s > (select count(*)"
    " from public.processing_jobs as held where held.status = 'processing'"
    " and held.schema_name = waiting.schema_name and held.worker = %(worker)s"
    " and held.queue = any(%(queues)s)))"
    " order by due_at, id limit 1 for update skip locked) as job limit 1),"
    " claimed as (update public.processing_jobs as job set status = 'processing',"
    " token = token + 1, attempts = attempts + 1, worker = %(worker)s,"
    " lease_until = %(until)s, started_at = %(now)s, progress = null"
    " from next where job.id = next.id"
    " returning schema_name, kind, subject, details, token, attempts),"
    " served as (insert into public.job_turns (schema_name, served_at)"
    " select schema_name, %(now)s from claimed"
    " on conflict (schema_name) do update set served_at = excluded.served_at)"
    " select * from claimed"
)
_RELEASED: LiteralString = "status = 'pending', worker = null, lease_until = null, due_at = %s"
_UNENDED = Problem(
    code="worker_lost",
    message="Whoever did it ended without a word, as often as it was tried. Look for memory, or a"
    " file that kills its reader; then try it again.",
)


class PostgresJobBoard:
    """`JobBoard` on the working tables."""

    def __init__(self, homes: Databases) -> None:
        self._homes = homes
        self._first = 0  # among the databases, to be asked first next time

    async def claim(
        self,
        queues: Collection[Queue],
        *,
        worker: str,
        now: datetime,
        until: datetime,
        most: int | None = None,
    ) -> tuple[str, Claim] | None:
        values = {
            "queues": list(queues),
            "worker": worker,
            "now": now,
            "until": until,
            "most": most,
        }
        databases = await self._homes.all()
        for number in range(len(databases)):
            place = (self._first + number) % len(databases)
            found = await _claimed(databases[place][1], values)
            if found is not None:
                self._first = place + 1
                return found
        return None

    async def release_overdue(self, *, now: datetime) -> int:
        return await self._lost("lease_until <= %s", now, now=now)

    async def workers(self) -> Sequence[str]:
        rows = await self._found(
            "select distinct worker from public.processing_jobs where status = 'processing'", ()
        )
        return sorted({worker for (worker,) in rows if worker})

    async def release_all_of(self, worker: str, *, lost: bool, now: datetime) -> int:
        if lost:
            return await self._lost("worker = %s", worker, now=now)
        released = await self._released(
            f"update public.processing_jobs set {_RELEASED}"
            " where status = 'processing' and worker = %s returning 1",
            (now, worker),
        )
        return len(released)

    async def _lost(self, which: LiteralString, value: object, *, now: datetime) -> int:
        # Those that were lost too often first: whatever is released after them was not.
        given_up = await self._found(
            "update public.processing_jobs set status = 'failed', problem = %s, completed_at = %s,"
            " lease_until = null"
            f" where status = 'processing' and losses + 1 >= %s and {which} returning 1",
            (Jsonb(asdict(_UNENDED)), now, MOST_LOSSES, value),
        )
        released = await self._released(
            f"update public.processing_jobs set {_RELEASED}, losses = losses + 1"
            f" where status = 'processing' and {which} returning 1",
            (now, value),
        )
        return len(given_up) + len(released)

    async def next_due(self, queues: Collection[Queue]) -> datetime | None:
        rows = await self._found(
            "select min(due_at) from public.processing_jobs"
            " where status = 'pending' and queue = any(%s)",
            (list(queues),),
        )
        return min((due for (due,) in rows if due is not None), default=None)

    async def count_due(self, *, now: datetime) -> Mapping[Queue, int]:
        rows = await self._found(
            "select queue, count(*) from public.processing_jobs"
            " where status = 'pending' and due_at <= %s group by queue",
            (now,),
        )
        counts: Counter[Queue] = Counter()
        for queue, count in rows:
            counts[Queue(queue)] += count
        return counts

    async def all(
        self,
        *,
        schema_name: str | None,
        statuses: Collection[JobStatus],
        limit: int,
        after: JobId | None = None,
    ) -> Sequence[Job]:
        rows = await self._found(
            f"select {JOB_COLUMNS} from public.processing_jobs"
            " where (%s::text is null or schema_name = %s) and status = any(%s)"
            " and (%s::uuid is null or id > %s) order by id limit %s",
            (schema_name, schema_name, list(statuses), after, after, limit),
        )
        return sorted(map(job_of, rows), key=attrgetter("id"))[:limit]

    async def find(self, id: JobId) -> Job | None:
        rows = await self._found(
            f"select {JOB_COLUMNS} from public.processing_jobs where id = %s", (id,)
        )
        return job_of(rows[0]) if rows else None

    async def retry(self, id: JobId, *, now: datetime) -> Job | None:
        rows = await self._released(
            f"update public.processing_jobs set {_RELEASED}, attempts = 0, losses = 0,"
            " problem = null, progress = null, started_at = null, completed_at = null"
            f" where id = %s and status = 'failed' returning {JOB_COLUMNS}",
            (now, id),
        )
        return job_of(rows[0]) if rows else None

    async def cancel(self, id: JobId, *, now: datetime, problem: Problem) -> Job | None:
        rows = await self._found(
            "update public.processing_jobs set status = 'failed', token = token + 1,"
            " problem = %s, completed_at = %s, lease_until = null"
            f" where id = %s and status in ('pending', 'processing') returning {JOB_COLUMNS}",
            (Jsonb(asdict(problem)), now, id),
        )
        return job_of(rows[0]) if rows else None

    async def forget_completed(self, *, before: datetime) -> int:
        gone = await self._found(
            "delete from public.processing_jobs where status = 'completed' and completed_at < %s"
            " returning 1",
            (before,),
        )
        return len(gone)

    async def _found(self, statement: LiteralString, values: tuple[object, ...]) -> list[Row]:
        rows: list[Row] = []
        for _, database in await self._homes.all():
            async with database.shared() as connection:
                rows += await (await connection.execute(statement, values)).fetchall()
        return rows

    async def _released(self, statement: LiteralString, values: tuple[object, ...]) -> list[Row]:
        """The rows of a change that makes jobs ready; engines hear of it."""
        rows: list[Row] = []
        for _, database in await self._homes.all():
            async with database.shared() as connection:
                found = await (await connection.execute(statement, values)).fetchall()
                if found:
                    await connection.execute(WAKING)
                rows += found
        return rows


async def _claimed(database: Database, values: Mapping[str, object]) -> tuple[str, Claim] | None:
    [rows] = await database.shared_at_once(_CLAIMING, values)
    if not rows:
        return None
    [(schema, kind, subject, details, token, attempts)] = rows
    claim = Claim(
        kind=JobKind(kind),
        subject=subject,
        details=details,
        token=token,
        tries=attempts,
        is_last=False,
    )
    return schema, claim
