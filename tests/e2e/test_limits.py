"""Limits of a plan, with real processes against real PostgreSQL."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from fakes.subscriptions import limited
from sloth_agent import AsyncSloth, Settings
from sloth_agent.agent.ports import ChatRequest, Completion, Delta
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import Resource
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.billing.usage_ports import Count
from sloth_agent.errors import (
    MessageLimitExceeded,
    ModelUnavailable,
    SlothError,
    SubscriptionExpired,
)

pytestmark = pytest.mark.anyio


@dataclass
class CountingModel:
    """Says the same to everybody, or fails, and counts how often it was asked."""

    failing: int = 0  # how many of the first questions
    name: str = "counting"
    asked: int = 0
    waiting: anyio.Event = field(default_factory=anyio.Event)  # set: nobody waits

    async def answer(self, _request: ChatRequest) -> AsyncIterator[Delta | Completion]:
        self.asked += 1
        if self.asked <= self.failing:
            raise ModelUnavailable("The model is away.")
        yield Delta(text="40 ")
        await self.waiting.wait()
        yield Delta(text="euro")
        yield Completion(text="40 euro", quotes=())


def speaking(tenant: AsyncTenant, model: CountingModel) -> AsyncTenant:
    """The tenant with another chat model."""
    model.waiting.set()
    backends = replace(tenant.services.backends)
    backends.__dict__["chat_model"] = model
    return replace(tenant, services=replace(tenant.services, backends=backends))


async def messages_of(tenant: AsyncTenant) -> Count:
    metering = tenant.services.metering
    return await metering.store.count((await metering.allowance()).room(Resource.MESSAGES))


async def chat_many(tenant: AsyncTenant, times: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()

    async def chat() -> None:
        try:
            await tenant.chat("How much is a haircut?")
            outcomes["accepted"] += 1
        except SlothError as error:
            outcomes[error.code] += 1

    async with anyio.create_task_group() as group:
        for _ in range(times):
            group.start_soon(chat)
    return outcomes


async def chat_in_this_process(home: Path, slug: str) -> None:
    """What each of the two processes does, once both are ready."""
    model = CountingModel()
    async with AsyncSloth(Settings(home=home, embedder="none", database_url=None)) as sloth:
        tenant = limited(speaking(await sloth.tenant(slug), model), max_messages_per_month=100)
        await tenant.services.conversations.list()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await anyio.to_thread.run_sync(sys.stdin.readline)
        outcomes = await chat_many(tenant, 500)
    sys.stdout.write(json.dumps({**outcomes, "asked": model.asked}))


def in_two_processes(home: Path, slug: str) -> Counter[str]:
    """All outcomes of `chat_in_this_process` in two processes that begin together."""
    script = (
        "import anyio, sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        " from e2e.test_limits import chat_in_this_process;"
        " anyio.run(chat_in_this_process, Path(sys.argv[2]), sys.argv[3])"
    )
    tests = Path(__file__).parents[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tests), str(home), slug],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    ended = [process.communicate("go\n", timeout=120)[0] for process in processes]
    return sum((Counter(json.loads(printed)) for printed in ended), Counter[str]())


@pytest.mark.slow
async def test_a_thousand_chats_against_a_hundred(
    settings: Settings, tenant: AsyncTenant, slug: str
) -> None:
    """Without `where kept.used + kept.reserved + ... <= limit` all thousand are answered."""
    outcomes = await anyio.to_thread.run_sync(in_two_processes, settings.home, slug)
    assert outcomes == {"accepted": 100, "message_limit_exceeded": 900, "asked": 100}
    assert await messages_of(limited(tenant)) == Count(used=100)


async def test_what_the_model_did_not_answer_is_refunded(tenant: AsyncTenant) -> None:
    tenant = limited(tenant, max_messages_per_month=10)
    model = CountingModel(failing=60)
    outcomes = await chat_many(speaking(tenant, model), 60)
    assert set(outcomes) <= {"model_unavailable", "message_limit_exceeded"}
    assert await messages_of(tenant) == Count()
    assert (await chat_many(speaking(tenant, CountingModel()), 60))["accepted"] == 10
    assert await messages_of(tenant) == Count(used=10)


async def test_who_hangs_up_is_refunded(tenant: AsyncTenant) -> None:
    tenant = limited(tenant, max_messages_per_month=10)
    model = CountingModel()
    asked = speaking(tenant, model)
    model.waiting = anyio.Event()
    stream = asked.chat_stream("How much is a haircut?")
    assert isinstance(await anext(stream), Delta)
    assert await messages_of(tenant) == Count(reserved=1)
    await stream.aclose()  # type: ignore[attr-defined]  # a generator in all but name
    assert await messages_of(tenant) == Count()
    with anyio.move_on_after(0.2):
        await asked.chat("How much is a haircut?")
    assert await messages_of(tenant) == Count()


async def test_what_a_refusal_says(tenant: AsyncTenant) -> None:
    tenant = limited(tenant, max_messages_per_month=1)
    await tenant.chat("How much is a haircut?")
    with pytest.raises(MessageLimitExceeded) as raised:
        await tenant.chat("How much is a haircut?")
    month = (await tenant.services.metering.allowance()).month
    assert raised.value.details == {
        "resource": "messages", "used": 1, "limit": 1, "resets_at": month.end,
    }  # fmt: skip
    assert raised.value.hint is not None
    assert f"{month.end:%Y-%m-%d}" in raised.value.hint


async def test_nothing_is_answered_after_the_end(tenant: AsyncTenant) -> None:
    with pytest.raises(SubscriptionExpired):
        await limited(tenant, status=SubscriptionStatus.UNPAID).chat("How much is a haircut?")


async def test_without_a_subscription_nothing_is_limited_and_all_is_counted(
    tenant: AsyncTenant,
) -> None:
    assert (await chat_many(tenant, 20))["accepted"] == 20
    assert await messages_of(tenant) == Count(used=20)


async def test_evaluation_is_not_counted(tenant: AsyncTenant) -> None:
    from sloth_agent.agent.evaluation import KnownQuestion

    question = KnownQuestion(question="How much is a haircut?", answers=("40 euro",))
    await limited(tenant, max_messages_per_month=0).evaluate([question])
    assert await messages_of(tenant) == Count()
