"""`Sloth`: the same as `AsyncSloth`, for programs without an event loop.

One background thread runs the loop; each method hands its work over and waits.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from sloth_agent.agent.customers import CustomerRecord
from sloth_agent.agent.evaluation import Evaluation, KnownQuestion, Verdict
from sloth_agent.agent.models import Answer, Conversation, ConversationSource, Message, Prompt
from sloth_agent.agent.ports import Delta, Held, Trial
from sloth_agent.app.sloth import AsyncSloth, AsyncTenant
from sloth_agent.billing.allowance import UsageReport
from sloth_agent.billing.notices import Notice
from sloth_agent.channels.chat_files import ChatFile
from sloth_agent.channels.chats import ChatState, Event
from sloth_agent.channels.checking import Checked
from sloth_agent.channels.desk import DeskChat
from sloth_agent.channels.models import Integration, IntegrationType
from sloth_agent.channels.replaying import Replay
from sloth_agent.channels.staff_codes import StaffCode
from sloth_agent.ids import (
    ChatFileId,
    ChatId,
    ChunkId,
    ConversationId,
    DocumentId,
    EventId,
    IntegrationId,
    JobId,
    PhotoId,
)
from sloth_agent.jobs.models import Job
from sloth_agent.knowledge.intake import FileOutcome, IngestReport, OnProgress
from sloth_agent.knowledge.models import Document, Passage, Photo, VectorStore
from sloth_agent.knowledge.retrieval import Found
from sloth_agent.language import Language
from sloth_agent.settings import Settings
from sloth_agent.tenants.audit import SYSTEM, Actor
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.profile import Profile
from sloth_agent.tenants.upgrading import UpgradeReport

Result = TypeVar("Result")


class Sloth:
    """Assistants over documents, one for each tenant.

    with Sloth() as sloth:
        lavanda = sloth.tenant("lavanda", create=True)
        lavanda.ingest("price-list.xlsx")
        print(lavanda.chat("How much is a haircut?").text)

    with Sloth(base_url="https://assistant.example.com", api_key="sloth_...") as sloth:
        lavanda = sloth.tenant()
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
    ) -> None:
        """See `AsyncSloth`."""
        self._sloth = AsyncSloth(settings, base_url=base_url, api_key=api_key)
        self._resources = ExitStack()
        self._portal: BlockingPortal | None = None

    @property
    def settings(self) -> Settings:
        return self._sloth.settings

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """See `AsyncSloth.open`."""
        with ExitStack() as resources:
            self._portal = resources.enter_context(start_blocking_portal())
            self._portal.call(self._sloth.open)
            resources.callback(self._portal.call, self._sloth.close)
            self._resources = resources.pop_all()

    def close(self) -> None:
        """See `AsyncSloth.close`."""
        self._resources.close()
        self._portal = None

    def tenant(self, slug: str | None = None, *, create: bool = False) -> "Tenant":
        """See `AsyncSloth.tenant`."""
        return Tenant(
            self._opened.call(partial(self._sloth.tenant, slug, create=create)), self._opened
        )

    def create_tenant(
        self,
        slug: str,
        *,
        name: str | None = None,
        domain: str | None = None,
        plan: str | None = None,
        database: str | None = None,
        by: Actor = SYSTEM,
    ) -> Organization:
        """See `AsyncSloth.create_tenant`."""
        return self._opened.call(
            partial(
                self._sloth.create_tenant,
                slug,
                name=name,
                domain=domain,
                plan=plan,
                database=database,
                by=by,
            )
        )

    def tenants(self) -> Sequence[Organization]:
        """See `AsyncSloth.tenants`."""
        return self._opened.call(self._sloth.tenants)

    def show_tenant(self, slug: str) -> Organization:
        """See `AsyncSloth.show_tenant`."""
        return self._opened.call(partial(self._sloth.show_tenant, slug))

    def update_tenant(
        self, slug: str, *, name: str | None = None, domain: str | None = None, by: Actor = SYSTEM
    ) -> Organization:
        """See `AsyncSloth.update_tenant`."""
        return self._opened.call(
            partial(self._sloth.update_tenant, slug, name=name, domain=domain, by=by)
        )

    def set_tenant_active(self, slug: str, *, active: bool, by: Actor = SYSTEM) -> Organization:
        """See `AsyncSloth.set_tenant_active`."""
        return self._opened.call(partial(self._sloth.set_tenant_active, slug, active=active, by=by))

    def delete_tenant(self, slug: str, *, by: Actor = SYSTEM) -> None:
        """See `AsyncSloth.delete_tenant`."""
        self._opened.call(partial(self._sloth.delete_tenant, slug, by=by))

    def upgrade_tenants(
        self, *, on_progress: Callable[[int, int], None] = lambda _done, _all: None
    ) -> UpgradeReport:
        """See `AsyncSloth.upgrade_tenants`."""
        return self._opened.call(partial(self._sloth.upgrade_tenants, on_progress=on_progress))

    def run(self, work: Callable[[AsyncSloth], Awaitable[Result]]) -> Result:
        """Do what has no blocking method of its own, such as the services of an operator.

        codes = sloth.run(lambda sloth: sloth.codes.generate(plan="pro", days=90, count=10))
        """
        return self._opened.call(work, self._sloth)

    @property
    def _opened(self) -> BlockingPortal:
        if self._portal is None:
            raise RuntimeError("Sloth is closed; use `with Sloth() as sloth:`.")
        return self._portal


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant's assistant."""

    _tenant: AsyncTenant
    _portal: BlockingPortal

    @property
    def organization(self) -> Organization:
        return self._tenant.organization

    def ingest(
        self,
        *paths: str | Path,
        wait: bool = True,
        on_found: Callable[[int], None] = lambda _: None,
        on_progress: OnProgress = lambda _path, _progress: None,
        on_outcome: Callable[[FileOutcome], None] = lambda _: None,
    ) -> IngestReport:
        """See `AsyncTenant.ingest`."""
        return self._portal.call(
            partial(
                self._tenant.ingest,
                *paths,
                wait=wait,
                on_found=on_found,
                on_progress=on_progress,
                on_outcome=on_outcome,
            )
        )

    def ingest_content(self, name: str, content: bytes, *, wait: bool = True) -> FileOutcome:
        """See `AsyncTenant.ingest_content`."""
        return self._portal.call(partial(self._tenant.ingest_content, name, content, wait=wait))

    def search(self, query: str, *, limit: int = 5, documents: Sequence[str] = ()) -> Found:
        """See `AsyncTenant.search`."""
        return self._portal.call(
            partial(self._tenant.search, query, limit=limit, documents=documents)
        )

    def chat(
        self,
        question: str,
        *,
        conversation: ConversationId | None = None,
        language: Language | None = None,
        source: ConversationSource = ConversationSource.API,
        external_id: str | None = None,
    ) -> Answer:
        """See `AsyncTenant.chat`."""
        return self._portal.call(
            partial(
                self._tenant.chat,
                question,
                conversation=conversation,
                language=language,
                source=source,
                external_id=external_id,
            )
        )

    def chat_stream(
        self,
        question: str,
        *,
        conversation: ConversationId | None = None,
        language: Language | None = None,
        source: ConversationSource = ConversationSource.API,
        external_id: str | None = None,
    ) -> Iterator[Delta | Answer]:
        """See `AsyncTenant.chat_stream`."""
        return _iterated(
            self._portal,
            partial(
                self._tenant.chat_stream,
                question,
                conversation=conversation,
                language=language,
                source=source,
                external_id=external_id,
            ),
        )

    def try_stream(
        self,
        question: str,
        *,
        language: Language | None = None,
        prompt: Prompt | None = None,
    ) -> Iterator[Delta | Trial]:
        """See `AsyncTenant.try_stream`."""
        return _iterated(
            self._portal,
            partial(self._tenant.try_stream, question, language=language, prompt=prompt),
        )

    def passages(self, ids: Sequence[ChunkId]) -> Sequence[Passage]:
        """See `AsyncTenant.passages`."""
        return self._portal.call(partial(self._tenant.passages, ids))

    def keep_document(self, name: str, content: bytes) -> Document:
        """See `AsyncTenant.keep_document`."""
        return self._portal.call(partial(self._tenant.keep_document, name, content))

    def reading_of(self, id: DocumentId) -> Job | None:
        """See `AsyncTenant.reading_of`."""
        return self._portal.call(partial(self._tenant.reading_of, id))

    def evaluate(
        self,
        questions: Sequence[KnownQuestion],
        *,
        k: int = 5,
        on_verdict: Callable[[Verdict], None] = lambda _: None,
    ) -> Evaluation:
        """See `AsyncTenant.evaluate`."""
        return self._portal.call(
            partial(self._tenant.evaluate, questions, k=k, on_verdict=on_verdict)
        )

    def advice(self) -> Sequence[str]:
        """See `AsyncTenant.advice`."""
        return self._portal.call(self._tenant.advice)

    def rebuild(
        self,
        *,
        chunk_size: int | None = None,
        chunk_overlap: int | None = None,
        on_progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> VectorStore:
        """See `AsyncTenant.rebuild`."""
        return self._portal.call(
            partial(
                self._tenant.rebuild,
                chunk_size=chunk_size,
                chunk_overlap=chunk_overlap,
                on_progress=on_progress,
            )
        )

    def ask_for_rebuild(
        self, *, chunk_size: int | None = None, chunk_overlap: int | None = None
    ) -> JobId:
        """See `AsyncTenant.ask_for_rebuild`."""
        return self._portal.call(
            partial(
                self._tenant.ask_for_rebuild, chunk_size=chunk_size, chunk_overlap=chunk_overlap
            )
        )

    def index(self) -> VectorStore:
        """See `AsyncTenant.index`."""
        return self._portal.call(self._tenant.index)

    def documents(
        self, *, limit: int = 1000, after: DocumentId | None = None
    ) -> Sequence[Document]:
        """See `AsyncTenant.documents`."""
        return self._portal.call(partial(self._tenant.documents, limit=limit, after=after))

    def document(self, id: DocumentId) -> Document:
        """See `AsyncTenant.document`."""
        return self._portal.call(partial(self._tenant.document, id))

    def delete_document(self, id: DocumentId, *, by: Actor = SYSTEM) -> None:
        """See `AsyncTenant.delete_document`."""
        self._portal.call(partial(self._tenant.delete_document, id, by=by))

    def add_photo(self, name: str, content: bytes) -> Photo:
        """See `AsyncTenant.add_photo`."""
        return self._portal.call(partial(self._tenant.add_photo, name, content))

    def add_photo_file(self, path: str | Path) -> Photo:
        """See `AsyncTenant.add_photo_file`."""
        return self._portal.call(partial(self._tenant.add_photo_file, path))

    def photos(self, *, limit: int = 1000, after: PhotoId | None = None) -> Sequence[Photo]:
        """See `AsyncTenant.photos`."""
        return self._portal.call(partial(self._tenant.photos, limit=limit, after=after))

    def photo(self, id: PhotoId) -> Photo:
        """See `AsyncTenant.photo`."""
        return self._portal.call(partial(self._tenant.photo, id))

    def delete_photo(self, id: PhotoId, *, by: Actor = SYSTEM) -> None:
        """See `AsyncTenant.delete_photo`."""
        self._portal.call(partial(self._tenant.delete_photo, id, by=by))

    def integrations(
        self, *, limit: int = 1000, after: IntegrationId | None = None
    ) -> Sequence[Integration]:
        """See `AsyncTenant.integrations`."""
        return self._portal.call(partial(self._tenant.integrations, limit=limit, after=after))

    def connect(
        self, type: IntegrationType, credentials: Mapping[str, str], *, by: Actor = SYSTEM
    ) -> Integration:
        """See `AsyncTenant.connect`."""
        return self._portal.call(partial(self._tenant.connect, type, credentials, by=by))

    def connect_web(
        self, origins: Sequence[str], *, greeting: str | None = None, by: Actor = SYSTEM
    ) -> Integration:
        """See `AsyncTenant.connect_web`."""
        return self._portal.call(
            partial(self._tenant.connect_web, origins, greeting=greeting, by=by)
        )

    def disconnect(self, id: IntegrationId, *, by: Actor = SYSTEM) -> None:
        """See `AsyncTenant.disconnect`."""
        self._portal.call(partial(self._tenant.disconnect, id, by=by))

    def check_integration(self, id: IntegrationId) -> Checked:
        """See `AsyncTenant.check_integration`."""
        return self._portal.call(self._tenant.check_integration, id)

    def channel_events(self, *, limit: int = 50, before: EventId | None = None) -> Sequence[Event]:
        """See `AsyncTenant.channel_events`."""
        return self._portal.call(partial(self._tenant.channel_events, limit=limit, before=before))

    def replay(self, event: EventId) -> Replay:
        """See `AsyncTenant.replay`."""
        return self._portal.call(self._tenant.replay, event)

    def staff_code(self, id: IntegrationId, *, by: Actor = SYSTEM) -> StaffCode:
        """See `AsyncTenant.staff_code`."""
        return self._portal.call(partial(self._tenant.staff_code, id, by=by))

    def set_hand_over_words(
        self, id: IntegrationId, words: Sequence[str], *, by: Actor = SYSTEM
    ) -> Sequence[str]:
        """See `AsyncTenant.set_hand_over_words`."""
        return self._portal.call(partial(self._tenant.set_hand_over_words, id, words, by=by))

    def set_files_kept(self, id: IntegrationId, kept: bool, *, by: Actor = SYSTEM) -> None:
        """See `AsyncTenant.set_files_kept`."""
        self._portal.call(partial(self._tenant.set_files_kept, id, kept, by=by))

    def chats(
        self, *, state: ChatState | None = None, limit: int = 50, before: ChatId | None = None
    ) -> Sequence[DeskChat]:
        """See `AsyncTenant.chats`."""
        return self._portal.call(
            partial(self._tenant.chats, state=state, limit=limit, before=before)
        )

    def show_chat(self, id: ChatId, *, last: int = 100) -> DeskChat:
        """See `AsyncTenant.show_chat`."""
        return self._portal.call(partial(self._tenant.show_chat, id, last=last))

    def answer_chat(self, id: ChatId, text: str, *, by: Actor = SYSTEM) -> DeskChat:
        """See `AsyncTenant.answer_chat`."""
        return self._portal.call(partial(self._tenant.answer_chat, id, text, by=by))

    def take_chat(self, id: ChatId, *, by: Actor = SYSTEM) -> DeskChat:
        """See `AsyncTenant.take_chat`."""
        return self._portal.call(partial(self._tenant.take_chat, id, by=by))

    def give_back_chat(self, id: ChatId, *, by: Actor = SYSTEM) -> DeskChat:
        """See `AsyncTenant.give_back_chat`."""
        return self._portal.call(partial(self._tenant.give_back_chat, id, by=by))

    def chat_files(
        self, chat: ChatId | None = None, *, limit: int = 1000, after: ChatFileId | None = None
    ) -> Sequence[ChatFile]:
        """See `AsyncTenant.chat_files`."""
        return self._portal.call(partial(self._tenant.chat_files, chat, limit=limit, after=after))

    def chat_file(self, id: ChatFileId) -> ChatFile:
        """See `AsyncTenant.chat_file`."""
        return self._portal.call(partial(self._tenant.chat_file, id))

    def chat_file_content(self, id: ChatFileId) -> bytes:
        """See `AsyncTenant.chat_file_content`."""
        return self._portal.call(partial(self._tenant.chat_file_content, id))

    def delete_chat_file(self, id: ChatFileId, *, by: Actor = SYSTEM) -> None:
        """See `AsyncTenant.delete_chat_file`."""
        self._portal.call(partial(self._tenant.delete_chat_file, id, by=by))

    def profile(self) -> Profile:
        """See `AsyncTenant.profile`."""
        return self._portal.call(self._tenant.profile)

    def change_profile(
        self,
        *,
        business_name: str | None = None,
        business_type: str | None = None,
        timezone: str | None = None,
        notification_email: str | None = None,
        notify_by_telegram: bool | None = None,
        by: Actor = SYSTEM,
    ) -> Profile:
        """See `AsyncTenant.change_profile`."""
        return self._portal.call(
            partial(
                self._tenant.change_profile,
                business_name=business_name,
                business_type=business_type,
                timezone=timezone,
                notification_email=notification_email,
                notify_by_telegram=notify_by_telegram,
                by=by,
            )
        )

    def change_hours(
        self,
        *,
        office_hours: Mapping[str, Sequence[Sequence[str]]] | None = None,
        away_text: str | None = None,
        by: Actor = SYSTEM,
    ) -> Profile:
        """See `AsyncTenant.change_hours`."""
        return self._portal.call(
            partial(
                self._tenant.change_hours, office_hours=office_hours, away_text=away_text, by=by
            )
        )

    def usage(self) -> UsageReport:
        """See `AsyncTenant.usage`."""
        return self._portal.call(self._tenant.usage)

    def limit_notices(self, *, limit: int = 50) -> Sequence[Notice]:
        """See `AsyncTenant.limit_notices`."""
        return self._portal.call(partial(self._tenant.limit_notices, limit=limit))

    def prompt(self) -> Prompt:
        """See `AsyncTenant.prompt`."""
        return self._portal.call(self._tenant.prompt)

    def set_prompt(
        self,
        *,
        role: str | None = None,
        instructions: str | None = None,
        context: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        by: Actor = SYSTEM,
    ) -> Prompt:
        """See `AsyncTenant.set_prompt`."""
        return self._portal.call(
            partial(
                self._tenant.set_prompt,
                role=role,
                instructions=instructions,
                context=context,
                temperature=temperature,
                max_tokens=max_tokens,
                by=by,
            )
        )

    def prompt_history(self) -> Sequence[Prompt]:
        """See `AsyncTenant.prompt_history`."""
        return self._portal.call(self._tenant.prompt_history)

    def rollback_prompt(self, version: int, *, by: Actor = SYSTEM) -> Prompt:
        """See `AsyncTenant.rollback_prompt`."""
        return self._portal.call(partial(self._tenant.rollback_prompt, version, by=by))

    def conversations(
        self, *, limit: int = 50, before: ConversationId | None = None
    ) -> Sequence[Conversation]:
        """See `AsyncTenant.conversations`."""
        return self._portal.call(partial(self._tenant.conversations, limit=limit, before=before))

    def messages(self, conversation: ConversationId, *, last: int = 100) -> Sequence[Message]:
        """See `AsyncTenant.messages`."""
        return self._portal.call(partial(self._tenant.messages, conversation, last=last))

    def export_customer(self, customer: str, *, by: Actor = SYSTEM) -> CustomerRecord:
        """See `AsyncTenant.export_customer`."""
        return self._portal.call(partial(self._tenant.export_customer, customer, by=by))

    def delete_customer(self, customer: str, *, by: Actor = SYSTEM) -> Held:
        """See `AsyncTenant.delete_customer`."""
        return self._portal.call(partial(self._tenant.delete_customer, customer, by=by))


def _iterated(
    portal: BlockingPortal, make: Callable[[], AsyncIterator[Result]]
) -> Iterator[Result]:
    """Yield what an asynchronous iterator yields; leaving early cancels it.

    The iterator lives in one task of the loop from its first step to its last.
    """
    items: SimpleQueue[Result | _End] = SimpleQueue()

    async def pump() -> None:
        try:
            async for item in make():
                items.put(item)
        except BaseException as error:
            items.put(_End(error))
            raise
        items.put(_End(None))

    task = portal.start_task_soon(pump)
    try:
        while not isinstance(item := items.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        task.cancel()


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None
