"""Keys with which a firm's programs come in."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.access.models import Scope
from sloth_agent.app.bodies.access import api_key_body
from sloth_agent.billing.access import require_access
from sloth_agent.billing.models import Feature
from sloth_agent.errors import FeatureNotInPlan, NotFound, SubscriptionExpired
from sloth_agent.ids import ApiKeyId
from sloth_agent.server.callers import Administered, CurrentActor, CurrentPlatform, CurrentUser
from sloth_agent.server.described_problems import problems
from sloth_agent.server.repeating import Repeating
from sloth_agent.server.shapes import (
    AN_ID,
    Asked,
    Cursor,
    Id,
    Limit,
    Moment,
    NextCursor,
    Shown,
    ok,
    page_of,
)

router = APIRouter(prefix="/api/api-keys", tags=["api-keys"], route_class=Repeating)


class CreateKey(Asked):
    name: str = Field(min_length=1, max_length=200, examples=["Booking page"])
    scopes: list[Scope] = Field(default=list(Scope), description="Left out: all of them.")
    expires_at: Moment | None = Field(default=None, description="Left out: never.")


class KeyShown(Shown):
    id: Id
    name: str = Field(examples=["Booking page"])
    beginning: str = Field(description="Of the key, to tell it by.", examples=["sloth_Xk3v9Q"])
    scopes: list[Scope]
    created_by: str | None = Field(
        description="Id of a user. Null: whoever made it is no user any more.", examples=[AN_ID]
    )
    created_at: datetime
    expires_at: datetime | None = Field(description="Null: never.", examples=[None])
    revoked_at: datetime | None = Field(description="Null: it is good.", examples=[None])
    last_used_at: datetime | None = Field(
        description="To the minute. Null: not yet.", examples=["2026-09-03T14:05:00Z"]
    )


class KeyCreated(KeyShown):
    key: str = Field(
        description="Shown this once: `Authorization: Bearer sloth_...`.",
        examples=["sloth_Xk3v9QmYx0c1n5q0yB8Qk2vJtTzA7fH3wLrEo9uSdPi"],
    )


class KeyPage(Shown):
    items: list[KeyShown]
    next_cursor: NextCursor


@router.post(
    "/",
    status_code=201,
    response_model=KeyCreated,
    responses=problems(SubscriptionExpired, FeatureNotInPlan),
)
async def create(
    body: CreateKey,
    firm: Administered,
    user: CurrentUser,
    actor: CurrentActor,
    platform: CurrentPlatform,
) -> JSONResponse:
    """Make an API key.

    Where the plan has `api`. Nobody can read it again.
    """
    require_access(await platform.services.subscriptions.current(firm.id), Feature.API)
    key, text = await platform.services.api_keys.create(
        firm.id,
        body.name,
        scopes=body.scopes,
        expires_at=body.expires_at,
        created_by=user.id,
        by=actor,
    )
    return ok({**api_key_body(key), "key": text}, 201)


@router.get("/", response_model=KeyPage, name="list")
async def keys(
    firm: Administered, platform: CurrentPlatform, limit: Limit = 20, cursor: Cursor = None
) -> JSONResponse:
    """List API keys.

    Newest first, those that were revoked included.
    """
    found = await platform.services.api_keys.list(
        firm.id, limit=limit + 1, before=ApiKeyId(cursor) if cursor else None
    )
    return page_of(found, limit, api_key_body, cursor=lambda key: key.id)


@router.delete("/{id:uuid}/", status_code=204, responses=problems(NotFound))
async def revoke(
    id: UUID, firm: Administered, actor: CurrentActor, platform: CurrentPlatform
) -> Response:
    """Revoke an API key.

    Within five seconds it lets nobody in any more.
    """
    await platform.services.api_keys.revoke(firm.id, ApiKeyId(id), by=actor)
    return Response(status_code=204)
