"""Vectors from groups of three letters: texts with like spelling come near each other.

It finds words by their parts and forgives typing errors; it knows nothing of meaning.
"""

import math
from collections import Counter
from collections.abc import Sequence
from zlib import crc32

from pydantic import BaseModel, Field

from sloth_agent import Settings
from sloth_agent.knowledge.models import Vector


class Options(BaseModel):
    """`SLOTH_PLUGINS__NGRAMS__DIMENSIONS`"""

    dimensions: int = Field(default=256, ge=16, le=4000)


class NgramEmbedder:
    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self.space = f"ngrams/3/{dimensions}"

    async def prepare(self) -> None:
        """Everything is known from the start."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> Vector:
        letters = f" {' '.join(text.casefold().split())} ".encode("utf-32-le", "replace")
        groups = Counter(letters[start : start + 12] for start in range(0, len(letters) - 8, 4))
        vector = [0.0] * self.dimensions
        for group, count in groups.items():
            vector[crc32(group) % self.dimensions] += math.sqrt(count)
        length = math.hypot(*vector)
        return [number / length for number in vector]


def from_settings(settings: Settings) -> NgramEmbedder:
    return NgramEmbedder(settings.plugin("ngrams", Options).dimensions)
