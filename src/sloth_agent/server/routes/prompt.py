"""How the assistant speaks."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.access.models import Scope
from sloth_agent.app.bodies.answers import prompt_body
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import NotFound
from sloth_agent.server.callers import CurrentActor, tenant_of
from sloth_agent.server.described_problems import problems
from sloth_agent.server.repeating import Repeating
from sloth_agent.server.shapes import Asked, Number, Shown, Whole, ok
from sloth_agent.tenants.users import Role

router = APIRouter(prefix="/api/agent/prompt", tags=["agent"], route_class=Repeating)

Reader = Annotated[AsyncTenant, Depends(tenant_of(Scope.PROMPT))]
Writer = Annotated[AsyncTenant, Depends(tenant_of(Scope.PROMPT, least=Role.ADMIN))]

A_ROLE = "You are the assistant of Salon Lavanda."
SOME_INSTRUCTIONS = "Answer briefly and in the language of the question."
SOME_CONTEXT = "We are closed on Mondays."


class PromptDraft(Asked):
    """What is left out stays as it is."""

    role: str | None = Field(
        default=None, max_length=8000, description="Who it is.", examples=[A_ROLE]
    )
    instructions: str | None = Field(
        default=None, max_length=8000, description="How it answers.", examples=[SOME_INSTRUCTIONS]
    )
    context: str | None = Field(
        default=None, max_length=8000, description="What it always knows.", examples=[SOME_CONTEXT]
    )
    temperature: Number | None = Field(default=None, ge=0, le=2, examples=[0.7])
    max_tokens: Whole | None = Field(
        default=None, ge=1, le=100_000, description="Of an answer.", examples=[500]
    )


class Rollback(Asked):
    version: Whole = Field(
        ge=0, le=2**31 - 1, description="0: what every assistant starts with.", examples=[0]
    )


class PromptShown(Shown):
    version: int
    active: bool
    role: str = Field(examples=[A_ROLE])
    instructions: str = Field(examples=[SOME_INSTRUCTIONS])
    context: str = Field(examples=[SOME_CONTEXT])
    temperature: float = Field(examples=[0.7])
    max_tokens: int = Field(examples=[500])
    created_at: datetime


class PromptVersions(Shown):
    items: list[PromptShown]


@router.get("/", response_model=PromptShown)
async def prompt(tenant: Reader) -> JSONResponse:
    """How the assistant speaks."""
    return ok(prompt_body(await tenant.prompt()))


@router.put("/", response_model=PromptShown)
async def set_prompt(
    body: PromptDraft,
    tenant: Writer,
    actor: CurrentActor,
) -> JSONResponse:
    """Make a new version of the prompt."""
    return ok(prompt_body(await tenant.set_prompt(**body.model_dump(), by=actor)))


@router.get("/history/", response_model=PromptVersions)
async def prompt_history(
    tenant: Reader,
) -> JSONResponse:
    """All versions of the prompt, newest first."""
    return ok({"items": [prompt_body(version) for version in await tenant.prompt_history()]})


@router.post("/rollback/", response_model=PromptShown, responses=problems(NotFound))
async def rollback_prompt(
    body: Rollback,
    tenant: Writer,
    actor: CurrentActor,
) -> JSONResponse:
    """Make an earlier version of the prompt the newest again."""
    return ok(prompt_body(await tenant.rollback_prompt(body.version, by=actor)))
