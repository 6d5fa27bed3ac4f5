"""What other firms notice of one that asks as fast as it can, under the limits as they are."""

import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import cycle
from statistics import quantiles
from uuid import uuid4

import anyio
import httpx
from benchmarks.figures import Figure
from benchmarks.flooding import ASKED
from benchmarks.ingest import learn
from benchmarks.library import documents, opened
from benchmarks.material import Material
from benchmarks.server import NO_LIMITS, PASSWORD, Program, running

from sloth_agent import AsyncSloth
from sloth_agent.billing.recent import MOMENT_SECONDS
from sloth_agent.tenants.audit import Actor

OTHERS = 10  # each asks once a second
CLIENTS = 20
CHUNKS = 100
CALM_SECONDS = 30  # before the flood, and after it
FLOOD_SECONDS = 60  # longer than the minute's share lasts: first it is answered, then refused

LIMITS = {name: value for name, value in NO_LIMITS.items() if "PER_MINUTE" not in name}


async def measure(material: Material) -> AsyncIterator[Figure]:
    async with opened() as sloth:
        home = {**LIMITS, "SLOTH_HOME": str(sloth.settings.home)}
        async with running("ours", home) as server, server.client() as client:
            flooding, *others = [await firm(client, sloth, material) for _ in range(1 + OTHERS)]
            colleagues = [await colleague(client, flooding) for _ in range(CLIENTS)]
            await anyio.sleep(MOMENT_SECONDS)  # until the server has heard of the plans
            alone = await seconds_of(client, others, CALM_SECONDS)
            async with flood(server, colleagues) as ends:
                meanwhile = await seconds_of(client, others, FLOOD_SECONDS)
            alone += await seconds_of(client, others, CALM_SECONDS)
    answered, refused = ends["200"], ends["429"]
    yield Figure(
        part="flood",
        name=f"p95 of others while one firm is answered {answered:,}, refused {refused:,} times",
        value=p95(meanwhile) * 1000,
        unit="ms",
        wanted="<= 2x",
        baseline=p95(alone) * 1000,
        baseline_name="without",
    )


async def firm(client: httpx.AsyncClient, sloth: AsyncSloth, material: Material) -> str:
    """Its owner's token; on the largest plan, and it knows something."""
    body = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD, "organization": "Salon"}
    registered = (await client.post("/api/auth/register/", json=body)).json()
    tenant = await sloth.tenant(registered["user"]["organization"]["slug"])
    await sloth.subscriptions.activate(
        tenant.organization.id, "enterprise", days=30, by=Actor(name="benchmark")
    )
    await learn(tenant, documents(list(material.texts(CHUNKS)), chunks_each=50), None)
    return str(registered["access"])


async def colleague(client: httpx.AsyncClient, owner: str) -> str:
    """The token of somebody else in the firm."""
    body = {"email": f"{uuid4().hex}@example.com"}
    invited = await client.post("/api/users/invitations/", json=body, headers=bearer(owner))
    token = invited.json()["url"].rpartition("/")[2]
    body = {"token": token, "password": PASSWORD}
    accepted = await client.post("/api/auth/invitations/accept/", json=body)
    return str(accepted.json()["access"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def seconds_of(client: httpx.AsyncClient, tokens: Sequence[str], count: int) -> list[float]:
    """How long each answer takes, where each firm asks once a second so often."""
    took: list[float] = []

    async def ask(token: str, request: tuple[str, str, str]) -> None:
        method, path, body = request
        headers = {**bearer(token), "Content-Type": "application/json"}
        started = time.monotonic()
        answer = await client.request(method, path, content=body, headers=headers)
        took.append(time.monotonic() - started)
        assert answer.status_code == 200, answer.text

    async def go_on(token: str, *, after: float) -> None:
        await anyio.sleep(after)
        async with anyio.create_task_group() as group:
            for _, request in zip(range(count), cycle(ASKED), strict=False):
                group.start_soon(ask, token, request)
                await anyio.sleep(1)

    async with anyio.create_task_group() as group:
        for number, token in enumerate(tokens):
            group.start_soon(partial(go_on, token, after=number / len(tokens)))
    return took


def p95(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=20)[18]


@asynccontextmanager
async def flood(server: Program, tokens: Sequence[str]) -> AsyncIterator[Counter[str]]:
    """Meanwhile; in the end it is known how often the flooding firm was answered what."""
    ends: Counter[str] = Counter()
    command = [sys.executable, "-m", "benchmarks.flooding", str(server.port)]
    async with await anyio.open_process(command, stderr=None) as process:
        await process.stdin.send("\n".join(tokens).encode())
        await process.stdin.aclose()
        try:
            yield ends
        finally:
            process.terminate()
        ends.update(json.loads(b"".join([part async for part in process.stdout])))
