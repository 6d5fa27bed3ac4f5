"""What is known of a generation of one tenant's index, as a row."""

from collections.abc import Sequence
from typing import Any, LiteralString

from sloth_agent.knowledge.models import VectorStore

GENERATION_COLUMNS: LiteralString = (
    "generation, space, dimensions, chunk_size, chunk_overlap, chunk_count"
    " + coalesce((select sum(chunks) from count_changes as new"
    " where new.generation = vector_stores.generation), 0)::bigint, active, created_at"
)
ACTIVE_GENERATION: LiteralString = f"select {GENERATION_COLUMNS} from vector_stores where active"


def vector_store(row: Sequence[Any]) -> VectorStore:
    generation, space, dimensions, chunk_size, chunk_overlap, chunks, active, created_at = row
    return VectorStore(
        generation=generation,
        space=space,
        dimensions=dimensions,
        chunk_size=chunk_size,
        chunk_overlap=chunk_overlap,
        chunks=chunks,
        active=active,
        created_at=created_at,
    )
