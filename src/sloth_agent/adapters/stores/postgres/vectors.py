"""Tables of vectors: one for each generation, typed by its dimensions, narrow enough to scan."""

import re
from collections.abc import Sequence
from uuid import UUID

from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Connection

APPROXIMATE_FROM_CHUNKS = 8_000
"""Below this an exact scan finds everything, in the time in which an index finds nearly as much."""


def vectors_table(generation: int) -> sql.Identifier:
    return sql.Identifier(f"vectors_{generation}")


async def create_vectors(connection: Connection, generation: int, *, dimensions: int) -> None:
    # Beside the text a vector would be stored out of line, and a scan would cost five times as
    # much. No foreign key: chunks and vectors are written and removed by the same functions, and
    # checking each row would cost as much as writing it.
    await connection.execute(
        sql.SQL(
            "create table {table} (chunk_id uuid primary key,"
            " vector halfvec({dimensions}) storage plain not null)"
        ).format(table=vectors_table(generation), dimensions=sql.Literal(dimensions))
    )


async def give_vectors(connection: Connection, table: str, schema: str) -> None:
    """To the tenant's role, which makes and removes them."""
    await connection.execute(
        sql.SQL("alter table {} owner to {}").format(sql.Identifier(table), sql.Identifier(schema))
    )


def vectors_generation(table: str) -> int | None:
    """None: not a table of vectors."""
    found = re.fullmatch(r"vectors_([1-9][0-9]{0,8})", table)
    return int(found[1]) if found else None


def dimensions_of(type: str) -> int | None:
    """None: not the type of a vector."""
    found = re.fullmatch(r"halfvec\(([1-9][0-9]{0,3})\)", type)
    return int(found[1]) if found else None


async def drop_vectors(connection: Connection, generation: int) -> None:
    await connection.execute(sql.SQL("drop table if exists {}").format(vectors_table(generation)))


async def forget_vectors(
    connection: Connection, chunks: Sequence[UUID], *, generation: int
) -> None:
    """Remove the vectors of chunks, if the generation has vectors."""
    found = await connection.execute(
        "select 1 from vector_stores where generation = %s and space is not null", (generation,)
    )
    if await found.fetchone():
        await connection.execute(
            sql.SQL("delete from {} where chunk_id = any(%s)").format(vectors_table(generation)),
            (list(chunks),),
        )


async def create_vector_index(connection: Connection, generation: int) -> None:
    """Quick where there is one already."""
    await connection.execute("set local maintenance_work_mem = '256MB'")
    await connection.execute(
        sql.SQL(
            "create index if not exists {index} on {table}"
            " using hnsw (vector halfvec_ip_ops) with (m = 16, ef_construction = 64)"
        ).format(
            index=sql.Identifier(f"vectors_{generation}_nearest"), table=vectors_table(generation)
        )
    )
