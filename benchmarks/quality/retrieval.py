"""Ranking quality per language: MRR@10 and R@5 of the product and of two BM25 baselines.

    python benchmarks/quality/retrieval.py --data DIR [--vectors DIR] [--json FILE]

`--data` holds `<language>.paragraphs.jsonl` and `<language>.questions.jsonl`. `--vectors` holds
what `embed.py` wrote; with it the fused ranking is measured too. Every paragraph is one chunk.
Needs `bm25s` and `PyStemmer` for the baselines.
"""

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import log
from pathlib import Path
from typing import Any

import bm25s  # type: ignore[import-untyped] # has no types
import numpy as np
import Stemmer  # type: ignore[import-not-found] # only this benchmark needs it

from sloth_agent.knowledge.fusion import fuse
from sloth_agent.knowledge.lexical import rescore, terms, words
from sloth_agent.knowledge.retrieval import CANDIDATES, FEW

GATE_CHUNKS = 2_000
STEMMERS = {"en": "english", "de": "german", "pl": "polish", "uk": "russian"}
SMALL_SIZES = (5, 20, 50)
SMALL_ROUNDS = 30
Vectors = np.ndarray[Any, np.dtype[np.float32]]
Ranker = Callable[["Question"], list[int]]


@dataclass(frozen=True)
class Question:
    text: str
    gold: int  # place of the right text among the texts
    vector: Vectors | None = None


@dataclass(frozen=True)
class Haystack:
    """Texts, their vectors if given, and questions that one of the texts answers."""

    texts: list[str]
    questions: list[Question]
    vectors: Vectors | None = None
    holding: dict[str, list[int]] = field(default_factory=dict)  # term -> places of its texts

    def __post_init__(self) -> None:
        for place, text in enumerate(self.texts):
            for term in terms(text):
                self.holding.setdefault(term, []).append(place)

    def part(self, places: Sequence[int]) -> "Haystack":
        moved = {place: index for index, place in enumerate(places)}
        return Haystack(
            [self.texts[place] for place in places],
            [
                Question(question.text, moved[question.gold], question.vector)
                for question in self.questions
                if question.gold in moved
            ],
            None if self.vectors is None else self.vectors[list(places)],
        )


def load(data: Path, language: str, vectors: Path | None) -> Haystack:
    paragraphs = list(_lines(data / f"{language}.paragraphs.jsonl"))
    questions = list(_lines(data / f"{language}.questions.jsonl"))
    place = {paragraph["id"]: index for index, paragraph in enumerate(paragraphs)}
    asked = np.load(vectors / f"{language}.questions.npy") if vectors else [None] * len(questions)
    return Haystack(
        [paragraph["paragraph"] for paragraph in paragraphs],
        [
            Question(question["question"], place[question["gold_paragraph"]], vector)
            for question, vector in zip(questions, asked, strict=True)
        ],
        np.load(vectors / f"{language}.paragraphs.npy") if vectors else None,
    )


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


def joined(haystacks: Sequence[Haystack]) -> Haystack:
    """All texts and questions in one place, as in a tenant who writes in several languages."""
    texts: list[str] = []
    questions: list[Question] = []
    for haystack in haystacks:
        questions += [
            Question(question.text, question.gold + len(texts), question.vector)
            for question in haystack.questions
        ]
        texts += haystack.texts
    vectors = [haystack.vectors for haystack in haystacks if haystack.vectors is not None]
    return Haystack(texts, questions, np.concatenate(vectors) if vectors else None)


def candidates_by_terms(haystack: Haystack, question: str) -> list[int]:
    """The database's first stage: gated by rare terms, ordered by the sum of their weights.

    Of few texts all are candidates.
    """
    if len(haystack.texts) <= FEW:
        return list(range(len(haystack.texts)))
    known = {term: haystack.holding[term] for term in terms(question) if term in haystack.holding}
    gate: set[int] = set()
    held = 0
    for number, places in enumerate(sorted(known.values(), key=len)):
        if number >= 2 and held >= GATE_CHUNKS:
            break
        gate.update(places)
        held += len(places)
    weights: dict[int, float] = defaultdict(float)
    for places in known.values():
        for place in gate.intersection(places):
            weights[place] += log((len(haystack.texts) + 1) / (len(places) + 1))
    return [place for place, _ in sorted(weights.items(), key=lambda item: (-item[1], item[0]))][
        :CANDIDATES
    ]


def lexical_ranker(haystack: Haystack) -> Ranker:
    def rank(question: Question) -> list[int]:
        places = candidates_by_terms(haystack, question.text)
        return _by_score(places, rescore(question.text, [haystack.texts[at] for at in places]))

    return rank


def fused_ranker(haystack: Haystack) -> Ranker:
    def rank(question: Question) -> list[int]:
        similarities = _similarities(haystack, question)
        nearest = np.argsort(-similarities)[:CANDIDATES].tolist()
        places = list(dict.fromkeys(candidates_by_terms(haystack, question.text) + nearest))
        lexical = rescore(question.text, [haystack.texts[at] for at in places])
        return _by_score(places, fuse(lexical, similarities[places].tolist()))

    return rank


def dense_ranker(haystack: Haystack) -> Ranker:
    return lambda question: np.argsort(-_similarities(haystack, question))[:10].tolist()


