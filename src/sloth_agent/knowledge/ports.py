"""What the knowledge of one tenant needs from outside."""

from collections.abc import Sequence
from typing import Protocol

from sloth_agent.knowledge.models import Passage, Reading, Vector


class DocumentReader(Protocol):
    """Gets the text out of files, whatever they are and however they were made."""

    async def read(self, content: bytes, *, name: str) -> Reading:
        """Read one file; the kind is decided by content, `name` only tells twins apart.

        Raises:
            UnreadableFile: one of its subclasses; reading the same content again fails alike,
                except after `ParseTimeout` and `ParseMemory`.
        """


class Embedder(Protocol):
    """Turns text into vectors of unit length: a dot product is a cosine similarity."""

    @property
    def space(self) -> str:
        """Vectors compare only within one space, such as `openai/text-embedding-3-small/1536`."""

    @property
    def dimensions(self) -> int:
        """Length of every vector."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text, in the order given; no texts, no request.

        Raises:
            EmbedderUnavailable: no usable answer after the adapter's own tries. Safe to retry.
        """


class Reranker(Protocol):
    """Judges passages against a question more carefully, and more slowly, than a search."""

    async def scores(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """Return one score per passage, in the order given; higher is better."""


class FileStore(Protocol):
    """Keeps the original files of one tenant under names of its own."""

    async def write(self, key: str, content: bytes) -> None:
        """Keep `content`, whole and on disk when this returns; an old one is replaced.

        Raises:
            StorageUnavailable: nothing was kept; `DiskFull` where that is the reason.
        """

    async def read(self, key: str) -> bytes:
        """Raises:
        NotFound: no such key.
        """

    async def delete(self, key: str) -> None:
        """Forget a file; an unknown key is no error."""
