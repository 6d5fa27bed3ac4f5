"""What people do: they write, send pictures, press buttons, block bots, come and go."""

import mimetypes
from collections.abc import Sequence

from fakes.telegram_server import entities, shapes, topics
from fakes.telegram_server.records import (
    GROUP_ANONYMOUS_BOT,
    TELEGRAM,
    Bot,
    CallbackQuery,
    Chat,
    ChatType,
    Json,
    Sent,
    Status,
    Update,
    User,
)
from fakes.telegram_server.service import Service
from fakes.telegram_server.updates import of_kinds
from fakes.telegram_server.webhooks import Delivery, delivery

Where = Chat | Bot  # a bot: its private chat with whoever writes
PIXELS = ((90, 67), (320, 240), (1280, 960))


class Telegram(Service):
    """Those who use it, and what they and the bots wrote."""

    # Who there is

    def add_bot(
        self,
        username: str = "salon_bot",
        *,
        token: str | None = None,
        reads_all_messages: bool = False,
    ) -> Bot:
        """As BotFather makes one. In groups it gets only what is meant for it, or everything."""
        with self.working() as book:
            return book.add_bot(username, token, reads_all_messages=reads_all_messages)

    def add_user(
        self,
        first_name: str = "Anna",
        *,
        last_name: str | None = None,
        username: str | None = None,
        language_code: str | None = "uk",
        is_premium: bool = False,
    ) -> User:
        with self.working() as book:
            return book.add_user(
                User(
                    id=500_000_000 + book.number(),
                    first_name=first_name,
                    last_name=last_name,
                    username=username,
                    language_code=language_code,
                    is_premium=is_premium,
                )
            )

    def add_group(
        self,
        title: str = "Salon",
        *members: User,
        type: ChatType = "supergroup",
        username: str | None = None,
    ) -> Chat:
        """The first of its members made it."""
        with self.working() as book:
            group = book.add_group(title, type, username)
            for place, user in enumerate(members):
                group.members[user.id] = "member" if place else "creator"
            return group

    def chat(self, user: User, bot: Bot) -> Chat:
        """The private chat of both, begun without a word."""
        with self.working() as book:
            return book.conversation(bot, user)

    # Writing

    def start(self, user: User, bot: Bot, payload: str = "") -> Json:
        """Press "Start", or follow a link such as `t.me/salon_bot?start=payload`."""
        self.unblock(user, bot)
        return self.write(user, bot, f"/start {payload}".strip())

    def write(
        self,
        user: User,
        where: Where,
        text: str,
        *,
        reply_to: Json | None = None,
        topic: int | None = None,
    ) -> Json:
        return self._say(user, where, _text(text), reply_to, topic)

    def write_anonymously(self, group: Chat, text: str, *, reply_to: Json | None = None) -> Json:
        """As administrators do who remain anonymous: the group is said to write."""
        return self._say_as_group(group, _text(text), reply_to)

    def post(self, channel: str, group: Chat, text: str) -> Json:
        """In a channel that the group belongs to: Telegram brings it there by itself."""
        with self.working() as book:
            by = {"id": -1_003_000_000_000 - book.number(), "type": "channel", "title": channel}
            origin = {"type": "channel", "date": book.now, "chat": by, "message_id": 1}
            brought = {"is_automatic_forward": True, "forward_origin": origin, "sender_chat": by}
            return self._say(TELEGRAM, group, brought | _text(text))

    def send_photo(
        self,
        user: User,
        where: Where,
        data: bytes,
        *,
        caption: str = "",
        album: str = "",
        reply_to: Json | None = None,
    ) -> Json:
        """Three sizes of the same bytes; photos of one album share its name."""
        sizes = [
            self._file(user, where, "photos", "photo.jpg", data)
            | {"width": width, "height": height}
            for width, height in PIXELS
        ]
        grouped = {"media_group_id": album} if album else {}
        return self._say(user, where, {"photo": sizes} | grouped | _caption(caption), reply_to)

    def send_document(
        self,
        user: User,
        where: Where,
        name: str,
        data: bytes,
        *,
        caption: str = "",
        album: str = "",
        size: int | None = None,
    ) -> Json:
        """Of its own size, or of one that is only told: over 20 MB no bot can fetch it."""
        document = self._file(user, where, "documents", name, data, size=size)
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        document |= {"file_name": name, "mime_type": media_type}
        grouped = {"media_group_id": album} if album else {}
        return self._say(user, where, {"document": document} | grouped | _caption(caption))

    def send_voice(self, user: User, where: Where, data: bytes, *, seconds: int = 3) -> Json:
        voice = self._file(user, where, "voice", "voice.oga", data)
        voice |= {"duration": seconds, "mime_type": "audio/ogg"}
        return self._say(user, where, {"voice": voice})

    def send_sticker(self, user: User, where: Where, emoji: str = "👍") -> Json:
        sticker = self._file(user, where, "stickers", "sticker.webp", b"RIFF....WEBP")
        sticker |= {"type": "regular", "width": 512, "height": 512, "emoji": emoji}
        sticker |= {"is_animated": False, "is_video": False}
        return self._say(user, where, {"sticker": sticker})

    def send_location(self, user: User, where: Where, latitude: float, longitude: float) -> Json:
        return self._say(user, where, {"location": {"latitude": latitude, "longitude": longitude}})

    def move(self, user: User, where: Where, message: Json, latitude: float) -> None:
        """What shares one's place for a while tells of each step."""
        with self.working() as book:
            chat = self._place(user, where)
            kept = chat.messages[message["message_id"]]
            kept["location"] = kept["location"] | {"latitude": latitude, "live_period": 900}
            kept["edit_date"] = book.now
            self._tell(chat, "edited_message", kept)

    def send_contact(self, user: User, where: Where, phone_number: str) -> Json:
        """Of the user, as the button "Share my number" does."""
        contact = {"phone_number": phone_number, "first_name": user.first_name, "user_id": user.id}
        return self._say(user, where, {"contact": contact})

    def edit(self, user: User, where: Where, message: Json, text: str) -> Json:
        """Its text, or the caption of what it shows."""
        with self.working() as book:
            chat = self._place(user, where)
            kept = chat.messages[message["message_id"]]
            changed = _text(text) if "text" in kept else _caption(text)
            for name in ("entities", "caption", "caption_entities"):
                kept.pop(name, None)
            kept |= changed | {"edit_date": book.now}
            self._tell(chat, "edited_message", kept)
            return dict(kept)

    def press(self, user: User, where: Where, button: str, *, message: Json | None = None) -> str:
        """A button below a message, by its text or its data; the id of the query.

        The newest message that has it, or that one.
        """
        with self.working() as book:
            chat = self._place(user, where)
            below = chat.messages[message["message_id"]] if message else _having(chat, button)
            data = _data(below, button)
            bot = next(each for each in book.bots.values() if each.id == below["from"]["id"])
            id = str(4_000_000_000_000 + book.number())
            book.callbacks[id] = CallbackQuery(id=id, at=book.clock(), bot=bot, message=below)
            query = {
                "id": id,
                "from": shapes.user(user),
                "message": dict(below),
                "chat_instance": str(9_000_000_000 + abs(chat.id)),
                "data": data,
            }
            book.tell(bot, "callback_query", query, ("callback", user.id))
            return id

    def answer_to(self, query_id: str) -> Json | None:
        """What the bot answered to a button; None: nothing yet."""
        with self.working() as book:
            return book.callbacks[query_id].answer

    # Coming and going

    def block(self, user: User, bot: Bot) -> None:
        self._set_status(user, self.chat(user, bot), bot, "kicked")

    def unblock(self, user: User, bot: Bot) -> None:
        """Nothing, where the bot is not blocked."""
        chat = self.chat(user, bot)
        if not chat.has(bot.id):
            self._set_status(user, chat, bot, "member")

    def delete_account(self, user: User) -> None:
        """No bot is told; it finds out when it writes."""
        with self.working():
            user.deactivated = True

    def add_to_group(self, bot: Bot, group: Chat, by: User, *, status: Status = "member") -> None:
        self._set_status(by, group, bot, status)
        if status != "left":
            self._say(by, group, {"new_chat_members": [shapes.user(bot.user)]})

    def remove_from_group(self, bot: Bot, group: Chat, by: User) -> None:
        self._set_status(by, group, bot, "kicked")

    def join(self, user: User, group: Chat) -> None:
        """All bots of the group see it; administrators may ask to be told in another way too."""
        with self.working():
            self._member_is(user, group, "member")
            self._say(user, group, {"new_chat_members": [shapes.user(user)]})

    def leave(self, user: User, group: Chat) -> None:
        with self.working():
            self._say(user, group, {"left_chat_member": shapes.user(user)})
            self._member_is(user, group, "left")

    def upgrade(self, group: Chat, by: User) -> Chat:
        """A group becomes a supergroup with another id; to the old one no bot can write."""
        with self.working() as book:
            new = book.add_group(str(group.title), "supergroup", None)
            new.members = dict(group.members)
            self._say(by, group, {"migrate_to_chat_id": new.id})
            self._say_as_group(new, {"migrate_from_chat_id": group.id})
            group.migrated_to = new.id
            return new

    def begin_topic(self, group: Chat, by: User, name: str) -> int:
        """Its beginning is a message in it."""
        with self.working() as book:
            group.is_forum = True
            begun = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
            message = book.add_message(group, by, begun | {"is_topic_message": True})
            topic = int(message["message_id"])
            message["message_thread_id"] = topic
            group.topics.add(topic)
            self._tell(group, "message", message)
            return topic

    def end_topic(self, group: Chat, topic: int) -> None:
        """With all that was said in it; no bot is told."""
        with self.working():
            group.topics.remove(topic)
            for id, message in list(group.messages.items()):
                if message.get("message_thread_id") == topic:
                    del group.messages[id]

    def close_general(self, group: Chat) -> None:
        with self.working():
            group.general_is_closed = True

    # What happened

    def sent(self, where: Chat | None = None, *, bot: Bot | None = None) -> list[Sent]:
        """New messages of bots as they were sent, in that order; to one chat, or to all."""
        return [
            each for each in self._sent(where, bot) if not each.method.lower().startswith("edit")
        ]

    def edits(self, where: Chat | None = None, *, bot: Bot | None = None) -> list[Sent]:
        return [each for each in self._sent(where, bot) if each.method.lower().startswith("edit")]

    def _sent(self, where: Chat | None, bot: Bot | None) -> list[Sent]:
        with self.working() as book:
            return [
                each
                for chat, each in book.sent
                if where in (None, chat) and (bot is None or each.bot == bot.username)
            ]

    def shown(self, where: Chat) -> list[Json]:
        """What a person sees in a chat now: of all, changed as it was, without what is deleted."""
        with self.working():
            return [dict(each) for each in where.messages.values()]

    def actions(self, where: Chat) -> list[str]:
        """Such as `typing`."""
        with self.working() as book:
            return [action for chat, action in book.actions if chat is where]

    def updates(self, bot: Bot, *kinds: str) -> list[Json]:
        """All that a bot was ever told, or should be; of some kinds, or all."""
        return [each.shown for each in self._updates(bot, kinds)]

    def deliveries(self, bot: Bot, *kinds: str, secret: str | None = None) -> list[Delivery]:
        """The same as bodies and headers, with the webhook's secret or another."""
        return [delivery(bot, each, secret=secret) for each in self._updates(bot, kinds)]

    def pending(self, bot: Bot) -> int:
        with self.working() as book:
            return len(book.mail.box(bot).waiting)

    def _updates(self, bot: Bot, kinds: Sequence[str]) -> list[Update]:
        with self.working() as book:
            return of_kinds(book.mail.box(bot).everything, kinds)

    # The work

    def _place(self, user: User, where: Where) -> Chat:
        return self.book.conversation(where, user) if isinstance(where, Bot) else where

    def _say(
        self,
        user: User,
        where: Where,
        content: Json,
        reply_to: Json | None = None,
        topic: int | None = None,
    ) -> Json:
        with self.working() as book:
            chat = self._place(user, where)
            place = topics.placed(chat, topic, reply_to)
            message = book.add_message(chat, user, place | content)
            self._tell(chat, "message", message)
            return dict(message)

    def _say_as_group(self, group: Chat, content: Json, reply_to: Json | None = None) -> Json:
        spoken = {"sender_chat": shapes.chat(group)} | content
        return self._say(GROUP_ANONYMOUS_BOT, group, spoken, reply_to)

    def _tell(self, chat: Chat, kind: str, message: Json) -> None:
        for bot in self.book.readers(chat, message):
            self.book.tell(bot, kind, dict(message), ("chat", chat.id))

    def _file(
        self,
        user: User,
        where: Where,
        folder: str,
        name: str,
        data: bytes,
        *,
        size: int | None = None,
    ) -> Json:
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        with self.working() as book:
            fields = book.add_file(self._place(user, where), folder, name, media_type, data)
            file = book.files[fields["file_id"]]
            file.size = len(data) if size is None else size
            return book.file_fields(file)

    def _set_status(self, by: User, chat: Chat, bot: Bot, status: Status) -> None:
        with self.working() as book:
            changed = self._changed(by, chat, bot.user, status)
            book.tell(bot, "my_chat_member", changed, ("my_member", chat.id))

    def _member_is(self, user: User, group: Chat, status: Status) -> None:
        changed = self._changed(user, group, user, status)
        for bot in self.book.bots.values():
            if group.members.get(bot.id) == "administrator":
                self.book.tell(bot, "chat_member", changed, ("member", user.id))

    def _changed(self, by: User, chat: Chat, who: User, status: Status) -> Json:
        old, chat.members[who.id] = chat.members.get(who.id, "left"), status
        return {
            "chat": shapes.chat(chat),
            "from": shapes.user(by),
            "date": self.book.now,
            "old_chat_member": shapes.member(who, old),
            "new_chat_member": shapes.member(who, status),
        }


def _text(text: str) -> Json:
    marked = entities.found(text)
    return {"text": text} | ({"entities": marked} if marked else {})


def _caption(text: str) -> Json:
    marked = entities.found(text)
    return ({"caption": text} if text else {}) | ({"caption_entities": marked} if marked else {})


def _having(chat: Chat, button: str) -> Json:
    for message in reversed(chat.messages.values()):
        if _find(message, button) is not None:
            return message
    raise LookupError(f"no message has a button {button!r}")


def _data(message: Json, button: str) -> str:
    found = _find(message, button)
    if found is None:
        raise LookupError(f"the message has no button {button!r}")
    return str(found["callback_data"])


def _find(message: Json, button: str) -> Json | None:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    for each in [each for row in rows for each in row]:
        if "callback_data" in each and button in (each["text"], each["callback_data"]):
            found: Json = each
            return found
    return None
