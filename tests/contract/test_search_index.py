"""Chunks, terms and vectors of one tenant, whatever happens to its documents and in which order."""

import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import anyio
import pytest
from psycopg import sql

from fakes.hashing_embedder import HashingEmbedder
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.documents import PostgresDocuments
from sloth_agent.adapters.stores.postgres.search_index import PostgresSearchIndex
from sloth_agent.adapters.stores.postgres.term_numbers import term_number
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.ids import ChunkId, DocumentId, new_id
from sloth_agent.knowledge.lexical import terms
from sloth_agent.knowledge.models import (
    Chunk,
    Document,
    DocumentStatus,
    Lookup,
    Place,
    VectorStore,
)
from sloth_agent.knowledge.ports import DocumentStore, SearchIndex

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
WORDS = [f"{letters}{end}" for letters in ("hair", "нігті", "o'h") for end in range(40)]
NOWHERE = Place()
SPACE = HashingEmbedder().space


@dataclass(frozen=True)
class Stores:
    documents: DocumentStore
    index: SearchIndex
    database: Database
    schema: str

    async def publish(
        self, document: Document, *texts: str, generation: int = 1, embedded: bool = False
    ) -> Document:
        chunks = pieces(*texts)
        done = replace(document, status=DocumentStatus.COMPLETED, chunks=len(chunks))
        vectors = await HashingEmbedder().embed(texts) if embedded else None
        await self.index.publish(done, "\n".join(texts), chunks, vectors, generation=generation)
        return done

    async def find(self, question: str, **options: object) -> list[str]:
        lookup = await self.look_up(question, **options)
        return [candidate.passage.text for candidate in lookup.candidates]

    async def look_up(self, question: str, **options: object) -> Lookup:
        return await self.index.look_up(terms(question), limit=10, **options)  # type: ignore[arg-type]  # options by name

    async def assert_counts_are_true(self) -> None:
        """What a search is told of each term is what the chunks themselves hold."""
        active = await self.index.active()
        async with self.database.inside(self.schema) as connection:
            found = await connection.execute(
                "select terms from chunks where generation = %s",
                (active.generation,),
            )
            chunks = [row[0] for row in await found.fetchall()]
            found = await connection.execute(
                "select term, chunks from term_counts where generation = %s and chunks <> 0",
                (active.generation,),
            )
            counted = dict(await found.fetchall())
        truth = Counter(term for held in chunks for term in held)
        asked = sorted({*terms(" ".join(WORDS)), "nowhere"})
        assert counted == truth
        told = (await self.index.look_up(asked, limit=1)).terms
        assert dict(told.holding) == {term: truth[term_number(term)] for term in asked}
        assert told.chunks == active.chunks == len(chunks)

    async def vectors(self, generation: int) -> set[ChunkId]:
        table = sql.Identifier(f"vectors_{generation}")
        async with self.database.inside(self.schema) as connection:
            found = await connection.execute(sql.SQL("select chunk_id from {}").format(table))
            return {ChunkId(row[0]) for row in await found.fetchall()}

    async def chunk_ids(self, generation: int) -> set[ChunkId]:
        async with self.database.inside(self.schema) as connection:
            found = await connection.execute(
                "select id from chunks where generation = %s", (generation,)
            )
            return {ChunkId(row[0]) for row in await found.fetchall()}


@pytest.fixture
def stores(database: Database, tenant: AsyncTenant) -> Stores:
    schema = tenant.organization.schema_name
    return Stores(
        PostgresDocuments(database, schema), PostgresSearchIndex(database, schema), database, schema
    )


def new_document(source: str = "/docs/a.txt", digest: str = "aa") -> Document:
    return Document(
        id=DocumentId(new_id()),
        title=source.rpartition("/")[2],
        source=source,
        digest=digest * 32,
        size_bytes=10,
        created_at=NOW,
    )


def pieces(*texts: str, place: Place = NOWHERE, header: str = "") -> list[Chunk]:
    start = 0
    chunks = []
    for position, text in enumerate(texts):
        chunks.append(
            Chunk(
                id=ChunkId(new_id()),
                position=position,
                text=text,
                start=start,
                end=start + len(text),
                place=place,
                header=header,
            )
        )
        start += len(text) + 1
    return chunks


