"""Telegram's updates while the model is slow, and with many firms' bots on one install."""

import json
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import anyio
import httpx
from benchmarks.figures import Figure
from benchmarks.library import opened
from benchmarks.material import Material
from benchmarks.server import NO_LIMITS, Program, running
from benchmarks.simulations import simulation

from sloth_agent import AsyncSloth, Settings
from sloth_agent.channels.models import IntegrationType

MODEL_SECONDS = 20
UPDATES = 600
A_SECOND = 40
FEW, MANY = 10, 1_000
ROUNDS = 300


@dataclass(frozen=True, slots=True)
class Hook:
    """Where one bot's updates are told, and its secret."""

    path: str
    secret: str


async def measure(_: Material) -> AsyncIterator[Figure]:
    async with opened() as sloth, simulation("telegram_server", f"--more-bots={MANY}") as telegram:
        settings = sloth.settings.model_copy(update={"telegram_api_base": telegram})
        few = await connected(settings, range(FEW))
        variables = {
            **NO_LIMITS,
            "SLOTH_HOME": str(settings.home),
            "TELEGRAM_API_BASE": telegram,
            "BENCH_WORDS": "2",
            "BENCH_PAUSE": str(MODEL_SECONDS),
        }
        async with running("ours", variables) as server:
            seconds, refused = await told(server, few)
            with_few = await one_by_one(server, few)
            many = [*few, *await connected(settings, range(FEW, MANY))]
            with_many = await one_by_one(server, many)
    about = f"{A_SECOND} updates/s while the model takes {MODEL_SECONDS} s"
    yield Figure(
        part="channels",
        name=f"{about}: answer, p99",
        value=statistics.quantiles(seconds, n=100)[98] * 1000,
        unit="ms",
        wanted="<= 1000",
    )
    yield Figure(
        part="channels", name="answer, p50", value=statistics.median(seconds) * 1000, unit="ms"
    )
    yield Figure(part="channels", name="refused", value=float(refused), wanted="0")
    yield Figure(
        part="channels",
        name=f"one update, {MANY} bots on one install, beside {FEW}",
        value=with_many * 1000,
        unit="ms",
        wanted="the same",
        baseline=with_few * 1000,
        baseline_name=f"{FEW} bots",
    )


async def connected(settings: Settings, numbers: Sequence[int]) -> list[Hook]:
    hooks = []
    async with AsyncSloth(settings) as sloth:
        for number in numbers:
            tenant = await sloth.tenant(f"firm-{number}", create=True)
            token = {"token": f"{7_000_000 + number}:secret"}
            made = await tenant.connect(IntegrationType.TELEGRAM, token)
            credentials = await tenant.services.integrations.credentials(made.id)
            hooks.append(
                Hook(
                    f"/api/integrations/webhooks/telegram/{made.id}/",
                    credentials.values["webhook_secret"],
                )
            )
    return hooks


async def told(server: Program, hooks: Sequence[Hook]) -> tuple[list[float], int]:
    """Each at its moment, of people who each write once; measured from that moment."""
    seconds: list[float] = []
    refused = 0

    async def tell(client: httpx.AsyncClient, number: int, at: float) -> None:
        nonlocal refused
        answer = await post(client, hooks[number % len(hooks)], number)
        seconds.append(time.monotonic() - at)
        refused += answer.status_code != 204

    async with server.client() as client, anyio.create_task_group() as tasks:
        begun = time.monotonic()
        for number in range(UPDATES):
            at = begun + number / A_SECOND
            await anyio.sleep(max(0.0, at - time.monotonic()))
            tasks.start_soon(tell, client, number, at)
    return seconds, refused


async def one_by_one(server: Program, hooks: Sequence[Hook]) -> float:
    """Seconds of one update at a median bot, each bot's first one aside."""
    chosen = hooks[:: max(1, len(hooks) // FEW)][:FEW]
    seconds = []
    async with server.client() as client:
        for number in range(ROUNDS):
            begun = time.monotonic()
            await post(client, chosen[number % len(chosen)], UPDATES + number)
            if number >= len(chosen):
                seconds.append(time.monotonic() - begun)
    return statistics.median(seconds)


async def post(client: httpx.AsyncClient, hook: Hook, number: int) -> httpx.Response:
    person = {"id": 9_000_000 + number, "is_bot": False, "first_name": f"Person {number}"}
    update = {
        "update_id": time.monotonic_ns() // 1000,
        "message": {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": person["id"], "type": "private"},
            "from": person,
            "text": "How much is a haircut?",
        },
    }
    headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret}
    return await client.post(hook.path, content=json.dumps(update), headers=headers)
