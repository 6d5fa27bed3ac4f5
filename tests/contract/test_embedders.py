"""What every embedder must do, and what each does when its service fails."""

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from fakes.openai_server import Fault, OpenAIServer
from sloth_agent.adapters.embedders import openai
from sloth_agent.adapters.openai_service import open_client
from sloth_agent.adapters.outgoing import Patience
from sloth_agent.errors import ConfigurationError, EmbedderUnavailable
from sloth_agent.settings import Settings

pytestmark = pytest.mark.anyio

TEXTS = [
    "Haircut, 40 euro",
    "Манікюр, 600 грн",
    "Opening hours: 9 to 18",
    "",
    "\ud800 half a sign, and \x00",
    "Haircut with wash, 50 euro. " * 400,
]


HASTE = Patience(
    call_seconds=3, try_seconds=0.5, pause_seconds=0.01, rest_seconds=0.3, knock_seconds=0.5
)


def settings(server: OpenAIServer, **more: Any) -> Settings:
    return Settings(openai_api_key=SecretStr("sk-test"), openai_base_url=server.url, **more)


@pytest.fixture
async def embedder(openai_server: OpenAIServer) -> AsyncIterator[openai.OpenAIEmbedder]:
    client = open_client(settings(openai_server), read_seconds=5)
    embedder = openai.OpenAIEmbedder(client, patience=HASTE)
    yield embedder
    await embedder.aclose()


def closeness(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_one_unit_vector_per_text_in_the_same_order(embedder: openai.OpenAIEmbedder) -> None:
    together = await embedder.embed(TEXTS)
    alone = [(await embedder.embed([text]))[0] for text in TEXTS]
    assert together == [pytest.approx(vector, abs=1e-6) for vector in alone]
    assert {len(vector) for vector in together} == {embedder.dimensions}
    assert [closeness(vector, vector) for vector in together] == pytest.approx([1] * len(TEXTS))


async def test_no_texts_need_no_request(
    embedder: openai.OpenAIEmbedder, openai_server: OpenAIServer
) -> None:
    assert await embedder.embed([]) == []
    assert openai_server.requests == []


async def test_many_texts_travel_in_few_requests(openai_server: OpenAIServer) -> None:
    embedder = openai.from_settings(settings(openai_server))
    texts = [f"price number {number}" for number in range(300)]
    vectors = await embedder.embed(texts)
    assert len(openai_server.requests) == 5
    assert closeness(vectors[257], (await embedder.embed([texts[257]]))[0]) == pytest.approx(1)
    await embedder.aclose()


async def test_dimensions_are_asked_for_only_where_they_are_set(
    embedder: openai.OpenAIEmbedder, openai_server: OpenAIServer
) -> None:
    await embedder.embed(["a"])
    smaller = openai.from_settings(settings(openai_server, embedding_dimensions=256))
    assert len((await smaller.embed(["a"]))[0]) == 256
    await smaller.aclose()
    plain, shortened = openai_server.asked("/embeddings")
    assert "dimensions" not in plain
    assert shortened["dimensions"] == 256
    assert (embedder.space, smaller.space) == (
        "openai/text-embedding-3-small/1536",
        "openai/text-embedding-3-small/256",
    )


async def test_dimensions_of_an_unknown_model_are_learnt(openai_server: OpenAIServer) -> None:
    embedder = openai.from_settings(settings(openai_server, embedding_model="nomic-embed-text"))
    with pytest.raises(ConfigurationError, match="not known yet"):
        _ = embedder.dimensions
    await embedder.prepare()
    await embedder.prepare()
    assert embedder.space == "openai/nomic-embed-text/96"
    assert len(openai_server.requests) == 1
    await embedder.aclose()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=503, headers={"Retry-After": "0"}),
        Fault(status=429, headers={"Retry-After-Ms": "50"}),
        Fault(garbage=True),
        Fault(drop=True),
        *(Fault(vectors=lie) for lie in ("missing", "doubled", "short", "nan", "zero", "words")),
    ],
)
async def test_what_passes_is_tried_again_and_what_stays_is_reported(
    embedder: openai.OpenAIEmbedder, openai_server: OpenAIServer, fault: Fault
) -> None:
    openai_server.faults.append(fault)
    vectors = await embedder.embed(TEXTS[:3])
    assert closeness(vectors[1], (await embedder.embed([TEXTS[1]]))[0]) == pytest.approx(1)
    openai_server.requests.clear()
    openai_server.always = fault
    with pytest.raises(EmbedderUnavailable) as raised:
        await embedder.embed(TEXTS[:3])
    assert len(openai_server.requests) == 3
    assert raised.value.code == "embedder_unavailable"