async def test_a_new_tenant_has_an_empty_index(stores: Stores) -> None:
    active = await stores.index.active()
    assert (active.generation, active.space, active.chunks, active.active) == (1, None, 0, True)
    assert (active.chunk_size, active.chunk_overlap) == (1000, 200)
    assert await stores.find("haircut") == []


async def test_everything_about_a_chunk_comes_back(stores: Stores) -> None:
    place = Place(member="in.zip", page=3, sheet="Hair", row=7, headings=("Prices", "Hair"))
    document = await stores.documents.add(new_document("/docs/Прайс.xlsx"))
    [chunk] = pieces("Cut | 40", place=place, header="Service | Price")
    done = replace(document, status=DocumentStatus.COMPLETED, chunks=1)
    await stores.index.publish(done, "Cut | 40", [chunk], None, generation=1)
    [candidate] = (await stores.look_up("cut")).candidates
    passage = candidate.passage
    assert (passage.chunk_id, passage.document_id) == (chunk.id, document.id)
    assert (passage.document, passage.place, passage.header) == ("Прайс.xlsx", place, chunk.header)
    assert candidate.searched_text == chunk.searched_text
    assert await stores.find("prices service hair") == ["Cut | 40"]


async def test_new_chunks_take_the_place_of_the_old(stores: Stores) -> None:
    document = await stores.publish(await stores.documents.add(new_document()), "haircut 40")
    await stores.publish(document, "manicure 25", "hours 9")
    assert sorted(await stores.find("haircut")) == ["hours 9", "manicure 25"]
    assert (await stores.index.active()).chunks == 2
    await stores.assert_counts_are_true()


async def test_a_deleted_document_is_not_found(stores: Stores) -> None:
    document = await stores.publish(await stores.documents.add(new_document()), "haircut 40")
    assert await stores.documents.delete(document.id)
    assert await stores.find("haircut") == []
    assert not await stores.documents.delete(document.id)
    await stores.assert_counts_are_true()
    with pytest.raises(NotFound):
        await stores.publish(document, "haircut 40")
    assert await stores.documents.find(document.id) is None


async def test_chunks_of_an_older_content_are_refused(stores: Stores) -> None:
    document = await stores.documents.add(new_document())
    await stores.documents.exchange(replace(document, digest="bb" * 32))
    with pytest.raises(Conflict):
        await stores.publish(document, "old text")
    assert await stores.find("old") == []


async def test_searches_can_keep_to_one_document(stores: Stores) -> None:
    for source in ("/docs/a.txt", "/docs/b.txt"):
        document = await stores.documents.add(new_document(source))
        await stores.publish(document, f"haircut in {source}")
    assert await stores.find("haircut", documents=["b.txt"]) == ["haircut in /docs/b.txt"]
    assert await stores.find("haircut", documents=["b.*"]) == ["haircut in /docs/b.txt"]
    assert await stores.find("haircut", documents=["c.txt"]) == []
    assert await stores.find("haircut", documents=["%"]) == []


@pytest.mark.parametrize(
    "question",
    ["a & b | !c <-> 'd':*", "'", "\\", "o'hara", "\\' || \\\\", "<->", "(((", ":*A", "e\u0301'"],
)
async def test_search_operators_are_words_at_most(stores: Stores, question: str) -> None:
    await stores.publish(await stores.documents.add(new_document()), "o'hara & d (c)")
    assert set(await stores.find(question)) <= {"o'hara & d (c)"}


async def test_any_words_can_be_indexed(stores: Stores) -> None:
    text = r"it's 'quoted' back\slash d’accord İstanbul ß Ω 漢字 " + "x" * 3000
    await stores.publish(await stores.documents.add(new_document()), text)
    for term in terms(text):
        assert await stores.find(term) == [text]


async def test_the_space_is_settled_by_the_first_chunk(stores: Stores) -> None:
    first = await stores.index.adopt(space="hashing/first/16", dimensions=16)
    assert (first.space, first.dimensions) == ("hashing/first/16", 16)
    again = await stores.index.adopt(space="other", dimensions=3)
    assert (again.space, again.dimensions) == ("other", 3)
    await stores.index.adopt(space=first.space, dimensions=16)
    await stores.publish(await stores.documents.add(new_document()), "haircut 40", embedded=True)
    late = await stores.index.adopt(space="other", dimensions=3)
    assert late.space == first.space


