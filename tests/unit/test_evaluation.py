"""Measuring an assistant: which questions count, and how."""

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from sloth_agent.agent.evaluation import Evaluating, KnownQuestion, read_questions
from sloth_agent.agent.models import Citation, Reply, Usage
from sloth_agent.agent.ports import ChatRequest, Trial
from sloth_agent.errors import InvalidInput
from sloth_agent.ids import ChunkId, DocumentId, new_id
from sloth_agent.knowledge.models import Passage, Place
from sloth_agent.knowledge.retrieval import Found
from sloth_agent.language import Language

pytestmark = pytest.mark.anyio


@dataclass
class Assistant:
    """Search and answers as a test wants them, by question."""

    found: dict[str, Sequence[Passage]] = field(default_factory=dict)
    said: dict[str, Reply] = field(default_factory=dict)
    depths: list[int] = field(default_factory=list)

    async def search(self, query: str, *, limit: int = 5) -> Found:
        self.depths.append(limit)
        return Found(
            passages=tuple(self.found.get(query, ()))[:limit], term_weights={}, by_vectors=False
        )

    async def reply(self, question: str) -> AsyncIterator[Trial]:
        request = ChatRequest(
            question=question, language=Language.ENGLISH, passages=(), instructions=""
        )
        yield Trial(reply=self.said[question], request=request)


def passage(
    document: str, text: str = "", *, page: int | None = None, member: str | None = None
) -> Passage:
    return Passage(
        chunk_id=ChunkId(new_id()),
        document_id=DocumentId(new_id()),
        document=document,
        text=text,
        score=1.0,
        place=Place(page=page, member=member),
    )


def reply(text: str, *documents: str, milliseconds: float = 10) -> Reply:
    return Reply(
        text=text,
        grounded=bool(documents),
        citations=tuple(
            Citation(chunk_id=ChunkId(new_id()), document=name, snippet=text, score=1)
            for name in documents
        ),
        model="test",
        usage=Usage(),
        chunks_used=(),
        timings_ms={"total": milliseconds},
    )


def evaluating(assistant: Assistant) -> Evaluating:
    return Evaluating(assistant, assistant)  # type: ignore[arg-type]  # the two methods it calls


PRICE = KnownQuestion(
    question="price?", answers=("40 euro", "40 €"), documents=("prices.md",), language="en"
)
HOURS = KnownQuestion(question="години?", answers=("9 до 18",), language="uk")
OPERA = KnownQuestion(question="opera?", answers=(), language="en")


async def test_ranks_answers_and_refusals_are_counted() -> None:
    assistant = Assistant(
        found={
            "price?": [passage("other.md"), passage("in.zip", member="a/prices.md")],
            "години?": [passage("x.txt", "Ми працюємо з 9  ДО 18")],
            "opera?": [passage("other.md")],
        },
        said={
            "price?": reply("It is 40\u00a0Euro.", "in.zip/a/prices.md", milliseconds=30),
            "години?": reply("Не знаю.", milliseconds=10),
            "opera?": reply("I do not know.", milliseconds=20),
        },
    )
    seen: list[str] = []
    result = await evaluating(assistant).evaluate(
        [PRICE, HOURS, OPERA],
        k=1,
        on_verdict=lambda verdict: seen.append(verdict.question.question),
    )
    assert seen == ["price?", "години?", "opera?"]
    scores = result.overall
    assert scores.questions == 3
    assert scores.recall_at_k == 1 / 2
    assert scores.mrr == (1 / 2 + 1) / 2
    assert scores.ndcg_at_10 == pytest.approx((1 / math.log2(3) + 1) / 2)
    assert scores.answer_accuracy == 1 / 2
    assert (scores.refusal_precision, scores.refusal_recall) == (1 / 2, 1)
    assert (scores.latency_ms_p50, scores.latency_ms_p95) == (20, 30)
    assert set(result.by_language) == {"en", "uk"}
    assert result.by_language["uk"].refusal_recall is None
    assert result.by_language["en"].answer_accuracy == 1


@pytest.mark.parametrize(
    ("said", "right"),
    [
        (reply("40 euro", "prices.md"), True),
        (reply("40 EURO", "prices.md", "other.md"), True),
        (reply("41 euro", "prices.md"), False),
        (reply("40 euro", "other.md"), False),
        (reply("40 euro"), False),
    ],
)
async def test_a_right_answer_names_a_right_source(said: Reply, right: bool) -> None:
    assistant = Assistant(said={"price?": said})
    [verdict] = (await evaluating(assistant).evaluate([PRICE])).verdicts
    assert verdict.right is right
    assert verdict.rank is None


@pytest.mark.parametrize(("page", "rank"), [(2, 2), (None, 1), (9, None)])
async def test_a_page_must_be_right_where_there_are_pages(
    page: int | None, rank: int | None
) -> None:
    question = KnownQuestion(question="price?", answers=("40",), documents=("a.pdf",), page=page)
    found = [passage("a.pdf", page=1), passage("a.pdf", page=2)]
    assistant = Assistant(found={"price?": found}, said={"price?": reply("no")})
    [verdict] = (await evaluating(assistant).evaluate([question])).verdicts
    assert verdict.rank == rank


async def test_a_large_k_looks_deeper() -> None:
    found = [*[passage("other.md")] * 15, passage("prices.md")]
    assistant = Assistant(found={"price?": found}, said={"price?": reply("no")})
    scores = (await evaluating(assistant).evaluate([PRICE], k=20)).overall
    assert assistant.depths == [20]
    assert (scores.recall_at_k, scores.mrr, scores.ndcg_at_10) == (1, 0, 0)


def test_questions_are_read_and_other_keys_ignored() -> None:
    lines = [
        '{"question": "Ціна?", "answers": ["40"], "documents": ["a.md"], "page": 2, "id": 7}',
        "",
        '{"question": "b?", "answers": []}',
        '{"question": "c?", "answers": ["x"], "documents": null, "page": null}',
    ]
    assert read_questions(lines) == [
        KnownQuestion(question="Ціна?", answers=("40",), documents=("a.md",), page=2),
        KnownQuestion(question="b?", answers=()),
        KnownQuestion(question="c?", answers=("x",)),
    ]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("nonsense", "it is no JSON object"),
        ("[]", "it is no JSON object"),
        ("null", "it is no JSON object"),
        ("[" * 100_000, "it is no JSON object"),
        ("{}", "question is missing"),
        ('{"question": "a"}', "answers is missing"),
        ('{"answers": []}', "question is missing"),
        ('{"question": 7, "answers": []}', "question is not a text"),
        ('{"question": "a", "answers": "b"}', "answers is not a list of texts"),
        ('{"question": "a", "answers": [7]}', "answers is not a list of texts"),
        ('{"question": "a", "answers": [], "documents": "b"}', "documents is not a list of texts"),
        ('{"question": "a", "answers": [], "page": "x"}', "page is not a whole number"),
        ('{"question": "a", "answers": [], "language": 7}', "language is not a text"),
    ],
)
def test_a_line_that_is_no_question_is_named(line: str, wrong: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_questions(['{"question": "a", "answers": []}', line])
    assert caught.value.message == f"Line 2 is not a question: {wrong}."
    assert caught.value.hint


@pytest.mark.parametrize("lines", [[], ["", "  "]])
def test_no_questions_are_no_measurement(lines: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_questions(lines)
    assert "one a line" in str(caught.value.hint)
