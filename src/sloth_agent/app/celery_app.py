"""The Celery program of an install: `celery -A sloth_agent.app.celery_app worker`.

`sloth worker` and `sloth beat` start it too, where the settings choose Celery.
"""

import os
import signal
import threading
from typing import Any

from sloth_agent.adapters.jobs.celery import PERIODIC, SWEEP, WORK, CeleryEngine, celery_app
from sloth_agent.app.blocking import Sloth
from sloth_agent.app.job_handlers import hands
from sloth_agent.app.sloth import AsyncSloth
from sloth_agent.errors import MissingExtra
from sloth_agent.ids import JobId, new_id
from sloth_agent.jobs.models import Queue
from sloth_agent.jobs.working import Hands
from sloth_agent.settings import Settings

try:
    from celery import Celery, signals
except ModuleNotFoundError as error:
    raise MissingExtra.named("distributed", needed_for="Work on Celery") from error

WORKED_OFF_SECONDS = 3.0
"""How long one message keeps a process; then another one goes on, and others have their turn."""

LAST_SECONDS = 30.0
"""How long what has begun may go on when a worker is told to stop."""

WORKERS_WOKEN = 16
"""How many messages a sweep leaves in a queue at most: each has a process work off what is due."""


class Process:
    """The library within one process of the pool, opened after it was forked."""

    def __init__(self) -> None:
        self._opening = threading.Lock()
        self._sloth: Sloth | None = None
        self._hands: dict[Queue, Hands] = {}

    @property
    def sloth(self) -> Sloth:
        with self._opening:
            if self._sloth is None:
                sloth = Sloth()
                sloth.open()
                self._sloth = sloth
            return self._sloth

    def hands(self, sloth: AsyncSloth, queue: Queue) -> Hands:
        """The same from one message to the next: they remember tenants for a moment."""
        if queue not in self._hands:
            self._hands[queue] = hands(sloth.services, (queue,))
        return self._hands[queue]

    def close(self) -> None:
        with self._opening:
            if self._sloth is not None:
                self._sloth.close()
                self._sloth = None


def with_tasks(app: Celery) -> Celery:
    """A Celery that also knows how to work."""
    process = Process()
    engine = CeleryEngine(app)

    def work(queue: str, _job: str | None = None) -> None:
        async def work_off(sloth: AsyncSloth) -> None:
            chosen = Queue(queue)
            if await process.hands(sloth, chosen).work_off(seconds=WORKED_OFF_SECONDS):
                await engine.announce(chosen, JobId(new_id()))

        process.sloth.run(work_off)

    def sweep() -> None:
        process.sloth.run(lambda sloth: _sweep(sloth, engine))

    def periodic() -> None:
        process.sloth.run(lambda sloth: sloth.tasks.run_due())

    for name, does in ((WORK, work), (SWEEP, sweep), (PERIODIC, periodic)):
        app.task(name=name)(does)
    signals.worker_process_shutdown.connect(lambda **_: process.close(), weak=False)
    signals.worker_shutting_down.connect(_end_in_time, weak=False)
    return app


def _end_in_time(how: str, **_: object) -> None:
    """A worker that waits for what has begun does not wait for ever: the rest is handed back."""
    if how == "Warm":
        last = threading.Timer(LAST_SECONDS, os.kill, (os.getpid(), signal.SIGQUIT))
        last.daemon = True
        last.start()


async def _sweep(sloth: AsyncSloth, engine: CeleryEngine) -> None:
    await hands(sloth.services).take_over()
    now = sloth.services.backends.clock()
    for queue, due in (await sloth.services.job_board.count_due(now=now)).items():
        for _ in range(min(due, WORKERS_WOKEN) - await engine.waiting(queue)):
            await engine.announce(queue, JobId(new_id()))


def __getattr__(name: str) -> Any:
    """`app`, made when Celery asks for it: importing this module does nothing."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["app"] = with_tasks(celery_app(Settings.load()))
    return globals()["app"]
