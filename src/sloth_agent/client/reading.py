"""What the server sends, as the objects that the library returns.

What the API does not tell is left out: chunks that were read but are not shown, how rare words are.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sloth_agent.agent.models import (
    Answer,
    Citation,
    Conversation,
    ConversationSource,
    Customer,
    Message,
    Prompt,
    Reply,
    Speaker,
    Usage,
)
from sloth_agent.agent.ports import ChatRequest, Trial
from sloth_agent.billing.allowance import EVER, Meter, Resource, Room, UsageReport
from sloth_agent.billing.periods import Period
from sloth_agent.channels.chat_files import ChatFile
from sloth_agent.channels.chats import Chat, ChatState
from sloth_agent.channels.desk import DeskChat
from sloth_agent.channels.models import Integration, IntegrationStatus, IntegrationType
from sloth_agent.channels.staff_codes import StaffCode
from sloth_agent.errors import Problem
from sloth_agent.ids import (
    ChatFileId,
    ChatId,
    ChunkId,
    ConversationId,
    DocumentId,
    IntegrationId,
    MessageId,
    TenantId,
)
from sloth_agent.jobs.models import Progress
from sloth_agent.knowledge.models import Document, DocumentStatus, Passage, Place, Unread
from sloth_agent.knowledge.retrieval import Found
from sloth_agent.language import Language
from sloth_agent.tenants.models import Organization, schema_name

Body = dict[str, Any]


def organization(body: Body) -> Organization:
    id = TenantId(UUID(body["id"]))
    return Organization(
        id=id,
        slug=body["slug"],
        name=body["name"],
        schema_name=schema_name(id),
        created_at=_moment(body["created_at"]),
        domain=body["domain"],
        is_active=body["is_active"],
    )


def document(body: Body) -> Document:
    error = body["error"]
    return Document(
        id=DocumentId(UUID(body["id"])),
        title=body["title"],
        source=body["source"],
        digest=body["digest"],
        size_bytes=body["size"],
        created_at=_moment(body["created_at"]),
        status=DocumentStatus(body["status"]),
        media_type=body["type"],
        problem=_problem(error),
        pages=body["pages"],
        chunks=body["chunks"],
        unread=tuple(
            Unread(part=part["part"], code=part["code"], message=part["message"])
            for part in body["unread"]
        ),
        processed_at=_moment(body["processed_at"]) if body["processed_at"] else None,
    )


def progress(body: Body) -> Progress | None:
    """How far the reading of a document is; None: not begun, or over."""
    if body["stage"] is None:
        return None
    percent = body["percent"]
    return Progress(stage=body["stage"], done=percent, total=None if percent is None else 100)


def answer(body: Body) -> Answer:
    return Answer(
        **_said(body),
        conversation_id=ConversationId(UUID(body["conversation_id"])),
        message_id=MessageId(UUID(body["message_id"])),
    )


def trial(body: Body, *, question: str) -> Trial:
    passages = [passage(each) for each in body["passages"]]
    said = {**_said(body), "chunks_used": tuple(each.chunk_id for each in passages)}
    return Trial(
        reply=Reply(**said),
        request=ChatRequest(
            question=question,
            language=Language(body["language"]),
            passages=passages,
            instructions=body["instructions"],
            temperature=body["temperature"],
            max_tokens=body["max_tokens"],
        ),
    )


def found(body: Body) -> Found:
    return Found(
        passages=tuple(passage(each) for each in body["results"]),
        term_weights={},
        by_vectors=body["by_vectors"],
        not_read=tuple(body["not_read"]),
        timings_ms=body["timings_ms"],
    )


def passage(body: Body) -> Passage:
    """Its document, place and text read as those in the library do."""
    return Passage(
        chunk_id=ChunkId(UUID(body["chunk_id"])),
        document_id=DocumentId(UUID(body["document_id"])),
        document=body["document"],
        text=body["text"],
        score=body["score"],
        place=Place(
            page=body["page"],
            sheet=body["sheet"],
            row=body["row"],
            headings=_headings(body["section"], body["sheet"]),
        ),
    )


def conversation(body: Body) -> Conversation:
    return Conversation(
        id=ConversationId(UUID(body["id"])),
        source=ConversationSource(body["source"]),
        created_at=_moment(body["created_at"]),
        external_id=body["external_id"],
        messages=body["messages"],
        title=body["title"],
        last_message_at=_moment(body["last_message_at"]) if body["last_message_at"] else None,
    )


def message(body: Body) -> Message:
    return Message(
        id=MessageId(UUID(body["id"])),
        speaker=Speaker(body["role"]),
        text=body["content"],
        created_at=_moment(body["created_at"]),
        citations=tuple(_citation(each) for each in body["citations"]),
        chunks_used=tuple(ChunkId(UUID(each["chunk_id"])) for each in body["passages"]),
        usage=_usage(body["usage"]),
        processing_ms=body["processing_ms"],
    )


def integration(body: Body) -> Integration:
    return Integration(
        id=IntegrationId(UUID(body["id"])),
        type=IntegrationType(body["type"]),
        status=IntegrationStatus(body["status"]),
        settings=body["settings"],
        messages_in=body["messages_in"],
        messages_out=body["messages_out"],
        last_activity_at=_moment(body["last_activity_at"]) if body["last_activity_at"] else None,
        problem=_problem(body["error"]),
        created_at=_moment(body["created_at"]),
    )


def desk_chat(body: Body) -> DeskChat:
    """What was said is told of one chat, and not in lists."""
    conversation, language = body["conversation_id"], body["language"]
    return DeskChat(
        chat=Chat(
            id=ChatId(UUID(body["id"])),
            integration=IntegrationId(UUID(body["integration_id"])),
            external_id=body["external_id"],
            customer=body["customer"].partition(":")[2],
            name=body["name"],
            conversation=ConversationId(UUID(conversation)) if conversation else None,
            language=Language(language) if language else None,
            state=ChatState(body["state"]),
            is_gone=body["is_gone"],
            last_heard_at=_moment(body["last_heard_at"]),
            created_at=_moment(body["created_at"]),
        ),
        channel=IntegrationType(body["channel"]),
        messages=tuple(message({**each, "passages": ()}) for each in body.get("messages", ())),
    )


def chat_file(body: Body) -> ChatFile:
    return ChatFile(
        id=ChatFileId(UUID(body["id"])),
        chat=ChatId(UUID(body["chat_id"])) if body["chat_id"] else None,
        customer=Customer.named(body["customer"]),
        name=body["name"],
        media_type=body["type"],
        size_bytes=body["size"],
        created_at=_moment(body["created_at"]),
    )


def staff_code(body: Body) -> StaffCode:
    return StaffCode(
        code=body["code"],
        integration=IntegrationId(UUID(body["integration_id"])),
        expires_at=_moment(body["expires_at"]),
    )


def prompt(body: Body) -> Prompt:
    return Prompt(**{**body, "created_at": _moment(body["created_at"])})


def usage_report(body: Body) -> UsageReport:
    month = Period(_moment(body["period_start"]), _moment(body["period_end"]))
    return UsageReport(
        month=month,
        meters=tuple(_meter(resource, body[resource.value], month) for resource in Resource),
    )


def _said(body: Body) -> dict[str, Any]:
    """The fields of a `Reply`."""
    citations = tuple(_citation(each) for each in body["citations"])
    return {
        "text": body["answer"],
        "grounded": body["grounded"],
        "citations": citations,
        "model": body["model"],
        "usage": _usage(body["usage"]),
        "chunks_used": tuple(dict.fromkeys(citation.chunk_id for citation in citations)),
        "timings_ms": body["timings_ms"],
        "not_read": tuple(body["not_read"]),
    }


def _citation(body: Body) -> Citation:
    return Citation(**{**body, "chunk_id": ChunkId(UUID(body["chunk_id"]))})


def _usage(body: Body) -> Usage:
    return Usage(input_tokens=body["input_tokens"], output_tokens=body["output_tokens"])


def _meter(resource: Resource, body: Body, month: Period) -> Meter:
    resets_at = body["resets_at"]
    return Meter(
        room=Room(
            resource=resource,
            limit=body["limit"],
            since=month.start if resource.is_monthly else EVER,
            resets_at=_moment(resets_at) if resets_at else None,
        ),
        used=body["used"],
        reserved=body["reserved"],
    )


def _problem(body: Body | None) -> Problem | None:
    return Problem(code=body["code"], message=body["message"]) if body else None


def _headings(section: str | None, sheet: str | None) -> tuple[str, ...]:
    """A section in words, taken apart: `Place.section` says it again."""
    parts = section.split(" > ") if section else []
    return tuple(parts[1:] if sheet and parts[:1] == [sheet] else parts)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
