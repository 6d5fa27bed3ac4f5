"""What an assistant knows: documents, the pieces they are cut into, and what a search finds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from sloth_agent.errors import Problem
from sloth_agent.ids import ChunkId, DocumentId, PhotoId

Vector = Sequence[float]
"""Components of one embedding; of unit length, so that a dot product is a cosine similarity."""

CELL_SEPARATOR = " | "
"""Stands between the cells of a table row wherever a row is kept as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a piece of text stands in its file; None where the kind of file has no such thing."""

    member: str | None = None  # file inside an archive, attachment of a message
    page: int | None = None  # from 1: page of a PDF, slide of a presentation
    sheet: str | None = None
    row: int | None = None  # from 1, as the spreadsheet program numbers it
    headings: tuple[str, ...] = ()  # outermost first

    @property
    def section(self) -> str | None:
        """The place in words: sheet and headings, such as `Hair > Packages`."""
        parts = (self.sheet, *self.headings) if self.sheet else self.headings
        return " > ".join(parts) or None


class BlockKind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"  # of a list
    ROW = "row"  # of a table; never split by chunking


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The smallest piece that a parser hands over: a heading, a paragraph, a table row."""

    text: str
    kind: BlockKind = BlockKind.PARAGRAPH
    place: Place = Place()
    header: str = ""  # of a row: its table's header row, cells joined by CELL_SEPARATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A part of a readable file that gave no text: a scanned page, a damaged attachment."""

    part: str  # "page 3", "inner.pdf"
    code: str  # of the error that the part alone would have raised
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a parser got out of a file."""

    media_type: str  # found by content, such as "application/pdf"
    blocks: tuple[Block, ...]
    pages: int | None = None  # pages, slides or sheets; None where the kind has none
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a document that is searched and cited as one.

    `text` is exactly `document.text[start:end]`; `header` is what a reader needs beside it, the
    header row of the table that the piece was cut from (the first piece also begins with it).
    """

    id: ChunkId
    position: int  # from 0, in the order of the document
    text: str
    start: int
    end: int
    place: Place = Place()
    header: str = ""

    @property
    def searched_text(self) -> str:
        """What is indexed and embedded: headings and table header stand with the text."""
        return searched_text(self.place, self.header, self.text)


def searched_text(place: Place, header: str, text: str) -> str:
    """The text under its headings and header; those that it begins with itself stand once."""
    above = [part for part in (*place.headings, header) if part not in text]
    return "\n".join(part for part in (place.sheet, *above, text) if part)


def file_key(id: DocumentId, digest: str) -> str:
    """Where the file store keeps a document's content: changed content goes beside the old."""
    return f"{id.hex}{digest[:16]}"


class DocumentStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file that the assistant learned from, or failed to."""

    id: DocumentId
    title: str  # the file's name
    source: str  # where it came from: a path, or the name it was uploaded under; unique
    digest: str  # sha256 of the content, hexadecimal
    size_bytes: int
    created_at: datetime
    status: DocumentStatus = DocumentStatus.PENDING
    media_type: str | None = None  # None until read
    problem: Problem | None = None  # set when failed
    pages: int | None = None
    chunks: int = 0
    unread: tuple[Unread, ...] = ()
    processed_at: datetime | None = None  # None until completed or failed

    @property
    def file_key(self) -> str:
        return file_key(self.id, self.digest)

    def completed(self, reading: Reading, *, chunks: int, now: datetime) -> Self:
        return replace(
            self,
            status=DocumentStatus.COMPLETED,
            media_type=reading.media_type,
            pages=reading.pages,
            unread=reading.unread,
            chunks=chunks,
            problem=None,
            processed_at=now,
        )

    def failed(self, problem: Problem, *, now: datetime) -> Self:
        return replace(
            self, status=DocumentStatus.FAILED, problem=problem, chunks=0, processed_at=now
        )


def photo_key(id: PhotoId) -> str:
    """Where the file store keeps a photo, whose content never changes."""
    return id.hex


class PhotoStatus(StrEnum):
    """Of looking at a photo; it is kept, and can be shown, in any of them."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The customer who sent something, by the names that `Customer` has."""

    source: str
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A picture of the firm's, with what was seen in it: nothing, until somebody has looked."""

    id: PhotoId
    title: str  # the file's name
    media_type: str  # found by content, such as "image/jpeg"
    size_bytes: int
    width: int  # pixels, as stored
    height: int
    created_at: datetime
    status: PhotoStatus = PhotoStatus.PENDING
    labels: tuple[str, ...] = ()  # what it is of, such as "hair salon"
    text: str | None = None  # what is written in it; None until looked at
    objects: tuple[str, ...] = ()  # things in it, one for each
    faces: int | None = None  # how many; None until looked at
    problem: Problem | None = None  # set when failed
    sender: Sender | None = None  # None: it is the firm's own

    @property
    def file_key(self) -> str:
        return photo_key(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorStore:
    """One way of cutting and embedding all documents; a rebuild fills the next beside the active.

    `space` is None where chunks have no vectors.
    """

    generation: int  # from 1
    space: str | None
    dimensions: int | None
    chunk_size: int = 1000
    chunk_overlap: int = 200
    chunks: int = 0
    active: bool = False
    created_at: datetime | None = None  # None: not stored yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk as a search found it, with what is needed to cite it."""

    chunk_id: ChunkId
    document_id: DocumentId
    document: str  # title of the document
    text: str
    score: float  # higher is better; compares only within one search
    place: Place = Place()
    header: str = ""

    @property
    def cited_document(self) -> str:
        """The document's name as sources show it, with the member of an archive."""
        member = self.place.member
        return f"{self.document}/{member}" if member else self.document

    @property
    def readable_text(self) -> str:
        """The text, under its table's header row where it does not hold that itself."""
        if not self.header or self.header in self.text:
            return self.text
        return f"{self.header}\n{self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TermCounts:
    """How many chunks of a tenant hold each term of a query, out of how many chunks."""

    chunks: int
    holding: Mapping[str, int]  # in the order of the query; 0 for a term found nowhere

    @property
    def weights(self) -> dict[str, float]:
        """How rare each term is: ln((chunks + 1) / (chunks with it + 1))."""
        return {
            term: math.log((self.chunks + 1) / (min(count, self.chunks) + 1))
            for term, count in self.holding.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A chunk that may answer a query, before the careful ranking."""

    passage: Passage
    similarity: float | None  # cosine to the query's vector; None without vectors

    @property
    def searched_text(self) -> str:
        return searched_text(self.passage.place, self.passage.header, self.passage.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What the index knows about a query."""

    terms: TermCounts
    candidates: tuple[Candidate, ...]  # in no order that matters
    not_read: tuple[str, ...] = ()  # titles of documents that wait to be read, some of them
