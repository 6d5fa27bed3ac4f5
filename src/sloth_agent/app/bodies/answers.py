"""What was asked, found and answered."""

from collections.abc import Mapping

from sloth_agent.agent.customers import CustomerRecord
from sloth_agent.agent.models import Answer, Citation, Conversation, Message, Prompt
from sloth_agent.agent.ports import ChatTrace, Held, SentFile, Transcript, Trial
from sloth_agent.agent.prompting import script
from sloth_agent.app.bodies.values import Body, milliseconds, moment_of, rounded, tokens
from sloth_agent.ids import ChunkId
from sloth_agent.knowledge.models import Passage
from sloth_agent.knowledge.retrieval import Found


def answer_body(answer: Answer) -> Body:
    return {
        "answer": answer.text,
        "grounded": answer.grounded,
        "citations": [citation_body(citation) for citation in answer.citations],
        "conversation_id": str(answer.conversation_id),
        "message_id": str(answer.message_id),
        "model": answer.model,
        "usage": tokens(answer.usage),
        "timings_ms": rounded(answer.timings_ms),
        "not_read": list(answer.not_read),
    }


def citation_body(citation: Citation) -> Body:
    return {
        "document": citation.document,
        "page": citation.page,
        "section": citation.section,
        "sheet": citation.sheet,
        "row": citation.row,
        "snippet": citation.snippet,
        "chunk_id": str(citation.chunk_id),
        "score": round(citation.score, 4),
    }


def customer_body(record: CustomerRecord) -> Body:
    return {
        "customer": str(record.customer),
        "exported_at": record.exported_at.isoformat(),
        "conversations": [transcript_body(transcript) for transcript in record.transcripts],
        "chats": [_trace_body(chat) for chat in record.chats],
        "photos": [_sent_body(photo) for photo in record.files.photos],
        "documents": [_sent_body(document) for document in record.files.documents],
    }


def erased_customer_body(customer: str, held: Held) -> Body:
    return {
        "customer": customer,
        "deleted": True,
        "conversations": held.conversations,
        "messages": held.messages,
        "chats": held.chats,
        "photos": held.photos,
        "documents": held.documents,
    }


def _trace_body(chat: ChatTrace) -> Body:
    return {
        "id": str(chat.id),
        "name": chat.name,
        "state": chat.state,
        "language": chat.language,
        "first_heard_at": chat.first_heard_at.isoformat(),
        "last_heard_at": chat.last_heard_at.isoformat(),
        "told": [
            {"received_at": each.received_at.isoformat(), "payload": dict(each.payload)}
            for each in chat.told
        ],
        "sent": [
            {
                "queued_at": each.queued_at.isoformat(),
                "ended_at": moment_of(each.ended_at),
                "text": each.text,
            }
            for each in chat.sent
        ],
    }


def _sent_body(file: SentFile) -> Body:
    return {
        "id": str(file.id),
        "name": file.name,
        "type": file.media_type,
        "size": file.size_bytes,
        "created_at": file.created_at.isoformat(),
    }


def transcript_body(transcript: Transcript) -> Body:
    conversation = transcript.conversation
    return {
        "id": str(conversation.id),
        "source": conversation.source.value,
        "external_id": conversation.external_id,
        "created_at": conversation.created_at.isoformat(),
        "messages": [message_body(message) for message in transcript.messages],
    }


def conversation_body(conversation: Conversation) -> Body:
    return {
        "id": str(conversation.id),
        "source": conversation.source.value,
        "external_id": conversation.external_id,
        "title": conversation.title,
        "messages": conversation.messages,
        "created_at": conversation.created_at.isoformat(),
        "last_message_at": moment_of(conversation.last_message_at),
    }


def told_message_body(message: Message, passages: Mapping[ChunkId, Passage]) -> Body:
    """With the passages that the assistant read for it, as far as they are still there."""
    read = [passages[chunk] for chunk in message.chunks_used if chunk in passages]
    return {**message_body(message), "passages": [passage_body(passage) for passage in read]}


def trial_body(trial: Trial, *, budget_tokens: int) -> Body:
    reply, request = trial.reply, trial.request
    sent = script(request, budget_tokens=budget_tokens)
    return {
        "answer": reply.text,
        "grounded": reply.grounded,
        "citations": [citation_body(citation) for citation in reply.citations],
        "model": reply.model,
        "usage": tokens(reply.usage),
        "timings_ms": rounded(reply.timings_ms),
        "not_read": list(reply.not_read),
        "language": request.language.value,
        "instructions": request.instructions,
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "passages": [passage_body(passage) for passage in request.passages],
        "prompt": [{"role": part.role.value, "text": part.text} for part in sent.messages],
    }


def message_body(message: Message) -> Body:
    return {
        "id": str(message.id),
        "role": message.speaker.value,
        "content": message.text,
        "created_at": message.created_at.isoformat(),
        "citations": [citation_body(citation) for citation in message.citations],
        "usage": tokens(message.usage),
        "processing_ms": milliseconds(message.processing_ms),
    }


def search_body(found: Found) -> Body:
    return {
        "results": [passage_body(passage) for passage in found.passages],
        "timings_ms": rounded(found.timings_ms),
        "not_read": list(found.not_read),
        "by_vectors": found.by_vectors,
    }


def passage_body(passage: Passage) -> Body:
    place = passage.place
    return {
        "document": passage.cited_document,
        "page": place.page,
        "section": place.section,
        "sheet": place.sheet,
        "row": place.row,
        "text": passage.readable_text,
        "document_id": str(passage.document_id),
        "chunk_id": str(passage.chunk_id),
        "score": round(passage.score, 4),
    }


def prompt_body(prompt: Prompt) -> Body:
    return {
        "version": prompt.version,
        "active": prompt.active,
        "role": prompt.role,
        "instructions": prompt.instructions,
        "context": prompt.context,
        "temperature": prompt.temperature,
        "max_tokens": prompt.max_tokens,
        "created_at": prompt.created_at.isoformat(),
    }
