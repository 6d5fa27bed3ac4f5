"""Creating, finding and listing tenants."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.ids import TenantId, new_id
from sloth_agent.tenants.audit import SYSTEM, Actor, AuditEvent
from sloth_agent.tenants.models import (
    Organization,
    Stage,
    checked_name,
    checked_slug,
    schema_name,
)
from sloth_agent.tenants.ports import OrganizationStore, TenantSpaces
from sloth_agent.tenants.users import normalised_domain


@dataclass(frozen=True, slots=True)
class Organizations:
    """The tenants of this install."""

    store: OrganizationStore
    spaces: TenantSpaces
    clock: Clock

    async def create(
        self,
        slug: str,
        *,
        name: str | None = None,
        domain: str | None = None,
        database: str | None = None,
        by: Actor = SYSTEM,
    ) -> Organization:
        """Make a tenant and its walls, or complete one whose making was cut short.

        Without a database it comes to one of those that answer, with the fewest tenants.

        Raises:
            InvalidInput: the slug, the name or the domain is not one.
            NotFound: no such database.
            Conflict: the slug or the domain is taken.
        """
        if database is not None:
            self.check_database(database)
        organization = await self._new(slug, name, domain, database)
        event = self._event("tenant.created", organization, by=by)
        added = await self.store.add(organization, event=event)
        if not added:
            organization = _live(await self.show(slug))
        made = await self.make_space(organization)
        if not added and not made:
            raise Conflict(
                f"There is a tenant {slug!r} already.",
                hint=f"See `sloth tenants show {slug}`, or choose another slug.",
            )
        return organization

    async def open(self, slug: str, *, create: bool = False) -> Organization:
        """Find a tenant, ready for use; one whose making was cut short is completed.

        Raises:
            InvalidInput: the slug is not one.
            NotFound: no such tenant, and `create` is False.
            Conflict: the tenant was deactivated, or is not all there.
        """
        organization = await self.store.find(checked_slug(slug))
        if organization is None:
            if not create:
                hint = f"Run `sloth tenants create {slug}`, or see `sloth tenants list`."
                raise NotFound(f"There is no tenant {slug!r}.", hint=hint)
            new = await self._new(slug, None, None)
            await self.store.add(new, event=self._event("tenant.created", new, by=SYSTEM))
            return await self.open(slug)
        _live(organization)
        if not organization.is_active:
            raise Conflict(
                f"The tenant {slug!r} is deactivated.",
                hint=f"Run `sloth tenants activate {slug}`.",
            )
        await self.make_space(organization)
        return organization

    async def show(self, slug: str) -> Organization:
        """Raises:
        InvalidInput: the slug is not one.
        NotFound: no such tenant.
        """
        return _known(slug, await self.store.find(checked_slug(slug)))

    async def with_id(self, id: TenantId) -> Organization:
        """Raises:
        NotFound: no such organization.
        """
        organization = await self.store.get(id)
        if organization is None:
            raise NotFound("There is no such tenant.", hint="See `sloth tenants list`.")
        return organization

    async def complete(self, slug: str) -> Organization:
        """Find a tenant, deactivated or not, with all its tables up to date.

        Raises:
            InvalidInput: the slug is not one.
            NotFound: no such tenant.
            Conflict: it is being imported or deleted.
        """
        organization = _live(await self.show(slug))
        await self.make_space(organization)
        return organization

    async def make_space(self, organization: Organization) -> bool:
        """True if there was none before; one made for a tenant that is no longer there is removed.

        Whoever deletes says so first, and removes after: the new space is seen there, or here.

        Raises:
            Conflict: the tenant was deleted or restored meanwhile.
        """
        made = await self.spaces.ensure(organization)
        if made:
            present = await self.store.find(organization.slug)
            here = (organization.schema_name, Stage.LIVE)
            if present is None or (present.schema_name, present.stage) != here:
                await self.spaces.remove(organization)
                raise Conflict(
                    f"The tenant {organization.slug!r} was deleted or restored meanwhile.",
                    hint="Try again.",
                )
        return made

    async def list(self) -> Sequence[Organization]:
        """All tenants, oldest first."""
        return await self.store.all()

    async def set_active(self, slug: str, *, active: bool, by: Actor = SYSTEM) -> Organization:
        """Let a tenant in again, or keep it out from the next call on.

        Raises:
            NotFound: no such tenant.
        """
        organization = await self.show(slug)
        action = "tenant.activated" if active else "tenant.deactivated"
        event = self._event(action, organization, by=by)
        return _known(
            slug, await self.store.set_active(organization.id, active=active, event=event)
        )

    async def update(
        self, slug: str, *, name: str | None = None, domain: str | None = None, by: Actor = SYSTEM
    ) -> Organization:
        """What is not given stays as it is; an empty domain is taken off.

        Raises:
            InvalidInput: the name or the domain is not one.
            NotFound: no such tenant.
            Conflict: the domain is another tenant's.
        """
        organization = await self.show(slug)
        given = {
            "name": checked_name(name) if name is not None else None,
            "domain": normalised_domain(domain) if domain else domain,
        }
        fields = [field for field, value in given.items() if value is not None]
        event = replace(
            self._event("tenant.updated", organization, by=by), details={"fields": fields}
        )
        return _known(slug, await self.store.update(organization.id, **given, event=event))

    def _event(self, action: str, organization: Organization, *, by: Actor) -> AuditEvent:
        """Without its names: the log outlives a tenant that was erased."""
        return AuditEvent.of(action, by=by, at=self.clock(), organization=organization.id)

    def check_database(self, name: str) -> None:
        """Raises:
        NotFound: no setting names it.
        """
        known = self.spaces.databases
        if name not in known:
            raise NotFound(
                f"There is no database {name!r}.",
                hint=f"Name it in SLOTH_DATABASES; known: {', '.join(known)}.",
            )

    async def _new(
        self, slug: str, name: str | None, domain: str | None, database: str | None = None
    ) -> Organization:
        id = TenantId(new_id())
        return Organization(
            id=id,
            slug=checked_slug(slug),
            name=checked_name(name) if name is not None else slug,
            domain=normalised_domain(domain) if domain is not None else None,
            schema_name=schema_name(id),
            database=database or await self.emptiest_database(),
            created_at=self.clock(),
        )

    async def emptiest_database(self) -> str:
        """Where a new tenant goes: of the databases that answer, the one with the fewest."""
        databases = self.spaces.databases
        if len(databases) == 1:
            return databases[0]
        tenants = await self.store.tenants_by_database()
        for name in sorted(databases, key=lambda name: tenants.get(name, 0)):
            if await self.spaces.answers(name):
                return name
        return databases[0]  # the next statement says what is wrong with it


def _known(slug: str, organization: Organization | None) -> Organization:
    if organization is None:
        raise NotFound(f"There is no tenant {slug!r}.", hint="See `sloth tenants list`.")
    return organization


def _live(organization: Organization) -> Organization:
    slug = organization.slug
    match organization.stage:
        case Stage.IMPORTING:
            raise Conflict(
                f"The import of the tenant {slug!r} has not ended.",
                hint="Wait for it; if it was cut short, run it again.",
            )
        case Stage.DELETING:
            raise Conflict(
                f"The tenant {slug!r} is being deleted.",
                hint=f"Run `sloth tenants delete {slug}` again to finish.",
            )
        case Stage.LIVE:
            return organization
