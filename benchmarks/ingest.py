"""How fast ready text becomes searchable: all that `sloth ingest` does but reading the file."""

import struct
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import LiteralString

import anyio
from benchmarks.figures import Figure
from benchmarks.library import ReadyText, documents, opened
from benchmarks.material import DIMENSIONS, GivenVectors, Material, Vectors, vectors

from sloth_agent import AsyncSloth
from sloth_agent.adapters.stores.postgres.chunk_rows import copy_vectors, vector_rows
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.ids import ChunkId, new_id
from sloth_agent.knowledge.intake import FILES_AT_ONCE
from sloth_agent.knowledge.models import Chunk
from sloth_agent.knowledge.ports import Embedder

CHUNKS = 20_000
CHUNKS_EACH = 50
SMALL_FILES = 400


async def measure(material: Material) -> AsyncIterator[Figure]:
    texts = list(material.texts(CHUNKS))
    made = vectors(CHUNKS)
    async with opened() as sloth:
        database = (await sloth.tenant()).services.database
        files = documents(texts, chunks_each=CHUNKS_EACH)
        copied = await bare_copy_of_texts(database, texts)
        speed = await chunks_a_second(sloth, "lexical", files, None)
        yield Figure(
            part="ingest",
            name="ready text, lexical only",
            value=speed,
            unit="chunks/s",
            wanted=">= 3000",
            baseline=copied,
            baseline_name="bare COPY of the texts",
        )
        copied = await bare_copy_of_vectors(database, made)
        speed = await chunks_a_second(sloth, "vectors", files, GivenVectors(made))
        yield Figure(
            part="ingest",
            name=f"ready text, {DIMENSIONS}-dimensional vectors given",
            value=speed,
            unit="chunks/s",
            wanted=">= 5000",
            baseline=copied,
            baseline_name="bare COPY of the vectors",
        )
        written = await vectors_a_second(sloth, made)
        yield Figure(
            part="ingest",
            name=f"write path of {DIMENSIONS}-dimensional vectors alone",
            value=written,
            unit="vectors/s",
            wanted=">= 5000",
            baseline=copied,
            baseline_name="bare COPY of the vectors",
        )
        small = documents(texts[:SMALL_FILES], chunks_each=1)
        yield Figure(
            part="ingest",
            name="ready text, files of one chunk",
            value=await chunks_a_second(sloth, "small", small, None),
            unit="files/s",
        )


async def chunks_a_second(
    sloth: AsyncSloth, slug: str, files: Sequence[bytes], embedder: Embedder | None
) -> float:
    tenant = await sloth.tenant(slug, create=True)
    started = time.perf_counter()
    await learn(tenant, files, embedder)
    seconds = time.perf_counter() - started
    return (await tenant.index()).chunks / seconds


async def vectors_a_second(sloth: AsyncSloth, made: Vectors) -> float:
    """Packed and stored as a publication does it, in one transaction for each document."""
    tenant = await sloth.tenant("writing", create=True)
    await tenant.services.retrieval.index.adopt(space="given", dimensions=DIMENSIONS)
    database, schema = tenant.services.database, tenant.organization.schema_name
    given = made.tolist()
    chunks = [
        Chunk(id=ChunkId(new_id()), position=number, text="", start=0, end=0)
        for number in range(len(given))
    ]
    started = time.perf_counter()
    for start in range(0, len(given), CHUNKS_EACH):
        of_document = slice(start, start + CHUNKS_EACH)
        rows = vector_rows(chunks[of_document], given[of_document])
        async with database.inside(schema) as connection:
            await copy_vectors(connection, rows, generation=1)
    return len(given) / (time.perf_counter() - started)


async def learn(tenant: AsyncTenant, files: Sequence[bytes], embedder: Embedder | None) -> None:
    """As many files at once as the product takes."""
    ingestion = replace(tenant.services.ingestion, reader=ReadyText(), embedder=embedder)
    intake = replace(tenant.services.intake, ingestion=ingestion)
    waiting = iter(enumerate(files))

    async def work() -> None:
        for number, content in waiting:
            await intake.take_in_content(f"{number}.txt", content)

    async with anyio.create_task_group() as group:
        for _ in range(FILES_AT_ONCE):
            group.start_soon(work)


async def bare_copy_of_texts(database: Database, texts: Sequence[str]) -> float:
    """Rows a second of PostgreSQL's own bulk load, into a table without an index."""
    rows = [text.encode() for text in texts]
    return await _copied(database, "text", rows)


async def bare_copy_of_vectors(database: Database, rows: Vectors) -> float:
    head = struct.pack(">HH", DIMENSIONS, 0)
    return await _copied(
        database, "halfvec(384)", [head + row.astype(">f2").tobytes() for row in rows]
    )


async def _copied(database: Database, kind: LiteralString, rows: Sequence[bytes]) -> float:
    start, end = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
    packed = b"".join(struct.pack(">hi", 1, len(row)) + row for row in rows)
    async with database.owning() as connection:
        await connection.execute(f"create table bare (value {kind} storage plain)")
        started = time.perf_counter()
        async with (
            connection.cursor() as cursor,
            cursor.copy("copy bare from stdin (format binary)") as copy,
        ):
            await copy.write(start + packed + end)
        seconds = time.perf_counter() - started
        await connection.execute("drop table bare")
    return len(rows) / seconds