async def test_a_wrong_length_is_never_stored_even_if_all_agree(
    openai_server: OpenAIServer,
) -> None:
    openai_server.always = Fault(vectors="short")
    embedder = openai.from_settings(settings(openai_server))
    with pytest.raises(EmbedderUnavailable, match="length"):
        await embedder.embed(["alone"])
    await embedder.aclose()


async def test_retry_after_is_waited_for(
    embedder: openai.OpenAIEmbedder, openai_server: OpenAIServer
) -> None:
    openai_server.faults.append(Fault(status=429, headers={"Retry-After": "1"}))
    began = time.monotonic()
    await embedder.embed(["a"])
    assert 1 <= time.monotonic() - began < 3


async def test_a_wait_beyond_the_deadline_is_not_begun(
    embedder: openai.OpenAIEmbedder, openai_server: OpenAIServer
) -> None:
    openai_server.always = Fault(status=429, headers={"Retry-After": "3600"})
    with anyio.fail_after(5), pytest.raises(EmbedderUnavailable, match="rate"):
        await embedder.embed(["a"])
    assert len(openai_server.requests) == 1


@pytest.mark.parametrize(
    ("status", "error", "kind", "hint"),
    [
        (401, {}, ConfigurationError, "OPENAI_API_KEY"),
        (404, {"code": "model_not_found"}, ConfigurationError, "SLOTH_EMBEDDING_MODEL"),
        (429, {"code": "insufficient_quota"}, EmbedderUnavailable, "credit"),
        (400, {}, EmbedderUnavailable, ""),
    ],
)
async def test_what_cannot_pass_is_not_tried_again(
    embedder: openai.OpenAIEmbedder,
    openai_server: OpenAIServer,
    status: int,
    error: dict[str, Any],
    kind: type[Exception],
    hint: str,
) -> None:
    openai_server.always = Fault(status=status, error=error)
    with pytest.raises(kind) as raised:
        await embedder.embed(["a"])
    assert hint in (getattr(raised.value, "hint", "") or "")
    assert "sk-test" not in str(raised.value)
    assert len(openai_server.requests) == 1


async def test_a_server_that_is_not_there_is_given_up_soon() -> None:
    nowhere = Settings(openai_base_url="http://127.0.0.1:9/v1")
    embedder = openai.from_settings(nowhere)
    with anyio.fail_after(5), pytest.raises(EmbedderUnavailable, match="cannot be reached"):
        await embedder.embed(["a"])
    await embedder.aclose()


async def test_in_an_outage_calls_fail_at_once_and_recover_alone(
    embedder: openai.OpenAIEmbedder, openai_server: OpenAIServer
) -> None:
    openai_server.always = Fault(status=503)
    for _ in range(2):
        with pytest.raises(EmbedderUnavailable):
            await embedder.embed(["a"])
    asked = len(openai_server.requests)
    for _ in range(20):
        with pytest.raises(EmbedderUnavailable, match="down"):
            await embedder.embed(["a"])
    assert len(openai_server.requests) == asked
    await anyio.sleep(HASTE.rest_seconds)
    with pytest.raises(EmbedderUnavailable, match="down"):
        await embedder.embed(["a"])
    openai_server.always = Fault()
    await anyio.sleep(HASTE.rest_seconds)
    assert len(await embedder.embed(["a"])) == 1


async def test_a_silent_server_is_not_waited_for_beyond_the_deadline(
    embedder: openai.OpenAIEmbedder, openai_server: OpenAIServer
) -> None:
    openai_server.always = Fault(delay_seconds=30)
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(EmbedderUnavailable, match="in time"):
            await embedder.embed(["a"])
    assert time.monotonic() - began < 2 * HASTE.call_seconds
    await anyio.sleep(HASTE.rest_seconds)
    began = time.monotonic()
    with pytest.raises(EmbedderUnavailable, match="down"):
        await embedder.embed(["a"])
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"openai_base_url": "localhost:11434"},
        {"openai_api_key": SecretStr("ключ")},
    ],
)
async def test_settings_that_cannot_work_are_refused(
    wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ConfigurationError):
        openai.from_settings(Settings(**wrong))


async def test_a_server_of_ones_own_needs_no_key(openai_server: OpenAIServer) -> None:
    embedder = openai.from_settings(Settings(openai_base_url=openai_server.url))
    assert len(await embedder.embed(["a"])) == 1
    await embedder.aclose()
