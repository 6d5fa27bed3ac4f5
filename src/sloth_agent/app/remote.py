"""One tenant's assistant on a server: `AsyncTenant` over HTTP."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from sloth_agent.agent.models import Answer, Conversation, ConversationSource, Message, Prompt
from sloth_agent.agent.ports import Delta, Trial
from sloth_agent.app.tenant import AsyncTenant
from sloth_agent.app.tenant_services import TenantServices
from sloth_agent.billing.allowance import UsageReport
from sloth_agent.channels.chat_files import ChatFile
from sloth_agent.channels.chats import ChatState
from sloth_agent.channels.desk import DeskChat
from sloth_agent.channels.models import Integration, IntegrationType
from sloth_agent.channels.staff_codes import StaffCode
from sloth_agent.client import reading
from sloth_agent.client.address import not_offered
from sloth_agent.client.problems import error_of
from sloth_agent.client.server import Body, Server, connected
from sloth_agent.client.uploading import Uploading
from sloth_agent.errors import BackendUnavailable, Forbidden, NotOffered
from sloth_agent.ids import ChatFileId, ChatId, ConversationId, DocumentId, IntegrationId
from sloth_agent.knowledge.intake import FileOutcome, IngestReport, OnProgress
from sloth_agent.knowledge.models import Document
from sloth_agent.knowledge.retrieval import Found
from sloth_agent.language import Language
from sloth_agent.tenants.audit import SYSTEM, Actor

__all__ = ["RemoteInstall", "RemoteTenant", "connected"]

Item = TypeVar("Item")

MOST_AT_ONCE = 100
"""How many items a page of a list holds at most."""


@dataclass(frozen=True, slots=True)
class RemoteInstall:
    """A server, as one tenant's API key opens it."""

    server: Server

    async def tenant(self, slug: str | None = None) -> "RemoteTenant":
        """The tenant of the API key.

        Raises:
            Forbidden: another one was asked for.
            TokenInvalid, FeatureNotInPlan, SubscriptionExpired: the key opens nothing.
        """
        key = await self.server.get("/api/auth/key/")
        organization = reading.organization(key["organization"])
        if slug not in (None, organization.slug):
            raise Forbidden(
                f"The API key is of {organization.slug}, and opens no other tenant.",
                hint=f"Make a key of {slug}.",
            )
        uploading = Uploading(self.server, key["max_upload_bytes"])
        services = cast("TenantServices", _NotHere())
        return RemoteTenant(organization, services, self.server, uploading)


