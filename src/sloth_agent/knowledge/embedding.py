"""Vectors, and what they cost."""

from collections.abc import Sequence

from sloth_agent.billing.costs import Tally, estimated_tokens
from sloth_agent.billing.prices import CostKind
from sloth_agent.knowledge.models import Vector
from sloth_agent.knowledge.ports import ChargedEmbedder, Embedder


async def vectors_of(embedder: Embedder, texts: Sequence[str], tally: Tally) -> list[Vector]:
    """One vector per text, in the order given. Where nobody counts tokens, they are estimated.

    Raises:
        EmbedderUnavailable: no vectors; what was paid all the same is in the tally.
    """
    counted: list[int] = []
    try:
        if isinstance(embedder, ChargedEmbedder):
            vectors = await embedder.embed_charged(texts, charged=counted.append)
        else:
            vectors = await embedder.embed(texts)
    finally:
        for tokens in counted:
            tally.charge(CostKind.EMBEDDING, embedder.space, input_tokens=tokens)
    if texts and not counted:
        tokens = estimated_tokens(*texts)
        tally.charge(CostKind.EMBEDDING, embedder.space, input_tokens=tokens, estimated=True)
    return vectors
