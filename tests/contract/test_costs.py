"""What a tenant's calls cost: each counted once, with the work that it was for."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import anyio
import pytest
from pydantic import SecretStr

from fakes.hashing_embedder import HashingEmbedder
from fakes.openai_server import Fault, OpenAIServer
from fakes.subscriptions import limited
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.costs import PostgresCosts
from sloth_agent.agent.ports import ChatRequest, Completion, Delta, Quote
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.costs import Bill, Spent, Tally
from sloth_agent.billing.price_file import read_prices, shipped_prices
from sloth_agent.billing.prices import CostKind
from sloth_agent.errors import (
    ConfigurationError,
    Conflict,
    CostLimitExceeded,
    Forbidden,
    ModelUnavailable,
)
from sloth_agent.knowledge.models import Vector

pytestmark = pytest.mark.anyio

PRICES = "# Prices\n\nA haircut costs 40 euro.\n"
QUESTION = "How much is a haircut?"
MODEL = "openai/gpt-5-mini"
SPACE = "openai/text-embedding-3-small/1536"


@pytest.fixture
async def tenant(
    settings: Settings, openai_server: OpenAIServer, slug: str
) -> AsyncIterator[AsyncTenant]:
    """One whose model and vectors are OpenAI's."""
    paid = settings.model_copy(
        update={
            "embedder": "openai",
            "chat": "openai",
            "openai_api_key": SecretStr("sk-test"),
            "openai_base_url": openai_server.url,
        }
    )
    async with AsyncSloth(paid) as sloth:
        yield await sloth.tenant(slug, create=True)


@pytest.fixture
async def taught(tenant: AsyncTenant) -> AsyncTenant:
    await tenant.ingest_content("prices.md", PRICES.encode())
    return tenant


async def spent_by(tenant: AsyncTenant) -> dict[CostKind, Spent]:
    month = datetime.now(UTC).date().replace(day=1)
    bills = await tenant.services.costs.store.of(month)
    return {spent.kind: spent for bill in bills for spent in bill.spent}


def sent_to(server: OpenAIServer) -> int:
    """Tokens of all texts that were sent for vectors, as the server counts."""
    bodies = server.asked("/embeddings")
    return sum(len(text.split()) for body in bodies for text in body["input"])


async def test_an_answer_costs_its_model_and_the_vector_of_its_question(
    taught: AsyncTenant, openai_server: OpenAIServer
) -> None:
    learned = (await spent_by(taught))[CostKind.EMBEDDING]
    assert (learned.model, learned.calls, learned.input_tokens) == (
        SPACE,
        1,
        sent_to(openai_server),
    )
    answer = await taught.chat(QUESTION)
    spent = await spent_by(taught)
    assert spent[CostKind.EMBEDDING].input_tokens == sent_to(openai_server)
    assert spent[CostKind.EMBEDDING].cost == sent_to(openai_server) * Decimal("0.00000002")
    usage = answer.usage
    assert spent[CostKind.CHAT] == Spent(
        kind=CostKind.CHAT,
        model=MODEL,
        calls=1,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        estimated_tokens=0,
        unpriced_calls=0,
        cost=usage.input_tokens * Decimal("0.00000025") + usage.output_tokens * Decimal("0.000002"),
    )


async def test_learning_again_pays_only_for_what_is_new(
    taught: AsyncTenant, openai_server: OpenAIServer
) -> None:
    """Chunks whose vectors are known are neither sent nor counted again."""
    before = await spent_by(taught)
    [document] = await taught.documents()
    await taught.services.ingestion.ingest(document.id)
    assert await spent_by(taught) == before
    assert before[CostKind.EMBEDDING].input_tokens == sent_to(openai_server)


async def test_searches_are_paid_too(taught: AsyncTenant) -> None:
    before = (await spent_by(taught))[CostKind.EMBEDDING]
    await taught.search(QUESTION)
    after = (await spent_by(taught))[CostKind.EMBEDDING]
    assert after.calls - before.calls == 1
    assert after.input_tokens - before.input_tokens == len(QUESTION.split())


async def test_tries_that_were_paid_count(taught: AsyncTenant, openai_server: OpenAIServer) -> None:
    """An answer without vectors was counted by the server, one of status 500 was not."""
    before = (await spent_by(taught))[CostKind.EMBEDDING]
    openai_server.faults.extend([Fault(vectors="short"), Fault(status=500)])
    await taught.search(QUESTION)
    after = (await spent_by(taught))[CostKind.EMBEDDING]
    assert after.calls - before.calls == 2
    assert after.input_tokens - before.input_tokens == 2 * len(QUESTION.split())


async def test_vectors_that_never_came_right_are_paid_all_the_same(
    taught: AsyncTenant, openai_server: OpenAIServer
) -> None:
    before = (await spent_by(taught))[CostKind.EMBEDDING]
    openai_server.always = Fault(vectors="short")
    await taught.search(QUESTION)
    assert (await spent_by(taught))[CostKind.EMBEDDING].calls - before.calls == 3


