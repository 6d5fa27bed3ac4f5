"""The API's description: OpenAPI 3.1, complete enough to build a client from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from string import Template
from typing import Any, Self

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from sloth_agent import errors
from sloth_agent.access.models import Scope
from sloth_agent.errors import SlothError
from sloth_agent.server.callers import (
    TenantOf,
    administered,
    asked_for,
    caller_of,
    program,
    superuser,
)
from sloth_agent.server.described_problems import add_problems, codes_in, problem_examples
from sloth_agent.server.examples import example_of
from sloth_agent.server.limiting import Rate, Rates
from sloth_agent.server.problems import MEDIA_TYPE, Problem
from sloth_agent.server.repeating import CHANGING, HEADER, KEY_PATTERN, Repeating
from sloth_agent.server.visiting import page_of, visitor_of
from sloth_agent.settings import Settings
from sloth_agent.tenants.users import Role

Document = dict[str, Any]
Operation = dict[str, Any]

API_VERSION = "1"
"""Of what clients rely on; which release answers is nobody's business."""

TAGS = {
    "auth": "Signing up, in and out; who one is.",
    "users": "Who belongs to an organization, and who is asked in.",
    "api-keys": "Keys with which a firm's programs come in.",
    "subscriptions": "What is on sale, what a firm has, and what it uses of it.",
    "admin": "What runs the platform: for superusers.",
    "referrals": "Firms that a user has brought here.",
    "documents": "The files that the assistant learns from.",
    "photos": "Pictures that the assistant has been shown.",
    "integrations": "Messengers and calendars that the firm has connected.",
    "inbox": "Chats with customers, in which people of the firm answer too.",
    "agent": "Asking the assistant, and how it speaks.",
    "widget": "The chat on a firm's web site, as its visitors' browsers use it.",
}

PERSON, PROGRAM, VISITOR = "SignedIn", "ApiKey", "Visitor"

SECURITY_SCHEMES = {
    PERSON: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `access` token of a person who has signed in; for 15 minutes.",
    },
    PROGRAM: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "API key",
        "description": "The key of a program, where the plan has the feature `api`.",
    },
    VISITOR: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "opaque",
        "description": "The `token` of a visitor of one firm's web site; for 30 days.",
    },
}

HEADERS = {
    "X-Request-ID": "Of this request; tell it to who runs the server.",
    "RateLimit": (
        "Where it was counted: what is left of a policy."
        ' `"requests";r=598;t=41` is 598 more; in 41 seconds some of those used are free again.'
    ),
    "RateLimit-Policy": (
        'Where it was counted: what there is. `"requests";q=600;w=60` is 600 in 60 seconds.'
    ),
    "Retry-After": "Send it again after so many seconds.",
    "WWW-Authenticate": "`Bearer`.",
    "Idempotency-Replayed": "`true`: the answer to an earlier request under the same key.",
}

ALWAYS = {"X-Request-ID", "WWW-Authenticate"}

IDEMPOTENCY_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A text of your own, such as a new UUID: under it the request is done once.",
    "schema": {"type": "string", "pattern": KEY_PATTERN},
}

A_FILE = "One file; of which kinds, and how large, tells [Upload a file](#upload-a-file)."

WHO = {
    Role.MEMBER: "anybody of the organization",
    Role.ADMIN: "an admin or owner of the organization",
    Role.OWNER: "an owner of the organization",
}


