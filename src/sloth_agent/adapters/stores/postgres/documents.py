"""The documents of one tenant."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, groupby
from operator import itemgetter
from typing import LiteralString

import psycopg
from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.database import (
    Connection,
    Row,
    Statement,
    TenantDatabase,
)
from sloth_agent.adapters.stores.postgres.generations import ACTIVE_GENERATION, vector_store
from sloth_agent.adapters.stores.postgres.jobs import forgetting
from sloth_agent.adapters.stores.postgres.term_numbers import array_literal
from sloth_agent.adapters.stores.postgres.usage import (
    PostgresUsage,
    adding_if,
    changing,
)
from sloth_agent.adapters.stores.postgres.vectors import forget_vectors
from sloth_agent.billing.allowance import Resource, lasting_room
from sloth_agent.billing.models import NO_LIMITS, Limits
from sloth_agent.errors import Conflict, Problem
from sloth_agent.ids import DocumentId, new_id
from sloth_agent.jobs.models import JobKind
from sloth_agent.knowledge.models import (
    Document,
    DocumentStatus,
    Unread,
    VectorStore,
    file_key,
)

_COLUMNS: LiteralString = (
    "id, title, source, digest, size_bytes, created_at, status, media_type, problem, pages,"
    " chunk_count, unread, processed_at"
)
# A document whose reading was given up or cancelled has failed, though nobody could write it down.
_SELECTED: LiteralString = (
    "select documents.id, title, source, digest, size_bytes, documents.created_at,"
    " case when given_up.id is null then documents.status else given_up.status end, media_type,"
    " case when given_up.id is null then documents.problem else given_up.problem end, pages,"
    " chunk_count, unread, coalesce(given_up.completed_at, processed_at)"
    " from documents left join public.processing_jobs as given_up"
    " on schema_name = current_schema() and kind = 'ingest' and subject = documents.id"
    " and given_up.status = 'failed' and documents.status in ('pending', 'processing')"
)

DOCUMENTS, STORAGE = Resource.DOCUMENTS, Resource.STORAGE_BYTES

_SAVING: LiteralString = (
    "update documents set title = %s, source = %s, created_at = %s, status = %s,"
    " media_type = %s, problem = %s, pages = %s, chunk_count = %s, unread = %s,"
    " processed_at = %s, text = coalesce(%s, text) where id = %s"
)
_COUNTING: LiteralString = (
    "insert into count_changes (id, generation, chunks, terms, term_changes, size)"
    " values (%s, %s, %s, %s, %s, %s)"
)

# What counts a document, in each case before or after the change itself. Its row is held already:
# who counts takes the counters last, documents before bytes.
_THERE: LiteralString = "select from documents where id = %s"
_ONE_LESS: LiteralString = "select -1 as change from documents where id = %s"
_GROWTH: LiteralString = "select %s - size_bytes as change from documents where id = %s"

# The first statement of a transaction, or a setting of it, that keeps generations as they are until
# it ends. Whoever changes the chunks of one document holds the index beside others, whoever changes
# the generations alone; before all other locks, or two would wait for each other. Searches wait for
# nobody.
_LOCK: LiteralString = "(0x51074, hashtext(current_schema()))"
INDEX_HELD: LiteralString = f"select pg_advisory_xact_lock_shared{_LOCK}"
INDEX_HELD_ALONE: LiteralString = f"; select pg_advisory_xact_lock{_LOCK}"


@dataclass(frozen=True, slots=True)
class PostgresDocuments:
    """`DocumentStore` within one tenant's schema."""

    database: TenantDatabase
    schema: str

    async def add(self, document: Document, *, limits: Limits = NO_LIMITS) -> Document:
        one, one_counted = adding_if(_THERE, self.schema, lasting_room(DOCUMENTS, limits), 1)
        size, size_counted = adding_if(
            _THERE, self.schema, lasting_room(STORAGE, limits), document.size_bytes
        )
        async with PostgresUsage(self.database, self.schema).within(limits):
            [[row]] = await self.database.at_once(
                self.schema,
                f"insert into documents ({_COLUMNS})"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " on conflict (source) do update set source = excluded.source"
                f" returning {_COLUMNS}; {one}; {size}",
                (*_values(document), document.id, *one_counted, document.id, *size_counted),
            )
        return _document(row)

    async def find(self, id: DocumentId) -> Document | None:
        [rows] = await self.database.at_once(
            self.schema, f"{_SELECTED} where documents.id = %s", (id,)
        )
        return _only(rows)

    async def with_digest(self, digest: str) -> Sequence[Document]:
        [rows] = await self.database.at_once(
            self.schema,
            f"{_SELECTED} where digest = %s order by documents.id",
            (digest,),
        )
        return [_document(row) for row in rows]

    async def all(self, *, limit: int, after: DocumentId | None = None) -> Sequence[Document]:
        [rows] = await self.database.at_once(
            self.schema,
            f"{_SELECTED} where %s::uuid is null or documents.id > %s"
            " order by documents.id limit %s",
            (after, after, limit),
        )
        return [_document(row) for row in rows]

    async def begin(self, id: DocumentId) -> tuple[Document, VectorStore] | None:
        documents, [active] = await self.database.at_once(
            self.schema,
            "update documents set status = 'processing', problem = null where id = %s"
            f" returning {_COLUMNS}; {ACTIVE_GENERATION}",
            (id,),
        )
        return (_document(documents[0]), vector_store(active)) if documents else None

    async def save(self, document: Document) -> None:
        try:
            await self.database.at_once(self.schema, *saving(document))
        except psycopg.errors.UniqueViolation as error:
            raise Conflict(f"Another document comes from {document.source}.") from error

    async def exchange(self, document: Document, *, limits: Limits = NO_LIMITS) -> Document | None:
        size, size_counted = changing(_GROWTH, self.schema, lasting_room(STORAGE, limits))
        async with PostgresUsage(self.database, self.schema).within(limits):
            [before] = await self.database.at_once(
                self.schema,
                f"select {_COLUMNS} from documents where id = %s for update; {size};"
                " update documents set digest = %s, size_bytes = %s, status = %s where id = %s",
                (
                    document.id,
                    *(document.size_bytes, document.id, *size_counted),
                    *(document.digest, document.size_bytes, document.status, document.id),
                ),
            )
        return _only(before)

    async def delete(self, id: DocumentId) -> Document | None:
        one, one_counted = changing(_ONE_LESS, self.schema, lasting_room(DOCUMENTS, NO_LIMITS))
        size, size_counted = changing(_GROWTH, self.schema, lasting_room(STORAGE, NO_LIMITS))
        async with self.database.exchange(
            self.schema,
            f"{INDEX_HELD}; select {_COLUMNS} from documents where id = %s for update",
            (id,),
        ) as exchange:
            _locked, gone = exchange.answers
            await forget_chunks(exchange.connection, id)
            forget, forgotten = forgetting(self.schema, JobKind.INGEST, id)
            await exchange.last(
                f"{forget}; {one}; {size}; delete from documents where id = %s",
                (*forgotten, id, *one_counted, 0, id, *size_counted, id),
            )
            return _only(gone)

    async def file_keys(self) -> Collection[str]:
        async with self.database.inside(self.schema) as connection:
            return await document_files(connection)

    async def unfinished(self, *, generation: int) -> Sequence[DocumentId]:
        async with self.database.inside(self.schema) as connection:
            return await missing_documents(connection, generation=generation)


