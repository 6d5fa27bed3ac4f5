"""How often the extractive answers are right, and how well they are refused.

    python benchmarks/quality/answers.py --data DIR [--json FILE]

DIR holds `salon/` (a firm's files and questions) and `qa/` (paragraphs and questions in four
languages). Passages come from a ranking in memory over the same terms and the same rescoring as
the product's own search, so that no database is needed. Three kinds of questions without answer:
`absent` (the right paragraph was taken away), `adversarial` (written to look answerable) and the
salon's own.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import log
from pathlib import Path
from statistics import median
from typing import Any

from sloth_agent.adapters.parsers.reading import read
from sloth_agent.agent.extraction import CONFIDENT, Extract, extract
from sloth_agent.agent.languages import detect
from sloth_agent.agent.questions import bridged_text, search_text
from sloth_agent.ids import ChunkId, DocumentId, new_id
from sloth_agent.knowledge.chunking import cut
from sloth_agent.knowledge.lexical import rescore, terms
from sloth_agent.knowledge.models import Block, Passage, searched_text
from sloth_agent.knowledge.retrieval import CANDIDATES, FEW

LANGUAGES = ("en", "de", "pl", "uk")
PASSAGES = 8
BRIDGED = 3  # of the passages at most, found only by way of another language
DOCUMENT_KINDS = {".docx", ".md", ".pdf", ".txt", ".xlsx"}


class Corpus:
    """The chunks of one tenant, ranked in memory."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = passages
        self.texts = [searched_text(p.place, p.header, p.text) for p in passages]
        self.terms = [set(terms(text)) for text in self.texts]
        self.holding = Counter(term for found in self.terms for term in found)

    def weights(self, question: str) -> dict[str, float]:
        total = len(self.passages) + 1
        return {term: log(total / (self.holding[term] + 1)) for term in terms(question)}

    def search(self, query: str, *, without: str | None = None) -> list[Passage]:
        first = self._candidates(query)
        first = [i for i in first if self.passages[i].document != without]
        scores = rescore(query, [self.texts[i] for i in first])
        ranked = sorted(zip(scores, first, strict=True), reverse=True)
        ranked = [(score, i) for score, i in ranked if score]
        return [replace(self.passages[i], score=score) for score, i in ranked[:PASSAGES]]

    def _candidates(self, query: str) -> Sequence[int]:
        """Of few passages all; of more those that hold the most of the query's terms."""
        if len(self.passages) <= FEW:
            return range(len(self.passages))
        weights = self.weights(query)
        held = [sum(weights[term] for term in weights.keys() & found) for found in self.terms]
        first = sorted(range(len(held)), key=held.__getitem__, reverse=True)[:CANDIDATES]
        return [i for i in first if held[i]]

    def find(self, question: str, *, without: str | None = None) -> list[Passage]:
        language = detect(question)
        found = self.search(search_text(question, language), without=without)
        known = {passage.chunk_id for passage in found}
        bridged = self.search(bridged_text(question, language), without=without)
        more = [passage for passage in bridged if passage.chunk_id not in known][:BRIDGED]
        return found[: PASSAGES - len(more)] + more


@dataclass(frozen=True, slots=True)
class Outcome:
    group: str
    answerable: bool
    right: bool  # holds an accepted answer, from an accepted document
    confidence: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Line:
    """Figures of one group of questions; `None` where it has no such questions."""

    group: str
    questions: int
    quoted: float | None  # right, if nothing were refused
    answered: float | None  # right, after refusals
    wrongly_refused: float | None
    refusal_precision: float | None
    refusal_recall: float | None
    auc: float | None


def salon(folder: Path) -> Iterator[Outcome]:
    files = (path for path in sorted(folder.iterdir()) if path.suffix in DOCUMENT_KINDS)
    corpus = Corpus(
        [
            passage
            for path in files
            if path.name != "README.md"
            for passage in _passages(path.name, read(path.read_bytes(), name=path.name).blocks)
        ]
    )
    for record in _records(folder / "questions.jsonl"):
        yield _outcome("salon", record, corpus, right_documents=record["documents"])


def questions_and_paragraphs(folder: Path, language: str) -> Iterator[Outcome]:
    corpus = Corpus(
        [
            passage
            for record in _records(folder / f"{language}.paragraphs.jsonl")
            for passage in _passages(record["id"], [Block(text=record["paragraph"])])
        ]
    )
    for record in _records(folder / f"{language}.questions.jsonl"):
        yield _outcome(f"qa {language}", record, corpus)
        absent = record | {"answers": []}
        yield _outcome(f"absent {language}", absent, corpus, without=record["gold_paragraph"])
    adversarial = folder / f"{language}.unanswerable.jsonl"
    if adversarial.exists():
        for record in _records(adversarial):
            yield _outcome(f"adversarial {language}", record, corpus)


