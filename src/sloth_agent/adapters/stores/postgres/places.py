"""Places of chunks as JSON: only what applies is kept."""

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


def place_from(values: dict[str, Any]) -> Place:
    return Place(**{**values, "headings": tuple(values.get("headings", ()))})
