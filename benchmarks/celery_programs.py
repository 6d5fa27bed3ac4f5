"""Celery with jobs that do nothing: bare, and through our record."""

from dataclasses import replace
from typing import Any

from celery import Celery

from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.jobs.celery import WORK, celery_app
from sloth_agent.app import job_handlers
from sloth_agent.app.celery_app import WORKED_OFF_SECONDS, Process
from sloth_agent.jobs.models import Claim, Queue, Report
from sloth_agent.jobs.working import Hands, Prepared

NOTHING = "bench.nothing"


def hands(sloth: AsyncSloth) -> Hands:
    """Whoever takes jobs and does nothing with them."""

    taken = job_handlers.hands(sloth.services, (Queue.DOCUMENTS,))
    then = taken.prepare

    async def prepare(schema: str, claim: Claim) -> Prepared | None:
        prepared = await then(schema, claim)
        return (prepared[0], nothing) if prepared else None

    return replace(taken, prepare=prepare)


async def nothing(_claim: Claim, _report: Report) -> bool:
    return False


def _bare() -> Celery:
    app = celery_app(Settings.load())

    def do_nothing() -> None:
        """And nothing else."""

    app.task(name=NOTHING)(do_nothing)
    return app


def _recorded() -> Celery:
    app = celery_app(Settings.load())
    process = Process()

    taken: list[Hands] = []

    async def work_off(sloth: AsyncSloth) -> bool:
        taken[:] = taken or [hands(sloth)]
        return await taken[0].work_off(seconds=WORKED_OFF_SECONDS)

    def work(_queue: str, _job: str) -> None:
        process.sloth.run(work_off)

    app.task(name=WORK)(work)
    return app


def __getattr__(name: str) -> Any:
    programs = {"bare": _bare, "recorded": _recorded}
    if name not in programs:
        raise AttributeError(name)
    return programs[name]()
