"""Messages with files, places and people; and the files themselves."""

import mimetypes

from fakes.telegram_server import formatting
from fakes.telegram_server.operations.sending import post
from fakes.telegram_server.operations.table import Call, on
from fakes.telegram_server.parameters import Values
from fakes.telegram_server.records import Chat, Json
from fakes.telegram_server.refusals import Refused

MAX_DOWNLOAD = 20 * 1024 * 1024
MAX_UPLOAD = 50 * 1024 * 1024
MAX_PHOTO = 10 * 1024 * 1024


@on("getFile", "file_id")
def get_file(call: Call) -> Json:
    file = call.book.file_for(call.bot, call.values.text("file_id"))
    if file.size > MAX_DOWNLOAD:
        raise Refused("file is too big")
    return call.book.file_fields(file) | {"file_path": file.path}


@on("sendPhoto", "chat_id", "photo")
def send_photo(call: Call) -> Json:
    chat = call.chat()
    size = _file(call, chat, "photo", "photos", most=MAX_PHOTO) | {"width": 1280, "height": 960}
    return post(call, {"photo": [size]} | _caption(call.values))


@on("sendDocument", "chat_id", "document")
def send_document(call: Call) -> Json:
    chat = call.chat()
    fields = _file(call, chat, "document", "documents", most=MAX_UPLOAD)
    file = call.book.files[fields["file_id"]]
    named = {"file_name": file.name, "mime_type": file.media_type}
    return post(call, {"document": fields | named} | _caption(call.values))


@on("sendVoice", "chat_id", "voice")
def send_voice(call: Call) -> Json:
    chat = call.chat()
    fields = _file(call, chat, "voice", "voice", most=MAX_UPLOAD)
    told = {"duration": call.values.integer("duration"), "mime_type": "audio/ogg"}
    return post(call, {"voice": fields | told} | _caption(call.values))


@on("sendLocation", "chat_id", "latitude", "longitude")
def send_location(call: Call) -> Json:
    place = {name: call.values.number(name) for name in ("latitude", "longitude")}
    return post(call, {"location": place})


@on("sendContact", "chat_id", "phone_number", "first_name")
def send_contact(call: Call) -> Json:
    names = ("phone_number", "first_name", "last_name")
    return post(
        call, {"contact": {each: call.values.text(each) for each in names if each in call.values}}
    )


@on("sendMediaGroup", "chat_id", "media")
def send_media_group(call: Call) -> list[Json]:
    """Photos and documents; each counts as a message."""
    chat, media = call.chat(), call.values.objects("media")
    if not 2 <= len(media) <= 10:
        raise Refused("wrong number of items in the album")
    album = str(call.book.number())
    contents = [_item(call, chat, each) | {"media_group_id": album} for each in media]
    return [post(call, content) for content in contents]


def _item(call: Call, chat: Chat, item: Json) -> Json:
    upload = call.values.files.get(str(item.get("media")).removeprefix("attach://"))
    if upload is None:
        raise Refused("wrong file identifier/HTTP URL specified")
    name, media_type = upload.name, upload.media_type
    caption = _caption(Values(item))
    if item.get("type") == "photo":
        fields = call.book.add_file(chat, "photos", name, media_type, upload.data)
        return {"photo": [fields | {"width": 1280, "height": 960}]} | caption
    fields = call.book.add_file(chat, "documents", name, media_type, upload.data)
    return {"document": fields | {"file_name": name, "mime_type": media_type}} | caption


def _caption(values: Values) -> Json:
    entities = values.objects("caption_entities")
    return formatting.caption(values.text("caption"), values.text("parse_mode"), entities)


def _file(call: Call, chat: Chat, name: str, folder: str, *, most: int) -> Json:
    """Uploaded, or by the id of one that Telegram has; addresses are not fetched."""
    given = call.values.text(name)
    upload = call.values.files.get(given.removeprefix("attach://") if given else name)
    if upload is None:
        if given.startswith(("http://", "https://")):
            raise Refused("failed to get HTTP URL content")
        return call.book.file_fields(call.book.file_for(call.bot, given))
    if not upload.data:
        raise Refused("file must be non-empty")
    if len(upload.data) > most:
        raise Refused("", status=413)
    guessed = mimetypes.guess_type(upload.name)[0]
    media_type = guessed or upload.media_type
    return call.book.add_file(chat, folder, upload.name, media_type, upload.data)
