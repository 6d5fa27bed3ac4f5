"""Chats and their members."""

from fakes.telegram_server import shapes
from fakes.telegram_server.operations.table import Call, on
from fakes.telegram_server.records import Json
from fakes.telegram_server.refusals import Refused, forbidden

ACTIONS = {
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
}


@on("getChat", "chat_id")
def get_chat(call: Call) -> Json:
    chat = call.book.chat_for(call.bot, call.values.text("chat_id"))
    if not chat.user and not chat.has(call.bot.id):
        raise forbidden(f"bot is not a member of the {chat.type} chat")
    return shapes.full_chat(chat)


@on("getChatMember", "chat_id", "user_id")
def get_chat_member(call: Call) -> Json:
    chat = call.book.chat_for(call.bot, call.values.text("chat_id"))
    user = call.book.users.get(call.values.integer("user_id"))
    if user is None:
        raise Refused("invalid user_id specified")
    return shapes.member(user, chat.members.get(user.id, "left"))


@on("leaveChat")
def leave_chat(call: Call) -> bool:
    chat = call.chat()
    if chat.user:
        raise Refused("chat can't be left")
    chat.members[call.bot.id] = "left"
    return True


@on("sendChatAction", "action")
def send_chat_action(call: Call) -> bool:
    chat, action = call.chat(), call.values.text("action")
    if action not in ACTIONS:
        raise Refused("wrong parameter action in request")
    call.book.actions.append((chat, action))
    return True
