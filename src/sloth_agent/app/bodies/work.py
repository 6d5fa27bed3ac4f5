"""Jobs and periodic tasks."""

from sloth_agent.app.bodies.values import Body, error_of, moment_of
from sloth_agent.jobs.models import Job
from sloth_agent.tasks.models import TaskRun, TaskState


def task_body(state: TaskState) -> Body:
    task, last = state.task, state.last_run
    return {
        "name": task.name,
        "does": task.does,
        "schedule": task.schedule.words,
        "next_due": state.next_due.isoformat(),
        "last_run": task_run_body(last) if last else None,
    }


def task_run_body(run: TaskRun) -> Body:
    return {
        "task": run.task,
        "started_at": run.started_at.isoformat(),
        "done_at": run.done_at.isoformat() if run.done_at else None,
        "outcome": dict(run.outcome) if run.outcome is not None else None,
        "problem": run.problem,
        "failed": [{"tenant": slug, "problem": why} for slug, why in run.failed.items()],
    }


def job_body(job: Job, slug: str | None) -> Body:
    """`slug` is its tenant's, None where that was deleted just now."""
    progress = job.progress
    return {
        "id": str(job.id),
        "tenant": slug,
        "kind": job.kind,
        "subject": str(job.subject),
        "queue": job.queue,
        "status": job.status,
        "attempts": job.attempts,
        "due_at": moment_of(job.due_at),
        "worker": job.worker,
        "stage": progress.stage if progress else None,
        "done": progress.done if progress else None,
        "total": progress.total if progress else None,
        "percent": progress.percent if progress else None,
        "error": error_of(job.problem),
        "created_at": moment_of(job.created_at),
        "started_at": moment_of(job.started_at),
        "completed_at": moment_of(job.completed_at),
    }
