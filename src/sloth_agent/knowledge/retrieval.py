"""Finds the passages that may answer a question."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sloth_agent.billing.costs import Costs, Tally
from sloth_agent.errors import BackendUnavailable, EmbedderUnavailable
from sloth_agent.knowledge.embedding import vectors_of
from sloth_agent.knowledge.fusion import fuse
from sloth_agent.knowledge.lexical import rescore, terms
from sloth_agent.knowledge.models import Candidate, Lookup, Passage, Vector
from sloth_agent.knowledge.ports import Embedder, Reranker, SearchIndex
from sloth_agent.knowledge.queries import cleaned

_log = logging.getLogger(__name__)

CANDIDATES = 100
"""How many chunks get the careful ranking where words alone choose them."""

CANDIDATES_OF_EACH = 30
"""How many of each list where words and vectors do; more made no ranking better."""

FEW = 150
"""So few chunks are all looked at carefully: what terms miss, such as compounds, is found too."""

RERANKED = 30
"""How many of the best a reranker judges; each costs a model's call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The passages of one search, best first."""

    passages: tuple[Passage, ...]
    term_weights: Mapping[str, float]  # how rare each term of the query is
    by_vectors: bool  # False where words alone decided
    not_read: tuple[str, ...] = ()  # titles of documents that wait to be read, some of them
    timings_ms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Searches what one tenant's assistant knows."""

    index: SearchIndex
    embedder: Embedder | None
    reranker: Reranker | None
    costs: Costs

    async def search(self, query: str, *, limit: int = 5, documents: Sequence[str] = ()) -> Found:
        """The `limit` best passages, best first.

        `documents` keeps the search to documents of these titles, or patterns such as `*.pdf`.

        While the embedder is away, words alone decide; while the reranker is, the order that the
        search itself found. A warning in the log says so.

        Raises:
            InvalidInput: an empty query, or one that is too long.
        """
        async with self.costs.counted() as tally:
            return await self.find(query, tally, limit=limit, documents=documents)

    async def find(
        self, query: str, tally: Tally, *, limit: int = 5, documents: Sequence[str] = ()
    ) -> Found:
        """Like `search`, as a part of other work, whose costs the tally counts."""
        query = cleaned(query)
        started = time.perf_counter()
        vector = await self._vector(query, tally)
        embedded = time.perf_counter()
        lookup = await self._look_up(query, vector, documents)
        searched = time.perf_counter()
        first = limit if self.reranker is None else max(RERANKED, limit)
        ranked = await self._reranked(query, _ranked(query, lookup.candidates, first))
        return Found(
            passages=tuple(ranked[:limit]),
            term_weights=lookup.terms.weights,
            by_vectors=_has_vectors(lookup),
            not_read=lookup.not_read,
            timings_ms={
                "embed": (embedded - started) * 1000,
                "search": (searched - embedded) * 1000,
                "rank": (time.perf_counter() - searched) * 1000,
            },
        )

    async def _vector(self, query: str, tally: Tally) -> Vector | None:
        if self.embedder is None:
            return None
        try:
            await self.embedder.prepare()
            return (await vectors_of(self.embedder, [query], tally))[0]
        except EmbedderUnavailable as error:
            _log.warning("Words alone decide: %s", error.message)
            return None

    async def _look_up(self, query: str, vector: Vector | None, documents: Sequence[str]) -> Lookup:
        if self.embedder is not None and vector is not None:
            lookup = await self.index.look_up(
                terms(query),
                vector,
                space=self.embedder.space,
                documents=documents,
                limit=CANDIDATES_OF_EACH,
                few=FEW,
            )
            if _has_vectors(lookup):
                return lookup
        return await self.index.look_up(
            terms(query), documents=documents, limit=CANDIDATES, few=FEW
        )

    async def _reranked(self, query: str, passages: Sequence[Passage]) -> Sequence[Passage]:
        if self.reranker is None or not passages:
            return passages
        try:
            scores = await self.reranker.scores(query, passages)
        except BackendUnavailable as error:
            _log.warning("The order is that before reranking: %s", error.message)
            return passages
        judged = [replace(p, score=score) for p, score in zip(passages, scores, strict=True)]
        return sorted(judged, key=lambda passage: -passage.score)


def _ranked(query: str, candidates: Sequence[Candidate], limit: int) -> list[Passage]:
    lexical = rescore(query, [candidate.searched_text for candidate in candidates])
    scores = fuse(lexical, _similarities(candidates))
    told = (
        (score, one)
        for score, one in zip(scores, candidates, strict=True)
        if score > 0 or one.similarity is not None
    )
    best = sorted(told, key=lambda pair: -pair[0])
    return [replace(candidate.passage, score=score) for score, candidate in best[:limit]]


def _has_vectors(lookup: Lookup) -> bool:
    """Not where the index was built by another embedder, or by none."""
    return any(candidate.similarity is not None for candidate in lookup.candidates)


def _similarities(candidates: Sequence[Candidate]) -> list[float]:
    """None at all without vectors; a chunk that has none yet counts as the farthest."""
    known = [c.similarity for c in candidates if c.similarity is not None]
    if not known:
        return []
    farthest = min(known)
    return [farthest if c.similarity is None else c.similarity for c in candidates]
