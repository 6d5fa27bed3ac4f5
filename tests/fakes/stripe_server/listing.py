"""Lists by pages, newest first."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fakes.stripe_server.book import Book
from fakes.stripe_server.parameters import TIME_RANGE, Values
from fakes.stripe_server.records import Customer, Event, Json, Record
from fakes.stripe_server.refusals import invalid, no_such
from fakes.stripe_server.shape_parts import list_of

Listed = TypeVar("Listed", bound="Record | Event")

PAGING = {
    "limit": int,
    "starting_after": str,
    "ending_before": str,
    "created": TIME_RANGE,
    "expand": [str],
}
COMPARED: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda one, other: one > other,
    "gte": lambda one, other: one >= other,
    "lt": lambda one, other: one < other,
    "lte": lambda one, other: one <= other,
}


def page(
    records: Sequence[Listed], values: Values, *, url: str, show: Callable[[Listed], Json]
) -> Json:
    """What was made last comes first."""
    limit = values.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("limit", "it must be between 1 and 100.")
    newest_first = [each for each in reversed(records) if _made_in(each, values.get("created"))]
    chosen, more = _cut(newest_first, values, limit)
    return list_of(map(show, chosen), url, has_more=more)


def refuse_strangers(book: Book, values: Values) -> None:
    """Nothing is listed of a customer that never was; of one who was deleted it still is."""
    if "customer" in values:
        book.get(Customer, values["customer"], param="customer")


def _cut(records: list[Listed], values: Values, limit: int) -> tuple[list[Listed], bool]:
    if after := values.get("starting_after"):
        records = records[_place(records, after, "starting_after") + 1 :]
    elif before := values.get("ending_before"):
        records = records[: _place(records, before, "ending_before")]
        return records[-limit:], len(records) > limit
    return records[:limit], len(records) > limit


def _place(records: Sequence[Listed], id: str, param: str) -> int:
    for place, record in enumerate(records):
        if record.id == id:
            return place
    raise no_such("object", id, param=param)


def _made_in(record: Record | Event, wanted: Any) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return record.created == wanted
    return all(COMPARED[how](record.created, bound) for how, bound in wanted.items())
