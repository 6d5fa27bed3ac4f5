"""What the list of tenants needs from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import AuditEvent
from sloth_agent.tenants.models import Organization


class OrganizationStore(Protocol):
    """The shared record of all tenants. Each method is one transaction, the event included."""

    async def add(self, organization: Organization, *, event: AuditEvent | None = None) -> bool:
        """Record a new tenant; False if the slug is taken, and then nothing changes.

        Without an event it is written down by whoever fills it.

        Raises:
            Conflict: the domain is another tenant's.
        """

    async def find(self, slug: str) -> Organization | None: ...

    async def with_schema(self, schema_name: str) -> Organization | None: ...

    async def get(self, id: TenantId) -> Organization | None: ...

    async def all(self) -> Sequence[Organization]:
        """Oldest first."""

    async def tenants_by_database(self) -> Mapping[str, int]:
        """How many tenants live in each; databases without any are left out."""

    async def update(
        self, id: TenantId, *, name: str | None, domain: str | None, event: AuditEvent
    ) -> Organization | None:
        """What is None stays as it is, an empty domain is taken off. None: no such tenant.

        Raises:
            Conflict: the domain is another tenant's.
        """

    async def set_active(
        self, id: TenantId, *, active: bool, event: AuditEvent
    ) -> Organization | None:
        """None: no such tenant."""


class Space(Protocol):
    """Where a tenant's own data live, or have lived: an `Organization` names one too."""

    @property
    def database(self) -> str: ...

    @property
    def schema_name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class OutdatedSpace:
    """A tenant's place that is behind the newest version."""

    database: str
    schema_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceVersions:
    """How far the tenants of one database are."""

    database: str
    head: int  # the newest version
    tenants: Mapping[int, int] = field(default_factory=dict)  # how many are at each version
    unseen: int = 0  # how many are to be there, where nobody can look
    problem: str | None = None  # why not

    @property
    def behind(self) -> int:
        """How many are known to be."""
        return sum(count for version, count in self.tenants.items() if version < self.head)

    @property
    def count(self) -> int:
        return sum(self.tenants.values()) + self.unseen


class TenantSpaces(Protocol):
    """The walled-off places where the tenants' own data live, in one database or several."""

    @property
    def databases(self) -> Sequence[str]:
        """The names of the databases, the main one first."""

    async def ensure(self, organization: Organization) -> bool:
        """Make the tenant's schema and tables, or bring them up to date; quick when they are.

        True if there were none before. Running it again, or at once from several processes, is
        safe.
        """

    async def remove(self, space: Space) -> None:
        """Forget a tenant's schema and all that is in it, its role, and its rows in the tables
        that the tenants of a database share; in every database, harmless to repeat."""

    async def answers(self, database: str) -> bool:
        """Whether a tenant can be made there now."""

    async def outdated(self, database: str) -> Sequence[OutdatedSpace]:
        """One query.

        Raises:
            ConfigurationError, DatabaseUnavailable: no setting names it, or it does not answer.
        """

    async def update(self, space: OutdatedSpace) -> None:
        """Bring a place to the newest version, step by step, each in one transaction."""
