"""What a firm's visitors are shown: nothing of models, tokens and costs."""

from sloth_agent.agent.models import Answer, Citation, Message
from sloth_agent.app.bodies.values import Body


def visitor_answer_body(answer: Answer) -> Body:
    return {
        "id": str(answer.message_id),
        "answer": answer.text,
        "grounded": answer.grounded,
        "citations": [source_body(citation) for citation in answer.citations],
    }


def passed_on_body(message: Message) -> Body:
    """There is no answer: a person of the firm gives it later."""
    return {"id": str(message.id), "answer": None, "grounded": False, "citations": []}


def visitor_message_body(message: Message) -> Body:
    return {
        "id": str(message.id),
        "role": message.speaker.value,
        "text": message.text,
        "citations": [source_body(citation) for citation in message.citations],
        "created_at": message.created_at.isoformat(),
    }


def source_body(citation: Citation) -> Body:
    return {
        "document": citation.document,
        "page": citation.page,
        "section": citation.section,
        "sheet": citation.sheet,
        "row": citation.row,
        "snippet": citation.snippet,
    }
