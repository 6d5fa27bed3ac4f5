"""Celery over Redis: many machines, and the tools that operators know.

A message only says that there is work in a queue; whoever gets it claims whatever job's turn it is.
So a message that is lost or comes twice changes nothing.
"""

from functools import partial
from typing import Any, Literal

import anyio
import anyio.to_thread

from sloth_agent.adapters.outgoing import Circuit
from sloth_agent.errors import BackendUnavailable, ConfigurationError, MissingExtra
from sloth_agent.ids import JobId
from sloth_agent.jobs.models import DEADLINES, Queue
from sloth_agent.settings import Settings

try:
    from celery import Celery
    from kombu.exceptions import OperationalError
except ModuleNotFoundError as error:
    raise MissingExtra.named("distributed", needed_for="Work on Celery") from error

TaskName = Literal["sloth.work", "sloth.sweep", "sloth.periodic"]

WORK: TaskName = "sloth.work"
"""Do what is due in a queue; arguments: the queue, and the job that was asked for."""

SWEEP: TaskName = "sloth.sweep"
"""Hand on what the gone have left, and say again what nobody may have heard."""

PERIODIC: TaskName = "sloth.periodic"
"""Run the periodic tasks that are due."""

SWEEP_EVERY_SECONDS = 10.0
PERIODIC_EVERY_SECONDS = 30.0

AWAY_SECONDS = 5.0
"""How long a Redis that did not answer is left alone."""

ANSWER_SECONDS = 2.0
"""Who leaves a job waits no longer for Redis: workers find the job without it."""

_HARD_LIMIT_SECONDS = max(DEADLINES.values()).total_seconds() + 300  # and others before that job
_VISIBLE_AGAIN_SECONDS = 2 * _HARD_LIMIT_SECONDS  # longer than any message is worked on


class CeleryEngine:
    """`Engine` by messages."""

    does_own = False

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._circuit = Circuit(AWAY_SECONDS)

    async def check(self) -> str:
        waiting = sum([await self.waiting(queue) for queue in Queue])
        return f"Celery over Redis, {waiting} messages wait"

    async def announce(self, queue: Queue, id: JobId, *, seconds: float = 0.0) -> None:
        await self.send(WORK, queue, args=(queue.value, str(id)), seconds=seconds)

    async def send(
        self,
        task: TaskName,
        queue: Queue,
        args: tuple[Any, ...] = (),
        *,
        seconds: float = 0.0,
    ) -> None:
        """Raises:
        BackendUnavailable: Redis is away.
        """
        message = partial(
            self._app.send_task,
            task,
            args=args,
            queue=queue.value,
            retry=False,
            countdown=seconds or None,
        )
        await self._with_redis(message)

    async def waiting(self, queue: Queue) -> int:
        """How many messages nobody has taken yet.

        Raises:
            BackendUnavailable: Redis is away.
        """
        count: int = await self._with_redis(partial(self._count, queue.value))
        return count

    def _count(self, queue: str) -> int:
        with self._app.connection_or_acquire() as connection:
            declared = connection.default_channel.queue_declare(queue)
            return int(declared.message_count)

    async def _with_redis(self, call: Any) -> Any:
        if self._circuit.closed:
            return await self._answered(call)
        with self._circuit.chance() as may_try:
            if not may_try:
                raise _away()
            return await self._answered(call)

    async def _answered(self, call: Any) -> Any:
        try:
            with anyio.fail_after(ANSWER_SECONDS):
                answer = await anyio.to_thread.run_sync(call, abandon_on_cancel=True)
        except (OperationalError, TimeoutError) as error:
            self._circuit.failed()
            raise _away() from error
        self._circuit.succeeded()
        return answer


def _away() -> BackendUnavailable:
    return BackendUnavailable("Redis did not answer.", hint="Check REDIS_URL.", backend="redis")


def celery_app(settings: Settings) -> Celery:
    """Celery as this install uses it, without tasks: who sends needs none."""
    if settings.redis_url is None:
        raise ConfigurationError("Celery has no Redis.", hint="Set REDIS_URL, or SLOTH_JOBS.")
    app = Celery("sloth", broker=settings.redis_url.get_secret_value(), set_as_current=False)
    app.conf.update(
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "global_keyprefix": "sloth:",
            "socket_connect_timeout": 3,
            "socket_timeout": 10,
            "max_retries": 1,
            "interval_start": 0.1,
            "visibility_timeout": _VISIBLE_AGAIN_SECONDS,
        },
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_create_missing_queues=True,
        task_default_queue=Queue.DOCUMENTS.value,
        task_ignore_result=True,
        task_time_limit=_HARD_LIMIT_SECONDS,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        beat_schedule={
            SWEEP: _every(SWEEP_EVERY_SECONDS, SWEEP),
            PERIODIC: _every(PERIODIC_EVERY_SECONDS, PERIODIC),
        },
        # What was done when stands in the database: nothing is to be kept in a file.
        beat_scheduler="celery.beat:Scheduler",
    )
    return app


def _every(seconds: float, task: TaskName) -> dict[str, object]:
    """One that nobody took until the next is due is not worth doing any more."""
    options = {"queue": Queue.PERIODIC.value, "expires": seconds}
    return {"task": task, "schedule": seconds, "options": options}


def from_settings(settings: Settings) -> CeleryEngine:
    app = celery_app(settings)
    # Threads that nobody waits for any more end soon.
    app.conf.broker_transport_options |= {
        "socket_connect_timeout": ANSWER_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
    }
    return CeleryEngine(app)
