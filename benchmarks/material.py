"""Texts, questions and vectors to measure with, the same in every run.

Sentences come from the question sets where they are at hand, so that words are as frequent as in
real text; each text gets some rare names beside them, so that the vocabulary grows with the texts.
"""

import json
import random
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sloth_agent.knowledge.models import Vector

DIMENSIONS = 384
LANGUAGES = ("en", "de", "pl", "uk")
TEXT_CHARACTERS = 850  # one such paragraph fills a chunk of 1,000 characters

_TEXTS_PER_TOPIC = 50
_SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "re",
    "su",
    "ta",
    "vo",
    "ni",
    "ber",
    "dan",
    "gor",
    "hel",
    "jan",
    "kra",
    "lin",
    "mor",
    "nov",
    "pet",
    "rus",
    "sta",
    "tim",
    "zor",
]

Vectors = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Material:
    data: Path  # of the question sets and documents; may be absent
    sentences: Sequence[str]
    questions: Sequence[str]

    def texts(self, count: int, *, seed: int = 1) -> Iterator[str]:
        """Paragraphs of recombined sentences."""
        draw = random.Random(seed)
        for _ in range(count):
            parts = [f"{_name(draw)} {_name(draw)}, {draw.randrange(10_000)}."]
            length = len(parts[0])
            while length < TEXT_CHARACTERS - 150:
                sentence = draw.choice(self.sentences)[: TEXT_CHARACTERS - length]
                parts.append(sentence)
                length += len(sentence) + 1
            yield " ".join(parts)


def load(data: Path) -> Material:
    if not (data / "qa").is_dir():
        print(f"No question sets at {data / 'qa'}: texts are made of invented words.")
        sentences = list(_invented(5_000))
        return Material(data, sentences, [sentence[:70] for sentence in sentences[:400]])
    sentences, questions = [], []
    for language in LANGUAGES:
        for line in _lines(data / "qa" / f"{language}.paragraphs.jsonl"):
            sentences += re.split(r"(?<=[.!?])\s+", line["paragraph"])
        questions += [
            line["question"] for line in _lines(data / "qa" / f"{language}.questions.jsonl")
        ]
    random.Random(1).shuffle(questions)
    return Material(data, [s for s in sentences if len(s) > 20], questions)


def vectors(count: int, *, seed: int = 1) -> Vectors:
    """Unit vectors around topics, as texts on one topic lie near each other."""
    draw = np.random.default_rng(seed)
    topics = _unit(draw.standard_normal((max(count // _TEXTS_PER_TOPIC, 1), DIMENSIONS)))
    own = _unit(draw.standard_normal((count, DIMENSIONS)))
    return _unit(topics[draw.integers(len(topics), size=count)] + own)


def near(found: Vectors, count: int, *, seed: int = 2) -> Vectors:
    """Vectors of questions, each about as near to one of the texts as real ones are."""
    draw = np.random.default_rng(seed)
    chosen = found[draw.integers(len(found), size=count)]
    return _unit(chosen + 0.8 * _unit(draw.standard_normal(chosen.shape)))


@dataclass(frozen=True, slots=True)
class GivenVectors:
    """An `Embedder` that costs next to nothing: it hands out vectors made before."""

    made: Vectors
    space: str = "onnx/given/384"  # of a kind that costs nothing
    dimensions: int = DIMENSIONS

    async def prepare(self) -> None:
        """Nothing to load."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        places = [zlib.crc32(text.encode()) % len(self.made) for text in texts]
        rows: list[Vector] = self.made[places].tolist()
        return rows


def _unit(rows: Any) -> Vectors:
    unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _invented(count: int) -> Iterator[str]:
    """Sentences whose words are as unevenly frequent as those of a language (Zipf)."""
    draw = random.Random(1)
    vocabulary = [_name(draw).lower() for _ in range(20_000)]
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]
    for _ in range(count):
        yield " ".join(draw.choices(vocabulary, weights, k=draw.randrange(8, 25))) + "."


def _name(draw: random.Random) -> str:
    return "".join(draw.choices(_SYLLABLES, k=3)).capitalize()


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
