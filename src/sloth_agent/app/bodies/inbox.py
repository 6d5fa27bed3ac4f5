"""Chats with customers, as the people of a firm see them."""

from sloth_agent.app.bodies.answers import message_body
from sloth_agent.app.bodies.values import Body
from sloth_agent.channels.chat_files import ChatFile
from sloth_agent.channels.desk import DeskChat
from sloth_agent.channels.staff_codes import StaffCode
from sloth_agent.tenants.profile import Profile


def chat_body(shown: DeskChat) -> Body:
    chat = shown.chat
    return {
        "id": str(chat.id),
        "integration_id": str(chat.integration),
        "channel": shown.channel.value,
        "external_id": chat.external_id,
        "customer": f"{shown.channel}:{chat.customer}",
        "name": chat.name,
        "state": chat.state.value,
        "language": chat.language.value if chat.language else None,
        "is_gone": chat.is_gone,
        "conversation_id": str(chat.conversation) if chat.conversation else None,
        "last_heard_at": chat.last_heard_at.isoformat(),
        "created_at": chat.created_at.isoformat(),
    }


def told_chat_body(shown: DeskChat) -> Body:
    """With what was said."""
    return {**chat_body(shown), "messages": [message_body(message) for message in shown.messages]}


def chat_file_body(file: ChatFile) -> Body:
    return {
        "id": str(file.id),
        "chat_id": str(file.chat) if file.chat else None,
        "customer": str(file.customer),
        "name": file.name,
        "type": file.media_type,
        "size": file.size_bytes,
        "created_at": file.created_at.isoformat(),
    }


def staff_code_body(made: StaffCode) -> Body:
    return {
        "code": made.code,
        "command": f"/staff {made.code}",
        "integration_id": str(made.integration),
        "expires_at": made.expires_at.isoformat(),
    }


def hours_body(profile: Profile) -> Body:
    return {
        "timezone": profile.timezone,
        "office_hours": profile.office_hours,
        "away_text": profile.away_text,
    }
