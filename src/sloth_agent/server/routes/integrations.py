"""Messengers, calendars and web sites that the firm has connected."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.access.models import Scope
from sloth_agent.app.bodies.inbox import staff_code_body
from sloth_agent.app.bodies.integrations import connected_body, integration_body
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.models import LEFT_BEHIND, IntegrationStatus, IntegrationType
from sloth_agent.channels.web_pages import MOST_ORIGINS, checked_greeting, checked_origin
from sloth_agent.errors import (
    ChannelRefused,
    ChannelUnavailable,
    Conflict,
    FeatureNotInPlan,
    NotFound,
)
from sloth_agent.ids import IntegrationId
from sloth_agent.server.callers import CurrentActor, tenant_of
from sloth_agent.server.described_problems import problems
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
from sloth_agent.tenants.users import Role

router = APIRouter(prefix="/api/integrations", tags=["integrations"], route_class=Repeating)

Reader = Annotated[AsyncTenant, Depends(tenant_of(Scope.INTEGRATIONS))]
Writer = Annotated[AsyncTenant, Depends(tenant_of(Scope.INTEGRATIONS, least=Role.ADMIN))]


class IntegrationError(Shown):
    code: str = Field(examples=[LEFT_BEHIND.code])
    message: str = Field(examples=[LEFT_BEHIND.message])


class IntegrationShown(Shown):
    id: Id
    type: IntegrationType
    status: IntegrationStatus = Field(
        description="`disabled`: it has to be connected again.", examples=["active"]
    )
    settings: dict[str, Any] = Field(
        description="What is not secret.", examples=[{"username": "salon_anna_bot"}]
    )
    messages_in: int = Field(description="That came.", examples=[120])
    messages_out: int = Field(description="That were sent.", examples=[118])
    last_activity_at: datetime | None = Field(description="Null: nothing came or went yet.")
    error: IntegrationError | None = Field(description="Why it does not work.", examples=[None])
    created_at: datetime


class TelegramToken(Asked):
    token: str = Field(
        min_length=1,
        max_length=200,
        description="Of a bot, from @BotFather.",
        examples=["110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"],
    )


class WhatsAppNumber(Asked):
    account_sid: str = Field(
        max_length=100,
        description="Of the Twilio account.",
        examples=["AC51075107510751075107510751075107"],
    )
    auth_token: str = Field(
        max_length=200,
        description="Stands below the account SID in Twilio's console.",
        examples=["70f1510770f1510770f1510770f15107"],
    )
    number: str = Field(
        max_length=50,
        description="A WhatsApp sender of the account, or its sandbox.",
        examples=["+14155238886"],
    )
    template: str | None = Field(
        default=None,
        max_length=100,
        description="Content SID of what is sent later than a day after the customer wrote.",
        examples=[None],
    )


class StaffCodeMade(Shown):
    code: str = Field(examples=["7KQ2M-XW4RT-9HNB6-ZC3VA"])
    command: str = Field(
        description="What to send to the bot, alone or in the group of the firm's people.",
        examples=["/staff 7KQ2M-XW4RT-9HNB6-ZC3VA"],
    )
    integration_id: Id
    expires_at: datetime


class HandOverWords(Asked):
    words: list[str] = Field(
        description="Phrases after which a person is to answer; of words with endings, their"
        " beginnings.",
        examples=[["complaint", "скарг"]],
    )


class HandOverWordsKept(Shown):
    words: list[str] = Field(examples=[["complaint", "скарг"]])


class FilesToBeKept(Asked):
    files_kept: bool = Field(examples=[True])


class FilesKept(Shown):
    files_kept: bool = Field(examples=[True])


class Connected(Shown):
    id: Id
    type: IntegrationType
    status: IntegrationStatus = Field(examples=["active"])


class IntegrationPage(Shown):
    items: list[IntegrationShown]
    next_cursor: NextCursor


@router.get("/", response_model=IntegrationPage, name="list")
async def integrations(tenant: Reader, limit: Limit = 20, cursor: Cursor = None) -> JSONResponse:
    """What is connected, oldest first; credentials are never shown."""
    after = IntegrationId(cursor) if cursor else None
    found = await tenant.integrations(limit=limit + 1, after=after)
    return page_of(found, limit, integration_body, cursor=lambda integration: integration.id)


@router.post(
    "/telegram/connect/",
    status_code=201,
    response_model=Connected,
    responses=problems(FeatureNotInPlan, ChannelRefused, ChannelUnavailable, Conflict),
)
async def connect_telegram(given: TelegramToken, tenant: Writer, actor: CurrentActor) -> Response:
    """Connect a bot.

    The one who writes to it is answered from now on. A bot that the firm had connected before goes
    on with its chats.
    """
    made = await tenant.connect(IntegrationType.TELEGRAM, {"token": given.token}, by=actor)
    return ok(connected_body(made), status=201)


@router.post(
    "/whatsapp/connect/",
    status_code=201,
    response_model=Connected,
    responses=problems(FeatureNotInPlan, ChannelRefused, ChannelUnavailable, Conflict),
)
async def connect_whatsapp(given: WhatsAppNumber, tenant: Writer, actor: CurrentActor) -> Response:
    """Connect a WhatsApp number at Twilio.

    Then paste the address of its webhook, `/api/integrations/webhooks/whatsapp/{id}/`, into
    Twilio's console: there is no other way to set it.
    """
    credentials = given.model_dump(exclude_none=True)
    made = await tenant.connect(IntegrationType.WHATSAPP, credentials, by=actor)
    return ok(connected_body(made), status=201)


class WebConnection(Asked):
    origins: list[Annotated[str, Field(max_length=300), kept_to(checked_origin)]] = Field(
        min_length=1,
        max_length=MOST_ORIGINS,
        description="Of the pages that may show the chat.",
        examples=[["https://salon.example", "https://www.salon.example"]],
    )
    greeting: Annotated[str, kept_to(checked_greeting)] | None = Field(
        default=None,
        description="What the chat begins with. Left out: ours, in the visitor's language.",
        examples=["Hello! Ask us about prices and free places."],
    )


@router.post("/web/connect/", status_code=201, response_model=Connected)
async def connect_web(given: WebConnection, tenant: Writer, actor: CurrentActor) -> Response:
    """Show the chat on a web site.

    The `id` is the `data-key` of its script; it is no secret. Any plan has it.
    """
    made = await tenant.connect_web(given.origins, greeting=given.greeting, by=actor)
    return ok(connected_body(made), status=201)


@router.post(
    "/{id:uuid}/staff/",
    status_code=201,
    response_model=StaffCodeMade,
    responses=problems(NotFound, Conflict),
    name="staff",
)
async def staff_code(id: UUID, tenant: Writer, actor: CurrentActor) -> Response:
    """Make a code for 15 minutes, which makes a chat the one in which the firm's people answer.

    It is shown once. Whoever sends the command to the bot, alone or in a group, begins that chat;
    only Telegram has one.
    """
    made = await tenant.staff_code(IntegrationId(id), by=actor)
    return ok(staff_code_body(made), status=201)


@router.put(
    "/{id:uuid}/hand-over-words/", response_model=HandOverWordsKept, responses=problems(NotFound)
)
async def hand_over_words(
    id: UUID, given: HandOverWords, tenant: Writer, actor: CurrentActor
) -> Response:
    """Name the words after which a person is to answer, in the place of earlier ones."""
    kept = await tenant.set_hand_over_words(IntegrationId(id), given.words, by=actor)
    return ok({"words": list(kept)})


@router.put(
    "/{id:uuid}/files-kept/", response_model=FilesKept, responses=problems(NotFound, Conflict)
)
async def files_kept(
    id: UUID, given: FilesToBeKept, tenant: Writer, actor: CurrentActor
) -> Response:
    """Say whether documents that customers send there are kept for the firm's people.

    The assistant never reads them. They count as storage, and are listed with their chat. Else
    they are politely declined.
    """
    await tenant.set_files_kept(IntegrationId(id), given.files_kept, by=actor)
    return ok({"files_kept": given.files_kept})


@router.delete("/{id:uuid}/", status_code=204, responses=problems(NotFound))
async def disconnect(id: UUID, tenant: Writer, actor: CurrentActor) -> Response:
    """Forget an integration and its credentials.

    What was said there stays.
    """
    await tenant.disconnect(IntegrationId(id), by=actor)
    return Response(status_code=204)
