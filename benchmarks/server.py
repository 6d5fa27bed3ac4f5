"""What a request costs the server, and how late the words of many streams come."""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import anyio
import httpx
from benchmarks.figures import Figure
from benchmarks.ingest import learn
from benchmarks.library import documents, opened
from benchmarks.material import Material

from sloth_agent import AsyncSloth
from sloth_agent.billing.recent import MOMENT_SECONDS
from sloth_agent.tenants.audit import Actor

Ask = Callable[[httpx.AsyncClient], Awaitable[None]]

REQUESTS = 2_000
CHATS = 300
CHUNKS = 1_000
ROUNDS = 3  # in turns; the least of each counts
AT_ONCE = 4
STREAMS = 1_000
STREAMS_ALONE = 20
WORDS = 300
PAUSE_SECONDS = 0.05  # 20 words a second
PASSWORD = "correct horse battery"
NO_LIMITS = {
    "SLOTH_REQUESTS_PER_MINUTE": "100000000",
    "SLOTH_TENANT_REQUESTS_PER_MINUTE": "100000000",
    "SLOTH_ADDRESS_REQUESTS_PER_MINUTE": "100000000",
    "SLOTH_EMBEDDER": "none",
    "TRUSTED_PROXIES": "127.0.0.1",  # sign-ins are counted by address: each visitor has one
}


@dataclass(frozen=True, slots=True)
class Program:
    """A server that runs."""

    port: int
    pid: int

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    @property
    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def megabytes(self) -> float:
        """At its largest."""
        return self._megabytes("VmHWM")

    @property
    def megabytes_now(self) -> float:
        return self._megabytes("VmRSS")

    @property
    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    @property
    def children(self) -> int:
        lists = Path(f"/proc/{self.pid}/task").glob("*/children")
        return sum(len(each.read_text().split()) for each in lists)

    def _megabytes(self, name: str) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


async def measure(material: Material) -> AsyncIterator[Figure]:
    async with opened() as sloth:
        home = {**NO_LIMITS, "SLOTH_HOME": str(sloth.settings.home)}
        async with sloth.services.databases.main.pool.connection() as connection:
            where = {"BENCH_DATABASE": connection.info.dsn}
        async with running("bare", where) as bare, running("ours", home) as ours:
            headers = await signed_up(ours, sloth, material)
            alone, signed_in = [], []
            for _ in range(ROUNDS):
                alone.append(await milliseconds_each(bare, getting("/me", {}), REQUESTS))
                ask = getting("/api/auth/me/", headers)
                signed_in.append(await milliseconds_each(ours, ask, REQUESTS))
            yield Figure(
                part="server",
                name="GET /api/auth/me/, processor time",
                value=min(signed_in),
                unit="ms",
                wanted="<= 1.6x",
                baseline=min(alone),
                baseline_name="the framework and one round trip",
            )
            ask = asking(headers, material)
            yield Figure(
                part="server",
                name=f"POST /api/agent/chat/, {CHUNKS:,} chunks, instant model, processor time",
                value=min([await milliseconds_each(ours, ask, CHATS) for _ in range(ROUNDS)]),
                unit="ms",
                wanted="<= 20",
            )
        talking = {"BENCH_WORDS": str(WORDS), "BENCH_PAUSE": str(PAUSE_SECONDS)}
        async with running("ours", {**home, **talking}) as ours:
            alone = [(await words_of(ours, headers))[0] for _ in range(STREAMS_ALONE)]
            yield Figure(
                part="server",
                name="stream, first word after the model's, p50",
                value=statistics.median(alone) * 1000,
                unit="ms",
                wanted="<= 20",
            )
            late = await lateness(ours, headers)
            yield Figure(
                part="server",
                name=f"{STREAMS:,} streams of 20 words/s, lateness of a word, p99",
                value=statistics.quantiles(late, n=100)[98] * 1000,
                unit="ms",
                wanted="<= 100",
            )
            yield Figure(
                part="server",
                name=f"{STREAMS:,} streams, most memory",
                value=ours.megabytes,
                unit="MB",
                wanted="<= 500",
            )