async def test_an_answer_that_breaks_off_is_estimated(
    taught: AsyncTenant, openai_server: OpenAIServer
) -> None:
    openai_server.faults.extend([Fault(), Fault(cut_after=6)])  # the vector, the answer
    with pytest.raises(ModelUnavailable):
        await taught.chat(QUESTION)
    chat = (await spent_by(taught))[CostKind.CHAT]
    assert chat.calls == 1
    assert chat.estimated_tokens == chat.input_tokens + chat.output_tokens
    assert chat.input_tokens > 100
    assert 1 <= chat.output_tokens <= 10
    assert chat.cost > 0
    assert await taught.conversations() == []


async def test_a_try_that_broke_off_before_its_first_word_counts_beside_the_answer(
    taught: AsyncTenant, openai_server: OpenAIServer
) -> None:
    openai_server.faults.extend([Fault(), Fault(cut_after=1)])
    answer = await taught.chat(QUESTION)
    chat = (await spent_by(taught))[CostKind.CHAT]
    assert chat.calls == 2
    assert 0 < chat.estimated_tokens == chat.input_tokens - answer.usage.input_tokens


async def test_who_hangs_up_pays_for_what_was_written(
    taught: AsyncTenant, openai_server: OpenAIServer
) -> None:
    openai_server.seconds_between_pieces = 0.02
    stream = taught.chat_stream(QUESTION)
    async for part in stream:
        assert isinstance(part, Delta)
        break
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert (await spent_by(taught))[CostKind.CHAT].estimated_tokens > 100


async def test_who_is_cancelled_pays_too(taught: AsyncTenant, openai_server: OpenAIServer) -> None:
    openai_server.seconds_between_pieces = 0.05
    with anyio.move_on_after(1) as scope:
        async for part in taught.chat_stream(QUESTION):
            if isinstance(part, Delta):
                scope.cancel()
    assert scope.cancelled_caught
    assert (await spent_by(taught))[CostKind.CHAT].estimated_tokens > 100


async def test_a_server_that_counts_nothing_is_estimated(
    taught: AsyncTenant, openai_server: OpenAIServer
) -> None:
    openai_server.counts_usage = False
    assert not (await taught.chat(QUESTION)).usage.known
    chat = (await spent_by(taught))[CostKind.CHAT]
    assert chat.calls == 1
    assert chat.estimated_tokens == chat.input_tokens + chat.output_tokens > 100


