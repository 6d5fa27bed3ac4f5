"""What goes to vendors of vectors, and what comes back, whoever they are."""

import math
from collections.abc import Sequence

from sloth_agent.knowledge.characters import whole


def sendable(text: str) -> str:
    """A text that every vendor takes: not empty, without halves of characters."""
    return whole(text) if text.strip() else "-"


def unit(vector: Sequence[float]) -> list[float]:
    """The vector at length one.

    Raises:
        ValueError, TypeError: it has no direction, or is not made of numbers.
    """
    length = math.hypot(*vector)
    if not math.isfinite(length) or length == 0:
        raise ValueError("not a direction")
    return [number / length for number in vector]
