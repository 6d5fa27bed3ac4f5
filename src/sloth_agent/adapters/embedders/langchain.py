"""Vectors from any LangChain embedding model."""

from collections.abc import Sequence

import anyio

from sloth_agent.adapters.embedders.vendors import sendable, unit
from sloth_agent.adapters.langchain_objects import model_name, named, options
from sloth_agent.errors import EmbedderUnavailable, MissingExtra
from sloth_agent.knowledge.models import Vector
from sloth_agent.settings import Settings

try:
    from langchain_core.embeddings import Embeddings
except ModuleNotFoundError as error:
    raise MissingExtra.named("langchain", needed_for="A LangChain embedder") from error

TEXTS_AT_ONCE = 64
"""A slow model must do so many within the deadline."""

CALL_SECONDS = 120.0


class LangChainEmbedder:
    """`dimensions` None: learnt by asking. Retries are the model's own, set where it is made."""

    def __init__(self, embeddings: Embeddings, *, dimensions: int | None = None) -> None:
        self._embeddings = embeddings
        self._name = model_name(embeddings)
        self._dimensions = dimensions

    @property
    def space(self) -> str:
        return f"langchain/{self._name}/{self.dimensions}"

    @property
    def dimensions(self) -> int:
        if self._dimensions is None:
            # Whoever did not prepare waits here, and so does the event loop; once.
            self._dimensions = len(self._embeddings.embed_query("dimensions"))
        return self._dimensions

    async def prepare(self) -> None:
        """Learn the dimensions without holding up the event loop."""
        if self._dimensions is None:
            await self.embed(["dimensions"])

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        vectors: list[Vector] = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            batch = [sendable(text) for text in texts[start : start + TEXTS_AT_ONCE]]
            vectors += self._checked(await self._asked(batch), len(batch))
        return vectors

    async def _asked(self, texts: list[str]) -> list[list[float]]:
        try:
            with anyio.fail_after(CALL_SECONDS):
                # Documents and questions alike: one space has one way of embedding.
                return await self._embeddings.aembed_documents(texts)
        # LangChain passes on whatever the vendor's library raises; there is no common base.
        except Exception as error:
            raise self._unavailable(f"failed: {type(error).__name__}: {error}"[:300]) from error

    def _checked(self, answer: list[list[float]], count: int) -> list[Vector]:
        try:
            vectors: list[Vector] = [unit(vector) for vector in answer]
        except (TypeError, ValueError) as error:
            raise self._unavailable("sent vectors that are none") from error
        if len(vectors) != count:
            raise self._unavailable("sent vectors that do not match the texts")
        self._dimensions = self._dimensions or len(vectors[0])
        if any(len(vector) != self._dimensions for vector in vectors):
            raise self._unavailable(f"sent vectors not of length {self._dimensions}")
        return vectors

    def _unavailable(self, reason: str) -> EmbedderUnavailable:
        return EmbedderUnavailable(
            f"The LangChain model {self._name} {reason}.", backend=self._name
        )


def from_settings(settings: Settings) -> LangChainEmbedder:
    embeddings = named(
        options(settings).embeddings,
        Embeddings,  # type: ignore[type-abstract]  # compared with, never made
        option="embeddings",
    )
    return LangChainEmbedder(embeddings, dimensions=settings.embedding_dimensions)