def _passages(document: str, blocks: Sequence[Block]) -> list[Passage]:
    identity = DocumentId(new_id())
    return [
        Passage(
            chunk_id=ChunkId(chunk.id),
            document_id=identity,
            document=document,
            text=chunk.text,
            score=0.0,
            place=chunk.place,
            header=chunk.header,
        )
        for chunk in cut(blocks)
    ]


def _outcome(
    group: str,
    record: dict[str, Any],
    corpus: Corpus,
    *,
    right_documents: Sequence[str] = (),
    without: str | None = None,
) -> Outcome:
    question = record["question"]
    passages = corpus.find(question, without=without)
    started = time.perf_counter()
    found = extract(question, passages, corpus.weights(question))
    milliseconds = (time.perf_counter() - started) * 1000
    cited = {passages[quote.passage].document for quote in found.quotes} if found else set()
    right = _holds(found, record["answers"])
    if right_documents:
        right = right and not cited.isdisjoint(right_documents)
    confidence = found.confidence if found else 0.0
    return Outcome(group, bool(record["answers"]), right, confidence, milliseconds)


def _holds(found: Extract | None, answers: Sequence[str]) -> bool:
    text = found.text.lower() if found else ""
    return any(answer.lower() in text for answer in answers)


def line(group: str, answerable: Sequence[Outcome], without: Sequence[Outcome]) -> Line:
    answered = [one for one in answerable if one.confidence >= CONFIDENT]
    wrongly_refused = len(answerable) - len(answered)
    refused = sum(one.confidence < CONFIDENT for one in without)
    return Line(
        group=group,
        questions=len(answerable) + len(without),
        quoted=_share(sum(one.right for one in answerable), len(answerable)),
        answered=_share(sum(one.right for one in answered), len(answerable)),
        wrongly_refused=_share(wrongly_refused, len(answerable)),
        refusal_precision=_share(refused, refused + wrongly_refused) if without else None,
        refusal_recall=_share(refused, len(without)),
        auc=_auc(answerable, without),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _auc(answerable: Sequence[Outcome], without: Sequence[Outcome]) -> float | None:
    """How often an answerable question gets more confidence than one without an answer."""
    pairs = len(answerable) * len(without)
    if not pairs:
        return None
    above = sum(
        (one.confidence > other.confidence) + (one.confidence == other.confidence) / 2
        for one in answerable
        for other in without
    )
    return above / pairs


def lines(outcomes: Iterable[Outcome]) -> list[Line]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.group, []).append(outcome)
    found = []
    for group, members in groups.items():
        answerable = [one for one in members if one.answerable]
        without = [one for one in members if not one.answerable]
        if not answerable:  # held against the answerable questions of the same language
            answerable = groups[f"qa {group.split()[-1]}"]
        found.append(line(group, answerable, without))
    return found


def table(results: Sequence[Line]) -> str:
    head = f"{'group':15}{'n':>5}  quoted answered wrongly-refused  precision recall   AUC"
    return "\n".join([head, *map(_row, results)])


def _row(result: Line) -> str:
    shares = (
        (result.quoted, 8),
        (result.answered, 9),
        (result.wrongly_refused, 16),
        (result.refusal_precision, 11),
        (result.refusal_recall, 7),
        (result.auc, 6),
    )
    cells = "".join(f"{'-' if value is None else f'{value:.3f}':>{w}}" for value, w in shares)
    return f"{result.group:15}{result.questions:5}{cells}"


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines_of_file:
        yield from map(json.loads, lines_of_file)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not (arguments.data / "qa").is_dir():
        print(f"Skipped: {arguments.data} holds no qa/ folder with questions.")
        return

    outcomes = list(salon(arguments.data / "salon"))
    for language in LANGUAGES:
        outcomes += questions_and_paragraphs(arguments.data / "qa", language)
    results = lines(outcomes)
    milliseconds = median(outcome.milliseconds for outcome in outcomes)
    print(table(results))
    print(f"extraction, median: {milliseconds:.1f} ms")
    if arguments.json:
        report = {"groups": [asdict(one) for one in results], "extraction_ms": milliseconds}
        arguments.json.write_text(json.dumps(report, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
