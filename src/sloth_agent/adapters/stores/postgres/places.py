"""Places of chunks as JSON: only what applies is kept."""

import json
from functools import lru_cache
from typing import Any

from sloth_agent.knowledge.models import Place


def place_values(place: Place) -> dict[str, object]:
    values = {
        "member": place.member,
        "page": place.page,
        "sheet": place.sheet,
        "row": place.row,
        "headings": list(place.headings),
    }
    return {name: value for name, value in values.items() if value}


@lru_cache(maxsize=4096)
def place_from_text(values: str) -> Place:
    """Chunks found by one search share few places, and reading JSON takes its time."""
    return place_from(json.loads(values))


def place_from(values: dict[str, Any]) -> Place:
    return Place(**{**values, "headings": tuple(values.get("headings", ()))})
