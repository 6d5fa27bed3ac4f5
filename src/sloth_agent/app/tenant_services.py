"""What one tenant's assistant can do, put together."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sloth_agent.adapters.files.local import LocalFiles
from sloth_agent.adapters.stores.postgres.chat_files import PostgresChatFiles
from sloth_agent.adapters.stores.postgres.conversations import (
    PostgresConversations,
    PostgresPrompts,
)
from sloth_agent.adapters.stores.postgres.costs import PostgresCosts
from sloth_agent.adapters.stores.postgres.customers import PostgresCustomers
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.documents import PostgresDocuments
from sloth_agent.adapters.stores.postgres.inbox import PostgresInbox
from sloth_agent.adapters.stores.postgres.integrations import PostgresIntegrations
from sloth_agent.adapters.stores.postgres.jobs import PostgresJobs
from sloth_agent.adapters.stores.postgres.limit_notices import PostgresNotices
from sloth_agent.adapters.stores.postgres.photos import PostgresPhotos
from sloth_agent.adapters.stores.postgres.profiles import PostgresProfiles
from sloth_agent.adapters.stores.postgres.search_index import PostgresSearchIndex
from sloth_agent.adapters.stores.postgres.staff_codes import PostgresStaffCodes
from sloth_agent.adapters.stores.postgres.tenant_home import TenantHome
from sloth_agent.adapters.stores.postgres.usage import PostgresUsage
from sloth_agent.adapters.stores.postgres.users import PostgresUsers
from sloth_agent.agent.answering import Answering
from sloth_agent.agent.conversations import Conversations
from sloth_agent.agent.customers import Customers
from sloth_agent.agent.evaluation import Evaluating
from sloth_agent.agent.prompts import Prompts
from sloth_agent.app.chosen_backends import Backends
from sloth_agent.billing.costs import Costs
from sloth_agent.billing.notices import LimitNotices
from sloth_agent.billing.usage import Metering
from sloth_agent.billing.usage_ports import CurrentSubscriptions
from sloth_agent.channels.chat_files import ChatFiles
from sloth_agent.channels.checking import Checking
from sloth_agent.channels.connecting import Connecting
from sloth_agent.channels.desk import Desk
from sloth_agent.channels.handing_over import HandingOver
from sloth_agent.channels.inbox import Inbox
from sloth_agent.channels.inbox_ports import IntegrationAddresses
from sloth_agent.channels.integrations import Integrations
from sloth_agent.channels.keeping import Keeping
from sloth_agent.channels.models import Integration
from sloth_agent.channels.replaying import Replaying
from sloth_agent.channels.replying import Replying
from sloth_agent.channels.responding import Responding
from sloth_agent.channels.restraint import Restraint
from sloth_agent.channels.sending import Sending
from sloth_agent.channels.staff_chats import StaffChats
from sloth_agent.channels.staff_codes import StaffCodes
from sloth_agent.channels.staff_room import StaffRoom
from sloth_agent.channels.transcripts import Transcripts
from sloth_agent.channels.vault import Vault
from sloth_agent.channels.web_chat import WebChat
from sloth_agent.ids import JobId
from sloth_agent.jobs.models import Queue
from sloth_agent.jobs.ports import JobStore
from sloth_agent.jobs.tenant_work import TenantWork
from sloth_agent.knowledge.documents import Documents
from sloth_agent.knowledge.ingestion import Ingestion
from sloth_agent.knowledge.intake import Intake
from sloth_agent.knowledge.leftovers import Leftovers
from sloth_agent.knowledge.off_limits import OffLimits
from sloth_agent.knowledge.photos import Photos
from sloth_agent.knowledge.rebuilding import Rebuilding
from sloth_agent.knowledge.retrieval import Retrieval
from sloth_agent.tenants.audit import AuditStore, TenantLog
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.owners import Owners
from sloth_agent.tenants.profile import Profiles


@dataclass(frozen=True)
class TenantServices:
    """What one tenant's assistant can do. Every part belongs to the tenant already.

    A part is made when it is first asked for: who lists documents loads no model.
    """

    backends: Backends
    home: TenantHome
    organization: Organization
    subscriptions: CurrentSubscriptions
    users: PostgresUsers
    audit: AuditStore
    addresses: IntegrationAddresses

    @property
    def schema(self) -> str:
        return self.organization.schema_name

    @property
    def database(self) -> Database:
        """Where the tenant lives, as far as is known here."""
        return self.home.database

    @cached_property
    def documents(self) -> Documents:
        backends = self.backends
        return Documents(
            self._document_store,
            self.files,
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
            self.files,
            backends.reader,
            backends.embedder,
            self.costs,
            backends.clock,
        )

    @cached_property
    def leftovers(self) -> Leftovers:
        named_by = (self._document_store, self._photo_store, self._chat_file_store)
        return Leftovers(named_by, self.files, self.backends.clock)

    @cached_property
    def intake(self) -> Intake:
        return Intake(self.documents, self.ingestion, self.work, self._off_limits)

    @cached_property
    def photos(self) -> Photos:
        backends = self.backends
        return Photos(
            self._photo_store,
            self.files,
            self.metering,
            backends.clock,
            self._off_limits,
            backends.settings.max_upload_bytes,
        )

    @cached_property
    def chat_files(self) -> ChatFiles:
        backends = self.backends
        return ChatFiles(
            store=self._chat_file_store,
            files=self.files,
            metering=self.metering,
            log=self.log,
            clock=backends.clock,
            max_bytes=backends.settings.max_upload_bytes,
        )

    @cached_property
    def integrations(self) -> Integrations:
        backends = self.backends
        return Integrations(
            self.integration_store,
            Vault(self.organization.id, backends.credential_sealer),
            self.subscriptions,
            self.log,
            backends.clock,
        )

    @cached_property
    def integration_store(self) -> PostgresIntegrations:
        return PostgresIntegrations(self.home, self.schema)

    @cached_property
    def inbox(self) -> Inbox:
        return Inbox(
            self.integrations,
            self.backends.messenger,
            self.inbox_store,
            self._tell_of_reply,
            self.backends.clock,
        )

    @cached_property
    def inbox_store(self) -> PostgresInbox:
        return PostgresInbox(self.home, self.schema)

    @cached_property
    def connecting(self) -> Connecting:
        return Connecting(
            organization=self.organization.id,
            integrations=self.integrations,
            messengers=self.backends.messenger,
            addresses=self.addresses,
            inbox=self.inbox_store,
            announce=self._tell_of_reply,
            clock=self.backends.clock,
            public_url=self.backends.settings.public_url,
        )

    @cached_property
    def checking(self) -> Checking:
        return Checking(self.connecting, self.inbox_store, self.backends.clock)

    @cached_property
    def replaying(self) -> Replaying:
        return Replaying(
            self.integrations, self.backends.messenger, self.inbox_store, self.answering
        )

    @cached_property
    def replying(self) -> Replying:
        clock = self.backends.clock
        return Replying(
            integrations=self.integrations,
            messengers=self.backends.messenger,
            store=self.inbox_store,
            responding=self._responding,
            staff_room=StaffRoom(
                integrations=self.integrations,
                codes=self.staff_codes,
                desk=self.desk,
                profiles=self.profiles,
                store=self.inbox_store,
                clock=clock,
            ),
            sending=Sending(self.inbox_store, clock),
            jobs=self.jobs,
            clock=clock,
        )

    @cached_property
    def _responding(self) -> Responding:
        return Responding(
            organization=self.organization.id,
            firm=self.name_of_firm,
            answering=self.answering,
            conversations=self.conversations,
            keeping=Keeping(self.photos, self.chat_files),
            subscriptions=self.subscriptions,
            handing_over=self.handing_over,
            restraint=Restraint(
                self.inbox_store,
                self.backends.clock,
                turns_a_minute=self.backends.settings.chat_turns_per_minute,
                turns_a_day=self.backends.settings.chat_turns_per_day,
            ),
            transcripts=self._transcripts,
            store=self.inbox_store,
            announce=self._tell_of_reply,
        )

    @cached_property
    def handing_over(self) -> HandingOver:
        return HandingOver(
            tenant=self.organization.slug,
            firm=self.name_of_firm,
            profile=self.profiles.show,
            addressees=self._owners,
            staff_chats=StaffChats(
                store=self.inbox_store,
                integrations=self.integrations,
                messengers=self.backends.messenger,
                clock=self.backends.clock,
            ),
            mailer=self.backends.mailer,
            frontend=self.backends.frontend,
            clock=self.backends.clock,
        )

    @cached_property
    def desk(self) -> Desk:
        return Desk(
            store=self.inbox_store,
            integrations=self.integrations,
            messengers=self.backends.messenger,
            conversations=self.conversations,
            transcripts=self._transcripts,
            announce=self._tell_of_reply,
            log=self.log,
            clock=self.backends.clock,
        )

    @cached_property
    def staff_codes(self) -> StaffCodes:
        store = PostgresStaffCodes(self.home, self.schema)
        return StaffCodes(store, self.integrations, self.backends.clock)

    @cached_property
    def _transcripts(self) -> Transcripts:
        return Transcripts(self.inbox_store, self.backends.clock)

    async def name_of_firm(self) -> str:
        return (await self.profiles.show()).business_name or self.organization.name

    async def _tell_of_reply(self, id: JobId, due: datetime) -> None:
        await self.work.tell(Queue.MESSAGES, id, due=due)

    @cached_property
    def jobs(self) -> JobStore:
        return PostgresJobs(self.home, self.schema)

    @cached_property
    def work(self) -> TenantWork:
        return TenantWork(self.jobs, self.backends.running, self.backends.engine)

    @cached_property
    def rebuilding(self) -> Rebuilding:
        return Rebuilding(self._index, self._document_store, self.ingestion, self.work)

    @cached_property
    def retrieval(self) -> Retrieval:
        backends = self.backends
        return Retrieval(self._index, backends.embedder, backends.reranker, self.costs)

    @cached_property
    def prompts(self) -> Prompts:
        return Prompts(PostgresPrompts(self.home, self.schema), self.backends.clock)

    @cached_property
    def profiles(self) -> Profiles:
        return Profiles(PostgresProfiles(self.home, self.schema), self.log)

    @cached_property
    def log(self) -> TenantLog:
        return TenantLog(self.organization.id, self.audit, self.backends.clock)

    @cached_property
    def conversations(self) -> Conversations:
        return Conversations(self._conversation_store, self.backends.clock)

    @cached_property
    def customers(self) -> Customers:
        store = PostgresCustomers(self.home, self.schema)
        return Customers(self.organization.id, store, self.files, self.audit, self.backends.clock)

    @cached_property
    def answering(self) -> Answering:
        return Answering(
            self.retrieval,
            self.backends.chat_model,
            self.prompts,
            self.conversations,
            self.metering,
            self.costs,
            self.backends.observers.on_answer,
        )

    def web_chat(self, integration: Integration) -> WebChat:
        return WebChat(
            integration=integration,
            answering=self.answering,
            conversations=self.conversations,
            handing_over=self.handing_over,
            transcripts=self._transcripts,
            store=self.inbox_store,
            announce=self._tell_of_reply,
        )

    @cached_property
    def evaluating(self) -> Evaluating:
        return Evaluating(self.retrieval, self.answering)

    @cached_property
    def metering(self) -> Metering:
        return Metering(
            self.organization.id,
            PostgresUsage(self.home, self.schema),
            self.subscriptions,
            self.users,
            self.backends.clock,
        )

    @cached_property
    def costs(self) -> Costs:
        backends = self.backends
        return Costs(
            self.organization.id,
            PostgresCosts(self.home, self.schema),
            self.subscriptions,
            backends.prices,
            backends.clock,
            backends.observers.on_call,
        )

    @cached_property
    def notices(self) -> LimitNotices:
        store = PostgresNotices(self.home, self.schema)
        return LimitNotices(
            self.metering, store, self._owners, self.backends.mailer, self.backends.clock
        )

    @cached_property
    def _owners(self) -> Owners:
        return Owners(self.organization.id, self.users, self.profiles)

    @cached_property
    def _conversation_store(self) -> PostgresConversations:
        return PostgresConversations(self.home, self.schema)

    @cached_property
    def _document_store(self) -> PostgresDocuments:
        return PostgresDocuments(self.home, self.schema)

    @cached_property
    def _photo_store(self) -> PostgresPhotos:
        return PostgresPhotos(self.home, self.schema)

    @cached_property
    def _chat_file_store(self) -> PostgresChatFiles:
        return PostgresChatFiles(self.home, self.schema)

    @cached_property
    def _index(self) -> PostgresSearchIndex:
        return PostgresSearchIndex(self.home, self.schema)

    @cached_property
    def files(self) -> LocalFiles:
        return self.backends.files(self.schema)

    @property
    def _off_limits(self) -> OffLimits:
        return OffLimits(self.backends.settings.home)
