"""What the list of tenants needs from outside."""

from collections.abc import Sequence
from typing import Protocol

from sloth_agent.tenants.models import Organization


class OrganizationStore(Protocol):
    """The shared record of all tenants. Each method is one transaction."""

    async def add(self, organization: Organization) -> bool:
        """Record a new tenant; False if the slug is taken, and then nothing changes."""

    async def find(self, slug: str) -> Organization | None: ...

    async def all(self) -> Sequence[Organization]:
        """Oldest first."""

    async def set_active(self, slug: str, *, active: bool) -> Organization | None:
        """None: no such tenant."""


class TenantSpaces(Protocol):
    """The walled-off places where the tenants' own data live."""

    async def ensure(self, organization: Organization) -> bool:
        """Make the tenant's schema and tables, or bring them up to date; quick when they are.

        True if there were none before. Running it again, or at once from several processes, is
        safe.
        """
