"""Asking the assistant."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.access.models import Scope
from sloth_agent.agent.models import ConversationSource
from sloth_agent.agent.ports import Delta, Trial
from sloth_agent.app.bodies.answers import (
    answer_body,
    search_body,
    trial_body,
)
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import (
    Conflict,
    CostLimitExceeded,
    EmbedderUnavailable,
    MessageLimitExceeded,
    ModelUnavailable,
    NotFound,
    SubscriptionExpired,
)
from sloth_agent.ids import ConversationId
from sloth_agent.knowledge.queries import cleaned
from sloth_agent.language import Language
from sloth_agent.server.answering import streamed, whole
from sloth_agent.server.callers import CurrentPlatform, tenant_of
from sloth_agent.server.described_problems import problems
from sloth_agent.server.limiting import TRIALS
from sloth_agent.server.repeating import Repeating
from sloth_agent.server.routes.prompt import A_ROLE, SOME_INSTRUCTIONS, PromptDraft
from sloth_agent.server.shapes import (
    MOST_AT_ONCE,
    Asked,
    Id,
    Shown,
    Whole,
    kept_to,
    ok,
)
from sloth_agent.server.sources_shown import CitationShown, PassageShown, TokensUsed
from sloth_agent.server.streaming import unless_gone

router = APIRouter(prefix="/api/agent", tags=["agent"], route_class=Repeating)

ChatTenant = Annotated[AsyncTenant, Depends(tenant_of(Scope.CHAT))]

Question = Annotated[
    str,
    Field(min_length=1, max_length=4000, examples=["How much is a haircut?"]),
    kept_to(cleaned),
]


class Chat(Asked):
    message: Question
    conversation_id: UUID | None = Field(default=None, description="Go on with a conversation.")
    language: Language | None = Field(default=None, description="Left out: the question's own.")


class Test(Asked):
    message: Question
    language: Language | None = None
    prompt: PromptDraft | None = Field(
        default=None, description="Tried instead of the active one.", examples=[{"role": A_ROLE}]
    )


class Search(Asked):
    query: Question
    limit: Whole = Field(default=5, ge=1, le=MOST_AT_ONCE)
    documents: list[Annotated[str, Field(max_length=1000)]] = Field(
        default=[],
        max_length=100,
        description="Titles, or patterns such as `*.pdf`.",
        examples=[["*.xlsx"]],
    )


class Said(Shown):
    answer: str = Field(examples=["A haircut is 40 euro."])
    grounded: bool = Field(description="False: nothing in the documents answers the question.")
    citations: list[CitationShown]
    model: str = Field(examples=["gpt-4o-mini"])
    usage: TokensUsed
    timings_ms: dict[str, float] = Field(examples=[{"total": 812.4}])
    not_read: list[str] = Field(description="Files that are still being read.", examples=[[]])


class TokenEvent(Shown):
    """A piece of the answer, while it is written."""

    text: str = Field(examples=["A haircut"])


class CitationsEvent(Shown):
    """What the answer rests on."""

    grounded: bool = Field(description="False: nothing in the documents answers the question.")
    citations: list[CitationShown]


EVENTS = (TokenEvent, CitationsEvent)
"""What is streamed beside an answer and problems."""


class Answered(Said):
    conversation_id: Id
    message_id: Id


class SearchShown(Shown):
    results: list[PassageShown] = Field(description="Best first.")
    timings_ms: dict[str, float] = Field(examples=[{"total": 31.7}])
    not_read: list[str] = Field(description="Files that are still being read.", examples=[[]])
    by_vectors: bool = Field(description="False: words alone decided.")


class PromptMessageShown(Shown):
    role: str = Field(description="`system`, `user` or `assistant`.", examples=["system"])
    text: str = Field(examples=["You are the assistant of Salon Lavanda."])


class Tried(Said):
    language: Language = Field(description="Of the answer.")
    instructions: str = Field(description="Of the prompt.", examples=[SOME_INSTRUCTIONS])
    temperature: float = Field(examples=[0.7])
    max_tokens: int = Field(examples=[500])
    passages: list[PassageShown] = Field(description="What was found, best first.")
    prompt: list[PromptMessageShown] = Field(description="What a model is sent.")


TRYING = (
    SubscriptionExpired,
    Conflict,
    CostLimitExceeded,
    EmbedderUnavailable,
    ModelUnavailable,
)
ANSWERING = (*TRYING, MessageLimitExceeded, NotFound, Conflict)

_STREAM: dict[str, Any] = {
    "content": {
        "text/event-stream": {
            "schema": {
                "type": "string",
                "description": "Server-sent events, as the introduction tells: `token`"
                " (`TokenEvent`), `citations` (`CitationsEvent`), `done` (`Answered`), `error`"
                " (`Problem`).",
            },
            "example": (
                'event: token\ndata: {"text": "A haircut"}\n\n'
                'event: token\ndata: {"text": " is 40 euro."}\n\n'
                'event: citations\ndata: {"grounded": true, "citations": [...]}\n\n'
                'event: done\ndata: {"answer": "A haircut is 40 euro.", ...}\n\n'
            ),
        }
    },
    "description": "At once; or as it is written, where `Accept: text/event-stream` came.",
}


@router.post(
    "/chat/",
    response_model=Answered,
    responses={**problems(*ANSWERING), 200: _STREAM},
)
async def chat(
    body: Chat,
    request: Request,
    tenant: ChatTenant,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Ask the assistant.

    Where the client leaves, the model is stopped and nothing is counted.
    """
    parts = tenant.chat_stream(
        body.message,
        conversation=ConversationId(body.conversation_id) if body.conversation_id else None,
        language=body.language,
        source=ConversationSource.API,
    )
    if "text/event-stream" in accept:
        return await streamed(request, parts, answer_body)
    return ok(answer_body(await unless_gone(request, whole(parts))))


@router.post("/test/", response_model=Tried, responses=problems(*TRYING))
async def test(
    body: Test, request: Request, tenant: ChatTenant, platform: CurrentPlatform
) -> JSONResponse:
    """Try the assistant, or a draft of its prompt.

    Nothing is stored or counted.
    """
    await platform.limiter.take(TRIALS, str(tenant.organization.id))
    draft = None
    if body.prompt is not None:
        draft = await tenant.services.prompts.drafted(**body.prompt.model_dump())
    parts = tenant.try_stream(body.message, language=body.language, prompt=draft)
    trial = await unless_gone(request, _trial(parts))
    budget = platform.settings.chat_prompt_tokens
    return ok(trial_body(trial, budget_tokens=budget))


@router.post("/search/", response_model=SearchShown, responses=problems(EmbedderUnavailable))
async def search(body: Search, request: Request, tenant: ChatTenant) -> JSONResponse:
    """Find the passages that best match a query.

    Retrieval alone: no model is asked.
    """
    searching = tenant.search(body.query, limit=body.limit, documents=body.documents)
    return ok(search_body(await unless_gone(request, searching)))


async def _trial(parts: AsyncIterator[Delta | Trial]) -> Trial:
    async for part in parts:
        if isinstance(part, Trial):
            return part
    raise AssertionError("a trial ends with a Trial")
