"""`AsyncTenant`: one tenant's assistant, as an asynchronous program uses it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sloth_agent.agent.customers import CustomerRecord
from sloth_agent.agent.evaluation import Evaluation, KnownQuestion, Verdict
from sloth_agent.agent.models import (
    Answer,
    Conversation,
    ConversationSource,
    Customer,
    Message,
    Prompt,
)
from sloth_agent.agent.ports import Delta, Held, Trial
from sloth_agent.app.choices import advice
from sloth_agent.app.tenant_services import TenantServices
from sloth_agent.billing.allowance import UsageReport
from sloth_agent.billing.notices import Notice
from sloth_agent.channels.chat_files import ChatFile
from sloth_agent.channels.chats import ChatState, Event
from sloth_agent.channels.checking import Checked
from sloth_agent.channels.desk import DeskChat
from sloth_agent.channels.models import Integration, IntegrationType
from sloth_agent.channels.replaying import Replay
from sloth_agent.channels.staff_codes import StaffCode
from sloth_agent.channels.web_pages import WebPages
from sloth_agent.errors import EmbedderUnavailable
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
from sloth_agent.jobs.models import Job, JobKind
from sloth_agent.knowledge.intake import FileOutcome, IngestReport, OnProgress
from sloth_agent.knowledge.models import Document, Passage, Photo, VectorStore
from sloth_agent.knowledge.retrieval import Found
from sloth_agent.language import Language
from sloth_agent.tenants.audit import SYSTEM, Actor
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.profile import Profile


@dataclass(frozen=True, slots=True)
class AsyncTenant:
    """One tenant's assistant."""

    organization: Organization
    services: TenantServices

    async def ingest(
        self,
        *paths: str | Path,
        wait: bool = True,
        on_found: Callable[[int], None] = lambda _: None,
        on_progress: OnProgress = lambda _path, _progress: None,
        on_outcome: Callable[[FileOutcome], None] = lambda _: None,
    ) -> IngestReport:
        """Learn from files and folders; one bad file never stops the others.

        Without `wait` they are kept, and read by whoever does background jobs: see `job_id`.
        """
        return await self.services.intake.take_in(
            paths, wait=wait, on_found=on_found, on_progress=on_progress, on_outcome=on_outcome
        )

    async def ingest_content(self, name: str, content: bytes, *, wait: bool = True) -> FileOutcome:
        """Learn from bytes; uploading the same name again replaces what they taught."""
        return await self.services.intake.take_in_content(name, content, wait=wait)

    async def keep_document(self, name: str, content: bytes) -> Document:
        """Keep a file that whoever does background jobs is to read.

        Raises:
            UnreadableFile: its first bytes show that nobody can read it.
            FileTooLarge, DocumentLimitExceeded, StorageLimitExceeded, SubscriptionExpired: it does
                not fit, and nothing is kept.
        """
        return await self.services.intake.keep(name, content)

    async def reading_of(self, id: DocumentId) -> Job | None:
        """How far the reading of a document is, or why it failed; None: long done."""
        return await self.services.jobs.find(JobKind.INGEST, id)

    async def search(self, query: str, *, limit: int = 5, documents: Sequence[str] = ()) -> Found:
        """The best passages for a query, best first."""
        return await self.services.retrieval.search(query, limit=limit, documents=documents)

    async def chat(
        self,
        question: str,
        *,
        conversation: ConversationId | None = None,
        language: Language | None = None,
        source: ConversationSource = ConversationSource.API,
        external_id: str | None = None,
    ) -> Answer:
        """Answer a question, with sources; `grounded` is False where the documents are silent.

        `external_id` is whoever asks, as the source knows them: `export_customer` and
        `delete_customer` find by it what was said.
        """
        async for part in self.chat_stream(
            question,
            conversation=conversation,
            language=language,
            source=source,
            external_id=external_id,
        ):
            if isinstance(part, Answer):
                return part
        raise AssertionError("an answer ends with an Answer")

    def chat_stream(
        self,
        question: str,
        *,
        conversation: ConversationId | None = None,
        language: Language | None = None,
        source: ConversationSource = ConversationSource.API,
        external_id: str | None = None,
    ) -> AsyncIterator[Delta | Answer]:
        """Yield the text as it comes, then the whole `Answer`."""
        return self.services.answering.answer(
            question,
            conversation=conversation,
            language=language,
            source=source,
            external_id=external_id,
        )

    def try_stream(
        self,
        question: str,
        *,
        language: Language | None = None,
        prompt: Prompt | None = None,
    ) -> AsyncIterator[Delta | Trial]:
        """Like `chat_stream`, but nothing is stored or counted; `prompt` may be a draft."""
        return self.services.answering.reply(question, language=language, prompt=prompt)

    async def passages(self, ids: Sequence[ChunkId]) -> Sequence[Passage]:
        """What answers were given from, as far as it is still there."""
        return await self.services.retrieval.index.passages(ids)

    async def evaluate(
        self,
        questions: Sequence[KnownQuestion],
        *,
        k: int = 5,
        on_verdict: Callable[[Verdict], None] = lambda _: None,
    ) -> Evaluation:
        """Measure search and answers on questions whose answers are known; nothing is stored."""
        return await self.services.evaluating.evaluate(questions, k=k, on_verdict=on_verdict)

    async def advice(self) -> Sequence[str]:
        """What would make it better, one sentence each: such as vectors that are off."""
        embedder = self.services.backends.embedder
        try:
            if embedder is not None:
                await embedder.prepare()
        except EmbedderUnavailable as error:
            return [f"{error.message} Until it does, words alone decide."]
        return advice(embedder.space if embedder else None, await self.index())

    async def rebuild(
        self,
        *,
        chunk_size: int | None = None,
        chunk_overlap: int | None = None,
        on_progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> VectorStore:
        """Cut and embed all documents anew beside the old index, and swap."""
        return await self.services.rebuilding.rebuild(
            chunk_size=chunk_size, chunk_overlap=chunk_overlap, on_progress=on_progress
        )

    async def ask_for_rebuild(
        self, *, chunk_size: int | None = None, chunk_overlap: int | None = None
    ) -> JobId:
        """Like `rebuild`, left to whoever does background jobs."""
        return await self.services.rebuilding.ask(
            chunk_size=chunk_size, chunk_overlap=chunk_overlap
        )

    async def index(self) -> VectorStore:
        """How its documents are cut and embedded, and into how many pieces."""
        return await self.services.retrieval.index.active()

    async def documents(
        self, *, limit: int = 1000, after: DocumentId | None = None
    ) -> Sequence[Document]:
        """What it learned from, or failed to; oldest first."""
        return await self.services.documents.list(limit=limit, after=after)

    async def document(self, id: DocumentId) -> Document:
        """Raises:
        NotFound: no such document.
        """
        return await self.services.documents.show(id)

    async def delete_document(self, id: DocumentId, *, by: Actor = SYSTEM) -> None:
        """Forget a document, its pieces and its file; it is not cited from now on.

        Raises:
            NotFound: no such document.
        """
        # Cut short between the two, there is an event without a deletion, which is asked for
        # again; not a deletion that nobody knows of.
        await self.document(id)
        await self.services.log.write("document.deleted", by=by, subject=str(id))
        await self.services.documents.delete(id)

    async def add_photo(self, name: str, content: bytes) -> Photo:
        """Keep a JPEG, PNG, WebP or GIF; the same one twice is two photos.

        Raises:
            UnreadableFile: no such picture, damaged or too large; see its subclasses.
            PhotoLimitExceeded, StorageLimitExceeded, SubscriptionExpired: nothing is kept.
        """
        return await self.services.photos.add(name, content)

    async def add_photo_file(self, path: str | Path) -> Photo:
        """Like `add_photo`, from a file of this machine.

        Raises:
            NotFound: no such file.
            Forbidden: it belongs to the install, which keeps the files of all tenants.
        """
        return await self.services.photos.add_file(path)

    async def photos(self, *, limit: int = 1000, after: PhotoId | None = None) -> Sequence[Photo]:
        """What it was shown; oldest first."""
        return await self.services.photos.list(limit=limit, after=after)

    async def photo(self, id: PhotoId) -> Photo:
        """Raises:
        NotFound: no such photo.
        """
        return await self.services.photos.show(id)

    async def delete_photo(self, id: PhotoId, *, by: Actor = SYSTEM) -> None:
        """Forget a photo and its file; it stays counted among those of its month.

        Raises:
            NotFound: no such photo.
        """
        # In the order of `delete_document`, for the same reason.
        await self.photo(id)
        await self.services.log.write("photo.deleted", by=by, subject=str(id))
        await self.services.photos.delete(id)

    async def integrations(
        self, *, limit: int = 1000, after: IntegrationId | None = None
    ) -> Sequence[Integration]:
        """The messengers and calendars that are connected, without credentials; oldest first."""
        return await self.services.integrations.list(limit=limit, after=after)

    async def connect(
        self, type: IntegrationType, credentials: Mapping[str, str], *, by: Actor = SYSTEM
    ) -> Integration:
        """Connect an account at a messenger: `{"token": ...}` for Telegram, for WhatsApp
        `{"account_sid": ..., "auth_token": ..., "number": ...}`, and `"template"` if there is one.

        Raises:
            FeatureNotInPlan, SubscriptionExpired: the plan does not have it, or has ended.
            ChannelRefused: the vendor does not take the credentials.
            Conflict: another assistant of this install has the account.
            BackendUnavailable: the vendor does not answer.
        """
        return await self.services.connecting.connect(type, credentials, by=by)

    async def connect_web(
        self, origins: Sequence[str], *, greeting: str | None = None, by: Actor = SYSTEM
    ) -> Integration:
        """Show the chat on pages of these origins, such as `https://salon.example`.

        Its id is the `data-key` of the script tag.

        Raises:
            InvalidInput: what is no origin, or a greeting that is too long.
            SubscriptionExpired: nothing new is connected.
        """
        pages = WebPages.given(origins, greeting)
        return await self.services.connecting.connect_web(pages, by=by)

    async def disconnect(self, id: IntegrationId, *, by: Actor = SYSTEM) -> None:
        """Forget an integration and its credentials; what was said there stays.

        The vendor is told to tell us nothing more, if it can be reached.

        Raises:
            NotFound: no such integration.
        """
        await self.services.connecting.disconnect(id, by=by)

    async def check_integration(self, id: IntegrationId) -> Checked:
        """Look at what is connected: what works, what does not, and what to do.

        Raises:
            NotFound: no such integration.
        """
        return await self.services.checking.check(id)

    async def channel_events(
        self, *, limit: int = 50, before: EventId | None = None
    ) -> Sequence[Event]:
        """What messengers told, newest first."""
        return await self.services.inbox_store.events(limit=limit, before=before)

    async def replay(self, event: EventId) -> Replay:
        """What would be answered to an event now; nothing is sent or stored.

        Raises:
            NotFound: no such event, or it was forgotten.
        """
        return await self.services.replaying.replay(event)

    async def staff_code(self, id: IntegrationId, *, by: Actor = SYSTEM) -> StaffCode:
        """A code for 15 minutes: whoever sends `/staff CODE` to this integration, alone or in a
        group, makes that chat the one in which the firm's people answer.

        Raises:
            NotFound: no such integration.
            Conflict: staff have no chat there.
        """
        return await self.services.staff_codes.make(id, by=by)

    async def set_hand_over_words(
        self, id: IntegrationId, words: Sequence[str], *, by: Actor = SYSTEM
    ) -> Sequence[str]:
        """Name the words after which a person is to answer, in the place of earlier ones.

        Raises:
            NotFound: no such integration.
            InvalidInput: too many, or what is no word.
        """
        return await self.services.integrations.set_hand_over_words(id, words, by=by)

    async def set_files_kept(self, id: IntegrationId, kept: bool, *, by: Actor = SYSTEM) -> None:
        """Say whether documents that customers send are kept for the people of the firm.

        The assistant never reads them. Else they are declined.

        Raises:
            NotFound: no such integration.
            Conflict: nobody sends files there.
        """
        await self.services.integrations.set_files_kept(id, kept, by=by)

    async def chats(
        self, *, state: ChatState | None = None, limit: int = 50, before: ChatId | None = None
    ) -> Sequence[DeskChat]:
        """Chats with customers in messengers; those that were heard of last come first.

        Raises:
            InvalidInput: a limit out of range.
        """
        return await self.services.desk.list(state=state, limit=limit, before=before)

    async def show_chat(self, id: ChatId, *, last: int = 100) -> DeskChat:
        """A chat and what was said in it, the newest messages.

        Raises:
            NotFound: no such chat.
        """
        return await self.services.desk.show(id, last=last)

    async def answer_chat(self, id: ChatId, text: str, *, by: Actor = SYSTEM) -> DeskChat:
        """Say something to the customer; from now on the assistant is silent in the chat.

        Raises:
            NotFound: no such chat.
            InvalidInput: nothing is said, or too much.
            RecipientGone: the person takes no messages.
            WindowClosed: the channel takes nothing any more before the person writes again.
            Conflict: the channel is not connected.
        """
        return await self.services.desk.answer(id, text, by=by)

    async def take_chat(self, id: ChatId, *, by: Actor = SYSTEM) -> DeskChat:
        """Have the assistant be silent in a chat; again, nothing happens.

        Raises:
            NotFound: no such chat.
        """
        return await self.services.desk.take(id, by=by)

    async def give_back_chat(self, id: ChatId, *, by: Actor = SYSTEM) -> DeskChat:
        """Have the assistant answer again; the customer is told. Again, nothing happens.

        Raises:
            NotFound: no such chat.
        """
        return await self.services.desk.give_back(id, by=by)

    async def chat_files(
        self, chat: ChatId | None = None, *, limit: int = 1000, after: ChatFileId | None = None
    ) -> Sequence[ChatFile]:
        """Documents that were sent in a chat; oldest first.

        Of no chat in particular: those of all, and of integrations that were disconnected.

        Raises:
            NotFound: no such chat.
        """
        if chat is not None:
            await self.show_chat(chat, last=1)
        return await self.services.chat_files.list(chat=chat, limit=limit, after=after)

    async def chat_file(self, id: ChatFileId) -> ChatFile:
        """What is known of a document that a customer sent.

        Raises:
            NotFound: no such file.
        """
        return await self.services.chat_files.show(id)

    async def chat_file_content(self, id: ChatFileId) -> bytes:
        """As it was sent. It comes from a stranger, and nobody has looked into it.

        Raises:
            NotFound: no such file.
        """
        return await self.services.chat_files.content(id)

    async def delete_chat_file(self, id: ChatFileId, *, by: Actor = SYSTEM) -> None:
        """Forget a document that a customer sent.

        Raises:
            NotFound: no such file.
        """
        await self.services.chat_files.delete(id, by=by)

    async def profile(self) -> Profile:
        """What the firm says of itself."""
        return await self.services.profiles.show()

    async def change_profile(
        self,
        *,
        business_name: str | None = None,
        business_type: str | None = None,
        timezone: str | None = None,
        notification_email: str | None = None,
        notify_by_telegram: bool | None = None,
        by: Actor = SYSTEM,
    ) -> Profile:
        """What is not given stays as it is; an empty e-mail address means the owner's again.

        Raises:
            InvalidInput: no time zone, no address, a name too long.
        """
        return await self.services.profiles.change(
            business_name=business_name,
            business_type=business_type,
            timezone=timezone,
            notification_email=notification_email,
            notify_by_telegram=notify_by_telegram,
            by=by,
        )

    async def change_hours(
        self,
        *,
        office_hours: Mapping[str, Sequence[Sequence[str]]] | None = None,
        away_text: str | None = None,
        by: Actor = SYSTEM,
    ) -> Profile:
        """When people of the firm are there, as `{"mon": [["09:00", "18:00"]]}` in its time zone,
        and what customers hear while nobody is. What is not given stays as it is.

        Raises:
            InvalidInput: no hours, or a text that is too long.
        """
        return await self.services.profiles.change_hours(
            office_hours=office_hours, away_text=away_text, by=by
        )

    async def usage(self) -> UsageReport:
        """What it uses of what its plan allows; without a subscription there are no limits."""
        return await self.services.metering.report()

    async def limit_notices(self, *, limit: int = 50) -> Sequence[Notice]:
        """What was told about limits that are near or reached, newest first."""
        return await self.services.notices.list(limit=limit)

    async def prompt(self) -> Prompt:
        """How it speaks now; version 0 is what every tenant starts with."""
        return await self.services.prompts.show()

    async def set_prompt(
        self,
        *,
        role: str | None = None,
        instructions: str | None = None,
        context: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        by: Actor = SYSTEM,
    ) -> Prompt:
        """Make a new version of the prompt; what is not given stays as it is.

        Raises:
            InvalidInput: a text too long, or a number out of range.
        """
        prompt = await self.services.prompts.set(
            role=role,
            instructions=instructions,
            context=context,
            temperature=temperature,
            max_tokens=max_tokens,
        )
        await self.services.log.write("prompt.changed", by=by, subject=str(prompt.version))
        return prompt

    async def prompt_history(self) -> Sequence[Prompt]:
        """All versions of the prompt, newest first."""
        return await self.services.prompts.history()

    async def rollback_prompt(self, version: int, *, by: Actor = SYSTEM) -> Prompt:
        """Make an earlier version of the prompt the newest again.

        Raises:
            NotFound: no such version.
        """
        prompt = await self.services.prompts.rollback(version)
        await self.services.log.write(
            "prompt.rolled_back", by=by, subject=str(prompt.version), to=version
        )
        return prompt

    async def conversations(
        self, *, limit: int = 50, before: ConversationId | None = None
    ) -> Sequence[Conversation]:
        """Newest first."""
        return await self.services.conversations.list(limit=limit, before=before)

    async def messages(self, conversation: ConversationId, *, last: int = 100) -> Sequence[Message]:
        """The newest messages of a conversation, oldest first.

        Raises:
            NotFound: no such conversation.
        """
        return await self.services.conversations.messages(conversation, last=last)

    async def export_customer(self, customer: str, *, by: Actor = SYSTEM) -> CustomerRecord:
        """All that is held about one person who asked, such as `telegram:123456789`.

        Raises:
            InvalidInput: not the name of a customer.
            NotFound: nothing is held.
        """
        return await self.services.customers.export(Customer.named(customer), by=by)

    async def delete_customer(self, customer: str, *, by: Actor = SYSTEM) -> Held:
        """Erase all that is held about one person who asked; returns how much it was.

        Raises:
            InvalidInput, NotFound: as `export_customer`.
        """
        return await self.services.customers.erase(Customer.named(customer), by=by)
