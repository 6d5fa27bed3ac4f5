"""Events."""

from fakes.stripe_server.book import Book
from fakes.stripe_server.listing import PAGING, page
from fakes.stripe_server.operations.table import on
from fakes.stripe_server.parameters import Values
from fakes.stripe_server.records import (
    Event,
    Json,
)
from fakes.stripe_server.refusals import no_such


@on("GET", "/events", PAGING | {"type": str, "types": [str]})
def list_events(book: Book, values: Values, _: str) -> Json:
    wanted = [values["type"]] if "type" in values else values.get("types")
    found = [each for each in book.events if _type_wanted(each.type, wanted)]
    return page(found, values, url="/v1/events", show=_shown_event)


def _type_wanted(type: str, wanted: list[str] | None) -> bool:
    """By name, or as `invoice.*`."""
    if wanted is None:
        return True
    return any(
        type.startswith(each.removesuffix("*")) if each.endswith("*") else type == each
        for each in wanted
    )


@on("GET", "/events/{}")
def retrieve_event(book: Book, _: Values, id: str) -> Json:
    for event in book.events:
        if event.id == id:
            return _shown_event(event)
    raise no_such("event", id)


def _shown_event(event: Event) -> Json:
    return dict(event.shown)
