"""What requests and answers have in common."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from sloth_agent.app.bodies.values import Body
from sloth_agent.server.problems import MEDIA_TYPE, Problem

MOST_AT_ONCE = 100

Limit = Annotated[int, Query(ge=1, le=MOST_AT_ONCE, description="How many at most.")]
Cursor = Annotated[
    UUID | None, Query(description="Go on where the last page ended: its `next_cursor`.")
]

Item = TypeVar("Item")


class Asked(BaseModel):
    """A request: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """An answer, as the API's description has it; it is written by `app.bodies`."""

    model_config = ConfigDict(extra="forbid")


def page_of(
    items: Sequence[Item],
    limit: int,
    body: Callable[[Item], Body],
    *,
    cursor: Callable[[Item], object],
) -> JSONResponse:
    """A page of a list, with where the next one begins; asked for `limit + 1` items."""
    shown = items[:limit]
    more = str(cursor(shown[-1])) if len(items) > limit else None
    return JSONResponse({"items": [body(item) for item in shown], "next_cursor": more})


_MEANINGS = {
    400: "The request is not one.",
    401: "Nobody has signed in: `not_signed_in`, `token_invalid`, `token_reused`.",
    402: "The subscription has ended: `subscription_expired`.",
    403: "Not for whoever asks, or not in the plan.",
    404: "There is no such thing, or it is another tenant's.",
    409: "It contradicts what is there, or the same request is being answered: `in_progress`.",
    410: "It was used, or is out of date.",
    413: "Too large: `file_too_large`.",
    415: "A kind of file that cannot be read: `unsupported_file`.",
    422: "Something in the request cannot be used: see `errors`.",
    429: "Too often (`rate_limited`), or all that the plan has is used up.",
    503: "Something that is needed is down. Safe to retry.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe errors that a route may answer with."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


SIGNED_IN = problems(401, 403, 429, 503)


def ok(body: Mapping[str, Any] | Sequence[Any], status: int = 200) -> JSONResponse:
    return JSONResponse(body, status)
