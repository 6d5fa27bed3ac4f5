"""`AsyncSloth`: the library as an asynchronous program uses it."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sloth_agent.app.chosen_backends import Backends
from sloth_agent.app.connecting import open_databases
from sloth_agent.app.job_handlers import worker
from sloth_agent.app.observers import NOBODY, Observers
from sloth_agent.app.paying import Paying
from sloth_agent.app.periodic_tasks import periodic_tasks
from sloth_agent.app.tenant import AsyncTenant
from sloth_agent.app.wiring import Services
from sloth_agent.billing.activation_codes import ActivationCodes
from sloth_agent.billing.margin import Margins
from sloth_agent.billing.plans import PlanCatalog
from sloth_agent.billing.referring import Referrals
from sloth_agent.billing.subscriptions import Subscriptions
from sloth_agent.channels.rotation import Rotation
from sloth_agent.client.address import Address, not_offered
from sloth_agent.errors import ConfigurationError
from sloth_agent.jobs.models import Queue
from sloth_agent.jobs.working import Crew
from sloth_agent.payments.explaining import Explaining
from sloth_agent.settings import DEFAULT_TENANT, Settings
from sloth_agent.tasks.running import Tasks
from sloth_agent.tenants.accounts import Accounts
from sloth_agent.tenants.archives import Archives
from sloth_agent.tenants.audit import SYSTEM, Actor, Audit
from sloth_agent.tenants.backups import Backups
from sloth_agent.tenants.invitations import Invitations
from sloth_agent.tenants.jobs import Jobs
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.moving import Moving
from sloth_agent.tenants.password_resets import PasswordResets
from sloth_agent.tenants.restoring import Restoring
from sloth_agent.tenants.upgrading import UpgradeReport

if TYPE_CHECKING:
    from sloth_agent.app.remote import RemoteInstall

__all__ = ["AsyncSloth", "AsyncTenant"]


class AsyncSloth:
    """Assistants over documents, one for each tenant.

    async with AsyncSloth() as sloth:
        lavanda = await sloth.tenant("lavanda", create=True)
        await lavanda.ingest("price-list.xlsx")
        reply = await lavanda.chat("How much is a haircut?")

    Without settings they are read from the environment; without DATABASE_URL an embedded
    PostgreSQL keeps everything in the user's data directory. `observers` hear what is done, to
    count it.

    async with AsyncSloth(base_url="https://assistant.example.com", api_key="sloth_...") as sloth:
        lavanda = await sloth.tenant()

    That is an assistant on a server, over HTTP: its tenant is the one that the API key opens.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        observers: Observers = NOBODY,
    ) -> None:
        """Raises:
        ConfigurationError: settings that cannot be used, or an address that is none.
        """
        self._observers = observers
        self._address = Address.given(base_url, api_key)
        if self._address and settings:
            raise ConfigurationError(
                "A server has settings of its own.", hint="Leave out `settings`, or `base_url`."
            )
        self._settings = None if self._address else settings or Settings.load()
        self._resources = AsyncExitStack()
        self._services: Services | None = None
        self._install: RemoteInstall | None = None

    @property
    def settings(self) -> Settings:
        """Raises:
        NotOffered: of a server; its settings are its own.
        """
        if self._settings is None:
            raise not_offered()
        return self._settings

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect to the database, starting the embedded one if need be; a server is not asked yet.

        Raises:
            ConfigurationError, DatabaseUnavailable: with what to do about it.
        """
        if self._address is not None:
            from sloth_agent.app.remote import RemoteInstall, connected

            server = await self._resources.enter_async_context(connected(self._address))
            self._install = RemoteInstall(server)
            return
        try:
            databases = await open_databases(self.settings, self._resources)
        except BaseException:
            await self._resources.aclose()
            raise
        backends = Backends(self.settings, self._resources, observers=self._observers)
        self._services = Services(backends, databases)

    async def close(self) -> None:
        """Give everything back; the last user of the embedded server stops it."""
        self._services = self._install = None
        await self._resources.aclose()

    async def tenant(self, slug: str | None = None, *, create: bool = False) -> AsyncTenant:
        """One tenant's assistant; without a slug the configured one.

        The tenant `default` is made on first use, others with `create`. On a server it is the
        one that the API key opens.

        Raises:
            NotFound: no such tenant, and it is not to be made.
            Forbidden: the API key opens another tenant.
        """
        if self._install is not None:
            return await self._install.tenant(slug)
        services = self.services
        slug = self.settings.tenant if slug is None else slug
        create = create or slug == DEFAULT_TENANT
        organization = await services.organizations.open(slug, create=create)
        return AsyncTenant(organization, await services.of(organization))

    async def create_tenant(
        self,
        slug: str,
        *,
        name: str | None = None,
        domain: str | None = None,
        plan: str | None = None,
        database: str | None = None,
        by: Actor = SYSTEM,
    ) -> Organization:
        """Make a tenant and its walls; on a plan it begins with the plan's trial.

        Without a database it comes to one of those that answer, with the fewest tenants.

        Raises:
            InvalidInput: the slug, the name or the domain is not one.
            NotFound: no such plan or database.
            Conflict: the slug or the domain is taken; the plan has a price and no trial.
        """
        services = self.services
        organizations = services.organizations
        if plan is not None:
            organizations = services.organizations_on(plan, by=by)
        return await organizations.create(slug, name=name, domain=domain, database=database, by=by)

    async def tenants(self) -> Sequence[Organization]:
        """All tenants, oldest first."""
        return await self.services.organizations.list()

    async def show_tenant(self, slug: str) -> Organization:
        """Raises:
        NotFound: no such tenant.
        """
        return await self.services.organizations.show(slug)

    async def update_tenant(
        self, slug: str, *, name: str | None = None, domain: str | None = None, by: Actor = SYSTEM
    ) -> Organization:
        """What is not given stays as it is; an empty domain is taken off.

        Raises:
            InvalidInput, Conflict: as `create_tenant`.
            NotFound: no such tenant.
        """
        return await self.services.organizations.update(slug, name=name, domain=domain, by=by)

    async def set_tenant_active(
        self, slug: str, *, active: bool, by: Actor = SYSTEM
    ) -> Organization:
        """Let a tenant in again, or keep it out from the next call on.

        Raises:
            NotFound: no such tenant.
        """
        return await self.services.organizations.set_active(slug, active=active, by=by)

    async def delete_tenant(self, slug: str, *, by: Actor = SYSTEM) -> None:
        """Erase a tenant with everything it had; what was cut short is finished by another call.

        Raises:
            NotFound: no such tenant.
        """
        await self.services.erasing.erase(slug, by=by)

    async def upgrade_tenants(
        self, *, on_progress: Callable[[int, int], None] = lambda _done, _all: None
    ) -> UpgradeReport:
        """Bring all tenants to the newest version; one that fails stops no other."""
        return await self.services.upgrading.upgrade(on_progress=on_progress)

    @property
    def plans(self) -> PlanCatalog:
        """What is on sale."""
        return self.services.plans

    @property
    def codes(self) -> ActivationCodes:
        """Activation codes, which give a plan without a payment."""
        return self.services.codes

    @property
    def subscriptions(self) -> Subscriptions:
        """What each organization has, from now on and later."""
        return self.services.subscriptions

    @property
    def payments(self) -> Paying:
        """What firms pay through a provider: subscribing, changing, invoices, reconciliation."""
        return self.services.paying

    @property
    def explaining(self) -> Explaining:
        """How each organization came to what it has."""
        return self.services.explaining

    @property
    def referrals(self) -> Referrals:
        """Firms that users have brought here."""
        return self.services.referrals

    @property
    def margins(self) -> Margins:
        """What each organization pays and costs, month by month."""
        return self.services.margins

    @property
    def accounts(self) -> Accounts:
        """The users of all organizations."""
        return self.services.accounts

    @property
    def invitations(self) -> Invitations:
        """Asking people into an organization."""
        return self.services.invitations

    @property
    def password_resets(self) -> PasswordResets:
        """A new password for whoever forgot the old one."""
        return self.services.password_resets

    @property
    def tasks(self) -> Tasks:
        """What is done again and again."""
        return periodic_tasks(self.services)

    @property
    def jobs(self) -> Jobs:
        """Work for later, of all tenants."""
        return self.services.jobs

    def worker(
        self,
        *,
        queues: Collection[Queue] = tuple(Queue),
        at_once: int = 2,
        on_look: Callable[[], None] = lambda: None,
    ) -> AbstractAsyncContextManager[Crew]:
        """Whoever does the jobs of all tenants, `at_once` of them, until it is told to stop.

        Customers in chats are answered beside that, more of them at once.

        async with sloth.worker() as worker:
            await worker.work()
        """
        return worker(self.services, queues=queues, at_once=at_once, on_look=on_look)

    @property
    def archives(self) -> Archives:
        """Tenants as files: exported from one install, imported into another."""
        return self.services.archives

    @property
    def moving(self) -> Moving:
        """Tenants on their way from one database of the install to another."""
        return self.services.moving

    @property
    def backups(self) -> Backups:
        """The whole install as a file."""
        return self.services.backups

    @property
    def restoring(self) -> Restoring:
        """The whole install, or one tenant of it, out of a backup."""
        return self.services.restoring

    @property
    def rotation(self) -> Rotation:
        """A new secret key in the place of an older one."""
        return self.services.rotation

    @property
    def audit(self) -> Audit:
        """Who did what on this install."""
        return self.services.audit

    @property
    def services(self) -> Services:
        """The parts of it, for programs that put them together otherwise.

        Raises:
            NotOffered: of a server, which an API key opens for one tenant alone.
        """
        if self._install is not None:
            raise not_offered()
        if self._services is None:
            raise RuntimeError("AsyncSloth is closed; use `async with AsyncSloth() as sloth:`.")
        return self._services
