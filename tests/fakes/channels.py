"""Integrations whose credentials are a canary."""

from collections.abc import Mapping

from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.models import Credentials, Integration, IntegrationType
from sloth_agent.tenants.audit import Actor

CANARY = "canary-5ec7e7-0f-a-b07"
"""A secret that must not be seen anywhere."""

BY = Actor(name="test")


async def connected(
    tenant: AsyncTenant,
    type: IntegrationType = IntegrationType.TELEGRAM,
    *,
    token: str = CANARY,
    settings: Mapping[str, object] | None = None,
) -> Integration:
    """One more integration of a tenant."""
    return await tenant.services.integrations.add(
        type, Credentials({"token": token}), settings=settings, by=BY
    )


async def token_of(tenant: AsyncTenant, integration: Integration) -> str:
    """What opens it."""
    credentials = await tenant.services.integrations.credentials(integration.id)
    return credentials.values["token"]
