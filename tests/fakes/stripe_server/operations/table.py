"""The table of addresses under `/v1`: what each accepts, and what it does."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fakes.stripe_server import (
    parameters,
)
from fakes.stripe_server.book import Book
from fakes.stripe_server.expanding import expand
from fakes.stripe_server.forms import Form
from fakes.stripe_server.listing import page
from fakes.stripe_server.parameters import Values
from fakes.stripe_server.records import (
    Json,
    Record,
)
from fakes.stripe_server.refusals import Refused
from fakes.stripe_server.shapes import shown

Act = Callable[[Book, Values, str], Json]
Shape = dict[str, Any]

EXPAND: Shape = {"expand": [str]}


@dataclass(frozen=True)
class Operation:
    method: str
    path: re.Pattern[str]
    shape: Shape
    required: tuple[str, ...]
    act: Act


TABLE: list[Operation] = []


def on(method: str, path: str, shape: Shape | None = None, *required: str) -> Callable[[Act], Act]:
    """Put an action into the table; `{}` in the path is the id that it gets."""

    def put(act: Act) -> Act:
        pattern = re.compile("/v1" + path.replace("{}", "([^/]+)"))
        TABLE.append(Operation(method, pattern, EXPAND | (shape or {}), required, act))
        return act

    return put


def perform(book: Book, method: str, path: str, form: Form) -> Json:
    """Do what a request asks for, and show the result with what it wants expanded."""
    operation, id = _found(method, path)
    values = parameters.read(form, operation.shape, *operation.required)
    answer = operation.act(book, values, id)
    expand(book, answer, values.get("expand", []))
    return answer


@cache
def _literal() -> dict[tuple[str, str], Operation]:
    return {(each.method, each.path.pattern): each for each in TABLE if not each.path.groups}


def _found(method: str, path: str) -> tuple[Operation, str]:
    """An address without an id comes before those with one."""
    if exact := _literal().get((method, path)):
        return exact, ""
    for operation in TABLE:
        if operation.method == method and (match := operation.path.fullmatch(path)):
            return operation, match[1]
    message = f"Unrecognized request URL ({method}: {path})."
    raise Refused(message, status=404)


def paged(records: Sequence[Record], values: Values, url: str) -> Json:
    return page(records, values, url=f"/v1{url}", show=shown)
