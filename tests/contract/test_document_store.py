"""The documents of one tenant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import psycopg
import pytest

from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.documents import PostgresDocuments
from sloth_agent.adapters.stores.postgres.jobs import PostgresJobs
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import Conflict, InvalidInput, Problem
from sloth_agent.ids import DocumentId, new_id
from sloth_agent.jobs.models import JobKind, NewJob
from sloth_agent.knowledge.models import Document, DocumentStatus, Unread
from sloth_agent.knowledge.ports import DocumentStore

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def store(database: Database, tenant: AsyncTenant) -> DocumentStore:
    return PostgresDocuments(database, tenant.organization.schema_name)


def new_document(source: str = "/docs/a.txt", digest: str = "aa") -> Document:
    return Document(
        id=DocumentId(new_id()),
        title=source.rpartition("/")[2],
        source=source,
        digest=digest * 32,
        size_bytes=3_000_000_000,
        created_at=datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC),
    )


async def test_everything_about_a_document_comes_back(store: DocumentStore) -> None:
    document = replace(
        new_document("/docs/Прайс 'x'.pdf"),
        status=DocumentStatus.FAILED,
        media_type="application/pdf",
        problem=Problem(code="no_text", message="Сторінки 1, 2 без тексту."),
        pages=7,
        unread=(Unread(part="page 3", code="no_text", message="A scan."),),
        processed_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
    )
    assert await store.add(document) == document
    assert await store.find(document.id) == document
    assert list(await store.all(limit=10)) == [document]
    assert list(await store.with_digest(document.digest)) == [document]


async def test_a_document_whose_job_was_given_up_has_failed(
    store: DocumentStore, database: Database, tenant: AsyncTenant
) -> None:
    """Nobody was there to write it down: a killed worker, a deadline, a cancellation."""
    jobs = PostgresJobs(database, tenant.organization.schema_name)
    document = await store.add(new_document())
    job = NewJob(kind=JobKind.INGEST, subject=document.id)
    claim = await jobs.take(job, worker="w", now=NOW, until=NOW + timedelta(minutes=1))
    reading = await begun(store, document)
    assert claim is not None
    assert await store.find(document.id) == reading

    lost = Problem(code="worker_lost", message="It ended without a word.")
    assert await jobs.end(claim, now=NOW, problem=lost)
    failed = replace(reading, status=DocumentStatus.FAILED, problem=lost, processed_at=NOW)
    assert await store.find(document.id) == failed
    assert list(await store.all(limit=10)) == [failed]
    assert list(await store.with_digest(document.digest)) == [failed]

    await jobs.ask(job, now=NOW)
    assert await store.find(document.id) == reading


@pytest.mark.parametrize("name", ["a'b", "a\\'; drop table documents --", "100 %s.txt", "$1 {} 💇"])
async def test_any_sign_may_stand_in_a_name(store: DocumentStore, name: str) -> None:
    document = new_document(f"/docs/{name}")
    assert await store.add(document) == document
    assert await begun(store, document) == replace(document, status=DocumentStatus.PROCESSING)


@pytest.mark.parametrize("name", ["a\0b", "half a character \ud800"])
async def test_what_no_database_keeps_is_refused(store: DocumentStore, name: str) -> None:
    with pytest.raises(InvalidInput):
        await store.add(new_document(name))


async def test_one_source_is_one_document(store: DocumentStore) -> None:
    first = await store.add(new_document())
    again = await store.add(new_document(digest="bb"))
    assert again == first


async def test_one_source_added_by_many_at_once(store: DocumentStore) -> None:
    added: list[Document] = []

    async def add() -> None:
        added.append(await store.add(new_document()))

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(add)
    assert len({document.id for document in added}) == 1
    assert len(await store.all(limit=100)) == 1


async def test_pages_follow_each_other_oldest_first(store: DocumentStore) -> None:
    documents = [await store.add(new_document(f"/docs/{number}")) for number in range(7)]
    first = await store.all(limit=4)
    rest = await store.all(limit=4, after=first[-1].id)
    assert [*first, *rest] == documents
    assert list(await store.all(limit=4, after=rest[-1].id)) == []


async def test_changes_are_kept_and_what_is_gone_stays_gone(store: DocumentStore) -> None:
    document = await store.add(new_document())
    changed = replace(document, title="b.txt", source="/docs/b.txt", pages=2)
    await store.save(changed)
    assert await store.find(document.id) == changed
    assert await store.delete(document.id)
    await store.save(changed)
    assert await store.find(document.id) is None
    assert not await store.delete(document.id)


async def test_other_content_by_many_at_once(store: DocumentStore) -> None:
    """Whoever exchanges learns what stood before: no content is seen twice, or by nobody."""
    first = await store.add(replace(new_document(), status=DocumentStatus.COMPLETED))
    digests = [f"{number:064}" for number in range(10)]
    before: list[str] = []

    async def exchange(digest: str) -> None:
        was = await store.exchange(
            replace(first, digest=digest, size_bytes=7, status=DocumentStatus.PENDING)
        )
        assert was
        before.append(was.digest)

    async with anyio.create_task_group() as group:
        for digest in digests:
            group.start_soon(exchange, digest)
    now = await store.find(first.id)
    assert now
    assert (now.size_bytes, now.status) == (7, DocumentStatus.PENDING)
    assert sorted([*before, now.digest]) == sorted([first.digest, *digests])
    await store.delete(first.id)
    assert await store.exchange(first) is None


async def test_no_document_takes_the_source_of_another(store: DocumentStore) -> None:
    document = await store.add(new_document())
    await store.add(new_document("/docs/b.txt"))
    with pytest.raises(Conflict):
        await store.save(replace(document, source="/docs/b.txt"))
    assert await store.find(document.id) == document


async def test_beginning_leaves_the_rest_as_it_is_now(store: DocumentStore) -> None:
    document = await store.add(new_document())
    newer = replace(document, digest="bb" * 32, problem=Problem(code="x", message="y"))
    await store.exchange(newer)
    await store.save(newer)
    taken_up = await begun(store, document)
    assert taken_up == replace(newer, status=DocumentStatus.PROCESSING, problem=None)
    assert await store.find(document.id) == taken_up
    assert await store.begin(DocumentId(new_id())) is None


async def test_code_that_forgets_the_tenant_finds_no_table(
    database: Database, store: DocumentStore
) -> None:
    await store.add(new_document())
    for table in ("documents", "chunks", "messages", "prompts", "vector_stores"):
        with pytest.raises(psycopg.errors.UndefinedTable):
            async with database.shared() as connection:
                await connection.execute(f"select * from {table}")


async def test_nothing_of_a_tenant_sticks_to_a_connection(
    database: Database, store: DocumentStore, tenant: AsyncTenant
) -> None:
    """After success, after an error and after cancellation the path is the neutral one again."""
    schema = tenant.organization.schema_name
    for _ in range(20):
        await store.all(limit=1)
        with pytest.raises(psycopg.errors.SyntaxError):
            async with database.inside(schema) as connection:
                await connection.execute("select nonsense from from")
        with anyio.move_on_after(0.005):
            async with database.inside(schema) as connection:
                await connection.execute("select pg_sleep(0.2)")
        async with database.shared() as connection:
            found = await connection.execute("select current_schemas(false)")
            assert await found.fetchone() == (["public"],)


async def begun(store: DocumentStore, document: Document) -> Document:
    found = await store.begin(document.id)
    assert found is not None
    taken_up, generation = found
    assert generation.active
    return taken_up
