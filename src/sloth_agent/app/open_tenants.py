"""Tenants that a long-lived process serves: opened once, and kept for a while."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field

from sloth_agent.app.tenant_services import TenantServices
from sloth_agent.app.wiring import Services
from sloth_agent.ids import TenantId
from sloth_agent.tenants.models import Organization

KEPT_SECONDS = 60.0
"""After that it is looked again whether all its tables are there and up to date."""

MOST_KEPT = 1_000


@dataclass(slots=True)
class OpenTenants:
    """The services of those who were served lately."""

    services: Services
    _open: OrderedDict[TenantId, tuple[float, TenantServices]] = field(default_factory=OrderedDict)

    async def of(self, organization: Organization) -> TenantServices:
        """A tenant, ready for use; one whose making was cut short is completed.

        Raises:
            Conflict: it is being imported, deleted or restored.
        """
        known = self._open.get(organization.id)
        if known is not None and time.monotonic() < known[0]:
            if known[1].organization == organization:
                return known[1]
        else:
            await self.services.organizations.make_space(organization)
        tenant = await self.services.of(organization)
        self._open[organization.id] = time.monotonic() + KEPT_SECONDS, tenant
        self._open.move_to_end(organization.id)
        if len(self._open) > MOST_KEPT:
            self._open.popitem(last=False)
        return tenant
