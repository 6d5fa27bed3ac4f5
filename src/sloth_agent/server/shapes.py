"""What requests and answers have in common."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError
from starlette.responses import JSONResponse

from sloth_agent.app.bodies.values import Body
from sloth_agent.errors import InvalidInput
from sloth_agent.settings import OURS

MOST_AT_ONCE = 100


def _as_text(value: object) -> object:
    """A moment is not counted in seconds."""
    if not isinstance(value, str | None):
        raise PydanticCustomError("datetime_parsing", "not text")
    return value


def kept_to(rule: Callable[[str], object]) -> AfterValidator:
    """A rule of the core's, so that what it finds is told together with the other fields."""

    def check(value: str) -> str:
        try:
            rule(value)
        except InvalidInput as error:
            raise PydanticCustomError(OURS, "{message}", {"message": error.message}) from error
        return value

    return AfterValidator(check)


Limit = Annotated[int, Query(ge=1, le=MOST_AT_ONCE, description="How many at most.")]
Cursor = Annotated[
    UUID | None, Query(description="Go on where the last page ended: its `next_cursor`.")
]

Whole = Annotated[int, Field(strict=True)]  # not "3", not true
Number = Annotated[float, Field(strict=True)]
YesOrNo = Annotated[bool, Field(strict=True)]
Moment = Annotated[AwareDatetime, BeforeValidator(_as_text)]

AN_ID = "01a2246c-423b-748e-b112-1529baf954aa"
Id = Annotated[str, Field(examples=[AN_ID])]
NextCursor = Annotated[
    str | None,
    Field(description="Null: the last page.", examples=[AN_ID]),
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


def ok(body: Mapping[str, Any] | Sequence[Any], status: int = 200) -> JSONResponse:
    return JSONResponse(body, status)