async def test_vectors_find_what_words_do_not(stores: Stores) -> None:
    embedder = HashingEmbedder()
    await stores.index.adopt(space=embedder.space, dimensions=16)
    document = await stores.documents.add(new_document())
    await stores.publish(document, "haircut 40", "manicure 25", embedded=True)
    [vector] = await embedder.embed(["manicure 25"])
    lookup = await stores.index.look_up([], vector, space=embedder.space, limit=1)
    [best] = lookup.candidates
    assert best.passage.text == "manicure 25"
    assert best.similarity == pytest.approx(1, abs=1e-3)


async def test_a_word_that_stands_everywhere_is_found(stores: Stores) -> None:
    document = await stores.documents.add(new_document())
    await stores.publish(document, "haircut 40", "haircut 50", "haircut 60")
    lookup = await stores.index.look_up(terms("haircut"), limit=2)
    assert len(lookup.candidates) == 2


async def test_only_among_many_chunks_do_terms_choose(stores: Stores) -> None:
    document = await stores.documents.add(new_document())
    await stores.publish(document, "customer parking 5", "haircut 40")
    few = await stores.index.look_up(["haircut"], limit=2)
    assert len(few.candidates) == 2
    many = await stores.index.look_up(["hairc"], limit=1)
    assert [candidate.passage.text for candidate in many.candidates] == ["haircut 40"]


async def test_a_vector_of_another_space_is_left_out(stores: Stores) -> None:
    embedder = HashingEmbedder()
    await stores.index.adopt(space=embedder.space, dimensions=16)
    await stores.publish(await stores.documents.add(new_document()), "haircut 40", embedded=True)
    [vector] = await HashingEmbedder("second").embed(["haircut 40"])
    lookup = await stores.look_up("haircut", vector=vector, space="hashing/second/16")
    assert [candidate.similarity for candidate in lookup.candidates] == [None]


async def test_vectors_of_copies_are_known(stores: Stores) -> None:
    embedder = HashingEmbedder()
    await stores.index.adopt(space=embedder.space, dimensions=16)
    document = await stores.documents.add(new_document())
    await stores.publish(document, "haircut 40", embedded=True)
    copy = await stores.documents.add(new_document("/docs/copy.txt"))
    other = await stores.documents.add(new_document("/docs/other.txt", digest="cc"))
    [vector] = await embedder.embed(["haircut 40"])
    known = await stores.index.known_vectors(copy, generation=1)
    assert list(known) == ["haircut 40"]
    assert list(known["haircut 40"]) == pytest.approx(list(vector), abs=1e-3)
    assert await stores.index.known_vectors(other, generation=1) == {}


async def test_a_generation_is_filled_beside_the_active_one(stores: Stores) -> None:
    document = await stores.publish(await stores.documents.add(new_document()), "haircut 40")
    beside = await stores.index.next_generation(wanted(chunk_size=500))
    assert (beside.generation, beside.active, beside.chunk_size) == (2, False, 500)
    assert await stores.documents.unfinished(generation=2) == [document.id]
    assert not await stores.index.activate(2)
    await stores.publish(document, "haircut", "40", generation=2)
    assert await stores.find("haircut") == ["haircut 40"]
    assert await stores.index.activate(2)
    assert sorted(await stores.find("haircut")) == ["40", "haircut"]
    assert await stores.index.active() == replace(beside, active=True, chunks=2)
    await stores.assert_counts_are_true()


async def test_a_begun_generation_is_taken_up_again(stores: Stores) -> None:
    begun = await stores.index.next_generation(wanted(chunk_size=500))
    assert await stores.index.next_generation(wanted(chunk_size=500)) == begun
    other = await stores.index.next_generation(wanted(chunk_size=600))
    assert other.generation > begun.generation
    document = await stores.documents.add(new_document())
    with pytest.raises(Conflict):
        await stores.publish(document, "late", generation=begun.generation)


async def test_a_document_that_changes_during_a_rebuild_is_asked_for_again(stores: Stores) -> None:
    document = await stores.publish(await stores.documents.add(new_document()), "haircut 40")
    beside = await stores.index.next_generation(wanted(chunk_size=500))
    await stores.publish(document, "haircut 40", generation=beside.generation)
    await stores.publish(document, "haircut 45")
    assert not await stores.index.activate(beside.generation)
    assert await stores.documents.unfinished(generation=beside.generation) == [document.id]


