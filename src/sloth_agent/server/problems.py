"""Every error as an answer: `application/problem+json` (RFC 9457) with a stable code."""

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from sloth_agent import errors
from sloth_agent.errors import InvalidInput, SlothError, Unexpected
from sloth_agent.settings import wanted

MEDIA_TYPE = "application/problem+json"

STATUSES: Sequence[tuple[type[SlothError], int]] = (
    (errors.HostNotAllowed, 400),
    (errors.ChannelRefused, 422),
    (errors.RecipientGone, 409),
    (errors.SignatureInvalid, 400),
    (errors.PaymentDeclined, 402),
    (errors.LinkInvalid, 410),
    (errors.NotSignedIn, 401),
    (errors.TokenInvalid, 401),
    (errors.TokenReused, 401),
    (errors.SubscriptionExpired, 402),
    (errors.FeatureNotInPlan, 403),
    (errors.AssistantClosed, 403),
    (errors.SeatLimitExceeded, 403),
    (errors.DocumentLimitExceeded, 403),
    (errors.StorageLimitExceeded, 403),
    (errors.LimitReached, 429),
    (errors.RateLimited, 429),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.CodeUnknown, 404),
    (errors.CodeUsed, 409),
    (errors.CodeExpired, 410),
    (errors.RequestTooSlow, 408),
    (errors.InProgress, 409),
    (errors.Conflict, 409),
    (errors.FileTooLarge, 413),
    (errors.UnsupportedFile, 415),
    (errors.UnreadableFile, 422),
    (errors.IdempotencyMismatch, 422),
    (errors.InvalidInput, 422),
    (errors.BackendUnavailable, 503),
)
"""The first that fits; all others are ours to mend: 500."""

TOLD = ("errors", "resource", "limit", "used", "resets_at", "feature", "plan", "ended_at")
"""Details of errors that callers may see."""

UNEXPECTED = Unexpected(
    "Something went wrong here, and was written down.",
    hint="Tell the request id to who runs this server.",
)
"""Whatever it was: its traceback is in the log."""

RETRY_AFTER_SECONDS = 5
"""For what is down, and nobody knows for how long."""

_log = logging.getLogger(__name__)

_FOR_OPERATORS = re.compile(r"`?sloth |--[a-z]|SLOTH_|SECRET_KEY|DATABASE_URL")


class Refused(HTTPException):
    """An error of ours on its way through those who know only the framework's."""

    def __init__(self, error: SlothError) -> None:
        super().__init__(status_of(type(error)))
        self.error = error


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    field: str = Field(examples=["email"])
    message: str = Field(examples=["must be set"])


class Problem(BaseModel):
    """What happened, and what to do."""

    type: str = Field(examples=["urn:sloth-agent:not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(description="Stays the same for ever.", examples=["not_found"])
    detail: str = Field(examples=["There is no such document."])
    request_id: str = Field(examples=["01a2246c423b748eb1121529baf954aa"])
    hint: str | None = Field(
        default=None, description="What to do next.", examples=["Wait 41 seconds."]
    )
    errors: list[FieldProblem] = Field(default=[], description="What is wrong with the request.")
    retry_after_seconds: int | None = None
    resource: str | None = Field(
        default=None, description="What there is no more of.", examples=["messages"]
    )
    limit: int | None = None
    used: int | None = None
    resets_at: datetime | None = None
    feature: str | None = Field(
        default=None, description="What the plan does not have.", examples=["api"]
    )
    plan: str | None = Field(default=None, examples=["starter"])
    ended_at: datetime | None = Field(default=None, description="When the subscription did.")


def problem_response(error: SlothError, *, request_id: str) -> JSONResponse:
    """What is answered where an error of ours ends a request; who runs this learns of faults."""
    if status_of(type(error)) > HTTPStatus.INTERNAL_SERVER_ERROR:  # a bug is told with a traceback
        _log.warning("The request %s failed: %s", request_id, error.message)
    return _answer(problem_body(error, request_id=request_id))


def problem_body(error: SlothError, *, request_id: str) -> dict[str, Any]:
    """What is told of an error: nothing of a bug, and no hint that only operators can follow."""
    status = status_of(type(error))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        error = UNEXPECTED
    told = str(error.details.get("told", error.message))
    body = _body(status, error.code, told, request_id=request_id)
    details = {name: error.details.get(name) for name in TOLD}
    body |= {name: _plain(value) for name, value in details.items() if value is not None}
    if error.hint and not _FOR_OPERATORS.search(error.hint):
        body["hint"] = error.hint
    if "field" in error.details:
        body["errors"] = [{"field": str(error.details["field"]), "message": error.message}]
    seconds = _retry_after(error)
    return body if seconds is None else {**body, "retry_after_seconds": seconds}


def status_of(kind: type[SlothError]) -> int:
    return next((status for known, status in STATUSES if issubclass(kind, known)), 500)


def invalid_response(error: RequestValidationError, *, request_id: str) -> JSONResponse:
    """Which fields of a request are wrong; what was sent is not repeated."""
    fields = [
        {"field": _name(problem), "message": wanted(problem)} for problem in error.errors()[:50]
    ]
    return problem_response(unusable(fields), request_id=request_id)


def unusable(fields: Sequence[Mapping[str, str]]) -> InvalidInput:
    """What is wrong with each of these fields."""
    return InvalidInput("The request cannot be used: see `errors`.", errors=fields)


def framework_response(error: HTTPException, *, request_id: str) -> JSONResponse:
    """What the framework refuses by itself: no such path, no such method, no JSON."""
    if isinstance(error, Refused):
        return problem_response(error.error, request_id=request_id)
    status = 422 if error.status_code == 400 else error.status_code  # a form that is none
    code, detail = _FRAMEWORKS.get(status, ("invalid_input", "The request is not one."))
    answer = _answer(_body(status, code, detail, request_id=request_id))
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


def unexpected_response(*, request_id: str) -> JSONResponse:
    return _answer(problem_body(UNEXPECTED, request_id=request_id))


def _body(status: int, code: str, detail: str, *, request_id: str) -> dict[str, Any]:
    return {
        "type": f"urn:sloth-agent:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
    }


def _answer(body: Mapping[str, Any]) -> JSONResponse:
    headers = {}
    if "retry_after_seconds" in body:
        headers["Retry-After"] = str(body["retry_after_seconds"])
    if body["status"] == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, body["status"], headers, media_type=MEDIA_TYPE)


_FRAMEWORKS = {
    404: ("not_found", "There is nothing here."),
    405: ("method_not_allowed", "This method is not for this path."),
    413: (errors.FileTooLarge.code, "The request is too large."),
}


def _retry_after(error: SlothError) -> int | None:
    given = error.details.get("retry_after_seconds")
    if isinstance(given, int | float):
        return max(1, round(given))
    return RETRY_AFTER_SECONDS if isinstance(error, errors.BackendUnavailable) else None


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _name(problem: ErrorDetails) -> str:
    where, *path = problem["loc"]
    if problem["type"] == "json_invalid":  # the path is where in the text
        return str(where)
    return ".".join(map(str, path)) or str(where)
