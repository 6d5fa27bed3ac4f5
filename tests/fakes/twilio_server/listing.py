"""Lists by pages, newest first."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

from fakes.twilio_server.exchange import Form
from fakes.twilio_server.records import Json
from fakes.twilio_server.refusals import Refused

Listed = TypeVar("Listed")

PAGING = {"PageSize", "Page", "PageToken"}


def page(
    records: Sequence[Listed], query: Form, *, path: str, key: str, show: Callable[[Listed], Json]
) -> Json:
    size, number = _number(query, "PageSize", 50), _number(query, "Page", 0)
    if not 1 <= size <= 1000:
        raise Refused(20001, "Page size must be between 1 and 1000")
    start = number * size
    chosen = records[start : start + size]

    def uri(page: int) -> str:
        filters = [(name, each) for name in query for each in query[name] if name not in PAGING]
        token = [("PageToken", f"PA{page}")] if page else []
        return f"{path}?{urlencode([*filters, ('PageSize', size), ('Page', page), *token])}"

    return {
        "end": max(start + len(chosen) - 1, 0),
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1) if start + size < len(records) else None,
        "page": number,
        "page_size": size,
        "previous_page_uri": uri(number - 1) if number else None,
        key: [show(each) for each in chosen],
        "start": start,
        "uri": uri(number),
    }


def within(moment: int | None, query: Form, name: str) -> bool:
    """Whether a moment is on the day, or between the days or moments, that a query names."""
    bounds = {sign: query.get(name + sign, [""])[-1] for sign in ("", "<", ">")}
    if not any(bounds.values()):
        return True
    if moment is None:
        return False
    at = datetime.fromtimestamp(moment, UTC)
    day, before, after = (bounds[sign] for sign in ("", "<", ">"))
    return (
        (not day or at.date() == _moment(day).date())
        and (not before or at <= _end(before))
        and (not after or at >= _moment(after))
    )


def _number(query: Form, name: str, default: int) -> int:
    text = query.get(name, [str(default)])[-1]
    if not text.isdecimal():
        raise Refused(20001, f"Invalid {name}: {text}")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(20001, f"Invalid date: {text}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _end(text: str) -> datetime:
    """Of a day its last moment."""
    moment = _moment(text)
    return moment + timedelta(days=1, microseconds=-1) if len(text) == 10 else moment
