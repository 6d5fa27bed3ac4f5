"""What runs the platform: for superusers."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.app.bodies.billing import code_body, subscription_body
from sloth_agent.billing.states import BillingCycle, CodeStatus
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.server.callers import CurrentActor, CurrentPlatform, Superuser
from sloth_agent.server.described_problems import problems
from sloth_agent.server.repeating import Repeating
from sloth_agent.server.routes.subscriptions import SubscriptionShown
from sloth_agent.server.shapes import (
    Asked,
    Cursor,
    Id,
    Limit,
    Moment,
    NextCursor,
    Shown,
    Whole,
    ok,
    page_of,
)

router = APIRouter(prefix="/api/admin", tags=["admin"], route_class=Repeating)

PlanSlug = Annotated[str, Field(max_length=50, examples=["professional"])]


class GenerateCodes(Asked):
    plan: PlanSlug
    days: Whole = Field(ge=0, le=36_500, description="0: without end.", examples=[90])
    count: Whole = Field(default=1, ge=1, le=10_000)
    expires_at: Moment | None = Field(default=None, description="Useless from then on.")


class Codes(Shown):
    codes: list[str] = Field(description="Shown this once.", examples=[["7KQ2M-9RWXA-4TNCV-8HJPD"]])


class CodeShown(Shown):
    id: Id
    plan: PlanSlug
    days: int = Field(description="0: without end.", examples=[90])
    status: CodeStatus = Field(examples=["used"])
    used_by: str | None = Field(description="Slug of the firm.", examples=["salon-lavanda"])
    used_at: datetime | None = Field(examples=["2026-09-03T14:05:00Z"])
    expires_at: datetime | None = Field(description="Null: never.", examples=[None])
    created_by: str = Field(examples=["operator@example.com"])
    created_at: datetime


class CodePage(Shown):
    items: list[CodeShown]
    next_cursor: NextCursor


class Activate(Asked):
    organization: str = Field(max_length=50, description="Its slug.", examples=["salon-lavanda"])
    plan: PlanSlug
    days: Whole | None = Field(
        default=None, ge=0, le=36_500, description="Left out: one month, or one year of the cycle."
    )
    billing_cycle: BillingCycle | None = None


@router.post(
    "/codes/generate/",
    status_code=201,
    response_model=Codes,
    responses=problems(NotFound),
    name="generate_codes",
)
async def generate(
    body: GenerateCodes, _: Superuser, actor: CurrentActor, platform: CurrentPlatform
) -> JSONResponse:
    """Make activation codes.

    Nobody can read them again.
    """
    codes = await platform.services.codes.generate(
        body.plan, days=body.days, count=body.count, expires_at=body.expires_at, by=actor
    )
    return ok({"codes": list(codes)}, 201)


@router.get("/codes/", response_model=CodePage, name="list_codes")
async def codes(
    _: Superuser,
    platform: CurrentPlatform,
    status: Annotated[CodeStatus | None, Query()] = None,
    plan: Annotated[str | None, Query(max_length=50)] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> JSONResponse:
    """Activation codes, newest first.

    What became of them, without the codes themselves.
    """
    services = platform.services
    found = await services.codes.list(status=status, plan=plan, before=cursor, limit=limit + 1)
    now = services.backends.clock()
    return page_of(
        found, limit, lambda listed: code_body(listed, now=now), cursor=lambda one: one.code.id
    )


@router.post(
    "/subscriptions/activate/",
    response_model=SubscriptionShown,
    responses=problems(NotFound, Conflict),
    name="activate_subscription",
)
async def activate(
    body: Activate, _: Superuser, actor: CurrentActor, platform: CurrentPlatform
) -> JSONResponse:
    """Give a firm time on a plan.

    Such as after a bank transfer.
    """
    organization = await platform.services.organizations.show(body.organization)
    subscription = await platform.services.subscriptions.activate(
        organization.id, body.plan, days=body.days, cycle=body.billing_cycle, by=actor
    )
    return ok(subscription_body(subscription))
