"""Settings -> adapters -> services: the one place that chooses."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio.to_thread

from sloth_agent.adapters.archives.zipped import ZippedArchives
from sloth_agent.adapters.files.local import LocalFiles, LocalFolders
from sloth_agent.adapters.stores.postgres.activation_codes import PostgresCodes
from sloth_agent.adapters.stores.postgres.arrivals import PostgresArrivals
from sloth_agent.adapters.stores.postgres.audit import PostgresAudit
from sloth_agent.adapters.stores.postgres.conversations import (
    PostgresConversations,
    PostgresPrompts,
)
from sloth_agent.adapters.stores.postgres.database import Database, Walls, open_pool
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.adapters.stores.postgres.documents import PostgresDocuments
from sloth_agent.adapters.stores.postgres.embedded import attach
from sloth_agent.adapters.stores.postgres.limit_notices import PostgresNotices
from sloth_agent.adapters.stores.postgres.organizations import PostgresOrganizations
from sloth_agent.adapters.stores.postgres.plans import PostgresPlans
from sloth_agent.adapters.stores.postgres.profiles import PostgresProfiles
from sloth_agent.adapters.stores.postgres.readiness import make_ready
from sloth_agent.adapters.stores.postgres.referrals import PostgresReferrals
from sloth_agent.adapters.stores.postgres.schemas import TenantSchemas
from sloth_agent.adapters.stores.postgres.search_index import PostgresSearchIndex
from sloth_agent.adapters.stores.postgres.subscriptions import (
    PostgresSubscribedOrganizations,
    PostgresSubscriptions,
)
from sloth_agent.adapters.stores.postgres.task_runs import PostgresTaskRuns
from sloth_agent.adapters.stores.postgres.tenant_tables import PostgresTenantTables
from sloth_agent.adapters.stores.postgres.usage import PostgresUsage
from sloth_agent.adapters.stores.postgres.users import PostgresUsers
from sloth_agent.agent.answering import Answering
from sloth_agent.agent.conversations import Conversations
from sloth_agent.agent.evaluation import Evaluating
from sloth_agent.agent.ports import ChatModel
from sloth_agent.agent.prompts import Prompts
from sloth_agent.app.backends import factory
from sloth_agent.app.choices import NONE, chat_choice, embedder_choice
from sloth_agent.billing.activation_codes import ActivationCodes
from sloth_agent.billing.notices import LimitNotices
from sloth_agent.billing.plans import PlanCatalog
from sloth_agent.billing.recent import RecentSubscriptions
from sloth_agent.billing.referring import Referrals
from sloth_agent.billing.subscriptions import Subscriptions
from sloth_agent.billing.usage import Metering
from sloth_agent.billing.usage_ports import CurrentSubscriptions
from sloth_agent.clock import Clock, system_clock
from sloth_agent.ids import TenantId
from sloth_agent.knowledge.documents import Documents
from sloth_agent.knowledge.ingestion import Ingestion
from sloth_agent.knowledge.intake import Intake
from sloth_agent.knowledge.leftovers import Leftovers
from sloth_agent.knowledge.ports import DocumentReader, Embedder, Reranker
from sloth_agent.knowledge.rebuilding import Rebuilding
from sloth_agent.knowledge.retrieval import Retrieval
from sloth_agent.settings import Settings
from sloth_agent.tenants.account_ports import Mailer, PasswordHasher, Seats
from sloth_agent.tenants.accounts import Accounts
from sloth_agent.tenants.archives import Archives
from sloth_agent.tenants.audit import Actor, Audit
from sloth_agent.tenants.erasing import Erasing
from sloth_agent.tenants.invitations import Invitations
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.organizations import Organizations
from sloth_agent.tenants.orphans import Orphans
from sloth_agent.tenants.owners import Owners
from sloth_agent.tenants.password_resets import PasswordResets
from sloth_agent.tenants.ports import TenantSpaces
from sloth_agent.tenants.profile import Profiles
from sloth_agent.tenants.upgrading import Upgrading

Address = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class Backends:
    """The chosen adapters of one process, beside the database.

    A backend is made when it is first asked for.
    """

    settings: Settings
    resources: AsyncExitStack
    clock: Clock = system_clock

    def files(self, schema: str) -> LocalFiles:
        """Where one tenant's original files are kept."""
        return LocalFiles(self._all_files / schema)

    @property
    def folders(self) -> LocalFolders:
        """Where all tenants' original files are kept."""
        return LocalFolders(self._all_files)

    @property
    def _all_files(self) -> Path:
        return self.settings.home / "files"

    @cached_property
    def reader(self) -> DocumentReader:
        from sloth_agent.adapters.parsers.sandbox import from_settings

        reader = from_settings(self.settings)
        self.resources.push_async_callback(reader.aclose)
        return reader

    @cached_property
    def embedder(self) -> Embedder | None:
        name = embedder_choice(self.settings).name
        return None if name == NONE else self._made("embedders", name)

    @cached_property
    def reranker(self) -> Reranker | None:
        name = self.settings.reranker
        return None if name == NONE else self._made("rerankers", name)

    @cached_property
    def hasher(self) -> PasswordHasher:
        from sloth_agent.adapters.passwords.argon2 import Argon2Hasher

        return Argon2Hasher()

    @cached_property
    def mailer(self) -> Mailer | None:
        from sloth_agent.adapters.mail.smtp import from_settings

        return from_settings(self.settings)

    @property
    def frontend(self) -> str:
        return self.settings.frontend_url.rstrip("/")

    @cached_property
    def chat_model(self) -> ChatModel:
        model: ChatModel = self._made("chat_models", chat_choice(self.settings).name)
        return model

    def _made(self, port: str, name: str) -> Any:
        """A backend, which is closed with the library if it can be."""
        backend = factory(port, name)(self.settings)
        if hasattr(backend, "aclose"):
            self.resources.push_async_callback(backend.aclose)
        return backend