@asynccontextmanager
async def running(name: str, variables: Mapping[str, str]) -> AsyncIterator[Program]:
    """A program of `server_programs` under uvicorn."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "uvicorn", "--factory", f"benchmarks.server_programs:{name}"),
        *(f"--port={port}", "--log-level=warning", "--no-access-log", "--backlog=4096"),
    ]
    with subprocess.Popen(
        command, env={**os.environ, **variables}, stderr=subprocess.DEVNULL
    ) as process:
        try:
            await until_open(port)
            yield Program(port, process.pid)
        finally:
            process.terminate()


async def until_open(port: int) -> None:
    while True:
        try:
            await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
        except OSError:
            await anyio.sleep(0.1)
        else:
            return


async def signed_up(program: Program, sloth: AsyncSloth, material: Material) -> dict[str, str]:
    """A firm that knows a thousand chunks, on the largest plan; what its owner signs in with."""
    body = {"email": "anna@example.com", "password": PASSWORD, "organization": "Salon"}
    async with program.client() as client:
        registered = (await client.post("/api/auth/register/", json=body)).json()
    tenant = await sloth.tenant(registered["user"]["organization"]["slug"])
    await sloth.subscriptions.activate(
        tenant.organization.id, "enterprise", days=30, by=Actor(name="benchmark")
    )
    await learn(tenant, documents(list(material.texts(CHUNKS)), chunks_each=50), None)
    await anyio.sleep(MOMENT_SECONDS)  # until the server has heard of the plan
    return {"Authorization": f"Bearer {registered['access']}"}


def getting(path: str, headers: Mapping[str, str]) -> Ask:
    async def ask(client: httpx.AsyncClient) -> None:
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text

    return ask


def asking(headers: Mapping[str, str], material: Material) -> Ask:
    questions = cycle(material.questions)

    async def ask(client: httpx.AsyncClient) -> None:
        body = {"message": next(questions)}
        answer = await client.post("/api/agent/chat/", json=body, headers=headers)
        assert answer.status_code == 200, answer.text

    return ask


async def milliseconds_each(program: Program, ask: Ask, count: int) -> float:
    """Processor time of the server, for each of many requests, some at once."""
    waiting = iter(range(count))

    async def work(client: httpx.AsyncClient) -> None:
        await ask(client)
        for _ in waiting:
            await ask(client)

    async with program.client() as client:
        started = program.processor_seconds
        async with anyio.create_task_group() as group:
            for _ in range(AT_ONCE):
                group.start_soon(work, client)
        return (program.processor_seconds - started) * 1000 / (count + AT_ONCE)


async def lateness(program: Program, headers: Mapping[str, str]) -> list[float]:
    late: list[float] = []

    async def listen() -> None:
        late.extend(await words_of(program, headers))

    async with anyio.create_task_group() as group:
        for _ in range(STREAMS):
            group.start_soon(listen)
            await anyio.sleep(0.01)  # they do not all begin at once
    return late


async def words_of(program: Program, headers: Mapping[str, str]) -> list[float]:
    """How long after the model's each word of a stream came: it says when it was spoken."""
    body = json.dumps({"message": "How much is a haircut?"})
    lines = [
        "POST /api/agent/chat/ HTTP/1.1",
        "Host: localhost",
        "Accept: text/event-stream",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", program.port)
    writer.write("\r\n".join([*lines, "", body]).encode())
    late: list[float] = []
    async for line in reader:
        if line.startswith(b'data: {"text": "'):
            late.append(time.monotonic() - float(line[16:30].split(b" ")[0]))
        if line.startswith((b"event: done", b"event: error", b"HTTP/1.1 4", b"HTTP/1.1 5")):
            break
    writer.close()
    return late
