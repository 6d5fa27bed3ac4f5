"""The chat on firms' web sites, as the browsers of their visitors use it."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.agent.models import Message
from sloth_agent.app.bodies.widget import passed_on_body, visitor_answer_body, visitor_message_body
from sloth_agent.channels.chats import ChatState
from sloth_agent.channels.texts import text
from sloth_agent.channels.visitors import Visitor
from sloth_agent.channels.web_pages import WebPages
from sloth_agent.errors import BackendUnavailable
from sloth_agent.ids import MessageId
from sloth_agent.language import Language
from sloth_agent.server.answering import streamed, whole
from sloth_agent.server.callers import CurrentPlatform, counted_as
from sloth_agent.server.described_problems import problems
from sloth_agent.server.limiting import PERSONS, QUESTIONS, VISITORS
from sloth_agent.server.platform import Platform
from sloth_agent.server.routes.agent import Question
from sloth_agent.server.shapes import MOST_AT_ONCE, Asked, Id, Shown, ok
from sloth_agent.server.streaming import event, unless_gone
from sloth_agent.server.visiting import (
    PREFLIGHT,
    CurrentPage,
    CurrentVisitor,
    Page,
    Visiting,
    for_visitors,
    language_of,
    named_page,
    their_turn,
)

router = APIRouter(prefix="/api/widget", tags=["widget"], route_class=Visiting)


class Visit(Asked):
    language: Language | None = Field(
        default=None, description="Of the greeting. Left out: as `Accept-Language` says."
    )


class VisitShown(Shown):
    token: str = Field(
        description="Knows the visitor again for 30 days; keep it in the browser.",
        examples=["AWE3ZjE5YzJkNL2x0uT7YqZ0c1vW8mKX"],
    )
    name: str = Field(description="Of the firm.", examples=["Salon Lavanda"])
    greeting: str = Field(examples=["Hello! How can we help?"])
    language: Language


class VisitorMessage(Asked):
    message: Question
    language: Language | None = Field(default=None, description="Left out: the message's own.")


class SourceShown(Shown):
    """Where an answer comes from."""

    document: str = Field(examples=["price-list.xlsx"])
    page: int | None = Field(examples=[None])
    section: str | None = Field(description="Its heading.", examples=["Prices"])
    sheet: str | None = Field(examples=["2026"])
    row: int | None = Field(examples=[12])
    snippet: str = Field(
        description="Stands word for word in the document.", examples=["Haircut: 40 euro"]
    )


class SourcesEvent(Shown):
    """What an answer to a visitor rests on."""

    grounded: bool = Field(description="False: nothing in the documents answers the question.")
    citations: list[SourceShown]


EVENT_STREAM = "text/event-stream"

EVENTS = (SourcesEvent,)
"""What is streamed beside answers, problems and pieces of text."""


class VisitorAnswered(SourcesEvent):
    """An answer to a visitor."""

    id: Id = Field(description="Of the answer; without one, of the message.")
    answer: str | None = Field(
        description="Null: a person answers later.", examples=["A haircut is 40 euro."]
    )


class VisitorMessageShown(Shown):
    id: Id
    role: str = Field(description="`user`, `assistant` or `staff`.", examples=["assistant"])
    text: str = Field(examples=["A haircut is 40 euro."])
    citations: list[SourceShown]
    created_at: datetime


class WhoAnswers(Shown):
    state: ChatState = Field(
        description="`waiting`: a person was asked for. `person`: one of the firm's answers.",
        examples=["assistant"],
    )


class VisitorMessages(WhoAnswers):
    items: list[VisitorMessageShown] = Field(description="At most 100, oldest first.")
    name: str | None = Field(
        default=None, description="Of the firm; not with `after`.", examples=["Salon Lavanda"]
    )
    greeting: str | None = Field(
        default=None,
        description="As `Accept-Language` says; not with `after`.",
        examples=["Hello! How can we help?"],
    )


_KNOWN_FIRM = {"name": None, "greeting": None}
"""To whoever only looks for what is new."""

_STREAM: dict[str, Any] = {
    "content": {
        EVENT_STREAM: {
            "schema": {
                "type": "string",
                "description": "Server-sent events, as of `POST /api/agent/chat/`: `token`"
                " (`TokenEvent`), `citations` (`SourcesEvent`), `done` (`VisitorAnswered`), `error`"
                " (`Problem`).",
            },
            "example": (
                'event: token\ndata: {"text": "A haircut is 40 euro."}\n\n'
                'event: citations\ndata: {"grounded": true, "citations": [...]}\n\n'
                'event: done\ndata: {"answer": "A haircut is 40 euro.", ...}\n\n'
            ),
        }
    },
    "description": "At once; or as it is written, where `Accept: text/event-stream` came.",
}


@router.options("/{key:uuid}/{rest:path}", status_code=204, include_in_schema=False)
async def preflight(_page: Annotated[Page, Depends(named_page)]) -> Response:
    """What a browser asks first; were it refused, a page could not even read why."""
    return Response(status_code=204, headers=PREFLIGHT)


@router.post("/{key:uuid}/visitors/", status_code=201, response_model=VisitShown)
async def begin(
    body: Visit,
    request: Request,
    page: CurrentPage,
    platform: CurrentPlatform,
) -> JSONResponse:
    """Begin a visit.

    Nothing is stored before the visitor asks.
    """
    await platform.limiter.take(VISITORS, counted_as(request))
    await their_turn(platform, page)
    await page.tenant.services.metering.allowance()
    language = body.language or language_of(request)
    _, token = platform.services.visitors.admit(page.integration.id)
    return ok({"token": token, **await _firm_of(page, language), "language": language}, 201)


@router.post(
    "/{key:uuid}/messages/",
    response_model=VisitorAnswered,
    responses={**problems(BackendUnavailable), 200: _STREAM},
)
async def ask(
    body: VisitorMessage,
    request: Request,
    page: CurrentPage,
    visitor: CurrentVisitor,
    platform: CurrentPlatform,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Ask the assistant, as a visitor.

    All of a visitor's messages are one conversation. While a person of the firm answers in it, the
    message is kept for them, and `answer` is null.
    """
    await _count(platform, request, page, visitor)
    parts = await page.chat.ask(visitor, body.message, language=body.language)
    if isinstance(parts, Message):
        return _passed_on(parts, streams=EVENT_STREAM in accept)
    if EVENT_STREAM in accept:
        told = partial(for_visitors, language=language_of(request))
        return await streamed(request, parts, visitor_answer_body, told=told)
    return ok(visitor_answer_body(await unless_gone(request, whole(parts))))


