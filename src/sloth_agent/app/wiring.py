"""What an install can do, put together from its parts."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from importlib.metadata import version

from sloth_agent.access.api_keys import ApiKeys
from sloth_agent.access.recognising import Recognising
from sloth_agent.access.replies import Replies
from sloth_agent.access.sessions import Sessions
from sloth_agent.access.signing_up import SigningUp
from sloth_agent.adapters.archives.folder import LocalBackupFolder
from sloth_agent.adapters.archives.zipped import ZippedArchives
from sloth_agent.adapters.stores.postgres.activation_codes import PostgresCodes
from sloth_agent.adapters.stores.postgres.api_keys import PostgresApiKeys
from sloth_agent.adapters.stores.postgres.arrivals import PostgresArrivals
from sloth_agent.adapters.stores.postgres.audit import PostgresAudit
from sloth_agent.adapters.stores.postgres.control_tables import PostgresControlTables
from sloth_agent.adapters.stores.postgres.costs import PostgresCostsOfAll
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.adapters.stores.postgres.integration_addresses import (
    PostgresIntegrationAddresses,
)
from sloth_agent.adapters.stores.postgres.job_board import PostgresJobBoard
from sloth_agent.adapters.stores.postgres.moving import PostgresMoving
from sloth_agent.adapters.stores.postgres.organizations import PostgresOrganizations
from sloth_agent.adapters.stores.postgres.payers import PostgresPayers
from sloth_agent.adapters.stores.postgres.payment_reminders import PostgresPaymentReminders
from sloth_agent.adapters.stores.postgres.plans import PostgresPlans
from sloth_agent.adapters.stores.postgres.referrals import PostgresReferrals
from sloth_agent.adapters.stores.postgres.replies import PostgresReplies
from sloth_agent.adapters.stores.postgres.schemas import TenantSchemas
from sloth_agent.adapters.stores.postgres.sessions import PostgresSessions
from sloth_agent.adapters.stores.postgres.signups import PostgresSignups
from sloth_agent.adapters.stores.postgres.subscriptions import (
    PostgresSubscribedOrganizations,
    PostgresSubscriptions,
)
from sloth_agent.adapters.stores.postgres.task_runs import PostgresTaskRuns
from sloth_agent.adapters.stores.postgres.tenant_home import TenantHome
from sloth_agent.adapters.stores.postgres.tenant_tables import PostgresTenantTables
from sloth_agent.adapters.stores.postgres.users import PostgresUsers
from sloth_agent.adapters.stores.postgres.vacant_spaces import PostgresVacantSpaces
from sloth_agent.app.chosen_backends import Backends
from sloth_agent.app.paying import Paying
from sloth_agent.app.tenant_services import TenantServices
from sloth_agent.billing.activation_codes import ActivationCodes
from sloth_agent.billing.allowance import UsageReport
from sloth_agent.billing.margin import Margins
from sloth_agent.billing.plans import PlanCatalog
from sloth_agent.billing.recent import RecentSubscriptions
from sloth_agent.billing.referring import Referrals
from sloth_agent.billing.subscriptions import Subscriptions
from sloth_agent.billing.usage_ports import CurrentSubscriptions
from sloth_agent.channels.inbox_ports import IntegrationAddresses
from sloth_agent.channels.ports import IntegrationStore
from sloth_agent.channels.rotation import Rotation
from sloth_agent.channels.visitors import Visitors
from sloth_agent.clock import Clock
from sloth_agent.ids import TenantId
from sloth_agent.jobs.models import THE_TENANT, JobKind, NewJob, Queue
from sloth_agent.jobs.ports import JobBoard
from sloth_agent.payments.canceling import Canceling
from sloth_agent.payments.contacts import OwnersAsContacts
from sloth_agent.payments.explaining import Explaining
from sloth_agent.payments.ports import Contacts
from sloth_agent.payments.reminding import Reminding
from sloth_agent.tenants.account_ports import Seats
from sloth_agent.tenants.accounts import Accounts
from sloth_agent.tenants.archives import Archives
from sloth_agent.tenants.audit import Actor, Audit
from sloth_agent.tenants.backups import Backups
from sloth_agent.tenants.erasing import Erasing
from sloth_agent.tenants.invitations import Invitations
from sloth_agent.tenants.jobs import Jobs
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.moving import Moving
from sloth_agent.tenants.organizations import Organizations
from sloth_agent.tenants.orphans import Orphans
from sloth_agent.tenants.password_resets import PasswordResets
from sloth_agent.tenants.ports import TenantSpaces
from sloth_agent.tenants.restoring import Restoring
from sloth_agent.tenants.upgrading import Upgrading


@dataclass(frozen=True, slots=True)
class _SeatsOfThePlan:
    """`Seats` by what the organization has bought."""

    subscriptions: Subscriptions

    async def allowed(self, organization: TenantId) -> int | None:
        subscription = await self.subscriptions.current(organization)
        return subscription.limits.users if subscription else None


@dataclass(frozen=True, slots=True)
class _UsageOfTenants:
    """`UsageOf`: counted where each tenant lives."""

    services: "Services"

    async def report(self, organization: TenantId) -> UsageReport:
        found = await self.services.organizations.with_id(organization)
        return await (await self.services.of(found)).metering.report()


@dataclass(frozen=True)
class Services:
    """What an install can do: keep the list of tenants, and serve each of them."""

    backends: Backends
    databases: Databases

    @cached_property
    def organizations(self) -> Organizations:
        return Organizations(self._organization_store, self.spaces, self.backends.clock)

    def organizations_on(self, plan: str, *, by: Actor) -> Organizations:
        """New tenants begin on a plan, and never exist without it."""
        beginning = self.subscriptions.beginning(plan, by=by)
        store = PostgresSubscribedOrganizations(self.databases.main, beginning)
        return replace(self.organizations, store=store)

    @cached_property
    def plans(self) -> PlanCatalog:
        return PlanCatalog(
            self._plan_store, self._subscription_store, self._code_store, self.backends.clock
        )

    @cached_property
    def codes(self) -> ActivationCodes:
        return ActivationCodes(self._code_store, self._plan_store, self.backends.clock)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        return Subscriptions(self._subscription_store, self.backends.clock)

    @property
    def canceling(self) -> Canceling:
        return Canceling(self.subscriptions, lambda: self.paying.changing)

    @cached_property
    def paying(self) -> Paying:
        return Paying(
            self.backends,
            self.databases.main,
            self._plan_store,
            self._contacts,
            _UsageOfTenants(self),
            self._look_at_payments,
        )

    @cached_property
    def explaining(self) -> Explaining:
        paying = self.paying
        return Explaining(
            organizations=self.organizations,
            subscriptions=self.subscriptions,
            audit=self._log,
            payers=paying.payers,
            payments=paying.payments,
            events=paying.events,
        )

    @cached_property
    def reminding(self) -> Reminding:
        backends = self.backends
        return Reminding(
            subscriptions=self.subscriptions,
            plans=self._plan_store,
            contacts=self._contacts,
            store=PostgresPaymentReminders(self.databases.main),
            mailer=backends.mailer,
            frontend=backends.frontend,
            clock=backends.clock,
        )

    async def _look_at_payments(self, organization: TenantId, due: datetime) -> None:
        found = await self.organizations.with_id(organization)
        job = NewJob(kind=JobKind.PAYMENTS, subject=THE_TENANT, queue=Queue.BILLING)
        await (await self.of(found)).work.ask(job, due=due)

    @cached_property
    def referrals(self) -> Referrals:
        store = PostgresReferrals(self.databases.main)
        return Referrals(store, self._plan_store, self.backends.clock)

    @cached_property
    def margins(self) -> Margins:
        return Margins(
            PostgresPayers(self.databases.main),
            PostgresCostsOfAll(self.databases),
            self.subscriptions,
            self.backends.prices,
            self.backends.clock,
        )

    @cached_property
    def accounts(self) -> Accounts:
        backends = self.backends
        return Accounts(self._users, backends.hasher, self._seats, self._log, backends.clock)

    @cached_property
    def sessions(self) -> Sessions:
        store = PostgresSessions(self.databases.main)
        return Sessions(store, self.accounts, self.backends.token_signer, self.backends.clock)

    @cached_property
    def api_keys(self) -> ApiKeys:
        return ApiKeys(PostgresApiKeys(self.databases.main), self.backends.clock)

    def signing_up(self, *, by: Actor) -> SigningUp:
        """How a firm begins by itself, on the plan that new ones begin on."""
        plan = self.backends.settings.signup_plan
        beginning = self.subscriptions.beginning(plan, by=by)
        store = PostgresSignups(self.databases.main, beginning)
        return SigningUp(store, self.organizations, self.accounts, self.backends.clock)

    @cached_property
    def recognising(self) -> Recognising:
        return Recognising(self.sessions, self.api_keys, self._recent_subscriptions)

    @cached_property
    def replies(self) -> Replies:
        store = PostgresReplies(self.databases.main)
        return Replies(store, self.backends.sealer("replies"), self.backends.clock)

    @cached_property
    def invitations(self) -> Invitations:
        backends = self.backends
        return Invitations(
            self._users,
            backends.hasher,
            self._seats,
            backends.mailer,
            backends.frontend,
            backends.clock,
        )

    @cached_property
    def password_resets(self) -> PasswordResets:
        backends = self.backends
        return PasswordResets(
            self._users, backends.hasher, backends.mailer, backends.frontend, backends.clock
        )

    @cached_property
    def audit(self) -> Audit:
        return Audit(self._log)

    @cached_property
    def orphans(self) -> Orphans:
        backends = self.backends
        return Orphans(self._organization_store, self._log, backends.folders, backends.clock)

    @cached_property
    def archives(self) -> Archives:
        return Archives(
            self.organizations,
            PostgresArrivals(self.databases.main),
            PostgresTenantTables(self.databases),
            self.backends.files,
            self.backends.folders,
            ZippedArchives(),
            self._log,
            f"sloth-agent {version('sloth-agent')}",
            self.backends.clock,
        )

    @cached_property
    def moving(self) -> Moving:
        return Moving(
            self.organizations,
            self._organization_store,
            PostgresMoving(self.databases),
            self.backends.clock,
        )

    @cached_property
    def backups(self) -> Backups:
        backends = self.backends
        return Backups(
            self.organizations,
            self.archives,
            PostgresControlTables(self.databases.main),
            LocalBackupFolder(backends.settings.home / "backups", backends.settings.home),
            ZippedArchives(),
            self._log,
            backends.clock,
        )

    @cached_property
    def restoring(self) -> Restoring:
        return Restoring(
            self.archives,
            PostgresControlTables(self.databases.main),
            PostgresVacantSpaces(self.databases.main),
            self.spaces,
            self.backends.folders,
            ZippedArchives(),
            self.backends.clock,
        )

    @cached_property
    def rotation(self) -> Rotation:
        async def store_of(organization: Organization) -> IntegrationStore:
            return (await self.of(organization)).integration_store

        backends = self.backends
        return Rotation(
            self.organizations, store_of, backends.credential_sealer, self._log, backends.clock
        )

    @cached_property
    def erasing(self) -> Erasing:
        backends = self.backends
        return Erasing(
            self._organization_store,
            self.paying.leaving,
            self.spaces,
            backends.folders,
            backends.clock,
        )

    @cached_property
    def job_board(self) -> JobBoard:
        return PostgresJobBoard(self.databases)

    @cached_property
    def jobs(self) -> Jobs:
        return Jobs(self.job_board, self._organization_store, self._log, self.backends.clock)

    @cached_property
    def task_runs(self) -> PostgresTaskRuns:
        return PostgresTaskRuns(self.databases.main)

    def at(self, clock: Clock) -> "Services":
        """The same with another clock."""
        return replace(self, backends=replace(self.backends, clock=clock))

    @cached_property
    def upgrading(self) -> Upgrading:
        return Upgrading(self._organization_store, self.spaces)

    @cached_property
    def spaces(self) -> TenantSpaces:
        return TenantSchemas(self.databases)

    async def of(self, organization: Organization) -> TenantServices:
        home = await TenantHome.of(organization, self.databases)
        return TenantServices(
            self.backends,
            home,
            organization,
            self._recent_subscriptions,
            self._users,
            self._log,
            self.addresses,
        )

    @cached_property
    def visitors(self) -> Visitors:
        return Visitors(self.backends.sealer("visitors"), self.backends.clock)

    @cached_property
    def addresses(self) -> IntegrationAddresses:
        return PostgresIntegrationAddresses(self.databases.main)

    async def of_schema(self, schema_name: str) -> TenantServices | None:
        """None: there is no such tenant any more."""
        organization = await self._organization_store.with_schema(schema_name)
        return None if organization is None else await self.of(organization)

    @cached_property
    def _organization_store(self) -> PostgresOrganizations:
        return PostgresOrganizations(self.databases.main)

    @cached_property
    def _code_store(self) -> PostgresCodes:
        return PostgresCodes(self.databases.main)

    @cached_property
    def _plan_store(self) -> PostgresPlans:
        return PostgresPlans(self.databases.main)

    @cached_property
    def _subscription_store(self) -> PostgresSubscriptions:
        return PostgresSubscriptions(self.databases.main)

    @cached_property
    def _seats(self) -> Seats:
        return _SeatsOfThePlan(self.subscriptions)

    @cached_property
    def _recent_subscriptions(self) -> CurrentSubscriptions:
        return RecentSubscriptions(self.subscriptions)

    @cached_property
    def _users(self) -> PostgresUsers:
        return PostgresUsers(self.databases.main)

    @cached_property
    def _contacts(self) -> Contacts:
        return OwnersAsContacts(self.organizations, self._users)

    @cached_property
    def _log(self) -> PostgresAudit:
        return PostgresAudit(self.databases.main)
