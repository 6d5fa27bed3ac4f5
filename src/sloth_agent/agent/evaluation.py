"""Measures an assistant on questions whose answers are known."""

import json
import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from sloth_agent.agent.answering import Answering
from sloth_agent.agent.models import Reply
from sloth_agent.agent.ports import Trial
from sloth_agent.errors import InvalidInput
from sloth_agent.knowledge.models import Passage
from sloth_agent.knowledge.retrieval import Retrieval

DEEPEST_RANK = 10
"""MRR and nDCG look this far down."""

_EXAMPLE = '{"question": "...", "answers": ["..."], "documents": ["..."]}'


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownQuestion:
    """A question and what is right. No accepted answer: a refusal is right."""

    question: str
    answers: tuple[str, ...]
    documents: tuple[str, ...] = ()  # names of files, any of which is a right source; empty: any
    page: int | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one question went."""

    question: KnownQuestion
    rank: int | None  # of the first right passage, from 1; None: not among the first ten
    reply: Reply
    right: bool  # accepted answer with a right source, or a refusal where that is right

    @property
    def refused(self) -> bool:
        return not self.reply.grounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Quality over a set of questions, from 0 to 1; None where no question bears on it."""

    questions: int
    recall_at_k: float | None  # answerable questions with a right passage among the first k
    mrr: float | None
    ndcg_at_10: float | None
    answer_accuracy: float | None  # of the answerable questions
    refusal_precision: float | None  # of the refusals, how many were right
    refusal_recall: float | None  # of the unanswerable questions, how many were refused
    latency_ms_p50: float
    latency_ms_p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    k: int
    overall: Scores
    by_language: Mapping[str, Scores]
    verdicts: tuple[Verdict, ...]


def read_questions(lines: Iterable[str]) -> list[KnownQuestion]:
    """One JSON object a line; keys that are not ours are ignored.

    Raises:
        InvalidInput: with the number of the first line that cannot be used.
    """
    questions = [
        _question(line, number) for number, line in enumerate(lines, start=1) if line.strip()
    ]
    if not questions:
        raise InvalidInput(
            "There are no questions in it.",
            hint=f"Write one a line: {_EXAMPLE}.",
            field="questions",
        )
    return questions


def _question(line: str, number: int) -> KnownQuestion:
    values = _object(line)
    wrong = "it is no JSON object" if values is None else _wrong_key(values)
    if values is None or wrong:
        raise InvalidInput(
            f"Line {number} is not a question: {wrong}.",
            hint=f"Write {_EXAMPLE}.",
            field="questions",
        )
    return KnownQuestion(
        question=values["question"],
        answers=tuple(values["answers"]),
        documents=tuple(values.get("documents") or ()),
        page=values.get("page"),
        language=values.get("language"),
    )


def _object(line: str) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _wrong_key(values: Mapping[str, Any]) -> str | None:
    for key in ("question", "answers"):
        if key not in values:
            return f"{key} is missing"
    right = {
        "question": ("a text", isinstance(values["question"], str)),
        "answers": ("a list of texts", _are_texts(values["answers"])),
        "documents": ("a list of texts", _are_texts(values.get("documents") or [])),
        "page": ("a whole number", isinstance(values.get("page"), int | None)),
        "language": ("a text", isinstance(values.get("language"), str | None)),
    }
    return next((f"{key} is not {kind}" for key, (kind, fits) in right.items() if not fits), None)


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


@dataclass(frozen=True, slots=True)
class Evaluating:
    """Asks one tenant's assistant; nothing is stored."""

    retrieval: Retrieval
    answering: Answering

    async def evaluate(
        self,
        questions: Sequence[KnownQuestion],
        *,
        k: int = 5,
        on_verdict: Callable[[Verdict], None] = lambda _: None,
    ) -> Evaluation:
        """Ask every question, one after the other, and count."""
        verdicts = []
        for question in questions:
            verdict = await self._judge(question, depth=max(k, DEEPEST_RANK))
            on_verdict(verdict)
            verdicts.append(verdict)
        languages = sorted({q.language for q in questions if q.language})
        return Evaluation(
            k=k,
            overall=_scores(verdicts, k),
            by_language={
                language: _scores([v for v in verdicts if v.question.language == language], k)
                for language in languages
            },
            verdicts=tuple(verdicts),
        )

    async def _judge(self, question: KnownQuestion, *, depth: int) -> Verdict:
        found = await self.retrieval.search(question.question, limit=depth)
        ranks = (
            rank
            for rank, passage in enumerate(found.passages, start=1)
            if _is_right_passage(passage, question)
        )
        reply = await self._reply(question.question)
        right = _is_right_reply(reply, question) if question.answers else not reply.grounded
        return Verdict(question=question, rank=next(ranks, None), reply=reply, right=right)

    async def _reply(self, question: str) -> Reply:
        async for part in self.answering.reply(question):
            if isinstance(part, Trial):
                return part.reply
        raise AssertionError("what is replied ends with a Trial")


def _is_right_passage(passage: Passage, question: KnownQuestion) -> bool:
    if not question.documents:
        return _holds_answer(passage.readable_text, question)
    if question.page is not None and passage.place.page not in (None, question.page):
        return False
    return _names(passage.cited_document, question)


def _is_right_reply(reply: Reply, question: KnownQuestion) -> bool:
    if not reply.grounded or not _holds_answer(reply.text, question):
        return False
    return not question.documents or any(
        _names(citation.document, question) for citation in reply.citations
    )


def _names(document: str, question: KnownQuestion) -> bool:
    return document in question.documents or PurePath(document).name in question.documents


def _holds_answer(text: str, question: KnownQuestion) -> bool:
    plain = _plain(text)
    return any(_plain(answer) in plain for answer in question.answers)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _scores(verdicts: Sequence[Verdict], k: int) -> Scores:
    answerable = [verdict for verdict in verdicts if verdict.question.answers]
    unanswerable = [verdict for verdict in verdicts if not verdict.question.answers]
    refused = [verdict for verdict in verdicts if verdict.refused]
    ranks = [verdict.rank for verdict in answerable]
    near = [rank if rank and rank <= DEEPEST_RANK else None for rank in ranks]
    times = sorted(verdict.reply.timings_ms["total"] for verdict in verdicts)
    return Scores(
        questions=len(verdicts),
        recall_at_k=_mean([rank is not None and rank <= k for rank in ranks]),
        mrr=_mean([1 / rank if rank else 0.0 for rank in near]),
        ndcg_at_10=_mean([1 / math.log2(rank + 1) if rank else 0.0 for rank in near]),
        answer_accuracy=_mean([verdict.right for verdict in answerable]),
        refusal_precision=_mean([not verdict.question.answers for verdict in refused]),
        refusal_recall=_mean([verdict.refused for verdict in unanswerable]),
        latency_ms_p50=_percentile(times, 50),
        latency_ms_p95=_percentile(times, 95),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