def saving(document: Document, *, text: str | None = None) -> Statement:
    """Store a document, with its text if given, within a transaction that has more to do.

    Its content, which is counted, changes by `exchange` alone.
    """
    id, title, source, _digest, _size, *values = _values(document)
    return _SAVING, (title, source, *values, text, id)


async def document_files(connection: Connection) -> list[str]:
    """Keys of the original files of all documents."""
    found = await connection.execute("select id, digest from documents order by id")
    return [file_key(id, digest) for id, digest in await found.fetchall()]


async def titles(connection: Connection, ids: Sequence[Row]) -> list[str]:
    """Of documents, in the order in which they came."""
    found = await connection.execute(
        "select title from documents where id = any(%s) order by id", ([id for (id,) in ids],)
    )
    return [title for (title,) in await found.fetchall()]


async def waiting_documents(connection: Connection) -> list[DocumentId]:
    """Documents that are kept, and still to be read."""
    found = await connection.execute(
        "select id from documents where status in ('pending', 'processing') order by id"
    )
    return [DocumentId(row[0]) for row in await found.fetchall()]


async def missing_documents(connection: Connection, *, generation: int) -> list[DocumentId]:
    """Completed documents of which a generation holds nothing."""
    found = await connection.execute(
        "select id from documents where status = 'completed' and chunk_count > 0"
        " and not exists (select from chunks where document_id = documents.id"
        " and generation = %s) order by id",
        (generation,),
    )
    return [DocumentId(row[0]) for row in await found.fetchall()]


