"""`sloth worker` and `sloth beat`: background jobs alone, and on Celery their schedule."""

import signal
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sloth_agent.cli.output import note

if TYPE_CHECKING:
    from sloth_agent.jobs.models import Queue
    from sloth_agent.jobs.working import Crew


def worker(
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=64, help="How many jobs at once.")
    ] = 2,
    queues: Annotated[
        str | None,
        typer.Option(metavar="QUEUE,...", help="Of documents, messages, periodic. [default: all]"),
    ] = None,
    health_file: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Touched every few seconds while the worker is well."),
    ] = None,
    max_memory_mb: Annotated[
        int,
        typer.Option(
            "--max-memory-mb", min=64, help="On Celery: a process that grew beyond is replaced."
        ),
    ] = 1024,
) -> None:
    """Do the background jobs of all tenants until SIGTERM or Ctrl-C."""
    from sloth_agent.cli.logged import show_warnings

    show_warnings()
    chosen = _chosen(queues)
    touch = health_file.touch if health_file else lambda: None
    if _on_celery():
        _work_on_celery(chosen, concurrency, touch, max_memory_mb)
        return
    import anyio

    anyio.run(_work, chosen, concurrency, touch)


def beat() -> None:
    """Keep the schedule of Celery's workers until SIGTERM or Ctrl-C; one for an install."""
    from sloth_agent.errors import ConfigurationError

    if not _on_celery():
        raise ConfigurationError(
            "Only Celery needs this.", hint="`sloth worker` keeps the schedule itself."
        )
    _program().Beat(loglevel="WARNING").run()


def _chosen(names: str | None) -> "Collection[Queue]":
    from sloth_agent.jobs.models import Queue

    if names is None:
        return tuple(Queue)
    try:
        return tuple(Queue(name.strip()) for name in names.split(","))
    except ValueError:
        known = ", ".join(Queue)
        raise typer.BadParameter(f"--queues names some of {known}, with commas between.") from None


def _on_celery() -> bool:
    from sloth_agent.app.choices import jobs_choice
    from sloth_agent.settings import Settings

    return jobs_choice(Settings.load()) == "celery"


def _program() -> Any:
    from sloth_agent.app import celery_app

    return celery_app.app


def _work_on_celery(
    queues: "Collection[Queue]", at_once: int, touch: Callable[[], None], max_memory_mb: int
) -> None:
    program = _program()
    from celery import signals

    signals.heartbeat_sent.connect(lambda **_: touch(), weak=False)
    program.worker_main(
        [
            "worker",
            f"--concurrency={at_once}",
            f"--queues={','.join(queues)}",
            f"--max-memory-per-child={max_memory_mb * 1024}",
            "--loglevel=WARNING",
        ]
    )


async def _work(queues: "Collection[Queue]", at_once: int, touch: Callable[[], None]) -> None:
    import anyio

    from sloth_agent import AsyncSloth

    async with (
        AsyncSloth() as sloth,
        sloth.worker(queues=queues, at_once=at_once, on_look=touch) as working,
        anyio.create_task_group() as group,
    ):
        group.start_soon(_stop_when_told, working)
        note(f"Waiting for jobs in {', '.join(queues)}, {at_once} at once. Ctrl-C stops.")
        await working.work()
        group.cancel_scope.cancel()


async def _stop_when_told(working: "Crew") -> None:
    import anyio

    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as told:
        async for _ in told:
            if working.is_stopping:
                raise KeyboardInterrupt
            note("Stopping: what has begun is finished first. Once more stops at once.")
            working.stop()
