"""Brings the credentials of all tenants under the newest key, so that older ones can be removed."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from sloth_agent.channels.ports import CredentialSealer, IntegrationStore
from sloth_agent.channels.vault import Vault
from sloth_agent.clock import Clock
from sloth_agent.errors import CredentialUnreadable, Problem, SlothError
from sloth_agent.ids import IntegrationId
from sloth_agent.tenants.audit import Actor, AuditEvent, AuditStore
from sloth_agent.tenants.models import Organization, Stage
from sloth_agent.tenants.organizations import Organizations

PAGE = 100
"""Credentials that are held in memory at once, sealed."""


class Resealed(StrEnum):
    """What became of one integration's credentials."""

    RESEALED = "resealed"
    UNCHANGED = "unchanged"  # by the newest key before
    UNREADABLE = "unreadable"  # left as they are


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationProblem:
    """What is not under the newest key."""

    tenant: str  # its slug
    integration: IntegrationId | None  # None: nobody could look into the tenant
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationReport:
    """What a rotation came to. Without problems no key but the newest is needed any more."""

    resealed: int
    unchanged: int
    problems: tuple[RotationProblem, ...]

    @property
    def unreadable(self) -> int:
        return sum(each.integration is not None for each in self.problems)

    @property
    def failed_tenants(self) -> int:
        return len(self.problems) - self.unreadable


@dataclass(frozen=True, slots=True)
class Rotation:
    """Reseals what is sealed, row by row, while everybody goes on working."""

    organizations: Organizations
    store_of: Callable[[Organization], Awaitable[IntegrationStore]]
    sealer: CredentialSealer
    audit: AuditStore
    clock: Clock

    async def rotate(self, *, by: Actor) -> RotationReport:
        """Each row is a transaction of its own: stopped at any moment, it is simply run again.

        One tenant that cannot be looked into stops no other. Every process must know the newest
        key before, or it could not open what is resealed.
        """
        counts: Counter[Resealed] = Counter()
        problems: list[RotationProblem] = []
        for organization in await self.organizations.list():
            # One on its way in brings no credentials, and one on its way out needs none.
            if organization.stage is not Stage.LIVE:
                continue
            try:
                async for id, became in self._reseal_all_of(organization):
                    counts[became] += 1
                    if became is Resealed.UNREADABLE:
                        problems.append(_unreadable(organization, id))
            except SlothError as error:
                problems.append(_failed(organization, error))
        report = RotationReport(
            resealed=counts[Resealed.RESEALED],
            unchanged=counts[Resealed.UNCHANGED],
            problems=tuple(problems),
        )
        await self.audit.add(
            AuditEvent.of(
                "keys.rotated",
                by=by,
                at=self.clock(),
                resealed=report.resealed,
                unchanged=report.unchanged,
                unreadable=report.unreadable,
                failed_tenants=report.failed_tenants,
            )
        )
        return report

    async def _reseal_all_of(
        self, organization: Organization
    ) -> AsyncIterator[tuple[IntegrationId, Resealed]]:
        await self.organizations.make_space(organization)
        store, vault = await self.store_of(organization), Vault(organization.id, self.sealer)
        after: IntegrationId | None = None
        while page := await store.all_sealed(limit=PAGE, after=after):
            for id, sealed in page:
                became = await _resealed(id, sealed, store, vault)
                if became is not None:
                    yield id, became
            after, _ = page[-1]


async def _resealed(
    id: IntegrationId, sealed: bytes, store: IntegrationStore, vault: Vault
) -> Resealed | None:
    """None: it was disconnected meanwhile."""
    found: bytes | None = sealed
    while found is not None:
        try:
            new = vault.resealed(id, found)
        except CredentialUnreadable:
            return Resealed.UNREADABLE
        if new is None:
            return Resealed.UNCHANGED
        if await store.reseal(id, old=found, new=new):
            return Resealed.RESEALED
        # Somebody gave it other credentials meanwhile: those are the ones to keep.
        found = await store.find_sealed(id)
    return None


def _unreadable(organization: Organization, id: IntegrationId) -> RotationProblem:
    problem = Problem(
        code=CredentialUnreadable.code,
        message="It does not open. Put the secret that it was sealed with back into SECRET_KEY,"
        " behind the newest, or connect it again.",
    )
    return RotationProblem(tenant=organization.slug, integration=id, problem=problem)


def _failed(organization: Organization, error: SlothError) -> RotationProblem:
    return RotationProblem(tenant=organization.slug, integration=None, problem=Problem.of(error))
