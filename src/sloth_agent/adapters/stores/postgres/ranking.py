"""Finds the chunks worth a careful look: by rare terms and by nearness of vectors."""

from collections.abc import Mapping, Sequence
from typing import LiteralString

from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Exchange
from sloth_agent.adapters.stores.postgres.places import place_from_text
from sloth_agent.adapters.stores.postgres.term_numbers import (
    array_literal,
    term_number,
    vector_literal,
)
from sloth_agent.adapters.stores.postgres.vectors import vectors_table
from sloth_agent.ids import ChunkId, DocumentId
from sloth_agent.knowledge.models import Candidate, Passage, TermCounts, Vector

GATE_CHUNKS = 1_000
"""Rare terms are taken until this many chunks hold one of them; only those are ranked."""

COMMON_SHARE = 0.5
"""A term that more of the chunks hold tells nothing, and is left out where others are left."""

MOST_TERMS = 48
"""A longer query keeps its rarest terms: a pasted letter costs no more than a question."""

NEAREST_VISITED = 250
"""How many chunks the approximate index looks at; more find more, and cost more."""

SEARCH_SETTINGS: LiteralString = (
    # Statistics lag behind a bulk load, and tables are cached: an index is the better guess.
    "; set local random_page_cost = 1.1"
    f"; set local hnsw.ef_search = {NEAREST_VISITED}"
    # A second process takes longer to start than it saves.
    "; set local max_parallel_workers_per_gather = 0"
    "; set local hnsw.iterative_scan = strict_order"
    # The statement is written in the order in which it is to run; planning took as long as it did.
    "; set local join_collapse_limit = 1"
)

_EVERYWHERE: sql.Composable = sql.SQL("true")


async def ranked_candidates(
    exchange: Exchange,
    terms: TermCounts,
    vector: Vector | None,
    *,
    generation: int,
    documents: Sequence[str],
    limit: int,
    few: int,
) -> list[Candidate]:
    lists: list[sql.Composed] = []
    weights = _weighted(terms)
    within = _within(documents)
    if terms.chunks <= max(few, limit):
        lists.append(_all(generation, within))
    elif weights:
        gate = _gate(terms, weights) if terms.chunks > GATE_CHUNKS else []
        lists.append(_by_terms(weights, generation, within, gate=gate, limit=limit))
    nearness = None if vector is None else _nearness(vector)
    if nearness is not None:
        lists.append(_by_vector(nearness, generation, within, limit=limit))
    if not lists:
        return []
    statement = _joined(lists, nearness, generation=generation)
    [found] = await exchange.last(statement.as_string(exchange.connection))
    return [
        Candidate(
            passage=Passage(
                chunk_id=ChunkId(chunk_id),
                document_id=DocumentId(document_id),
                document=title,
                text=text,
                score=0.0,
                place=place_from_text(place),
                header=header,
            ),
            similarity=similarity,
        )
        for chunk_id, document_id, title, text, place, header, similarity in found
    ]


def _weighted(terms: TermCounts) -> dict[str, float]:
    """The query's terms that exist and tell something, rarest first."""
    known = {term: weight for term, weight in terms.weights.items() if terms.holding[term]}
    rarest = sorted(known, key=lambda term: (terms.holding[term], term))[:MOST_TERMS]
    telling = [t for t in rarest if terms.holding[t] <= terms.chunks * COMMON_SHARE]
    return {term: known[term] for term in telling or rarest}


def _gate(terms: TermCounts, rarest_first: Mapping[str, float]) -> list[str]:
    """At least two terms, and more while together they stand in few enough chunks."""
    gate: list[str] = []
    chunks = 0
    for term in rarest_first:
        chunks += terms.holding[term]
        if len(gate) >= 2 and chunks > GATE_CHUNKS:
            break
        gate.append(term)
    return gate


def _all(generation: int, within: sql.Composable) -> sql.Composed:
    """So few chunks that a careful look at each is cheaper than to miss what no term tells:
    the parts of compounds, the endings of short words."""
    return sql.SQL("select id from chunks where generation = {} and {}").format(generation, within)


def _by_terms(
    weights: Mapping[str, float],
    generation: int,
    within: sql.Composable,
    *,
    gate: Sequence[str],
    limit: int,
) -> sql.Composed:
    """Chunks with the largest sums of weights of the terms they hold; behind the gate, if any."""
    behind = _EVERYWHERE
    if gate:
        behind = sql.SQL("terms && {}::integer[]").format(array_literal(map(term_number, gate)))
    return sql.SQL(
        "select id from chunks"
        # Not by the index that this column is part of: the one of terms leads to far fewer.
        " where generation + 0 = {generation} and {behind} and {within}"
        " order by term_vector <#> {weights}::sparsevec, id limit {limit}"
    ).format(
        generation=generation,
        behind=behind,
        within=within,
        weights=vector_literal(weights),
        limit=limit,
    )


def _by_vector(
    nearness: sql.Composed, generation: int, within: sql.Composable, *, limit: int
) -> sql.Composed:
    chunks = sql.SQL("" if within == _EVERYWHERE else "join chunks on id = chunk_id")
    return sql.SQL(
        "select chunk_id as id from {vectors} {chunks} where {within}"
        " order by {nearness} limit {limit}"
    ).format(
        vectors=vectors_table(generation),
        chunks=chunks,
        within=within,
        nearness=nearness,
        limit=limit,
    )


def _nearness(vector: Vector) -> sql.Composed:
    return sql.SQL("vector <#> {}::halfvec").format(_literal(vector))


def _within(documents: Sequence[str]) -> sql.Composable:
    if not documents:
        return _EVERYWHERE
    return sql.SQL("document_id in (select id from documents where title like any({}))").format(
        [_like(pattern) for pattern in documents]
    )


def _joined(
    lists: Sequence[sql.Composed], nearness: sql.Composed | None, *, generation: int
) -> sql.Composed:
    """Both lists as one, each chunk once, with all that the careful ranking reads."""
    similarity = sql.SQL("null::float8").format()
    if nearness is not None:
        similarity = sql.SQL("(select -({}) from {} where chunk_id = chunks.id)").format(
            nearness, vectors_table(generation)
        )
    return sql.SQL(
        "with found as ({lists}),"
        " best as materialized (select distinct id from found)"
        " select chunks.id, document_id, title, chunks.text, place::text, header,"
        " {similarity}"
        " from best join chunks on chunks.id = best.id"
        " join documents on documents.id = document_id"
    ).format(
        lists=sql.SQL(" union all ").join(sql.SQL("({})").format(part) for part in lists),
        similarity=similarity,
    )


def _literal(vector: Vector) -> str:
    """More digits than a half float keeps would only be parsed and dropped."""
    return f"[{','.join(['%.6f'] * len(vector))}]" % tuple(vector)


def _like(pattern: str) -> str:
    """A name with `*` and `?` for anything and any sign, as SQL spells it."""
    literal = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return literal.replace("*", "%").replace("?", "_")
