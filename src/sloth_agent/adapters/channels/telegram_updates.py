"""What Telegram's updates say. They come from outside: nothing in them is taken for granted."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sloth_agent.channels.messages import Attachment, Inbound, MessageKind, Payload
from sloth_agent.language import Language

_GROUPS = ("group", "supergroup")
_GONE = ("kicked", "left")
_ANONYMOUS = 1_087_968_824  # @GroupAnonymousBot
_LONGEST_MOMENT = 2**40
_LONGEST_ID = 2**53
_LONGEST_NAME = 200


def inbound_of(update: Payload, username: str) -> Inbound | None:
    """None: it says nothing to us. `username` is the bot's, without the sign before it."""
    id = update.get("update_id")
    if not _is_number(id):
        return None
    if message := _object(update, "message"):
        return _message(str(id), message, username, is_edit=False)
    if message := _object(update, "edited_message"):
        return _message(str(id), message, username, is_edit=True)
    if press := _object(update, "callback_query"):
        return _press(str(id), press)
    if change := _object(update, "my_chat_member"):
        return _membership(str(id), change)
    return None


def _message(
    id: str, message: Mapping[str, Any], username: str, *, is_edit: bool
) -> Inbound | None:
    chat, sender = _object(message, "chat"), _speaker(message)
    if not _is_id(chat.get("id")) or not _is_id(sender.get("id")):
        return None
    if sender.get("is_bot") is True:
        return None  # two assistants would talk for ever
    if message.get("is_automatic_forward") is True:
        return None  # a channel's post in its group: news, and nobody's question
    if _number_text(message, "migrate_to_chat_id") is not None:
        return None  # the new chat tells it too
    text = _text(message, "text") or _text(message, "caption")
    in_group = chat.get("type") in _GROUPS
    answered = _answered(message)
    moved_from = _number_text(message, "migrate_from_chat_id")
    for_us = not in_group or moved_from is not None or _speaks_to(username, text, answered)
    kind, attachment = _content(message)
    command: str | None = None
    if kind is MessageKind.TEXT:
        command, text, is_ours = _command(text, username)
        if command is not None:
            kind, for_us = MessageKind.COMMAND, is_ours
    return Inbound(
        id=id,
        chat=str(chat["id"]),
        sender=str(sender["id"]),
        kind=kind,
        text=_without_name(text, username) if in_group else text,
        command=command,
        attachment=attachment,
        reference=_number_text(message, "message_id"),
        reply_to=_number_text(answered, "message_id"),
        thread=_thread(message),
        album=_text(message, "media_group_id") or None,
        language=_language(sender),
        name=_name(sender),
        in_group=in_group,
        group=_title(chat),
        moved_from=moved_from,
        for_us=for_us,
        is_edit=is_edit,
        sent_at=_moment(message.get("date")),
    )


