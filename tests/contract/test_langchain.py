"""LangChain's models behind our ports, played by LangChain's own fakes."""

from collections.abc import Sequence

import anyio
import pytest

pytest.importorskip("langchain_core", reason="needs the extra `langchain`")

from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.language_models import (
    BaseChatModel,
    FakeListChatModel,
    FakeMessagesListChatModel,
)
from langchain_core.messages import AIMessage

from sloth_agent.adapters.chat_models import langchain as chat
from sloth_agent.adapters.embedders import langchain as embedding
from sloth_agent.adapters.langchain_objects import named
from sloth_agent.agent.ports import ChatRequest, Completion, Delta
from sloth_agent.errors import ConfigurationError, EmbedderUnavailable, ModelUnavailable
from sloth_agent.ids import ChunkId, DocumentId, new_id
from sloth_agent.knowledge.models import Passage
from sloth_agent.language import Language
from sloth_agent.settings import Settings

pytestmark = pytest.mark.anyio

TEXTS = ["Haircut, 40 euro", "Манікюр, 600 грн", "", "half \ud800"]
NOT_A_MODEL = object()


class Wrong(Embeddings):
    """Answers what it is given, or raises it."""

    def __init__(self, answer: list[list[float]] | Exception) -> None:
        self._answer = answer

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        assert texts
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def broken() -> BaseChatModel:
    return FakeListChatModel(responses=["never"], error_on_chunk_number=0)


def embedder() -> embedding.LangChainEmbedder:
    return embedding.LangChainEmbedder(DeterministicFakeEmbedding(size=24))


def length(vector: Sequence[float]) -> float:
    return sum(number * number for number in vector)


async def test_one_unit_vector_per_text_in_the_same_order() -> None:
    model = embedder()
    together = await model.embed(TEXTS)
    alone = [(await model.embed([text]))[0] for text in TEXTS]
    assert together == alone
    assert [length(vector) for vector in together] == pytest.approx([1] * len(TEXTS))
    assert model.space == "langchain/DeterministicFakeEmbedding/24"


async def test_dimensions_are_known_with_and_without_preparing() -> None:
    prepared, asked = embedder(), embedder()
    await prepared.prepare()
    assert prepared.dimensions == asked.dimensions == 24


async def test_many_texts_are_asked_for_in_batches() -> None:
    texts = [f"price {number}" for number in range(150)]
    vectors = await embedder().embed(texts)
    assert len({tuple(vector) for vector in vectors}) == 150


async def test_no_texts_need_no_request() -> None:
    assert await embedding.LangChainEmbedder(Wrong(OSError("away"))).embed([]) == []


@pytest.mark.parametrize(
    "answer",
    [
        OSError("connection refused"),
        [[1.0, 0.0]],
        [[1.0, 0.0], [1.0, 0.0, 0.0]],
        [[1.0, 0.0], [float("nan"), 0.0]],
        [[1.0, 0.0], [0.0, 0.0]],
    ],
)
async def test_no_wrong_vector_passes(answer: list[list[float]] | Exception) -> None:
    model = embedding.LangChainEmbedder(Wrong(answer))
    with pytest.raises(EmbedderUnavailable):
        await model.embed(["one", "two"])


def request(*texts: str) -> ChatRequest:
    return ChatRequest(
        question="How much is a haircut?",
        language=Language.ENGLISH,
        instructions="",
        passages=[
            Passage(
                chunk_id=ChunkId(new_id()),
                document_id=DocumentId(new_id()),
                document="prices.md",
                text=text,
                score=1.0,
            )
            for text in texts
        ],
    )


async def answer(model: BaseChatModel, asked: ChatRequest) -> tuple[str, Completion]:
    """What was streamed, and the end of it."""
    adapter = chat.LangChainChat(model, prompt_tokens=2000, begin_seconds=5)
    *streamed, end = [part async for part in adapter.answer(asked)]
    assert isinstance(end, Completion)
    return "".join(part.text for part in streamed if isinstance(part, Delta)), end


async def test_an_answer_is_streamed_and_quotes_what_it_cites() -> None:
    model = FakeListChatModel(responses=["A haircut costs 40 euro [2][7]."])
    streamed, end = await answer(model, request("We open at nine.", "A haircut costs 40 euro."))
    assert streamed == end.text == "A haircut costs 40 euro [2]."
    assert [(quote.passage, quote.text) for quote in end.quotes] == [
        (1, "A haircut costs 40 euro.")
    ]


async def test_a_refusal_shows_nothing_and_quotes_nothing() -> None:
    streamed, end = await answer(FakeListChatModel(responses=["NO_ANSWER"]), request("We open."))
    assert (streamed, end.text, end.quotes) == ("", "", ())


async def test_without_passages_the_model_is_not_asked() -> None:
    assert await answer(broken(), request()) == ("", Completion(text="", quotes=()))


async def test_tokens_are_counted() -> None:
    usage = {"input_tokens": 30, "output_tokens": 5, "total_tokens": 35}
    said = AIMessage("At nine [1].", usage_metadata=usage)
    _, end = await answer(FakeMessagesListChatModel(responses=[said]), request("We open at nine."))
    assert (end.usage.input_tokens, end.usage.output_tokens) == (30, 5)


@pytest.mark.parametrize("model", [broken(), FakeListChatModel(responses=[""])])
async def test_what_gives_no_answer_is_unavailable(model: BaseChatModel) -> None:
    with pytest.raises(ModelUnavailable):
        await answer(model, request("We open at nine."))


async def test_a_silent_model_is_not_waited_for() -> None:
    slow = FakeListChatModel(responses=["late"], sleep=30)
    adapter = chat.LangChainChat(slow, prompt_tokens=2000, begin_seconds=0.1)
    with anyio.fail_after(5), pytest.raises(ModelUnavailable):
        async for _ in adapter.answer(request("We open at nine.")):
            pass


@pytest.mark.parametrize(
    "path", [None, "no_such_module:model", f"{__name__}:missing", f"{__name__}:NOT_A_MODEL"]
)
async def test_settings_that_name_no_model_are_refused(path: str | None) -> None:
    with pytest.raises(ConfigurationError):
        named(path, Embeddings, option="embeddings")  # type: ignore[type-abstract]  # never made


async def test_settings_name_a_class_or_a_function() -> None:
    plugins = {"langchain": {"embeddings": f"{__name__}:embeddings"}}
    assert embedding.from_settings(Settings(plugins=plugins)).dimensions == 8


def embeddings() -> Embeddings:
    return DeterministicFakeEmbedding(size=8)
