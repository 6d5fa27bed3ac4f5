"""Firms that a user has brought here."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.app.bodies.billing import referral_body, referral_stats_body
from sloth_agent.billing.referrals import ReferralStatus
from sloth_agent.ids import TenantId
from sloth_agent.server.callers import CurrentPlatform, CurrentUser
from sloth_agent.server.shapes import Cursor, Id, Limit, NextCursor, Shown, ok, page_of

router = APIRouter(prefix="/api/referrals", tags=["referrals"])


class MyCode(Shown):
    code: str = Field(examples=["7KQ2M9RWXA"])
    link: str = Field(examples=["https://example.com/register?referral=7KQ2M9RWXA"])


class Stats(Shown):
    code: str = Field(examples=["7KQ2M9RWXA"])
    signups: int = Field(examples=[9])
    pending: int = Field(examples=[2])
    active: int = Field(examples=[6])
    inactive: int = Field(examples=[1])
    rewards: int = Field(description="Plan steps that it has brought.", examples=[0])
    next_reward_at: int = Field(
        description="So many active referrals bring the next plan step.", examples=[50]
    )


class ReferralShown(Shown):
    id: Id
    tenant: str = Field(description="Slug of the firm.", examples=["salon-anna"])
    status: ReferralStatus = Field(examples=["active"])
    created_at: datetime
    activated_at: datetime | None = Field(
        description="Null: not yet.", examples=["2026-09-03T14:05:00Z"]
    )


class ReferralPage(Shown):
    items: list[ReferralShown]
    next_cursor: NextCursor


@router.get("/my-code/", response_model=MyCode)
async def my_code(user: CurrentUser, platform: CurrentPlatform) -> JSONResponse:
    """What others sign up with, so that they count for you."""
    link = f"{platform.services.backends.frontend}/register?referral={user.referral_code}"
    return ok({"code": user.referral_code, "link": link})


@router.get("/stats/", response_model=Stats)
async def stats(user: CurrentUser, platform: CurrentPlatform) -> JSONResponse:
    """What became of your code."""
    return ok(referral_stats_body(await platform.services.referrals.stats(user)))


@router.get("/list/", response_model=ReferralPage, name="list")
async def referrals(
    user: CurrentUser, platform: CurrentPlatform, limit: Limit = 20, cursor: Cursor = None
) -> JSONResponse:
    """Firms that came with your code, oldest first."""
    found = await platform.services.referrals.list(
        user, after=TenantId(cursor) if cursor else None, limit=limit + 1
    )
    return page_of(found, limit, referral_body, cursor=lambda firm: firm.referral.organization)
