"""`sloth worker`: background jobs alone."""

import signal
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sloth_agent.cli.output import note

if TYPE_CHECKING:
    from sloth_agent.jobs.models import Queue
    from sloth_agent.jobs.working import Working


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
        typer.Option(metavar="PATH", help="Touched every 5 seconds while the worker is well."),
    ] = None,
) -> None:
    """Do the background jobs of all tenants until SIGTERM or Ctrl-C."""
    import anyio

    from sloth_agent.cli.logged import show_warnings

    show_warnings()
    chosen = _chosen(queues)
    on_look = health_file.touch if health_file else lambda: None
    anyio.run(_work, chosen, concurrency, on_look)


def _chosen(names: str | None) -> "Collection[Queue]":
    from sloth_agent.jobs.models import Queue

    if names is None:
        return tuple(Queue)
    try:
        return tuple(Queue(name.strip()) for name in names.split(","))
    except ValueError:
        known = ", ".join(Queue)
        raise typer.BadParameter(f"--queues names some of {known}, with commas between.") from None


async def _work(queues: "Collection[Queue]", at_once: int, on_look: Callable[[], object]) -> None:
    import anyio

    from sloth_agent import AsyncSloth

    def looked() -> None:
        on_look()

    async with (
        AsyncSloth() as sloth,
        sloth.worker(queues=queues, at_once=at_once, on_look=looked) as working,
        anyio.create_task_group() as group,
    ):
        group.start_soon(_stop_when_told, working)
        note(f"Waiting for jobs in {', '.join(queues)}, {at_once} at once. Ctrl-C stops.")
        await working.work()
        group.cancel_scope.cancel()


async def _stop_when_told(working: "Working") -> None:
    import anyio

    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as told:
        async for _ in told:
            if working.stopping.is_set():
                raise KeyboardInterrupt
            note("Stopping: what has begun is finished first. Once more stops at once.")
            working.stop()