def _similarities(haystack: Haystack, question: Question) -> Vectors:
    assert haystack.vectors is not None
    assert question.vector is not None
    return np.asarray(haystack.vectors @ question.vector, dtype=np.float32)


def bm25_ranker(haystack: Haystack, tokens: Callable[[str], list[str]]) -> Ranker:
    index = bm25s.BM25()
    index.index([tokens(text) for text in haystack.texts], show_progress=False)
    return lambda question: np.argsort(-index.get_scores(tokens(question.text)))[:10].tolist()


def stems(language: str) -> Callable[[str], list[str]]:
    """Snowball knows no Ukrainian; Russian is the nearest it has."""
    stemmer = Stemmer.Stemmer(STEMMERS[language])
    return lambda text: stemmer.stemWords(words(text))


def letter_groups(text: str) -> list[str]:
    flat = " ".join(words(text))
    return [flat[at : at + size] for size in (3, 4, 5) for at in range(len(flat) - size + 1)]


def _by_score(places: Sequence[int], scores: Sequence[float]) -> list[int]:
    ordered = sorted(zip(scores, places, strict=True), key=lambda pair: -pair[0])
    return [place for _, place in ordered]


def measure(questions: Sequence[Question], rank: Ranker) -> dict[str, float]:
    ranks: list[int | None] = []
    for question in questions:
        first = rank(question)[:10]
        ranks.append(first.index(question.gold) + 1 if question.gold in first else None)
    return {
        "mrr@10": sum(1 / rank for rank in ranks if rank) / len(ranks),
        "r@5": sum(rank is not None and rank <= 5 for rank in ranks) / len(ranks),
    }


def by_language(haystacks: dict[str, Haystack]) -> Iterator[tuple[str, str, dict[str, float]]]:
    for language, haystack in haystacks.items():
        asked = haystack.questions
        yield language, "BM25 stems", measure(asked, bm25_ranker(haystack, stems(language)))
        yield language, "BM25 3-5-grams", measure(asked, bm25_ranker(haystack, letter_groups))
        yield from ours(language, haystack, asked)


def ours(
    name: str, haystack: Haystack, questions: Sequence[Question]
) -> Iterator[tuple[str, str, dict[str, float]]]:
    yield name, "lexical", measure(questions, lexical_ranker(haystack))
    if haystack.vectors is not None:
        yield name, "dense", measure(questions, dense_ranker(haystack))
        yield name, "fused", measure(questions, fused_ranker(haystack))


def mixed(haystacks: dict[str, Haystack]) -> Iterator[tuple[str, str, dict[str, float]]]:
    everything = joined(list(haystacks.values()))
    start = 0
    for language, haystack in haystacks.items():
        end = start + len(haystack.questions)
        yield from ours(f"{language}, all mixed", everything, everything.questions[start:end])
        start = end


def small(haystacks: dict[str, Haystack]) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Few chunks, where rarity says little: random ones, the mean over several draws."""
    for size in SMALL_SIZES:
        for language, haystack in haystacks.items():
            draw = random.Random(size)  # the same draws in every run
            sums: dict[str, Counter[str]] = defaultdict(Counter)
            rounds = 0
            for _ in range(SMALL_ROUNDS):
                part = haystack.part(draw.sample(range(len(haystack.texts)), size))
                if not part.questions:
                    continue
                rounds += 1
                for _, ranker, figures in ours("", part, part.questions[:20]):
                    sums[ranker].update(figures)
            for ranker, total in sums.items():
                means = {figure: value / rounds for figure, value in total.items()}
                yield f"{language}, {size} chunks", ranker, means


def rescoring_milliseconds(haystack: Haystack) -> dict[str, float]:
    """Time of `rescore` for as many texts of 1,000 characters as a search may look at."""
    running = " ".join(haystack.texts)
    texts = [running[at : at + 1000] for at in range(0, len(running) - 999, 1000)]
    texts = (texts * (CANDIDATES // len(texts) + 1))[:CANDIDATES]
    times = []
    for question in haystack.questions[:200]:
        begun = time.perf_counter()
        rescore(question.text, texts)
        times.append((time.perf_counter() - begun) * 1000)
    return {
        "p50": float(np.quantile(times, 0.5)),
        "p95": float(np.quantile(times, 0.95)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Ranking quality per language.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the question sets")
    parser.add_argument("--vectors", type=Path, help="folder that embed.py wrote")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    chosen = parser.parse_args()
    if not chosen.data.is_dir():
        parser.exit(0, f"skipped: no question sets at {chosen.data}\n")

    haystacks = {language: load(chosen.data, language, chosen.vectors) for language in STEMMERS}
    figures: list[dict[str, object]] = []
    print(f"{'haystack':16} {'ranking':15} {'MRR@10':>7} {'R@5':>7}")
    for part in (by_language, mixed, small):
        for name, ranker, measured in part(haystacks):
            print(f"{name:16} {ranker:15} {measured['mrr@10']:7.3f} {measured['r@5']:7.3f}")
            figures.append({"haystack": name, "ranking": ranker, **measured})
    times = {language: rescoring_milliseconds(haystacks[language]) for language in haystacks}
    for language, spent in times.items():
        p50, p95 = spent["p50"], spent["p95"]
        print(f"rescore, {CANDIDATES} texts, {language}: {p50:.1f} ms p50, {p95:.1f} p95")
    if chosen.json:
        result = {"quality": figures, "rescoring_ms": times, "candidates": CANDIDATES}
        chosen.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
