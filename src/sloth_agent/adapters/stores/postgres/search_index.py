"""Chunks, terms and vectors of one tenant: what ingestion writes and a search reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString

import psycopg
from psycopg import sql

from sloth_agent.adapters.stores.postgres.chunk_rows import (
    chunk_rows,
    copy_chunks,
    copy_vectors,
    vector_rows,
)
from sloth_agent.adapters.stores.postgres.costs import charging
from sloth_agent.adapters.stores.postgres.database import (
    Connection,
    Row,
    Statement,
    TenantDatabase,
)
from sloth_agent.adapters.stores.postgres.documents import (
    INDEX_HELD,
    INDEX_HELD_ALONE,
    counting,
    forget_chunks,
    missing_documents,
    saving,
    sum_up_counts,
    titles,
)
from sloth_agent.adapters.stores.postgres.generations import (
    ACTIVE_GENERATION,
    GENERATION_COLUMNS,
    vector_store,
)
from sloth_agent.adapters.stores.postgres.jobs import ending, holding, lost, unended
from sloth_agent.adapters.stores.postgres.places import place_from
from sloth_agent.adapters.stores.postgres.ranking import (
    SEARCH_SETTINGS,
    ranked_candidates,
)
from sloth_agent.adapters.stores.postgres.term_numbers import (
    array_literal,
    numbers_of_each,
    term_number,
)
from sloth_agent.adapters.stores.postgres.vectors import (
    APPROXIMATE_FROM_CHUNKS,
    create_vector_index,
    create_vectors,
    drop_vectors,
    vectors_table,
)
from sloth_agent.billing.costs import NO_BILL, Bill
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.ids import ChunkId, DocumentId
from sloth_agent.jobs.models import Claim, JobKind
from sloth_agent.knowledge.lexical import terms_of_each
from sloth_agent.knowledge.models import (
    Chunk,
    Document,
    Lookup,
    Passage,
    TermCounts,
    Vector,
    VectorStore,
    searched_text,
)

_ACTIVE_COUNTS: LiteralString = (
    f"select {GENERATION_COLUMNS},"
    " (select json_object_agg(term, chunks) from term_counts as counted"
    " where counted.generation = vector_stores.generation and term = any(%s::integer[]))"
    " from vector_stores where active"
)
MOST_NOT_READ = 10
"""How many documents a search names that it could not know yet."""

SETTLED_FROM_CHUNKS = 5_000
"""A smaller tenant is searched as fast without."""

UNSUMMED_TERMS = 200_000
"""Changes of term counts that wait for each other; a search reads through them in about 30 ms."""

_FEWEST_TERMS = 1_000

_HOLDING: LiteralString = (
    f"{INDEX_HELD}; select digest from documents where id = %s for update;"
    " select active, space is not null,"
    " not exists (select from chunks where document_id = %s),"
    # To find a change takes as long as to read many of its terms.
    f" (select coalesce(sum(greatest(size, {_FEWEST_TERMS})), 0) from count_changes)"
    " from vector_stores where generation = %s"
)


@dataclass(frozen=True, slots=True)
class PostgresSearchIndex:
    """`SearchIndex` within one tenant's schema."""

    database: TenantDatabase
    schema: str

    async def active(self) -> VectorStore:
        [[row]] = await self.database.at_once(self.schema, ACTIVE_GENERATION)
        return vector_store(row)

    async def adopt(self, *, space: str | None, dimensions: int | None) -> VectorStore:
        async with self.database.inside(self.schema, settings=INDEX_HELD_ALONE) as connection:
            active = await _active(connection)
            if active.chunks or active.space == space:
                return active
            await drop_vectors(connection, active.generation)
            await connection.execute(
                "update vector_stores set space = %s, dimensions = %s where generation = %s",
                (space, dimensions, active.generation),
            )
            if dimensions is not None:
                await create_vectors(connection, active.generation, dimensions=dimensions)
            return await _active(connection)

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
        terms = numbers_of_each(terms_of_each([chunk.searched_text for chunk in chunks]))
        rows = chunk_rows(document.id, chunks, terms, generation=generation)
        rows_of_vectors = vector_rows(chunks, vectors) if vectors else None
        charge, charged = charging(self.schema, bill)
        save, saved = saving(document, text=text)
        hold: LiteralString = _HOLDING
        held: tuple[object, ...] = (document.id, document.id, generation)
        if claim is not None:
            (keep, kept), (end, ended) = _claimed(self.schema, claim, document)
            hold, held = f"{hold}; {keep}", (*held, *kept)
            save, saved = f"{save}; {end}", (*saved, *ended)
        async with self.database.exchange(self.schema, hold, held) as exchange:
            connection = exchange.connection
            if claim is not None and not exchange.answers.pop():
                raise lost()
            is_active, has_vectors, is_new, unsummed = _unchanged(document, exchange.answers)
            if not is_new:
                # What other generations hold of it is out of date too, once searches read this one.
                stale = None if is_active else generation
                await forget_chunks(connection, document.id, generation=stale)
            if chunks:
                await copy_chunks(connection, rows)
                count, counted = counting(terms, generation=generation, sign=1)
                save, saved = f"{count}; {save}", (*counted, *saved)
            if rows_of_vectors and has_vectors:
                await copy_vectors(connection, rows_of_vectors, generation=generation)
            if unsummed > UNSUMMED_TERMS:
                await sum_up_counts(connection)
            await exchange.last(f"{save}; {charge}", (*saved, *charged))

    async def known_vectors(self, document: Document, *, generation: int) -> Mapping[str, Vector]:
        statement = sql.SQL(
            "select place, header, chunks.text, vector::real[] from chunks"
            " join {} on chunk_id = chunks.id where generation = %s and document_id = any("
            "array(select id from documents where id = %s or digest = %s))"
        ).format(vectors_table(generation))
        try:
            [rows] = await self.database.at_once(
                self.schema,
                statement.as_string(None),
                (generation, document.id, document.digest),
            )
        except psycopg.errors.UndefinedTable as error:
            raise _rebuilt() from error
        return {
            searched_text(place_from(place), header, text): vector
            for place, header, text, vector in rows
        }

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
        query = (terms, vector, space, documents, limit, few)
        try:
            return await self._look_up(*query)
        except psycopg.errors.UndefinedTable:
            # A rebuild removed the vectors between the look at the generation and the search.
            return await self._look_up(*query)

    async def _look_up(
        self,
        terms: Sequence[str],
        vector: Vector | None,
        space: str | None,
        documents: Sequence[str],
        limit: int,
        few: int,
    ) -> Lookup:
        numbers = {term: term_number(term) for term in terms}
        unread, asked = unended(self.schema, JobKind.INGEST, limit=MOST_NOT_READ)
        async with self.database.exchange(
            self.schema,
            f"{_ACTIVE_COUNTS}; {unread}",
            [array_literal(numbers.values()), *asked],
            snapshot=True,
            settings=SEARCH_SETTINGS,
        ) as exchange:
            [[(*store, counted)], waiting] = exchange.answers
            not_read = await titles(exchange.connection, waiting) if waiting else ()
            active = vector_store(store)
            counts = _term_counts(active, numbers, counted or {})
            candidates = await ranked_candidates(
                exchange,
                counts,
                vector if space == active.space else None,
                generation=active.generation,
                documents=documents,
                limit=limit,
                few=few,
            )
        return Lookup(terms=counts, candidates=tuple(candidates), not_read=tuple(not_read))

    async def passages(self, ids: Sequence[ChunkId]) -> Sequence[Passage]:
        [rows] = await self.database.at_once(
            self.schema,
            "select chunks.id, document_id, title, chunks.text, place, header from chunks"
            " join documents on documents.id = document_id where chunks.id = any(%s)",
            (list(ids),),
        )
        found = {
            id: Passage(
                chunk_id=ChunkId(id),
                document_id=DocumentId(document),
                document=title,
                text=text,
                score=0.0,
                place=place_from(place),
                header=header,
            )
            for id, document, title, text, place, header in rows
        }
        return [found[id] for id in ids if id in found]

    async def next_generation(self, store: VectorStore) -> VectorStore:
        async with self.database.inside(self.schema, settings=INDEX_HELD_ALONE) as connection:
            active = await _active(connection)
            begun = await _unfinished(connection)
            if begun is not None:
                if _same_way(begun, store):
                    return begun
                await _remove(connection, begun.generation)
            generation = max(active.generation, begun.generation if begun else 0) + 1
            await connection.execute(
                "insert into vector_stores (generation, active, space, dimensions, chunk_size,"
                " chunk_overlap, created_at) values (%s, false, %s, %s, %s, %s, %s)",
                (
                    generation,
                    store.space,
                    store.dimensions,
                    store.chunk_size,
                    store.chunk_overlap,
                    datetime.now(UTC),
                ),
            )
            if store.dimensions is not None:
                await create_vectors(connection, generation, dimensions=store.dimensions)
            return await _store(connection, generation)

    async def activate(self, generation: int) -> bool:
        # Nothing is published between the check and the swap.
        async with self.database.inside(self.schema, settings=INDEX_HELD_ALONE) as connection:
            if (await _store(connection, generation)).active:
                return True  # another rebuild was faster
            if await missing_documents(connection, generation=generation):
                return False
            before = await _active(connection)
            await connection.execute("update vector_stores set active = false where active")
            await connection.execute(
                "update vector_stores set active = true where generation = %s", (generation,)
            )
            await _remove(connection, before.generation)
            return True

    async def settle(self) -> None:
        async with self.database.inside(self.schema, settings=INDEX_HELD_ALONE) as connection:
            active = await _active(connection)
            await sum_up_counts(connection)
            if active.chunks < SETTLED_FROM_CHUNKS:
                return
            if active.space is not None and active.chunks >= APPROXIMATE_FROM_CHUNKS:
                await create_vector_index(connection, active.generation)
        async with self.database.owning(self.schema) as connection:
            await connection.execute("analyze chunks")
            # New chunks wait in a list that every search reads through.
            await connection.execute("select gin_clean_pending_list('chunks_terms')")


