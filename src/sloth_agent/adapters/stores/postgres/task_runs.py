"""The last runs of periodic tasks, on the control tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.tasks.models import TaskRun
from sloth_agent.tenants.audit import AuditEvent

_BEGIN: LiteralString = (
    "insert into public.task_runs as last (task, id, started_at)"
    " values (%(task)s, %(id)s, %(started_at)s) on conflict (task) do update"
    " set id = excluded.id, started_at = excluded.started_at, done_at = null, outcome = null,"
    " problem = null"
)


@dataclass(frozen=True, slots=True)
class PostgresTaskRuns:
    """`TaskRunStore` on the control tables."""

    database: Database

    async def all(self) -> Sequence[TaskRun]:
        async with self.database.shared() as connection:
            found = await connection.execute(
                "select task, id, started_at, done_at, outcome, problem from public.task_runs"
            )
            return [
                TaskRun(
                    task=task,
                    id=id,
                    started_at=started_at,
                    done_at=done_at,
                    outcome=outcome,
                    problem=problem,
                )
                for task, id, started_at, done_at, outcome, problem in await found.fetchall()
            ]

    async def begin(self, run: TaskRun, *, event: AuditEvent) -> None:
        async with self.database.shared() as connection:
            await connection.execute(_BEGIN, _beginning(run))
            await record(connection, event)

    async def claim(self, run: TaskRun, *, due: datetime, abandoned: datetime) -> bool:
        async with self.database.shared() as connection:
            done = await connection.execute(
                f"{_BEGIN} where last.started_at < %(due)s"
                " or (last.done_at is null and last.started_at < %(abandoned)s)",
                _beginning(run) | {"due": due, "abandoned": abandoned},
            )
            return done.rowcount == 1

    async def end(self, run: TaskRun) -> None:
        outcome = Jsonb(dict(run.outcome)) if run.outcome is not None else None
        async with self.database.shared() as connection:
            await connection.execute(
                "update public.task_runs set done_at = %s, outcome = %s, problem = %s"
                " where task = %s and id = %s",
                (run.done_at, outcome, run.problem, run.task, run.id),
            )


def _beginning(run: TaskRun) -> dict[str, object]:
    return {"task": run.task, "id": run.id, "started_at": run.started_at}
