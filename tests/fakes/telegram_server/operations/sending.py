"""What all messages of a bot have in common."""

from fakes.telegram_server import topics
from fakes.telegram_server.operations.table import Call
from fakes.telegram_server.parameters import Values
from fakes.telegram_server.records import Chat, Json, Sent
from fakes.telegram_server.refusals import Refused


def post(call: Call, content: Json) -> Json:
    """Into the chat that the call names.

    Raises:
        Refused: it may not be written to, too much was, or there is no message to reply to.
    """
    chat = call.chat()
    fields = content | _placed(call.values, chat) | keyboard(call.values)
    if call.values.flag("protect_content"):
        fields["has_protected_content"] = True
    call.count(chat)
    message = call.book.add_message(chat, call.bot.user, fields)
    chat.last_bot = call.bot.id
    record(call, chat, message)
    return message


def record(call: Call, chat: Chat, message: Json) -> None:
    sent = Sent(
        at=call.book.clock(), bot=call.bot.username, method=call.method, message=dict(message)
    )
    call.book.sent.append((chat, sent))


def _placed(values: Values, chat: Chat) -> Json:
    topic = values.integer("message_thread_id") if "message_thread_id" in values else None
    place = topics.placed(chat, topic, _replied(values, chat))
    if chat.general_is_closed and "message_thread_id" not in place:
        raise Refused("TOPIC_CLOSED")
    return place


def _replied(values: Values, chat: Chat) -> Json | None:
    asked = values.object("reply_parameters")
    if not asked:
        return None
    if not isinstance(asked.get("message_id"), int):
        raise Refused("can't parse reply parameters JSON object")
    replied = chat.messages.get(asked["message_id"])
    if replied is None and not asked.get("allow_sending_without_reply"):
        raise Refused("message to be replied not found")
    return replied


def keyboard(values: Values) -> Json:
    """Only buttons below the message are part of it; other keyboards are the client's affair."""
    rows = values.object("reply_markup").get("inline_keyboard")
    if rows is None:
        return {}
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Refused(
            'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'
        )
    for button in [button for row in rows for button in row]:
        if not isinstance(button, dict):
            raise Refused("can't parse inline keyboard button: expected an Object")
        _check(button)
    return {"reply_markup": {"inline_keyboard": rows}} if rows else {}


def _check(button: Json) -> None:
    if not isinstance(button.get("text"), str) or len(button) < 2:
        raise Refused("Text buttons are unallowed in the inline keyboard")
    size = len(str(button.get("callback_data", "")).encode())
    if "callback_data" in button and not 1 <= size <= 64:
        raise Refused("BUTTON_DATA_INVALID")
    url = button.get("url")
    if url is not None and not str(url).startswith(("http://", "https://", "tg://")):
        raise Refused(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
