"""Writes chunks and vectors by binary COPY, the fastest way into PostgreSQL.

The rows are packed here, all columns of one in one step; packing field by field in psycopg would
take several times as long.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from struct import Struct
from typing import LiteralString

from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Connection
from sloth_agent.adapters.stores.postgres.places import place_values
from sloth_agent.adapters.stores.postgres.term_numbers import binary_terms
from sloth_agent.adapters.stores.postgres.vectors import vectors_table
from sloth_agent.ids import DocumentId
from sloth_agent.knowledge.models import Chunk, Place, Vector

_CHUNKS: LiteralString = (
    "copy chunks (id, generation, document_id, position, start_offset, end_offset, place,"
    " header, terms, term_vector, text) from stdin (format binary)"
)
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"

# Each field follows its length: ids 16 bytes, integers 4, the others as long as they are.
_FIXED = Struct(">h i16s ii i16s ii ii ii")
_LENGTH = Struct(">i")


def chunk_rows(
    document: DocumentId,
    chunks: Sequence[Chunk],
    terms: Iterable[Sequence[int]],
    *,
    generation: int,
) -> bytes:
    """What `copy_chunks` sends; made beforehand, so that no transaction waits for it."""
    packed = [_SIGNATURE]
    in_document = document.bytes
    for chunk, chunk_terms in zip(chunks, terms, strict=True):
        fixed = (16, chunk.id.bytes, 4, generation, 16, in_document, 4, chunk.position)
        packed.append(_FIXED.pack(11, *fixed, 4, chunk.start, 4, chunk.end))
        for field in (
            _binary_place(chunk.place),
            chunk.header.encode(),
            *binary_terms(chunk_terms),
            chunk.text.encode(),
        ):
            packed += (_LENGTH.pack(len(field)), field)
    packed.append(_END)
    return b"".join(packed)


def vector_rows(chunks: Sequence[Chunk], vectors: Sequence[Vector]) -> bytes:
    """What `copy_vectors` sends."""
    dimensions = len(vectors[0])
    row = Struct(f">h i16s i HH{dimensions}e")
    size = 4 + 2 * dimensions
    rows = (
        row.pack(2, 16, chunk.id.bytes, size, dimensions, 0, *vector)
        for chunk, vector in zip(chunks, vectors, strict=True)
    )
    return b"".join((_SIGNATURE, *rows, _END))


async def copy_chunks(connection: Connection, rows: bytes) -> None:
    async with connection.cursor() as cursor, cursor.copy(_CHUNKS) as copy:
        await copy.write(rows)


async def copy_vectors(connection: Connection, rows: bytes, *, generation: int) -> None:
    statement = sql.SQL("copy {} (chunk_id, vector) from stdin (format binary)").format(
        vectors_table(generation)
    )
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(rows)


@lru_cache(maxsize=256)
def _binary_place(place: Place) -> bytes:
    """The wire form of jsonb: its version, then JSON."""
    return b"\1" + json.dumps(place_values(place), ensure_ascii=False).encode()