@router.get("/{key:uuid}/messages/", response_model=VisitorMessages)
async def messages(
    request: Request,
    page: CurrentPage,
    visitor: CurrentVisitor,
    after: Annotated[UUID | None, Query(description="Those after this message alone.")] = None,
) -> JSONResponse:
    """What was said so far."""
    chat = page.chat
    state = await chat.state(visitor)
    found = await chat.messages(
        visitor, last=MOST_AT_ONCE, after=MessageId(after) if after else None
    )
    firm = _KNOWN_FIRM if after else await _firm_of(page, language_of(request))
    items = [visitor_message_body(message) for message in found]
    return ok({"state": state, "items": items, **firm})


@router.post("/{key:uuid}/human/", response_model=WhoAnswers)
async def human(
    request: Request, page: CurrentPage, visitor: CurrentVisitor, platform: CurrentPlatform
) -> JSONResponse:
    """Ask for a person of the firm.

    The firm hears of it, and the assistant is silent in this conversation until somebody gives it
    back.
    """
    await platform.limiter.take(PERSONS, counted_as(request))
    state = await page.chat.call_a_person(visitor, language=language_of(request))
    return ok({"state": state})


async def _firm_of(page: Page, language: Language) -> dict[str, str]:
    """How the firm presents itself."""
    greeting = WebPages.of(page.integration.settings).greeting
    return {
        "name": await page.tenant.services.name_of_firm(),
        "greeting": greeting or text("web_greeting", language),
    }


async def _count(platform: Platform, request: Request, page: Page, visitor: Visitor) -> None:
    firm = page.tenant.organization.id
    limits = (
        (platform.rates.visitor, str(visitor.id)),
        (platform.rates.visitor_a_day, str(visitor.id)),
        (QUESTIONS, f"{firm} {counted_as(request)}"),
    )
    for rate, whose in limits:
        await platform.limiter.take(rate, whose)


def _passed_on(message: Message, *, streams: bool) -> Response:
    body = passed_on_body(message)
    return Response(event("done", body), media_type=EVENT_STREAM) if streams else ok(body)
