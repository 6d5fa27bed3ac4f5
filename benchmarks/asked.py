"""The question sets asked through the whole product: PostgreSQL, search and quoted answers."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.library import opened
from benchmarks.material import Material

from sloth_agent.agent.evaluation import KnownQuestion, Scores
from sloth_agent.app.sloth import AsyncTenant

LANGUAGES = ("en", "de", "pl", "uk")
AIMED_MRR = {"en": ".965", "de": ".955", "pl": ".945", "uk": ".79"}
WANTED_ANSWERS = {"en": ">= .70", "de": ">= .65", "pl": ">= .65", "uk": ">= .50"}


async def measure(material: Material) -> AsyncIterator[Figure]:
    folder = material.data / "qa"
    if not folder.is_dir():
        yield Figure(part="asked", name="question sets", value=None, note=f"{folder} is absent")
        return
    async with opened() as sloth:
        for language in LANGUAGES:
            tenant = await sloth.tenant(language, create=True)
            await _learn(tenant, _lines(folder / f"{language}.paragraphs.jsonl"))
            asked = _questions(_lines(folder / f"{language}.questions.jsonl"))
            scores = (await tenant.evaluate(asked)).overall
            for figure in _figures(language, scores):
                yield figure


async def _learn(tenant: AsyncTenant, paragraphs: Sequence[dict[str, Any]]) -> None:
    for line in paragraphs:
        await tenant.ingest_content(f"{line['id']}.txt", line["paragraph"].encode())


def _questions(lines: Sequence[dict[str, Any]]) -> list[KnownQuestion]:
    return [
        KnownQuestion(
            question=line["question"],
            answers=tuple(line["answers"]),
            documents=(f"{line['gold_paragraph']}.txt",),
        )
        for line in lines
    ]


def _figures(language: str, scores: Scores) -> list[Figure]:
    return [
        Figure(
            part="asked",
            name=f"{language}, MRR@10",
            value=scores.mrr,
            wanted=f"aim {AIMED_MRR[language]}",
        ),
        Figure(part="asked", name=f"{language}, R@5", value=scores.recall_at_k),
        Figure(
            part="asked",
            name=f"{language}, quoted the answer from the right paragraph",
            value=scores.answer_accuracy,
            wanted=WANTED_ANSWERS[language],
        ),
        Figure(
            part="asked",
            name=f"{language}, a whole answer, p50",
            value=scores.latency_ms_p50,
            unit="ms",
        ),
    ]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