@dataclass(frozen=True)
class TenantServices:
    """What one tenant's assistant can do. Every part belongs to the tenant already.

    A part is made when it is first asked for: who lists documents loads no model.
    """

    backends: Backends
    database: Database  # where the tenant lives
    organization: Organization
    subscriptions: CurrentSubscriptions
    users: PostgresUsers

    @property
    def schema(self) -> str:
        return self.organization.schema_name

    @cached_property
    def documents(self) -> Documents:
        backends = self.backends
        return Documents(
            self._document_store,
            self._files,
            self.metering,
            backends.clock,
            backends.settings.max_upload_bytes,
        )

    @cached_property
    def ingestion(self) -> Ingestion:
        backends = self.backends
        return Ingestion(
            self._document_store,
            self._index,
            self._files,
            backends.reader,
            backends.embedder,
            backends.clock,
        )

    @cached_property
    def leftovers(self) -> Leftovers:
        return Leftovers(self._document_store, self._files, self.backends.clock)

    @cached_property
    def intake(self) -> Intake:
        return Intake(self.documents, self.ingestion)

    @cached_property
    def rebuilding(self) -> Rebuilding:
        return Rebuilding(self._index, self._document_store, self.ingestion)

    @cached_property
    def retrieval(self) -> Retrieval:
        return Retrieval(self._index, self.backends.embedder, self.backends.reranker)

    @cached_property
    def prompts(self) -> Prompts:
        return Prompts(PostgresPrompts(self.database, self.schema), self.backends.clock)

    @cached_property
    def profiles(self) -> Profiles:
        return Profiles(PostgresProfiles(self.database, self.schema))

    @cached_property
    def conversations(self) -> Conversations:
        store = PostgresConversations(self.database, self.schema)
        return Conversations(store, self.backends.clock)

    @cached_property
    def answering(self) -> Answering:
        return Answering(
            self.retrieval,
            self.backends.chat_model,
            self.prompts,
            self.conversations,
            self.metering,
        )

    @cached_property
    def evaluating(self) -> Evaluating:
        return Evaluating(self.retrieval, self.answering)

    @cached_property
    def metering(self) -> Metering:
        return Metering(
            self.organization.id,
            PostgresUsage(self.database, self.schema),
            self.subscriptions,
            self.users,
            self.backends.clock,
        )

    @cached_property
    def notices(self) -> LimitNotices:
        owners = Owners(self.organization.id, self.users, self.profiles)
        store = PostgresNotices(self.database, self.schema)
        return LimitNotices(self.metering, store, owners, self.backends.mailer, self.backends.clock)

    @cached_property
    def _document_store(self) -> PostgresDocuments:
        return PostgresDocuments(self.database, self.schema)

    @cached_property
    def _index(self) -> PostgresSearchIndex:
        return PostgresSearchIndex(self.database, self.schema)

    @cached_property
    def _files(self) -> LocalFiles:
        return self.backends.files(self.schema)