@dataclass(frozen=True, slots=True)
class RemoteTenant(AsyncTenant):
    """One tenant's assistant, on a server.

    Raises:
        NotOffered: by methods of `AsyncTenant` that the API has no counterpart of.
        BackendUnavailable: by all others, where the server does not answer. Safe to retry.
    """

    server: Server
    uploading: Uploading

    async def ingest(
        self,
        *paths: str | Path,
        wait: bool = True,
        on_found: Callable[[int], None] = lambda _: None,
        on_progress: OnProgress = lambda _path, _progress: None,
        on_outcome: Callable[[FileOutcome], None] = lambda _: None,
    ) -> IngestReport:
        return await self.uploading.take_in(
            paths, wait=wait, on_found=on_found, on_progress=on_progress, on_outcome=on_outcome
        )

    async def ingest_content(self, name: str, content: bytes, *, wait: bool = True) -> FileOutcome:
        return await self.uploading.take_in_content(name, content, wait=wait)

    async def keep_document(self, name: str, content: bytes) -> Document:
        return await self.uploading.keep(name, content)

    async def search(self, query: str, *, limit: int = 5, documents: Sequence[str] = ()) -> Found:
        asked = {"query": query, "limit": limit, "documents": list(documents)}
        return reading.found(await self.server.ask("/api/agent/search/", asked))

    async def chat(
        self,
        question: str,
        *,
        conversation: ConversationId | None = None,
        language: Language | None = None,
        source: ConversationSource = ConversationSource.API,
        external_id: str | None = None,
    ) -> Answer:
        asked = _question(question, conversation, language, source, external_id)
        return reading.answer(await self.server.post("/api/agent/chat/", asked))

    async def chat_stream(
        self,
        question: str,
        *,
        conversation: ConversationId | None = None,
        language: Language | None = None,
        source: ConversationSource = ConversationSource.API,
        external_id: str | None = None,
    ) -> AsyncIterator[Delta | Answer]:
        asked = _question(question, conversation, language, source, external_id)
        async with aclosing(self.server.stream("/api/agent/chat/", asked)) as events:
            async for event in events:
                if event.name == "token":
                    yield Delta(text=event.data["text"])
                elif event.name == "error":
                    raise error_of(event.data)
                elif event.name == "done":
                    yield reading.answer(event.data)
                    return
        raise BackendUnavailable(
            "The server broke off its answer.", hint="Ask again.", backend="server"
        )

    async def try_stream(
        self,
        question: str,
        *,
        language: Language | None = None,
        prompt: Prompt | None = None,
    ) -> AsyncIterator[Delta | Trial]:
        """See `AsyncTenant.try_stream`; the text comes in one piece."""
        asked = {"message": question, "language": language, "prompt": prompt and _draft(prompt)}
        trial = reading.trial(await self.server.ask("/api/agent/test/", asked), question=question)
        yield Delta(text=trial.reply.text)
        yield trial

    async def documents(
        self, *, limit: int = 1000, after: DocumentId | None = None
    ) -> Sequence[Document]:
        return await self._listed("/api/documents/", reading.document, limit, after)

    async def document(self, id: DocumentId) -> Document:
        document, _ = await self.uploading.status(id)
        return document

    async def delete_document(self, id: DocumentId, *, by: Actor = SYSTEM) -> None:
        _check_actor(by)
        await self.server.delete(f"/api/documents/{id}/")

    async def integrations(
        self, *, limit: int = 1000, after: IntegrationId | None = None
    ) -> Sequence[Integration]:
        return await self._listed("/api/integrations/", reading.integration, limit, after)

    async def connect(
        self, type: IntegrationType, credentials: Mapping[str, str], *, by: Actor = SYSTEM
    ) -> Integration:
        _check_actor(by)
        return await self._connected(type, dict(credentials))

    async def connect_web(
        self, origins: Sequence[str], *, greeting: str | None = None, by: Actor = SYSTEM
    ) -> Integration:
        _check_actor(by)
        asked = {"origins": list(origins), "greeting": greeting}
        return await self._connected(IntegrationType.WEB, asked)

    async def disconnect(self, id: IntegrationId, *, by: Actor = SYSTEM) -> None:
        _check_actor(by)
        await self.server.delete(f"/api/integrations/{id}/")

    async def staff_code(self, id: IntegrationId, *, by: Actor = SYSTEM) -> StaffCode:
        _check_actor(by)
        return reading.staff_code(await self.server.post(f"/api/integrations/{id}/staff/", {}))

    async def set_hand_over_words(
        self, id: IntegrationId, words: Sequence[str], *, by: Actor = SYSTEM
    ) -> Sequence[str]:
        _check_actor(by)
        asked = {"words": list(words)}
        kept = await self.server.put(f"/api/integrations/{id}/hand-over-words/", asked)
        return list(kept["words"])

    async def set_files_kept(self, id: IntegrationId, kept: bool, *, by: Actor = SYSTEM) -> None:
        _check_actor(by)
        await self.server.put(f"/api/integrations/{id}/files-kept/", {"files_kept": kept})

    async def chats(
        self, *, state: ChatState | None = None, limit: int = 50, before: ChatId | None = None
    ) -> Sequence[DeskChat]:
        return await self._listed(
            "/api/inbox/chats/", reading.desk_chat, limit, before, state=state
        )

    async def show_chat(self, id: ChatId, *, last: int = 100) -> DeskChat:
        """See `AsyncTenant.show_chat`; at most 200."""
        return reading.desk_chat(await self.server.get(f"/api/inbox/chats/{id}/", limit=last))

    async def answer_chat(self, id: ChatId, text: str, *, by: Actor = SYSTEM) -> DeskChat:
        _check_actor(by)
        asked = {"text": text}
        return reading.desk_chat(await self.server.post(f"/api/inbox/chats/{id}/answer/", asked))

    async def take_chat(self, id: ChatId, *, by: Actor = SYSTEM) -> DeskChat:
        _check_actor(by)
        return reading.desk_chat(await self.server.post(f"/api/inbox/chats/{id}/take/", {}))

    async def give_back_chat(self, id: ChatId, *, by: Actor = SYSTEM) -> DeskChat:
        _check_actor(by)
        return reading.desk_chat(await self.server.post(f"/api/inbox/chats/{id}/give-back/", {}))

    async def chat_files(
        self, chat: ChatId | None = None, *, limit: int = 1000, after: ChatFileId | None = None
    ) -> Sequence[ChatFile]:
        """See `AsyncTenant.chat_files`; of one chat alone."""
        if chat is None:
            raise not_offered()
        return await self._listed(
            f"/api/inbox/chats/{chat}/files/", reading.chat_file, limit, after
        )

    async def usage(self) -> UsageReport:
        return reading.usage_report(await self.server.get("/api/subscriptions/usage/"))

    async def prompt(self) -> Prompt:
        return reading.prompt(await self.server.get("/api/agent/prompt/"))

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
        _check_actor(by)
        changes = {
            "role": role,
            "instructions": instructions,
            "context": context,
            "temperature": temperature,
            "max_tokens": max_tokens,
        }
        return reading.prompt(await self.server.put("/api/agent/prompt/", changes))

    async def prompt_history(self) -> Sequence[Prompt]:
        body = await self.server.get("/api/agent/prompt/history/")
        return [reading.prompt(version) for version in body["items"]]

    async def rollback_prompt(self, version: int, *, by: Actor = SYSTEM) -> Prompt:
        _check_actor(by)
        asked = {"version": version}
        return reading.prompt(await self.server.post("/api/agent/prompt/rollback/", asked))

    async def conversations(
        self, *, limit: int = 50, before: ConversationId | None = None
    ) -> Sequence[Conversation]:
        return await self._listed("/api/agent/history/", reading.conversation, limit, before)

    async def messages(self, conversation: ConversationId, *, last: int = 100) -> Sequence[Message]:
        """See `AsyncTenant.messages`; at most 200."""
        body = await self.server.get(f"/api/agent/history/{conversation}/", limit=last)
        return [reading.message(item) for item in body["items"]]

    async def _connected(self, type: IntegrationType, asked: Body) -> Integration:
        made = await self.server.post(f"/api/integrations/{type}/connect/", asked)
        listed = await self._listed("/api/integrations/", reading.integration, 1000, None)
        return next(each for each in listed if str(each.id) == made["id"])

    async def _listed(
        self,
        path: str,
        read: Callable[[Body], Item],
        limit: int,
        cursor: object,
        **query: object,
    ) -> Sequence[Item]:
        """As many items of a list as are asked for, page by page."""
        items: list[Item] = []
        while len(items) < limit:
            most = min(limit - len(items), MOST_AT_ONCE)
            page = await self.server.get(path, limit=most, cursor=cursor, **query)
            items += [read(item) for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        return items


class _NotHere:
    """Stands where a tenant has its services: whatever goes through them is not offered."""

    def __getattr__(self, name: str) -> object:
        raise not_offered()


def _question(
    question: str,
    conversation: ConversationId | None,
    language: Language | None,
    source: ConversationSource,
    external_id: str | None,
) -> Body:
    if source is not ConversationSource.API or external_id is not None:
        raise NotOffered(
            "Over HTTP a question comes from the API, and for nobody in particular.",
            hint="Leave out `source` and `external_id`.",
        )
    return {
        "message": question,
        "conversation_id": None if conversation is None else str(conversation),
        "language": language,
    }


def _draft(prompt: Prompt) -> Body:
    return {
        "role": prompt.role,
        "instructions": prompt.instructions,
        "context": prompt.context,
        "temperature": prompt.temperature,
        "max_tokens": prompt.max_tokens,
    }


def _check_actor(by: Actor) -> None:
    if by is not SYSTEM:
        raise NotOffered(
            "Over HTTP the server writes down the API key as the one who did it.",
            hint="Leave out `by`.",
        )