def described(
    routers: Sequence[APIRouter], settings: Settings, *, events: Sequence[type[BaseModel]]
) -> Document:
    """The description of all routes that are meant for clients, and of what they stream."""
    routes = [each for router in routers for each in router.routes if isinstance(each, APIRoute)]
    document = get_openapi(
        title="sloth-agent",
        version=API_VERSION,
        summary="Assistants over the documents of many firms.",
        description=introduction(settings),
        routes=routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    components = document["components"]
    components["schemas"] |= _further_schemas(Problem, *events)
    components["securitySchemes"] = SECURITY_SCHEMES
    components["examples"] = problem_examples()
    components["parameters"] = {HEADER: IDEMPOTENCY_KEY}
    components["headers"] = {
        name: {"description": text, "required": name in ALWAYS, "schema": {"type": "string"}}
        for name, text in HEADERS.items()
    }
    for route in routes:
        if route.include_in_schema:
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                _complete(operation, route, method, components["schemas"])
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    return document


def introduction(settings: Settings) -> str:
    """In Markdown: whatever holds for all operations of an install."""
    text = (files(__package__) / "introduction.md").read_text("utf-8")
    return Template(text).safe_substitute(  # what else begins with `$` is for a shell
        frontend=settings.frontend_url.rstrip("/"),
        megabytes=settings.max_upload_mb,
        **{
            _key(rate): f"{rate.amount} in {rate.seconds} seconds"
            for rate in Rates.of(settings).all
        },
    )


def _key(rate: Rate) -> str:
    return rate.name.replace("-", "_")


def operation_id(route: APIRoute) -> str:
    """Stays the same for ever: clients are made from it."""
    return f"{route.tags[0]}_{route.name}".replace("-", "_")


def _further_schemas(*models: type[BaseModel]) -> dict[str, Any]:
    """Of what the framework does not know that it is sent."""
    template = "#/components/schemas/{model}"
    schemas = [model.model_json_schema(ref_template=template) for model in models]
    nested = {name: schema for each in schemas for name, schema in each.pop("$defs", {}).items()}
    return {**nested, **{schema["title"]: schema for schema in schemas}}


def _complete(operation: Operation, route: APIRoute, method: str, schemas: Document) -> None:
    summary, _, more = (route.endpoint.__doc__ or "").partition("\n\n")
    access = _Access.of(route)
    is_repeatable = method in CHANGING and isinstance(route, Repeating)
    operation["operationId"] = operation_id(route)
    operation["summary"] = " ".join(summary.split()).removesuffix(".")
    operation["description"] = "\n\n".join(filter(None, (" ".join(more.split()), access.told)))
    operation["security"] = access.security
    if is_repeatable:
        parameters = operation.setdefault("parameters", [])
        parameters.append({"$ref": f"#/components/parameters/{HEADER}"})
    responses = operation["responses"]
    if "422" in responses and MEDIA_TYPE not in responses["422"]["content"]:
        del responses["422"]  # the framework's; ours is one of the following
    operation["x-own-errors"] = codes_in(responses)
    add_problems(responses, *_anybody_may_get(operation, access, is_repeatable=is_repeatable))
    for status, response in responses.items():
        response["headers"] = dict(_headers(int(status), is_repeatable=is_repeatable))
        if int(status) < 400:
            response["description"] = _succeeded(int(status), response["description"])
    operation["responses"] = dict(sorted(responses.items()))
    _spell_out_forms(operation, schemas)
    _give_examples(operation, schemas)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Access:
    """Who may do something, as its route asks for them."""

    signed_in: bool
    superuser: bool
    program: bool
    page: bool  # of a web site that shows the chat
    visitor: bool  # of such a page
    administered: bool  # users and keys of one organization, with no key
    tenant: TenantOf | None  # None: it is not about one organization's things

    @classmethod
    def of(cls, route: APIRoute) -> Self:
        calls = list(asked_for(route))
        return cls(
            signed_in=caller_of in calls,
            superuser=superuser in calls,
            program=program in calls,
            page=page_of in calls,
            visitor=visitor_of in calls,
            administered=administered in calls,
            tenant=next((call for call in calls if isinstance(call, TenantOf)), None),
        )

    @property
    def scope(self) -> Scope | None:
        """What an API key must be for. None: no key will do."""
        return self.tenant.scope if self.tenant else None

    @property
    def security(self) -> list[dict[str, list[str]]]:
        if self.visitor:
            return [{VISITOR: []}]
        if not self.signed_in:
            return []
        if self.program:
            return [{PROGRAM: []}]
        key = [{PROGRAM: [self.scope.value]}] if self.scope else []
        return [{PERSON: []}, *key]

    @property
    def told(self) -> str:
        if self.page:
            who = "a visitor" if self.visitor else "anybody"
            return f"Who may: {who}, on a page of an origin that the firm has named."
        if not self.signed_in:
            return "Who may: anybody."
        if self.program:
            return "Who may: an API key."
        if self.superuser:
            return "Who may: a superuser."
        least = self.tenant.least if self.tenant else Role.ADMIN if self.administered else None
        who = WHO[least] if least else "whoever has signed in"
        key = f", or an API key for `{self.scope}`" if self.scope else ""
        return f"Who may: {who}{key}."


def _anybody_may_get(
    operation: Operation, access: _Access, *, is_repeatable: bool
) -> Iterator[type[SlothError]]:
    """Errors that need not be named at each route."""
    yield from (errors.HostNotAllowed, errors.RateLimited, errors.Unexpected)
    yield errors.DatabaseUnavailable
    if access.signed_in:
        yield from (errors.NotSignedIn, errors.TokenInvalid, errors.Forbidden)
    if access.page:
        yield from (errors.NotFound, errors.Forbidden, errors.AssistantClosed)
    if access.visitor:
        yield from (errors.NotSignedIn, errors.TokenInvalid)
    if access.scope or access.program:
        yield from (errors.SubscriptionExpired, errors.FeatureNotInPlan)
    if "requestBody" in operation:
        yield from (errors.RequestTooSlow, errors.FileTooLarge)
    if "requestBody" in operation or "parameters" in operation:
        yield errors.InvalidInput
    if is_repeatable:
        yield from (errors.InProgress, errors.IdempotencyMismatch, errors.DiskFull)


def _headers(status: int, *, is_repeatable: bool) -> Iterator[tuple[str, dict[str, str]]]:
    names = ["X-Request-ID", "RateLimit", "RateLimit-Policy"]
    if status in (409, 429, 503):
        names.append("Retry-After")
    if status == 401:
        names.append("WWW-Authenticate")
    if status < 300 and is_repeatable:
        names.append("Idempotency-Replayed")
    for name in names:
        yield name, {"$ref": f"#/components/headers/{name}"}


def _succeeded(status: int, told: str) -> str:
    return f"{HTTPStatus(status).phrase}." if told == "Successful Response" else told


def _spell_out_forms(operation: Operation, schemas: Document) -> None:
    """Where they are sent: the framework names them after itself."""
    form = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data")
    if form is not None:
        schema = schemas.pop(form["schema"]["$ref"].rpartition("/")[2])
        schema["properties"] = {
            name: {"type": "string", "format": "binary", "description": A_FILE}
            if "contentMediaType" in field
            else field
            for name, field in schema["properties"].items()
        }
        form["schema"] = {key: schema[key] for key in ("type", "properties", "required")}


def _give_examples(operation: Operation, schemas: Document) -> None:
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in bodies:
        content = body.get("content", {}).get("application/json")
        if content is not None:
            content["example"] = example_of(content["schema"], schemas)