async def test_an_answer_that_cannot_be_stored_is_paid_once(
    taught: AsyncTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place was given away: the messages are not stored, the costs are."""
    answering = taught.services.answering

    async def late(*_: object, **__: object) -> None:
        raise Conflict("Too late.")

    monkeypatch.setattr(type(answering.conversations.store), "append", late)
    with pytest.raises(Conflict):
        await taught.chat(QUESTION)
    assert (await spent_by(taught))[CostKind.CHAT].calls == 1


class Untold:
    """A plugin's model, which counts no tokens."""

    name = "acme/one"

    async def answer(self, request: ChatRequest) -> AsyncIterator[Delta | Completion]:
        yield Delta(text="40 euro")
        quote = Quote(passage=0, text=request.passages[0].text)
        yield Completion(text="40 euro", quotes=(quote,))


class Plain(HashingEmbedder):
    """A plugin's embedder, which knows of vectors and nothing else."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return await super().embed(texts)


def plugged(tenant: AsyncTenant) -> AsyncTenant:
    backends = replace(tenant.services.backends)
    backends.__dict__.update(chat_model=Untold(), embedder=Plain())
    return replace(tenant, services=replace(tenant.services, backends=backends))


async def test_what_no_price_is_known_of_is_counted_in_tokens(tenant: AsyncTenant) -> None:
    tenant = plugged(tenant)
    await tenant.ingest_content("prices.md", PRICES.encode())
    await tenant.chat(QUESTION)
    spent = await spent_by(tenant)
    assert spent[CostKind.CHAT].model == "acme/one"
    for one in spent.values():
        assert one.unpriced_calls == one.calls > 0
        assert one.estimated_tokens == one.input_tokens + one.output_tokens > 0
        assert one.cost == 0


async def test_what_costs_nothing_is_not_recorded(sloth: AsyncSloth, slug: str) -> None:
    tenant = await sloth.tenant(slug, create=True)
    await tenant.ingest_content("prices.md", PRICES.encode())
    assert (await tenant.chat(QUESTION)).grounded
    assert await spent_by(tenant) == {}


async def test_who_has_cost_enough_is_refused_before_anything_is_sent(
    taught: AsyncTenant, openai_server: OpenAIServer
) -> None:
    """Below the limit all are let in, who may pass it together; above it nobody is. Without
    `require_room` in `_replied` all hundred are answered."""
    firm = limited(taught, max_cost_per_month=Decimal("0.001"))
    outcomes: Counter[str] = Counter()

    async def chat() -> None:
        try:
            await firm.chat(QUESTION)
            outcomes["accepted"] += 1
        except CostLimitExceeded as error:
            outcomes[error.code] += 1

    for _ in range(2):
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(chat)
    spent = await spent_by(taught)
    cost = sum(one.cost for one in spent.values()) * Decimal("0.90")
    assert cost >= Decimal("0.001")
    assert outcomes["cost_limit_exceeded"] >= 50
    assert len(openai_server.asked("/chat/completions")) == outcomes["accepted"] > 0
    answer_costs = spent[CostKind.CHAT].cost * Decimal("0.90") / outcomes["accepted"]
    assert cost - Decimal("0.001") <= 51 * answer_costs  # what was under way
    assert {meter.used for meter in (await firm.usage()).meters if meter.reserved} == set()

    asked = len(openai_server.requests)
    outcome = await firm.ingest_content("new.md", b"# Hours\n\nOpen from 9 to 18.\n")
    assert outcome.problem is not None
    assert outcome.problem.code == "cost_limit_exceeded"
    with pytest.raises(CostLimitExceeded) as refused:
        await firm.rebuild(chunk_size=500)
    assert set(refused.value.details) == {"resource", "resets_at"}
    assert len(openai_server.requests) == asked
    assert (await firm.search(QUESTION)).passages
    raised = limited(taught, max_cost_per_month=Decimal(1))
    assert (await raised.chat(QUESTION)).grounded


async def test_a_limit_in_a_currency_without_a_rate_is_refused_by_name(
    taught: AsyncTenant,
) -> None:
    firm = limited(taught, max_cost_per_month=Decimal(1))
    costs = replace(firm.services.costs, prices=read_prices('currency = "USD"'))
    firm.services.__dict__["costs"] = costs
    with pytest.raises(ConfigurationError, match="limit on costs is in EUR"):
        await firm.chat(QUESTION)


async def test_a_message_of_a_channel_has_a_price_of_its_own() -> None:
    tally = Tally(read_prices(shipped_prices()), bill().month)
    for channel in ("whatsapp", "telegram", "whatsapp"):
        tally.charge(CostKind.CHANNEL, channel)
    [spent] = tally.bill.spent
    assert (spent.model, spent.calls, spent.cost) == ("whatsapp", 2, Decimal("0.01"))


def bill(*models: str, cost: str = "0.000000000001") -> Bill:
    return Bill(
        month=datetime(2026, 11, 1, tzinfo=UTC).date(),
        currency="USD",
        spent=tuple(
            Spent(
                kind=CostKind.CHAT,
                model=model,
                calls=1,
                input_tokens=10,
                output_tokens=2,
                estimated_tokens=1,
                unpriced_calls=0,
                cost=Decimal(cost),
            )
            for model in models
        ),
    )


async def test_fifty_at_once_lose_nothing(tenant: AsyncTenant) -> None:
    """With `excluded.cost` alone instead of the sum, one of fifty is left."""
    store = PostgresCosts(tenant.services.database, tenant.services.schema)
    async with anyio.create_task_group() as group:
        for number in range(50):
            models = ("a", "b") if number % 2 else ("a", "b", "c")
            group.start_soon(partial(store.add, bill(*models, cost="0.1")))
    [summed] = await store.of(bill().month)
    assert [(one.model, one.calls, one.cost) for one in summed.spent] == [
        ("a", 50, 5),
        ("b", 50, 5),
        ("c", 25, Decimal("2.5")),
    ]


async def test_fifty_answers_at_once_are_fifty_on_the_bill(
    taught: AsyncTenant, openai_server: OpenAIServer
) -> None:
    answers = []

    async def chat() -> None:
        answers.append(await taught.chat(QUESTION))

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(chat)
    chats = (await spent_by(taught))[CostKind.CHAT]
    read = sum(answer.usage.input_tokens for answer in answers)
    written = sum(answer.usage.output_tokens for answer in answers)
    assert (chats.calls, chats.input_tokens, chats.output_tokens) == (50, read, written)
    assert chats.cost == read * Decimal("0.00000025") + written * Decimal("0.000002")
    assert (await spent_by(taught))[CostKind.EMBEDDING].input_tokens == sent_to(openai_server)


async def test_a_tenant_sees_and_changes_its_own_costs_alone(
    sloth: AsyncSloth, slug: str, tenant: AsyncTenant
) -> None:
    neighbour = (await sloth.tenant(f"n{slug[1:]}", create=True)).services
    theirs = PostgresCosts(neighbour.database, neighbour.schema)
    await theirs.add(bill("a"))
    ours = partial(neighbour.database.at_once, tenant.services.schema)
    for statement in (
        "select 1 from public.costs",
        "update public.costs set cost = 0 returning 1",
    ):
        assert await ours(statement) == [[]]
    with pytest.raises(Forbidden):
        await ours("delete from public.costs")
    assert await theirs.of(bill().month) == [bill("a")]
