"""Paying through a provider: begun, changed, looked at; and what the provider tells us."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.app.bodies.billing import subscription_body
from sloth_agent.app.bodies.payments import invoice_body
from sloth_agent.billing.states import BillingCycle
from sloth_agent.errors import (
    Conflict,
    NotFound,
    NotSetUp,
    PaymentDeclined,
    PaymentUnavailable,
    SignatureInvalid,
)
from sloth_agent.payments.models import InvoiceStatus
from sloth_agent.server.callers import CurrentActor, CurrentPlatform, count_by_address
from sloth_agent.server.described_problems import problems
from sloth_agent.server.repeating import Repeating
from sloth_agent.server.routes.subscriptions import Payer, SubscriptionShown
from sloth_agent.server.shapes import Asked, Limit, Shown, ok

router = APIRouter(prefix="/api/subscriptions", tags=["subscriptions"], route_class=Repeating)


InvoiceCursor = Annotated[
    str | None,
    Query(max_length=100, description="Go on where the last page ended: its `next_cursor`."),
]


class Wanted(Asked):
    plan: str = Field(min_length=1, max_length=100, examples=["starter"])
    billing_cycle: BillingCycle = BillingCycle.MONTHLY


class CheckoutShown(Shown):
    checkout_url: str = Field(examples=["https://checkout.stripe.com/c/pay/cs_test_a1"])


class PortalShown(Shown):
    url: str = Field(examples=["https://billing.stripe.com/p/session/test_a1"])


class InvoiceShown(Shown):
    id: str = Field(examples=["in_1Pq"])
    number: str | None = Field(description="Null: a draft.", examples=["A1B2-0001"])
    status: InvoiceStatus = Field(examples=["paid"])
    total: Decimal = Field(examples=["29.00"])
    paid: Decimal = Field(examples=["29.00"])
    currency: str = Field(examples=["EUR"])
    created_at: datetime
    url: str | None = Field(description="The provider's page.", examples=["https://example.com/i"])
    pdf: str | None = Field(examples=["https://example.com/i.pdf"])


class InvoicePage(Shown):
    items: list[InvoiceShown]
    next_cursor: str | None = Field(description="Null: the last page.", examples=["in_1Pq"])


@router.post(
    "/subscribe/",
    response_model=CheckoutShown,
    responses=problems(NotFound, Conflict, NotSetUp, PaymentUnavailable),
)
async def subscribe(
    body: Wanted, tenant: Payer, actor: CurrentActor, platform: CurrentPlatform
) -> JSONResponse:
    """Begin to pay for a plan.

    On the page that the answer names. Nothing is charged before a trial has ended.
    """
    subscribing = platform.services.paying.subscribing
    page = await subscribing.subscribe(
        tenant.organization.id, body.plan, body.billing_cycle, by=actor
    )
    return ok({"checkout_url": page.url})


@router.post(
    "/change/",
    response_model=SubscriptionShown,
    responses=problems(NotFound, Conflict, NotSetUp, PaymentDeclined, PaymentUnavailable),
)
async def change(
    body: Wanted, tenant: Payer, actor: CurrentActor, platform: CurrentPlatform
) -> JSONResponse:
    """Go on with another plan.

    What more it costs for the rest of the period is charged at once; what less is credited.
    """
    changing = platform.services.paying.changing
    changed = await changing.change(tenant.organization.id, body.plan, body.billing_cycle, by=actor)
    return ok(subscription_body(changed))


@router.post(
    "/resume/",
    response_model=SubscriptionShown,
    responses=problems(NotFound, Conflict, NotSetUp, PaymentUnavailable),
)
async def resume(tenant: Payer, actor: CurrentActor, platform: CurrentPlatform) -> JSONResponse:
    """Go on after the period after all."""
    resumed = await platform.services.canceling.resume(tenant.organization.id, by=actor)
    return ok(subscription_body(resumed))


@router.post(
    "/portal/",
    response_model=PortalShown,
    responses=problems(Conflict, NotSetUp, PaymentUnavailable),
)
async def portal(tenant: Payer, platform: CurrentPlatform) -> JSONResponse:
    """A page for cards and addresses.

    Of the payment provider, and for a short time.
    """
    url = await platform.services.paying.pages.portal(tenant.organization.id)
    return ok({"url": url})


@router.get(
    "/invoices/",
    response_model=InvoicePage,
    responses=problems(Conflict, NotSetUp, PaymentUnavailable),
)
async def invoices(
    tenant: Payer, platform: CurrentPlatform, limit: Limit = 20, cursor: InvoiceCursor = None
) -> JSONResponse:
    """List invoices, newest first."""
    pages = platform.services.paying.pages
    page = await pages.invoices(tenant.organization.id, after=cursor, limit=limit)
    following = page.invoices[-1].id if page.has_more else None
    return ok({"items": [invoice_body(each) for each in page.invoices], "next_cursor": following})


@router.post(
    "/webhooks/stripe/",
    status_code=204,
    responses=problems(SignatureInvalid, NotFound, Conflict, NotSetUp),
)
async def stripe_webhook(request: Request, platform: CurrentPlatform) -> Response:
    """For Stripe: something has changed there.

    What is not signed by it is refused.
    """
    signature = request.headers.get("stripe-signature", "")
    try:
        await platform.services.paying.intake.receive(await request.body(), signature)
    except SignatureInvalid:
        await count_by_address(request)
        raise
    return Response(status_code=204)
