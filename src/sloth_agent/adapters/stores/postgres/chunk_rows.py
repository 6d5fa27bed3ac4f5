"""Writes chunks and vectors by binary COPY, the fastest way into PostgreSQL."""

import struct
from collections.abc import Sequence

from psycopg import sql
from psycopg.types.json import Jsonb
from psycopg.types.numeric import Int4

from sloth_agent.adapters.stores.postgres.database import Connection
from sloth_agent.adapters.stores.postgres.places import place_values
from sloth_agent.adapters.stores.postgres.vectors import vectors_table
from sloth_agent.ids import DocumentId
from sloth_agent.knowledge.models import Chunk, Vector


async def copy_chunks(
    connection: Connection,
    document: DocumentId,
    chunks: Sequence[Chunk],
    terms: Sequence[Sequence[str]],
    *,
    generation: int,
) -> None:
    statement = (
        "copy chunks (id, generation, document_id, position, start_offset, end_offset, place,"
        " header, terms, text) from stdin (format binary)"
    )
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk, chunk_terms in zip(chunks, terms, strict=True):
            await copy.write_row(
                (
                    chunk.id,
                    Int4(generation),
                    document,
                    Int4(chunk.position),
                    Int4(chunk.start),
                    Int4(chunk.end),
                    Jsonb(place_values(chunk.place)),
                    chunk.header,
                    _binary_tsvector(chunk_terms),
                    chunk.text,
                )
            )


async def copy_vectors(
    connection: Connection,
    chunks: Sequence[Chunk],
    vectors: Sequence[Vector],
    *,
    generation: int,
    dimensions: int,
) -> None:
    statement = sql.SQL("copy {} (chunk_id, vector) from stdin (format binary)").format(
        vectors_table(generation)
    )
    halfvec = struct.Struct(f">HH{dimensions}e")
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk, vector in zip(chunks, vectors, strict=True):
            await copy.write_row((chunk.id, halfvec.pack(dimensions, 0, *vector)))


def _binary_tsvector(terms: Sequence[str]) -> bytes:
    """PostgreSQL's wire form: a count, then each lexeme with no positions."""
    lexemes = "\0\0\0".join((*terms, "")).encode()
    return struct.pack(">I", len(terms)) + lexemes
