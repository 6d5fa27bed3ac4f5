"""Chats with customers: where people of the firm answer in the assistant's place."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.access.models import Scope
from sloth_agent.app.bodies.inbox import chat_body, chat_file_body, hours_body, told_chat_body
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.chat_files import ChatFile
from sloth_agent.channels.chats import ChatState
from sloth_agent.channels.desk import LONGEST_ANSWER
from sloth_agent.channels.models import IntegrationType
from sloth_agent.errors import (
    Conflict,
    NotFound,
    RecipientGone,
    StorageUnavailable,
    WindowClosed,
)
from sloth_agent.ids import ChatFileId, ChatId
from sloth_agent.language import Language
from sloth_agent.server.callers import CurrentActor, tenant_of
from sloth_agent.server.described_problems import problems
from sloth_agent.server.downloads import A_FILE, download
from sloth_agent.server.repeating import Repeating
from sloth_agent.server.shapes import (
    Asked,
    Cursor,
    Id,
    Limit,
    NextCursor,
    Shown,
    kept_to,
    ok,
    page_of,
)
from sloth_agent.server.sources_shown import CitationShown, TokensUsed
from sloth_agent.tenants.hours import MOST_A_DAY
from sloth_agent.tenants.profile import LONGEST_AWAY_TEXT, checked_timezone
from sloth_agent.tenants.users import Role

router = APIRouter(prefix="/api/inbox", tags=["inbox"], route_class=Repeating)

Staff = Annotated[AsyncTenant, Depends(tenant_of(Scope.INTEGRATIONS))]
Admin = Annotated[AsyncTenant, Depends(tenant_of(Scope.INTEGRATIONS, least=Role.ADMIN))]

State = Annotated[
    ChatState | None, Query(description="Only chats that are in this state. Left out: all.")
]
Newest = Annotated[int, Query(ge=1, le=200, description="How many messages at most: the newest.")]
Hours = Annotated[list[str], Field(min_length=2, max_length=2)]
Day = Annotated[list[Hours], Field(max_length=MOST_A_DAY)]

WEEK = {"mon": [["09:00", "13:00"], ["14:00", "18:00"]], "sat": [["10:00", "14:00"]]}


class ChatShown(Shown):
    id: Id
    integration_id: Id
    channel: IntegrationType = Field(examples=["telegram"])
    external_id: str = Field(
        description="What the channel knows the chat by.", examples=["123456789"]
    )
    customer: str = Field(
        description="Who writes; of a group, who was first.", examples=["telegram:123456789"]
    )
    name: str = Field(description="What they call themselves.", examples=["Anna Kowalska"])
    state: ChatState = Field(
        description="Who answers: the `assistant`; nobody yet, while the customer is `waiting` for"
        " a person; or a `person`.",
        examples=["waiting"],
    )
    language: Language | None = Field(description="That was asked for.", examples=["uk"])
    is_gone: bool = Field(description="They take no messages any more.", examples=[False])
    conversation_id: Id | None = Field(description="Null: nothing was said yet, or it was erased.")
    last_heard_at: datetime
    created_at: datetime


class ChatMessageShown(Shown):
    id: Id
    role: str = Field(description="`user`, `assistant` or `staff`.", examples=["staff"])
    content: str = Field(examples=["Yes, we can do Friday at 10."])
    created_at: datetime
    citations: list[CitationShown]
    usage: TokensUsed
    processing_ms: float | None = Field(
        description="Null: of what no model wrote.", examples=[None]
    )


class ChatTold(ChatShown):
    messages: list[ChatMessageShown] = Field(description="The newest, oldest first.")


class ChatPage(Shown):
    items: list[ChatShown]
    next_cursor: NextCursor


class ChatFileShown(Shown):
    id: Id
    chat_id: Id
    customer: str = Field(description="Who sent it.", examples=["telegram:123456789"])
    name: str = Field(description="As they call it.", examples=["contract.pdf"])
    type: str = Field(
        description="Media type as the sender's program says: not to be relied on.",
        examples=["application/pdf"],
    )
    size: int = Field(description="Bytes.", examples=[48_320])
    created_at: datetime


class ChatFilePage(Shown):
    items: list[ChatFileShown]
    next_cursor: NextCursor


class StaffAnswer(Asked):
    text: str = Field(
        min_length=1, max_length=LONGEST_ANSWER, examples=["Yes, we can do Friday at 10."]
    )


class OfficeHours(Shown):
    timezone: str = Field(examples=["Europe/Warsaw"])
    office_hours: dict[str, list[list[str]]] = Field(
        description="Of the firm's own clock, for each day from `mon` to `sun`. None at all: always"
        " open.",
        examples=[WEEK],
    )
    away_text: str = Field(
        description="What customers hear who ask for a person outside these hours. Empty: our own"
        " words, with the next opening.",
        examples=["We are back tomorrow."],
    )


class OfficeHoursChange(Asked):
    timezone: Annotated[str, kept_to(checked_timezone)] | None = Field(
        default=None, examples=["Europe/Warsaw"]
    )
    office_hours: dict[str, Day] | None = Field(
        default=None,
        description="An end before its beginning is on the next day; `24:00` is the end of a day.",
        examples=[WEEK],
    )
    away_text: str | None = Field(default=None, max_length=LONGEST_AWAY_TEXT)


@router.get("/chats/", response_model=ChatPage)
async def chats(
    tenant: Staff, state: State = None, limit: Limit = 20, cursor: Cursor = None
) -> JSONResponse:
    """Chats with customers; those that were heard of last come first."""
    before = ChatId(cursor) if cursor else None
    found = await tenant.chats(state=state, limit=limit + 1, before=before)
    return page_of(found, limit, chat_body, cursor=lambda shown: shown.chat.id)


@router.get("/chats/{id:uuid}/", response_model=ChatTold, responses=problems(NotFound))
async def chat(id: UUID, tenant: Staff, limit: Newest = 100) -> JSONResponse:
    """A chat, and what was said in it."""
    return ok(told_chat_body(await tenant.show_chat(ChatId(id), last=limit)))


@router.post(
    "/chats/{id:uuid}/answer/",
    response_model=ChatShown,
    responses=problems(NotFound, Conflict, RecipientGone, WindowClosed),
)
async def answer(id: UUID, given: StaffAnswer, tenant: Staff, actor: CurrentActor) -> JSONResponse:
    """Say something to the customer.

    From now on the chat is with a person, and the assistant is silent. Somebody who has blocked
    the firm, or whom the channel lets nobody write to any more, is not written to: that is told at
    once.
    """
    return ok(chat_body(await tenant.answer_chat(ChatId(id), given.text, by=actor)))


@router.post("/chats/{id:uuid}/take/", response_model=ChatShown, responses=problems(NotFound))
async def take(id: UUID, tenant: Staff, actor: CurrentActor) -> JSONResponse:
    """Have the assistant be silent in a chat.

    Again, nothing happens.
    """
    return ok(chat_body(await tenant.take_chat(ChatId(id), by=actor)))


@router.post("/chats/{id:uuid}/give-back/", response_model=ChatShown, responses=problems(NotFound))
async def give_back(id: UUID, tenant: Staff, actor: CurrentActor) -> JSONResponse:
    """Have the assistant answer again; the customer is told.

    Again, nothing happens.
    """
    return ok(chat_body(await tenant.give_back_chat(ChatId(id), by=actor)))


@router.get("/chats/{id:uuid}/files/", response_model=ChatFilePage, responses=problems(NotFound))
async def files(id: UUID, tenant: Staff, limit: Limit = 20, cursor: Cursor = None) -> JSONResponse:
    """Documents that were sent in a chat, oldest first.

    They are kept where the firm wants them: `PUT /api/integrations/{id}/files-kept/`.
    """
    after = ChatFileId(cursor) if cursor else None
    found = await tenant.chat_files(ChatId(id), limit=limit + 1, after=after)
    return page_of(found, limit, chat_file_body, cursor=lambda file: file.id)


@router.get(
    "/chats/{id:uuid}/files/{file:uuid}/",
    responses={**problems(NotFound, StorageUnavailable), 200: A_FILE},
    response_class=Response,
    name="download",
)
async def file(id: UUID, file: UUID, tenant: Staff) -> Response:
    """A document as the customer sent it.

    It comes from a stranger, and nobody has looked into it: save it, and let no page show it.
    """
    found = await _file_in(tenant, ChatId(id), ChatFileId(file))
    return download(found.name, await tenant.chat_file_content(found.id))


@router.delete(
    "/chats/{id:uuid}/files/{file:uuid}/",
    status_code=204,
    responses=problems(NotFound, StorageUnavailable),
)
async def delete_file(id: UUID, file: UUID, tenant: Staff, actor: CurrentActor) -> Response:
    """Forget a document that a customer sent; its bytes are free again."""
    found = await _file_in(tenant, ChatId(id), ChatFileId(file))
    await tenant.delete_chat_file(found.id, by=actor)
    return Response(status_code=204)


async def _file_in(tenant: AsyncTenant, chat: ChatId, id: ChatFileId) -> ChatFile:
    found = await tenant.chat_file(id)
    if found.chat != chat:
        raise NotFound(f"There is no file {id} in the chat {chat}.")
    return found


@router.get("/hours/", response_model=OfficeHours)
async def hours(tenant: Staff) -> JSONResponse:
    """When people of the firm are there, and what customers hear while nobody is."""
    return ok(hours_body(await tenant.profile()))


@router.put("/hours/", response_model=OfficeHours)
async def change_hours(
    given: OfficeHoursChange, tenant: Admin, actor: CurrentActor
) -> JSONResponse:
    """Change when people are there.

    What is left out stays as it is.
    """
    if given.timezone is not None:
        await tenant.change_profile(timezone=given.timezone, by=actor)
    changed = await tenant.change_hours(
        office_hours=given.office_hours, away_text=given.away_text, by=actor
    )
    return ok(hours_body(changed))
