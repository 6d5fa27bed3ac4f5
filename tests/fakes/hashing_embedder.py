"""An embedder without a model: words are hashed into a few dimensions. Counts what it embeds.

The command line reaches it as a plugin, see `install_as_plugin`.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sloth_agent.knowledge.lexical import words
from sloth_agent.knowledge.models import Vector
from sloth_agent.settings import Settings


@dataclass(slots=True)
class HashingEmbedder:
    name: str = "first"
    dimensions: int = 16
    seen: list[str] = field(default_factory=list)

    @property
    def space(self) -> str:
        return f"hashing/{self.name}/{self.dimensions}"

    async def prepare(self) -> None:
        """Everything is known from the start."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        self.seen.extend(texts)
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> Vector:
        vector = [1e-3] * self.dimensions
        for word in words(text):
            digest = hashlib.blake2b(f"{self.name} {word}".encode(), digest_size=4).digest()
            vector[int.from_bytes(digest[:3], "big") % self.dimensions] += 1 - 2 * (digest[3] & 1)
        length = math.sqrt(sum(number * number for number in vector))
        return [number / length for number in vector]


def from_settings(settings: Settings) -> HashingEmbedder:
    return HashingEmbedder(
        name=settings.embedding_model or "first", dimensions=settings.embedding_dimensions or 16
    )


def install_as_plugin(folder: Path) -> dict[str, str]:
    """Lay out what an installed package leaves behind, and return the environment that finds it."""
    metadata = folder / "hashing_embedder-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: hashing-embedder\nVersion: 1\n"
    )
    (metadata / "entry_points.txt").write_text(
        "[sloth_agent.embedders]\nhashing = fakes.hashing_embedder:from_settings\n"
    )
    tests = Path(__file__).parents[1]
    return {"PYTHONPATH": f"{folder}:{tests}", "SLOTH_EMBEDDER": "hashing"}