def _claimed(schema: str, claim: Claim, document: Document) -> tuple[Statement, Statement]:
    """What makes sure that a claim lasts, and what ends its job as the document ended."""
    now = document.processed_at
    assert now is not None, "what is published was processed"
    return holding(schema, claim), ending(schema, claim, now=now, problem=document.problem)


def _unchanged(document: Document, held: list[list[Row]]) -> tuple[bool, bool, bool, int]:
    """What was found when others were kept from changing the document until the transaction ends.

    Returns whether the generation is active, whether it has vectors, whether there is nothing of
    the document in any, and how many changes of counts are not summed up.
    """
    _locked, documents, stores = held
    if not documents:
        raise NotFound(f"{document.title!r} was deleted while it was being read.")
    if documents != [(document.digest,)]:
        raise Conflict(f"{document.title!r} changed while it was being read.")
    if not stores:
        raise _rebuilt()
    [(is_active, has_vectors, is_new, unsummed)] = stores
    return is_active, has_vectors, is_new, unsummed


async def _active(connection: Connection) -> VectorStore:
    found = await connection.execute(ACTIVE_GENERATION)
    row = await found.fetchone()
    assert row is not None, "a tenant is made with its first generation"
    return vector_store(row)


def _term_counts(
    active: VectorStore, numbers: Mapping[str, int], counted: Mapping[str, int]
) -> TermCounts:
    """How many of the active generation's chunks hold each term; JSON has numbers as text."""
    holding = {term: max(counted.get(str(number), 0), 0) for term, number in numbers.items()}
    return TermCounts(chunks=active.chunks, holding=holding)


async def _unfinished(connection: Connection) -> VectorStore | None:
    found = await connection.execute(
        f"select {GENERATION_COLUMNS} from vector_stores where not active"
    )
    row = await found.fetchone()
    return vector_store(row) if row else None


async def _store(connection: Connection, generation: int) -> VectorStore:
    found = await connection.execute(
        f"select {GENERATION_COLUMNS} from vector_stores where generation = %s", (generation,)
    )
    row = await found.fetchone()
    if row is None:
        raise _rebuilt()
    return vector_store(row)


def _rebuilt() -> Conflict:
    return Conflict("The index was rebuilt meanwhile.", hint="Run it again.")


async def _remove(connection: Connection, generation: int) -> None:
    await drop_vectors(connection, generation)
    for table in ("chunks", "term_totals", "count_changes", "vector_stores"):
        await connection.execute(
            sql.SQL("delete from {} where generation = %s").format(sql.Identifier(table)),
            (generation,),
        )


def _same_way(one: VectorStore, other: VectorStore) -> bool:
    return (one.space, one.chunk_size, one.chunk_overlap) == (
        other.space,
        other.chunk_size,
        other.chunk_overlap,
    )
