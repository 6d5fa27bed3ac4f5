"""What the knowledge of one tenant needs from outside."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from sloth_agent.billing.allowance import Hold
from sloth_agent.billing.costs import NO_BILL, Bill
from sloth_agent.billing.models import NO_LIMITS, Limits
from sloth_agent.ids import ChatId, ChunkId, DocumentId, PhotoId
from sloth_agent.jobs.models import Claim
from sloth_agent.knowledge.models import (
    Chunk,
    Document,
    Lookup,
    Passage,
    Photo,
    Reading,
    Vector,
    VectorStore,
)


class DocumentReader(Protocol):
    """Gets the text out of files, whatever they are and however they were made."""

    def check(self, content: bytes, *, name: str) -> None:
        """Refuse at once what its first bytes show to be nothing that is read; quick.

        Raises:
            FileEmpty, FileEncrypted, UnsupportedFile: what `read` would say of it, too.
        """

    async def read(self, content: bytes, *, name: str) -> Reading:
        """Read one file; the kind is decided by content, `name` only tells twins apart.

        Raises:
            UnreadableFile: one of its subclasses; reading the same content again fails alike,
                except after `ParseTimeout` and `ParseMemory`.
        """


class Embedder(Protocol):
    """Turns text into vectors of unit length: a dot product is a cosine similarity."""

    async def prepare(self) -> None:
        """Learn what the properties tell: load the model, or ask for a first vector.

        Quick when repeated. Called before the properties are read.

        Raises:
            EmbedderUnavailable: as `embed` does. Safe to retry.
        """

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


@runtime_checkable
class ChargedEmbedder(Protocol):
    """What an embedder that is paid by the token offers beside `Embedder`.

    Of others tokens are estimated, where the price table does not say that they cost nothing.
    """

    async def embed_charged(
        self, texts: Sequence[str], *, charged: Callable[[int], None]
    ) -> list[Vector]:
        """Like `embed`; `charged` hears of the tokens of each request, as soon as they are counted.

        Those of requests that came to nothing are among them.
        """


class Reranker(Protocol):
    """Judges passages against a question more carefully, and more slowly, than a search."""

    async def scores(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """Return one score per passage, in the order given; higher is better.

        Raises:
            BackendUnavailable: no judgement; the search goes on in the order that it had.
        """


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

    async def sweep(self, kept: Collection[str], *, before: datetime) -> int:
        """Forget what was last written before a moment, but for these keys; returns how many.

        What a cut-off `write` left behind is among it.
        """


class NamesFiles(Protocol):
    """Whatever keeps files in the store of one tenant."""

    async def file_keys(self) -> Collection[str]:
        """The names of all that are to stay."""


class DocumentStore(Protocol):
    """The documents of one tenant, counted with their bytes. Each method is one transaction."""

    async def add(self, document: Document, *, limits: Limits = NO_LIMITS) -> Document:
        """Record a document; one from the same source is returned instead, unchanged.

        Raises:
            DocumentLimitExceeded, StorageLimitExceeded: nothing is recorded.
        """

    async def find(self, id: DocumentId) -> Document | None: ...

    async def with_digest(self, digest: str) -> Sequence[Document]:
        """Documents with the same content, oldest first."""

    async def all(self, *, limit: int, after: DocumentId | None = None) -> Sequence[Document]:
        """Oldest first, `after` not included."""

    async def begin(self, id: DocumentId) -> tuple[Document, VectorStore] | None:
        """Mark a document as being processed; None if there is none.

        Returns it, with the active generation, which it is to be published in.
        """

    async def save(self, document: Document) -> None:
        """Store a changed document, its content excepted; one that is gone stays gone.

        Raises:
            Conflict: another document comes from its source; nothing is stored.
        """

    async def exchange(self, document: Document, *, limits: Limits = NO_LIMITS) -> Document | None:
        """Record other content of a document, to be read; return the document as it was.

        None: it is gone, and stays so.

        Raises:
            StorageLimitExceeded: the document stays as it was.
        """

    async def delete(self, id: DocumentId) -> Document | None:
        """Forget a document and its chunks; return it as it was, None if there was none."""

    async def unfinished(self, *, generation: int) -> Sequence[DocumentId]:
        """Completed documents that a generation does not hold in their present form."""


class PhotoStore(Protocol):
    """The photos of one tenant, counted with their bytes. Each method is one transaction."""

    async def add(
        self,
        photo: Photo,
        *,
        hold: Hold,
        limits: Limits = NO_LIMITS,
        chat: ChatId | None = None,
    ) -> None:
        """Record a photo, count its bytes, and count it where a place was kept for it.

        Raises:
            StorageLimitExceeded: nothing is recorded.
            Conflict: the place was kept beyond its time; the same.
            ChatMoved: the chat that it came by was erased meanwhile; the same.
        """

    async def find(self, id: PhotoId) -> Photo | None: ...

    async def all(self, *, limit: int, after: PhotoId | None = None) -> Sequence[Photo]:
        """Oldest first, `after` not included."""

    async def delete(self, id: PhotoId) -> Photo | None:
        """Forget a photo, and its bytes; return it as it was, None if there was none.

        It stays counted among those of its month.
        """


class SearchIndex(Protocol):
    """Chunks, terms and vectors of one tenant. Each method is one transaction."""

    async def active(self) -> VectorStore:
        """The generation that searches read; made empty on first use, without vectors."""

    async def adopt(self, *, space: str | None, dimensions: int | None) -> VectorStore:
        """Set the space of the active generation if it holds no chunk yet; return it as it is."""

    async def publish(
        self,
        document: Document,
        text: str,
        chunks: Sequence[Chunk],
        vectors: Sequence[Vector] | None,
        *,
        generation: int,
        bill: Bill = NO_BILL,
        claim: Claim | None = None,
    ) -> None:
        """Swap all chunks of a document and store it as it is, with what that cost, at once.

        A search sees the old chunks or the new ones. `vectors` is None in a generation without
        a space. The job of a claim ends with it: failed, as the document did, or completed.

        Raises:
            NotFound: the document was deleted meanwhile; nothing is stored.
            Conflict: its content changed, or the generation was removed, meanwhile; the same.
            ClaimLost: the claim ended before; the same.
        """

    async def known_vectors(self, document: Document, *, generation: int) -> Mapping[str, Vector]:
        """Vectors of a generation by searched text: the document's own and those of its copies.

        Raises:
            Conflict: the generation was removed meanwhile.
        """

    async def look_up(
        self,
        terms: Sequence[str],
        vector: Vector | None = None,
        *,
        space: str | None = None,
        documents: Sequence[str] = (),
        limit: int,
        few: int = 0,
    ) -> Lookup:
        """The best chunks by rare terms and the nearest by vector, up to `limit` of each.

        A tenant that has no more chunks than `limit` or `few` gets them all.
        A vector of another space than the active generation's is left out. `documents` keeps the
        search to documents of these titles, or patterns of them such as `*.pdf`; empty means all.
        """

    async def passages(self, ids: Sequence[ChunkId]) -> Sequence[Passage]:
        """Chunks by their ids, in that order and without a score; what is gone is left out."""

    async def next_generation(self, store: VectorStore) -> VectorStore:
        """Make an empty generation beside the active one; one begun with the same sizes and space
        is taken up again, any other unfinished one is thrown away."""

    async def activate(self, generation: int) -> bool:
        """Let searches read a generation from now on and remove the others.

        False, and nothing changes, while a completed document is missing in it.

        Raises:
            Conflict: the generation was removed meanwhile.
        """

    async def settle(self) -> None:
        """After many changes: what keeps searches of a large tenant fast. May take a minute."""
