"""What was said."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.access.models import Scope
from sloth_agent.agent.models import ConversationSource
from sloth_agent.app.bodies.answers import conversation_body, told_message_body
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import NotFound
from sloth_agent.ids import ConversationId
from sloth_agent.server.callers import tenant_of
from sloth_agent.server.described_problems import problems
from sloth_agent.server.shapes import Cursor, Id, Limit, NextCursor, Shown, ok, page_of
from sloth_agent.server.sources_shown import CitationShown, PassageShown, TokensUsed

router = APIRouter(prefix="/api/agent/history", tags=["agent"])

NewestMessages = Annotated[
    int, Query(ge=1, le=200, description="How many messages at most: the newest.")
]
ChatTenant = Annotated[AsyncTenant, Depends(tenant_of(Scope.CHAT))]


class ConversationShown(Shown):
    id: Id
    source: ConversationSource = Field(examples=["api"])
    external_id: str | None = Field(description="What a messenger knows it by.", examples=[None])
    title: str | None = Field(
        description="The first question, cut to 80 characters. Null: none yet.",
        examples=["How much is a haircut?"],
    )
    messages: int = Field(description="How many.", examples=[2])
    created_at: datetime
    last_message_at: datetime | None = Field(
        description="Null: none yet.", examples=["2026-09-01T09:30:02Z"]
    )


class MessageShown(Shown):
    id: Id
    role: str = Field(description="`user`, `assistant` or `staff`.", examples=["assistant"])
    content: str = Field(examples=["A haircut is 40 euro."])
    created_at: datetime
    citations: list[CitationShown]
    usage: TokensUsed
    processing_ms: float | None = Field(description="Null: of a question.", examples=[812.4])
    passages: list[PassageShown] = Field(description="What was read for it, as far as it is there.")


class ConversationPage(Shown):
    items: list[ConversationShown]
    next_cursor: NextCursor


class ConversationTold(ConversationShown):
    items: list[MessageShown] = Field(description="The newest messages, oldest first.")


@router.get("/", response_model=ConversationPage)
async def history(tenant: ChatTenant, limit: Limit = 20, cursor: Cursor = None) -> JSONResponse:
    """Conversations, newest first.

    All of the firm's: whoever belongs to it sees what each of them asked, and its customers.
    """
    before = ConversationId(cursor) if cursor else None
    found = await tenant.conversations(limit=limit + 1, before=before)
    return page_of(found, limit, conversation_body, cursor=lambda one: one.id)


@router.get("/{id:uuid}/", response_model=ConversationTold, responses=problems(NotFound))
async def conversation(id: UUID, tenant: ChatTenant, limit: NewestMessages = 100) -> JSONResponse:
    """What was said in a conversation, with the passages that each answer rests on."""
    found = await tenant.services.conversations.show(ConversationId(id))
    messages = await tenant.messages(found.id, last=limit)
    used = {chunk for message in messages for chunk in message.chunks_used}
    passages = {each.chunk_id: each for each in await tenant.passages(list(used))}
    items = [told_message_body(message, passages) for message in messages]
    return ok({**conversation_body(found), "items": items})
