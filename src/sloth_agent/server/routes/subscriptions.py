"""What is on sale, what a firm has, and what it uses of it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.access.models import Scope
from sloth_agent.app.bodies.billing import plan_body, subscription_body, usage_body
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.models import BYTES_IN_MB, Feature
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.errors import (
    CodeExpired,
    CodeUnknown,
    CodeUsed,
    Conflict,
    NotFound,
    NotSetUp,
    PaymentUnavailable,
)
from sloth_agent.server.callers import Anybody, CurrentActor, CurrentPlatform, tenant_of
from sloth_agent.server.described_problems import problems
from sloth_agent.server.repeating import Repeating
from sloth_agent.server.shapes import Asked, Shown, YesOrNo, ok
from sloth_agent.tenants.users import Role

router = APIRouter(prefix="/api/subscriptions", tags=["subscriptions"], route_class=Repeating)

Payer = Annotated[AsyncTenant, Depends(tenant_of(least=Role.OWNER))]
Reader = Annotated[AsyncTenant, Depends(tenant_of(Scope.USAGE))]


A_START, AN_END = "2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z"


class LimitsShown(Shown):
    """Null: no limit."""

    max_users: int | None = Field(examples=[3])
    max_documents: int | None = Field(examples=[50])
    max_photos_per_month: int | None = Field(examples=[100])
    max_messages_per_month: int | None = Field(examples=[500])
    max_storage_mb: int | None = Field(examples=[500])


class PlanShown(Shown):
    slug: str = Field(examples=["starter"])
    name: str = Field(examples=["Starter"])
    price_monthly: str = Field(examples=["29.00"])
    price_yearly: str = Field(examples=["290.00"])
    currency: str = Field(examples=["EUR"])
    limits: LimitsShown
    features: list[Feature]
    trial_days: int = Field(examples=[14])


class LaterShown(Shown):
    plan: str = Field(examples=["starter"])
    until: datetime | None = Field(description="Null: it does not end.")


class SubscriptionShown(Shown):
    plan: str = Field(examples=["starter"])
    status: SubscriptionStatus = Field(examples=["active"])
    billing_cycle: BillingCycle
    trial_end: datetime | None = Field(description="Null: no trial.", examples=[None])
    current_period_start: datetime = Field(examples=[A_START])
    current_period_end: datetime | None = Field(
        description="Null: it does not end.", examples=[AN_END]
    )
    cancel_at_period_end: bool = Field(examples=[False])
    features: list[Feature]
    later: list[LaterShown] = Field(description="What follows.", examples=[[]])


class MeterShown(Shown):
    limit: int | None = Field(description="Null: none.", examples=[500])
    used: int = Field(examples=[120])
    reserved: int = Field(description="Of what is under way.", examples=[0])
    resets_at: datetime | None = Field(
        description="Null: only what is deleted makes room again.", examples=[AN_END]
    )


class UsageShown(Shown):
    period_start: datetime = Field(examples=[A_START])
    period_end: datetime = Field(examples=[AN_END])
    messages: MeterShown
    photos: MeterShown
    documents: MeterShown
    users: MeterShown
    storage_bytes: MeterShown
    max_upload_bytes: int = Field(description="Of one file.", examples=[20 * BYTES_IN_MB])


class ActivateCode(Asked):
    code: str = Field(min_length=1, max_length=100, examples=["7KQ2M-9RWXA-4TNCV-8HJPD"])


class Cancel(Asked):
    at_period_end: YesOrNo = Field(default=True, description="False: at once.")


AT_PERIOD_END = Cancel()


@router.get(
    "/plans/",
    response_model=list[PlanShown],
    dependencies=[Anybody],
)
async def plans(platform: CurrentPlatform) -> JSONResponse:
    """What is on sale, smallest first."""
    sold = [plan for plan in await platform.services.plans.list() if plan.is_active]
    return ok([{name: plan_body(plan)[name] for name in PlanShown.model_fields} for plan in sold])


@router.get("/current/", response_model=SubscriptionShown, responses=problems(NotFound))
async def current(tenant: Reader, platform: CurrentPlatform) -> JSONResponse:
    """What the firm has now."""
    found = await platform.services.subscriptions.current(tenant.organization.id)
    if found is None:
        raise NotFound("The organization has no subscription, and nothing limits it.")
    return ok(subscription_body(found))


@router.get("/usage/", response_model=UsageShown)
async def usage(tenant: Reader, platform: CurrentPlatform) -> JSONResponse:
    """What the firm uses of what it has."""
    used = usage_body(await tenant.usage())
    return ok({**used, "max_upload_bytes": platform.settings.max_upload_bytes})


@router.post(
    "/activate-code/",
    response_model=SubscriptionShown,
    responses=problems(CodeUnknown, CodeUsed, Conflict, CodeExpired),
)
async def activate_code(
    body: ActivateCode, tenant: Payer, actor: CurrentActor, platform: CurrentPlatform
) -> JSONResponse:
    """Redeem an activation code.

    What the firm has gets no shorter.
    """
    organization = tenant.organization.id
    redeemed = await platform.services.codes.redeem(organization, body.code, by=actor)
    return ok(subscription_body(redeemed))


@router.post(
    "/cancel/",
    response_model=SubscriptionShown,
    responses=problems(NotFound, Conflict, NotSetUp, PaymentUnavailable),
)
async def cancel(
    tenant: Payer, actor: CurrentActor, platform: CurrentPlatform, body: Cancel = AT_PERIOD_END
) -> JSONResponse:
    """Cancel the subscription.

    It runs out, or ends at once.
    """
    canceled = await platform.services.canceling.cancel(
        tenant.organization.id, at_period_end=body.at_period_end, by=actor
    )
    return ok(subscription_body(canceled))