@dataclass(frozen=True, slots=True)
class _SeatsOfThePlan:
    """`Seats` by what the organization has bought."""

    subscriptions: Subscriptions

    async def allowed(self, organization: TenantId) -> int | None:
        subscription = await self.subscriptions.current(organization)
        return subscription.limits.users if subscription else None


@dataclass(frozen=True)
class Services:
    """What an install can do: keep the list of tenants, and serve each of them."""

    backends: Backends
    databases: Databases

    @cached_property
    def organizations(self) -> Organizations:
        store = PostgresOrganizations(self.databases.main)
        return Organizations(store, self.spaces, self.backends.clock)

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

    @cached_property
    def _code_store(self) -> PostgresCodes:
        return PostgresCodes(self.databases.main)

    @cached_property
    def _plan_store(self) -> PostgresPlans:
        return PostgresPlans(self.databases.main)

    @cached_property
    def referrals(self) -> Referrals:
        store = PostgresReferrals(self.databases.main)
        return Referrals(store, self._plan_store, self.backends.clock)

    @cached_property
    def _subscription_store(self) -> PostgresSubscriptions:
        return PostgresSubscriptions(self.databases.main)

    @cached_property
    def accounts(self) -> Accounts:
        return Accounts(self._users, self.backends.hasher, self._seats, self.backends.clock)

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
    def _seats(self) -> Seats:
        return _SeatsOfThePlan(self.subscriptions)

    @cached_property
    def _recent_subscriptions(self) -> CurrentSubscriptions:
        return RecentSubscriptions(self.subscriptions)

    @cached_property
    def _users(self) -> PostgresUsers:
        return PostgresUsers(self.databases.main)

    @cached_property
    def audit(self) -> Audit:
        return Audit(PostgresAudit(self.databases.main))

    @cached_property
    def orphans(self) -> Orphans:
        store = PostgresOrganizations(self.databases.main)
        log = PostgresAudit(self.databases.main)
        return Orphans(store, log, self.backends.folders, self.backends.clock)

    @cached_property
    def archives(self) -> Archives:
        return Archives(
            self.organizations,
            PostgresArrivals(self.databases.main),
            PostgresTenantTables(self.databases),
            self.backends.files,
            self.backends.folders,
            ZippedArchives(),
            PostgresAudit(self.databases.main),
            f"sloth-agent {version('sloth-agent')}",
            self.backends.clock,
        )

    @cached_property
    def erasing(self) -> Erasing:
        store = PostgresOrganizations(self.databases.main)
        return Erasing(store, self.spaces, self.backends.folders, self.backends.clock)

    @cached_property
    def task_runs(self) -> PostgresTaskRuns:
        return PostgresTaskRuns(self.databases.main)

    def at(self, clock: Clock) -> "Services":
        """The same with another clock."""
        return replace(self, backends=replace(self.backends, clock=clock))

    @cached_property
    def upgrading(self) -> Upgrading:
        return Upgrading(self.spaces)

    @cached_property
    def spaces(self) -> TenantSpaces:
        return TenantSchemas(self.databases)

    async def of(self, organization: Organization) -> TenantServices:
        home = await self.databases.home_of(organization)
        return TenantServices(
            self.backends, home, organization, self._recent_subscriptions, self._users
        )


async def open_databases(settings: Settings, resources: AsyncExitStack) -> Databases:
    """Connect to the configured server, or start the embedded one, and make it ready."""
    where = await main_address(settings, resources)
    walls = await make_ready(await where(), ("control", "working"))
    main = await _pooled(where, walls, resources)
    others = {
        name: partial(_other, url.get_secret_value(), resources)
        for name, url in settings.databases.items()
    }
    return Databases(main, others)


async def _other(url: str, resources: AsyncExitStack) -> Database:
    walls = await make_ready(url, ("working",))
    return await _pooled(always(url), walls, resources)


async def _pooled(where: Address, walls: Walls | None, resources: AsyncExitStack) -> Database:
    database = await open_pool(where, walls)
    resources.push_async_callback(database.close)
    return database


async def main_address(settings: Settings, resources: AsyncExitStack) -> Address:
    """Where the main database is; the embedded one runs for as long as the resources last."""
    if settings.database_url is not None:
        return always(settings.database_url.get_secret_value())

    attachment = await anyio.to_thread.run_sync(attach, settings.home)
    resources.push_async_callback(anyio.to_thread.run_sync, attachment.release)

    async def embedded() -> str:
        return await anyio.to_thread.run_sync(attachment.revive)

    return embedded


def always(url: str) -> Address:
    async def configured() -> str:
        return url

    return configured