def _speaker(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Administrators may speak as their group, and so does what becomes a supergroup: Telegram
    names a bot of its own then, and beside it the group.
    """
    author, group = _object(message, "from"), _object(message, "sender_chat")
    is_group = author.get("id") == _ANONYMOUS and group.get("id") == _object(message, "chat").get(
        "id"
    )
    return group if is_group else author


def _answered(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """In a topic what answers nothing is shown as an answer to the topic's beginning."""
    answered = _object(message, "reply_to_message")
    is_beginning = _thread(message) is not None and "forum_topic_created" in answered
    return {} if is_beginning else answered


def _thread(message: Mapping[str, Any]) -> str | None:
    """The topic. Where a group has none, Telegram numbers its rows of replies in that field."""
    is_topic = message.get("is_topic_message") is True
    return _number_text(message, "message_thread_id") if is_topic else None


def _press(id: str, press: Mapping[str, Any]) -> Inbound | None:
    sender, message, data = _object(press, "from"), _object(press, "message"), _text(press, "data")
    chat = _object(message, "chat")
    if not _is_id(sender.get("id")) or not _is_id(chat.get("id")) or not data:
        return None
    command, _, arguments = data.partition(" ")
    return Inbound(
        id=id,
        chat=str(chat["id"]),
        sender=str(sender["id"]),
        kind=MessageKind.COMMAND,
        text=arguments,
        command=command.lower(),
        thread=_thread(message),
        press=_text(press, "id") or None,
        language=_language(sender),
        name=_name(sender),
        in_group=chat.get("type") in _GROUPS,
        group=_title(chat),
        sent_at=datetime.now(UTC),
    )


def _membership(id: str, change: Mapping[str, Any]) -> Inbound | None:
    """Who blocks a bot in a private chat throws it out; so does who removes it from a group."""
    chat, sender = _object(change, "chat"), _object(change, "from")
    if not _is_id(chat.get("id")) or not _is_id(sender.get("id")):
        return None
    gone = _text(_object(change, "new_chat_member"), "status") in _GONE
    return Inbound(
        id=id,
        chat=str(chat["id"]),
        sender=str(sender["id"]),
        kind=MessageKind.LEFT if gone else MessageKind.CAME_BACK,
        name=_name(sender),
        in_group=chat.get("type") in _GROUPS,
        group=_title(chat),
        sent_at=_moment(change.get("date")),
    )


def _content(message: Mapping[str, Any]) -> tuple[MessageKind, Attachment | None]:
    if _text(message, "text"):
        return MessageKind.TEXT, None
    sizes = message.get("photo")
    if isinstance(sizes, list) and sizes and isinstance(sizes[-1], dict):
        return MessageKind.PHOTO, _attachment(sizes[-1], "photo.jpg", "image/jpeg")
    for name, kind in (
        ("voice", MessageKind.VOICE),
        ("audio", MessageKind.VOICE),
        ("video_note", MessageKind.VOICE),
        ("document", MessageKind.DOCUMENT),
        ("video", MessageKind.DOCUMENT),
    ):
        if file := _object(message, name):
            attachment = _attachment(file, name, "application/octet-stream")
            is_picture = attachment is not None and attachment.media_type.startswith("image/")
            return MessageKind.PHOTO if is_picture else kind, attachment
    if _object(message, "location") or _object(message, "venue"):
        return MessageKind.LOCATION, None
    return MessageKind.OTHER, None


def _attachment(file: Mapping[str, Any], name: str, media_type: str) -> Attachment | None:
    key, size = _text(file, "file_id"), file.get("file_size")
    if not key:
        return None
    return Attachment(
        key=key,
        name=_text(file, "file_name") or name,
        media_type=_text(file, "mime_type") or media_type,
        size_bytes=size if _is_number(size) else None,
    )


def _command(text: str, username: str) -> tuple[str | None, str, bool]:
    """The command, what follows it, and whether it is meant for this bot: groups have several."""
    if not text.startswith("/"):
        return None, text, False
    first, *rest = text.split(maxsplit=1)
    name, _, of = first[1:].partition("@")
    if not name.isidentifier():
        return None, text, False
    return name.lower(), "".join(rest).strip(), not of or of.lower() == username.lower()


def _speaks_to(username: str, text: str, answered: Mapping[str, Any]) -> bool:
    author = _object(answered, "from")
    if username and _text(author, "username").lower() == username.lower():
        return True
    return bool(username) and _mention(username).search(text) is not None


def _without_name(text: str, username: str) -> str:
    return _mention(username).sub("", text, count=1).strip() if username else text


def _mention(username: str) -> re.Pattern[str]:
    """The whole name, as Telegram finds it: another bot's may begin with it."""
    return re.compile(rf"\B@{re.escape(username)}\b", re.IGNORECASE)


def _language(sender: Mapping[str, Any]) -> Language | None:
    code = _text(sender, "language_code")[:2].lower()
    return Language(code) if code in list(Language) else None


def _name(sender: Mapping[str, Any]) -> str:
    parts = (_text(sender, "first_name"), _text(sender, "last_name"), _title(sender))
    return " ".join(part for part in parts if part)[:_LONGEST_NAME]


def _title(group: Mapping[str, Any]) -> str:
    """People have none."""
    return _text(group, "title")[:_LONGEST_NAME]


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _number_text(holder: Mapping[str, Any], name: str) -> str | None:
    value = holder.get(name)
    return str(value) if _is_number(value) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_id(value: object) -> bool:
    return _is_number(value) and 0 < abs(value) < _LONGEST_ID  # type: ignore[arg-type]


def _moment(value: object) -> datetime:
    is_one = isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LONGEST_MOMENT
    try:
        return datetime.fromtimestamp(value, UTC) if is_one else datetime.now(UTC)  # type: ignore[arg-type]
    except (OverflowError, ValueError):
        return datetime.now(UTC)
