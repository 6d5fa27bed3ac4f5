"""Where messengers tell what their people wrote."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from sloth_agent.app.tenant_services import TenantServices
from sloth_agent.channels.messages import WebhookRequest
from sloth_agent.channels.models import IntegrationType
from sloth_agent.errors import FileTooLarge, Forbidden, InvalidInput, NotFound
from sloth_agent.ids import IntegrationId
from sloth_agent.server.callers import CurrentPlatform, count_by_address
from sloth_agent.server.described_problems import problems
from sloth_agent.server.platform import Platform
from sloth_agent.server.repeating import Repeating

router = APIRouter(
    prefix="/api/integrations/webhooks", tags=["integrations"], route_class=Repeating
)

Vendor = Annotated[Literal["telegram", "whatsapp"], Path(description="Whose message it is.")]


@router.post(
    "/{vendor}/{integration:uuid}/",
    status_code=204,
    responses=problems(Forbidden, NotFound, InvalidInput, FileTooLarge),
)
async def channel_webhook(
    vendor: Vendor, integration: UUID, request: Request, platform: CurrentPlatform
) -> Response:
    """For the messenger: somebody wrote, or left.

    What is not from it is refused. It is answered once it is kept, and the person by a job.
    """
    id = IntegrationId(integration)
    try:
        tenant = await _owner(platform, id)
        seen = await _seen_from_outside(request, platform)
        await tenant.inbox.receive(IntegrationType(vendor), id, seen)
    except (Forbidden, NotFound):
        await count_by_address(request)
        raise
    return Response(status_code=204)


async def _owner(platform: Platform, id: IntegrationId) -> TenantServices:
    services = platform.services
    organization = await services.addresses.organization_of(id)
    if organization is None:
        raise NotFound(f"There is no integration {id}.")
    return await platform.tenants.of(await services.organizations.with_id(organization))


async def _seen_from_outside(request: Request, platform: Platform) -> WebhookRequest:
    """Signatures are over the address that the sender used, and not over the one in here."""
    public = platform.settings.public_url
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return WebhookRequest(
        url=f"{public.rstrip('/')}{path}" if public else str(request.url),
        body=await request.body(),
        headers=dict(request.headers),
    )