@pytest.mark.parametrize("seed", range(4))
async def test_counts_stay_true_in_any_sequence(stores: Stores, seed: int) -> None:
    chance = random.Random(seed)
    embedded = seed % 2 == 1
    space, dimensions = (HashingEmbedder().space, 16) if embedded else (None, None)
    await stores.index.adopt(space=space, dimensions=dimensions)
    known: list[Document] = []

    def texts() -> list[str]:
        return [" ".join(chance.choices(WORDS, k=5)) for _ in range(chance.randint(0, 4))]

    for step in range(40):
        action = chance.choice(["add", "add", "replace", "delete", "rebuild"])
        generation = (await stores.index.active()).generation
        if action == "add":
            added = await stores.documents.add(new_document(f"/docs/{step}.txt"))
            known.append(
                await stores.publish(added, *texts(), generation=generation, embedded=embedded)
            )
        elif action == "replace" and known:
            place = chance.randrange(len(known))
            known[place] = await stores.publish(
                known[place], *texts(), generation=generation, embedded=embedded
            )
        elif action == "delete" and known:
            await stores.documents.delete(known.pop(chance.randrange(len(known))).id)
        elif action == "rebuild":
            beside = await stores.index.next_generation(
                wanted(chunk_size=100 + step, space=space, dimensions=dimensions)
            )
            for id in await stores.documents.unfinished(generation=beside.generation):
                found = await stores.documents.find(id)
                assert found is not None
                words = [" ".join(chance.choices(WORDS, k=3)) for _ in range(2)]
                await stores.publish(found, *words, generation=beside.generation, embedded=embedded)
                if chance.random() < 0.1:
                    break
            await stores.index.activate(beside.generation)
        await stores.assert_counts_are_true()
    if embedded:
        generation = (await stores.index.active()).generation
        assert await stores.vectors(generation) == await stores.chunk_ids(generation)


async def test_replacing_many_documents_at_once_stands_still_for_nobody(stores: Stores) -> None:
    """Fails with a deadlock where a publication does not wait for its turn first."""
    chance = random.Random(7)
    documents = [await stores.documents.add(new_document(f"/docs/{n}.txt")) for n in range(8)]

    async def replace_often(document: Document) -> None:
        for _ in range(8):
            texts = [" ".join(chance.choices(WORDS, k=6)) for _ in range(20)]
            await stores.publish(document, *texts)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for document in documents:
                group.start_soon(replace_often, document)
    await stores.assert_counts_are_true()
    assert (await stores.index.active()).chunks == 8 * 20


async def test_replacing_deleting_and_rebuilding_at_once(stores: Stores) -> None:
    """Fails with deadlocks where one of the three does not wait for its turn first."""
    chance = random.Random(11)
    await stores.index.adopt(space=SPACE, dimensions=16)
    documents = [await stores.documents.add(new_document(f"/docs/{n}.txt")) for n in range(6)]

    async def delete(document: Document) -> None:
        await anyio.sleep(chance.random() / 4)
        await stores.documents.delete(document.id)

    async def rebuild() -> None:
        for size in range(300, 306):
            await fill_and_swap(stores, chunk_size=size)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for document in documents:
                group.start_soon(change_often, stores, document, chance)
            for document in documents[::2]:
                group.start_soon(delete, document)
            group.start_soon(rebuild)
    await stores.assert_counts_are_true()
    generation = (await stores.index.active()).generation
    assert await stores.vectors(generation) == await stores.chunk_ids(generation)


async def change_often(stores: Stores, document: Document, chance: random.Random) -> None:
    """Until it is gone."""
    with suppress(NotFound):
        for _ in range(12):
            generation = (await stores.index.active()).generation
            with suppress(Conflict):  # swapped meanwhile
                await stores.publish(
                    document, *chance.choices(WORDS, k=5), generation=generation, embedded=True
                )


async def fill_and_swap(stores: Stores, *, chunk_size: int) -> None:
    store = wanted(chunk_size=chunk_size, space=SPACE, dimensions=16)
    generation = (await stores.index.next_generation(store)).generation
    while not await stores.index.activate(generation):
        for id in await stores.documents.unfinished(generation=generation):
            found = await stores.documents.find(id)
            if found is not None:
                with suppress(NotFound):
                    await stores.publish(found, "rebuilt", generation=generation, embedded=True)


def wanted(
    *, chunk_size: int, space: str | None = None, dimensions: int | None = None
) -> VectorStore:
    return VectorStore(
        generation=0, space=space, dimensions=dimensions, chunk_size=chunk_size, chunk_overlap=0
    )
