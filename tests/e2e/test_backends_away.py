"""A search while a backend that would make it better does not answer."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.hashing_embedder import HashingEmbedder
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import BackendUnavailable, EmbedderUnavailable
from sloth_agent.knowledge.models import Passage, Vector
from sloth_agent.knowledge.retrieval import Retrieval

pytestmark = pytest.mark.anyio

QUESTION = "How much is a haircut on Sunday?"


class LastFirst:
    """A reranker that turns every order round."""

    async def scores(self, question: str, passages: Sequence[Passage]) -> list[float]:  # noqa: ARG002
        return [float(number) for number, _ in enumerate(passages)]


class Away(LastFirst):
    async def scores(self, question: str, passages: Sequence[Passage]) -> list[float]:  # noqa: ARG002
        raise BackendUnavailable("The judge is out.", backend="judge")


class AwayEmbedder(HashingEmbedder):
    async def embed(self, texts: Sequence[str]) -> list[Vector]:  # noqa: ARG002
        raise EmbedderUnavailable("The embedder is out.", backend="hashing")


@pytest.fixture
async def retrieval(tenant: AsyncTenant, tmp_path: Path) -> Retrieval:
    for number, text in enumerate(("A haircut is 40 euro.", "On Sunday a haircut is 50 euro.")):
        (tmp_path / f"{number}.txt").write_text(text)
    await tenant.ingest(tmp_path)
    return tenant.services.retrieval


async def order(retrieval: Retrieval) -> list[str]:
    return [passage.text for passage in (await retrieval.search(QUESTION)).passages]


async def test_without_the_reranker_the_order_before_it_stands(
    retrieval: Retrieval, caplog: pytest.LogCaptureFixture
) -> None:
    plain = await order(retrieval)
    assert await order(replace(retrieval, reranker=LastFirst())) == plain[::-1]
    assert not caplog.records
    assert await order(replace(retrieval, reranker=Away())) == plain
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "The judge is out." in caplog.text


async def test_without_the_embedder_words_decide(
    retrieval: Retrieval, caplog: pytest.LogCaptureFixture
) -> None:
    assert await order(replace(retrieval, embedder=AwayEmbedder())) == await order(retrieval)
    assert "The embedder is out." in caplog.text