async def forget_chunks(
    connection: Connection, id: DocumentId, *, generation: int | None = None
) -> None:
    """Remove a document's chunks, vectors and counts; of all generations if None."""
    gone = await connection.execute(
        "delete from chunks where document_id = %s and (%s::integer is null or generation = %s)"
        " returning generation, id, terms",
        (id, generation, generation),
    )
    rows = sorted(await gone.fetchall(), key=itemgetter(0))
    for of_generation, chunks in groupby(rows, key=itemgetter(0)):
        _, ids, terms = zip(*chunks, strict=True)
        await forget_vectors(connection, ids, generation=of_generation)
        await connection.execute(*counting(terms, generation=of_generation, sign=-1))


def counting(chunks: Sequence[Sequence[int]], *, generation: int, sign: int) -> Statement:
    """Add chunks, given by their terms, to the counts of a generation, or take them away."""
    counts = Counter(chain.from_iterable(chunks))
    changes = array_literal([sign * count for count in counts.values()])
    size = len(counts)
    values = (new_id(), generation, sign * len(chunks), array_literal(counts), changes, size)
    return _COUNTING, values


async def sum_up_counts(connection: Connection) -> None:
    """Add the changes of counts to the totals; what another transaction adds is left to it."""
    await connection.execute(
        "with taken as (select id from count_changes for update skip locked),"
        " gone as (delete from count_changes where id in (select id from taken)"
        " returning generation, chunks, terms, term_changes),"
        " in_all as (update vector_stores set chunk_count = chunk_count + gone_in_it.chunks"
        " from (select generation, sum(chunks) as chunks from gone group by generation)"
        " as gone_in_it where gone_in_it.generation = vector_stores.generation)"
        " insert into term_totals as kept (generation, term, chunks)"
        " select generation, term, sum(change) from"
        " (select generation, unnest(terms), unnest(term_changes) from gone)"
        " as new (generation, term, change)"
        # In one order everywhere: unsorted upserts deadlock.
        " group by generation, term order by generation, term"
        " on conflict (generation, term) do update set chunks = kept.chunks + excluded.chunks"
    )


def _values(document: Document) -> tuple[object, ...]:
    return (
        document.id,
        document.title,
        document.source,
        document.digest,
        document.size_bytes,
        document.created_at,
        document.status,
        document.media_type,
        Jsonb(asdict(document.problem)) if document.problem else None,
        document.pages,
        document.chunks,
        Jsonb([asdict(part) for part in document.unread]),
        document.processed_at,
    )


def _only(rows: Sequence[Row]) -> Document | None:
    return _document(rows[0]) if rows else None


def _document(row: Row) -> Document:
    (id, title, source, digest, size_bytes, created_at, status, media_type, problem, pages,
     chunks, unread, processed_at) = row  # fmt: skip
    return Document(
        id=DocumentId(id),
        title=title,
        source=source,
        digest=digest,
        size_bytes=size_bytes,
        created_at=created_at,
        status=DocumentStatus(status),
        media_type=media_type,
        problem=Problem(**problem) if problem else None,
        pages=pages,
        chunks=chunks,
        unread=tuple(Unread(**part) for part in unread),
        processed_at=processed_at,
    )
