"""Messages of text: sent, changed, deleted, passed on; buttons answered."""

from fakes.telegram_server import formatting
from fakes.telegram_server.operations.sending import keyboard, post, record
from fakes.telegram_server.operations.table import Call, on
from fakes.telegram_server.records import Chat, Json
from fakes.telegram_server.refusals import Refused

UNCHANGED = (
    "message is not modified: specified new message content and reply markup are exactly"
    " the same as a current content and reply markup of the message"
)
CALLBACK_SECONDS = 15  # about as long as a client waits for an answer
NOT_COPIED = (
    "message_id",
    "from",
    "chat",
    "date",
    "edit_date",
    "reply_to_message",
    "reply_markup",
    "message_thread_id",
    "is_topic_message",
)


@on("sendMessage", "chat_id")
def send_message(call: Call) -> Json:
    return post(call, text_of(call))


def text_of(call: Call) -> Json:
    values = call.values
    entities = values.objects("entities")
    return formatting.message_text(values.text("text"), values.text("parse_mode"), entities)


@on("editMessageText")
def edit_message_text(call: Call) -> Json:
    content = text_of(call)
    chat, message = _own_message(call, "edit")
    if "text" not in message:
        raise Refused("there is no text in the message to edit")
    return _changed(call, chat, message, content)


@on("editMessageReplyMarkup")
def edit_message_reply_markup(call: Call) -> Json:
    chat, message = _own_message(call, "edit")
    text: Json = {name: message[name] for name in ("text", "entities") if name in message}
    return _changed(call, chat, message, text)


def _changed(call: Call, chat: Chat, message: Json, content: Json) -> Json:
    new = content | keyboard(call.values)
    old = {name: message.get(name) for name in ("text", "entities", "reply_markup")}
    if all(new.get(name) == value for name, value in old.items()):
        raise Refused(UNCHANGED)
    call.count(chat)
    for name in old:
        message.pop(name, None)
    message |= new | {"edit_date": call.book.now}
    record(call, chat, message)
    return message


def _own_message(call: Call, what: str) -> tuple[Chat, Json]:
    if "inline_message_id" in call.values:
        raise Refused("MESSAGE_ID_INVALID")
    call.values.need("chat_id", "message_id")
    chat = call.chat()
    message = chat.messages.get(call.values.integer("message_id"))
    if message is None:
        raise Refused(f"message to {what} not found")
    if message["from"]["id"] != call.bot.id:
        raise Refused(f"message can't be {what}ed")
    return chat, message


@on("deleteMessage", "chat_id", "message_id")
def delete_message(call: Call) -> bool:
    """In a private chat those of both; in a group its own."""
    chat = call.chat()
    id = call.values.integer("message_id")
    message = chat.messages.get(id)
    if message is None:
        raise Refused("message to delete not found")
    own = message["from"]["id"] == call.bot.id
    if not (own or chat.user or chat.members.get(call.bot.id) == "administrator"):
        raise Refused("message can't be deleted")
    del chat.messages[id]
    return True


@on("forwardMessage", "chat_id", "from_chat_id", "message_id")
def forward_message(call: Call) -> Json:
    message = _other(call, "forward")
    origin = {"type": "user", "date": message["date"], "sender_user": message["from"]}
    return post(call, _content(message) | {"forward_origin": origin})


@on("copyMessage", "chat_id", "from_chat_id", "message_id")
def copy_message(call: Call) -> Json:
    content = _content(_other(call, "copy"))
    values = call.values
    if "caption" in values:
        entities = values.objects("caption_entities")
        content |= formatting.caption(values.text("caption"), values.text("parse_mode"), entities)
    return {"message_id": post(call, content)["message_id"]}


def _other(call: Call, what: str) -> Json:
    source = call.book.chat_for(call.bot, call.values.text("from_chat_id"))
    message = source.messages.get(call.values.integer("message_id"))
    if message is None:
        raise Refused(f"message to {what} not found")
    return message


def _content(message: Json) -> Json:
    return {name: value for name, value in message.items() if name not in NOT_COPIED}


@on("setMessageReaction", "chat_id", "message_id")
def set_message_reaction(call: Call) -> bool:
    if call.values.integer("message_id") not in call.chat().messages:
        raise Refused("message to react not found")
    return True


@on("answerCallbackQuery", "callback_query_id")
def answer_callback_query(call: Call) -> bool:
    values = call.values
    query = call.book.callbacks.get(values.text("callback_query_id"))
    late = query is None or call.book.clock() - query.at > CALLBACK_SECONDS
    if query is None or late or query.bot is not call.bot:
        raise Refused("query is too old and response timeout expired or query ID is invalid")
    if len(values.text("text")) > 200:
        raise Refused("MESSAGE_TOO_LONG")
    query.answer = {"text": values.text("text"), "show_alert": values.flag("show_alert")}
    return True
