"""How long a search takes as the documents grow, and what the approximate index misses."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import numpy as np
from benchmarks.figures import Figure
from benchmarks.ingest import CHUNKS_EACH, learn
from benchmarks.library import documents, opened
from benchmarks.material import GivenVectors, Material, Vectors, near, vectors

from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.knowledge.retrieval import CANDIDATES_OF_EACH, Retrieval

WANTED = {1_000: "", 10_000: "<= 8", 100_000: "<= 20"}
QUESTIONS = 300
QUESTIONS_OF_RECALL = 100
NEAREST = 10
ROUNDING = 1e-5  # a search writes its vector with fewer digits


async def measure(material: Material) -> AsyncIterator[Figure]:
    made = vectors(max(WANTED))
    texts = list(material.texts(max(WANTED)))
    async with opened() as sloth:
        for size, wanted in WANTED.items():
            # Each at once, as a first ingestion is: adding to an approximate index takes longer.
            tenant = await sloth.tenant(f"of-{size}", create=True)
            embedder = GivenVectors(made[:size])
            asked = near(embedder.made, QUESTIONS)
            retrieval = replace(tenant.services.retrieval, embedder=GivenVectors(asked))
            await learn(tenant, documents(texts[:size], chunks_each=CHUNKS_EACH), embedder)
            started = time.perf_counter()
            await retrieval.index.settle()
            settled = time.perf_counter() - started
            p50, p95 = await milliseconds(retrieval, material.questions[:QUESTIONS])
            name = f"{size:,} chunks, words and vectors"
            yield Figure(part="search", name=f"{name}, p50", value=p50, unit="ms", wanted=wanted)
            yield Figure(
                part="search",
                name=f"{name}, p95",
                value=p95,
                unit="ms",
                wanted="<= 2x p50",
                baseline=p50,
                baseline_name="p50",
            )
            yield Figure(part="search", name=f"{size:,} chunks, indexing", value=settled, unit="s")
            for nearest in (NEAREST, CANDIDATES_OF_EACH):
                yield Figure(
                    part="search",
                    name=f"{size:,} chunks, recall@{nearest} of vectors",
                    value=await recall(tenant, asked, nearest, embedder.space),
                    wanted=">= .98",
                )


async def milliseconds(retrieval: Retrieval, questions: Sequence[str]) -> tuple[float, float]:
    for question in questions[:50]:
        await retrieval.search(question)
    spent = []
    for question in questions:
        started = time.perf_counter()
        await retrieval.search(question)
        spent.append((time.perf_counter() - started) * 1000)
    return float(np.quantile(spent, 0.5)), float(np.quantile(spent, 0.95))


async def recall(tenant: AsyncTenant, asked: Vectors, nearest: int, space: str) -> float:
    """Share of the exactly nearest that a search sees among its own nearest.

    Told by similarity: whatever is at least as near as the last of the exact ones is one of them.
    """
    index = tenant.services.retrieval.index
    shares = []
    for vector in asked[:QUESTIONS_OF_RECALL].tolist():
        exact = await exactly_nearest(tenant, vector, nearest)
        lookup = await index.look_up([], vector, space=space, limit=CANDIDATES_OF_EACH)
        near_enough = sum(
            (one.similarity or 0) >= exact[-1] - ROUNDING for one in lookup.candidates
        )
        shares.append(min(near_enough, nearest) / nearest)
    return float(np.mean(shares))


async def exactly_nearest(tenant: AsyncTenant, vector: list[float], count: int) -> list[float]:
    """The similarities of the nearest vectors; an order by an expression uses no index."""
    schema = tenant.organization.schema_name
    async with tenant.services.database.inside(schema) as connection:
        found = await connection.execute(
            "select -(vector <#> %s::halfvec) as similarity from vectors_1"
            " order by similarity desc limit %s",
            (str(vector), count),
        )
        return [row[0] for row in await found.fetchall()]
