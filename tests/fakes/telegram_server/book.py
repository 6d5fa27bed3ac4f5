"""Everything there is, and the rules of who reaches whom."""

import itertools
import re
from collections.abc import Callable

from fakes.telegram_server import entities, shapes
from fakes.telegram_server.records import (
    Bot,
    CallbackQuery,
    Chat,
    ChatType,
    Json,
    Sent,
    Status,
    StoredFile,
    User,
)
from fakes.telegram_server.refusals import Refused, forbidden
from fakes.telegram_server.updates import Mail


class Book:
    """Not safe for threads by itself: whoever works with it holds the lock."""

    def __init__(self, mail: Mail, clock: Callable[[], float]) -> None:
        self.mail = mail
        self.clock = clock
        self.users: dict[int, User] = {}
        self.bots: dict[str, Bot] = {}  # by token
        self.groups: dict[int, Chat] = {}
        self.private: dict[tuple[int, int], Chat] = {}  # by bot and user
        self.files: dict[str, StoredFile] = {}
        self._paths: dict[str, StoredFile] = {}
        self.callbacks: dict[str, CallbackQuery] = {}
        self.sent: list[tuple[Chat, Sent]] = []
        self.actions: list[tuple[Chat, str]] = []
        self._numbers = itertools.count(1)

    def number(self) -> int:
        return next(self._numbers)

    @property
    def now(self) -> int:
        return int(self.clock())

    # Who there is

    def add_bot(self, username: str, token: str | None, *, reads_all_messages: bool) -> Bot:
        id = 7_000_000_000 + self.number()
        secret = f"AA{id:x}loopback".ljust(35, "x")
        user = User(id=id, first_name=username, username=username, is_bot=True)
        if token is not None and re.match(r"\d+:", token):
            user.id = int(token.partition(":")[0])
        bot = Bot(user=user, token=token or f"{id}:{secret}", reads_all_messages=reads_all_messages)
        self.users[user.id] = user
        self.bots[bot.token] = bot
        return bot

    def add_user(self, user: User) -> User:
        self.users[user.id] = user
        return user

    def add_group(self, title: str, type: ChatType, username: str | None) -> Chat:
        number = self.number()
        id = -1_002_000_000_000 - number if type == "supergroup" else -4_000_000_000 - number
        self.groups[id] = Chat(id=id, type=type, title=title, username=username)
        return self.groups[id]

    def conversation(self, bot: Bot, user: User) -> Chat:
        """The private chat of both, which begins here if there is none."""
        key = (bot.id, user.id)
        if key not in self.private:
            members: dict[int, Status] = {bot.id: "member", user.id: "member"}
            self.private[key] = Chat(
                id=user.id, type="private", user=user, bot=bot, members=members
            )
        return self.private[key]

    # Who reaches whom

    def chat_for(self, bot: Bot, chat_id: str) -> Chat:
        """The chat that a bot means; it may have been thrown out of it.

        Raises:
            Refused: there is no such chat for this bot.
        """
        if chat_id.startswith("@"):
            for group in self.groups.values():
                if group.username == chat_id[1:]:
                    return group
        elif re.fullmatch(r"-?\d+", chat_id):
            return self._by_id(bot, int(chat_id))
        raise Refused("chat not found")

    def _by_id(self, bot: Bot, id: int) -> Chat:
        if (bot.id, id) in self.private:
            return self.private[bot.id, id]
        group = self.groups.get(id)
        if group and bot.id in group.members:
            return group
        if any(each.has(bot.id) and each.has(id) for each in self.groups.values()):
            raise forbidden("bot can't initiate conversation with a user")
        raise Refused("chat not found")

    def writable(self, bot: Bot, chat_id: str) -> Chat:
        """Raises:
        Refused: there is no such chat, or the bot may not write there.
        """
        chat = self.chat_for(bot, chat_id)
        if chat.migrated_to is not None:
            raise Refused(
                "group chat was upgraded to a supergroup chat",
                parameters={"migrate_to_chat_id": chat.migrated_to},
            )
        if chat.user and chat.user.deactivated:
            raise forbidden("user is deactivated")
        if not chat.has(bot.id):
            if chat.user:
                raise forbidden("bot was blocked by the user")
            kicked = chat.members.get(bot.id) == "kicked"
            why = "was kicked from" if kicked else "is not a member of"
            raise forbidden(f"bot {why} the {chat.type} chat")
        return chat

    def readers(self, chat: Chat, message: Json) -> list[Bot]:
        """Bots that a person's message reaches."""
        if chat.bot:
            return [chat.bot] if chat.has(chat.bot.id) else []
        return [
            bot
            for bot in self.bots.values()
            if chat.has(bot.id) and self._reads(bot, chat, message)
        ]

    def _reads(self, bot: Bot, chat: Chat, message: Json) -> bool:
        """Privacy mode: only what is meant for the bot, and what the chat itself tells."""
        if bot.reads_all_messages or chat.members.get(bot.id) == "administrator":
            return True
        if any(name in message for name in SERVICE):
            return True
        replied = message.get("reply_to_message", {}).get("from", {})
        if replied.get("id") == bot.id:
            return True
        name = f"@{bot.username}".lower()
        if name in (each.lower() for each in entities.said(message, "mention")):
            return True
        commands = [each.lower() for each in entities.said(message, "bot_command")]
        return any(
            each.endswith(name) or ("@" not in each and chat.last_bot in (None, bot.id))
            for each in commands
        )

    # Messages

    def add_message(self, chat: Chat, author: User, content: Json) -> Json:
        message: Json = {
            "message_id": self._next_message_id(chat),
            "from": shapes.user(author),
            "chat": shapes.chat(chat),
            "date": self.now,
            **content,
        }
        chat.messages[message["message_id"]] = message
        return message

    def _next_message_id(self, chat: Chat) -> int:
        owner: Bot | Chat = chat.bot or chat
        owner.last_message_id += 1
        return owner.last_message_id

    def tell(self, bot: Bot, kind: str, about: Json, lane: tuple[str, int]) -> None:
        self.mail.put(bot, kind, about, lane, at=self.clock())

    # Files

    def add_file(self, chat: Chat, folder: str, name: str, media_type: str, data: bytes) -> Json:
        """The fields that every kind of file has."""
        number = self.number()
        ending = name.rpartition(".")[2] if "." in name else "bin"
        file = StoredFile(
            id=f"AgACAgIAAxkBAAI{number:08d}",
            unique_id=f"AQAD{number:08d}",
            path=f"{folder}/file_{number}.{ending}",
            data=data,
            name=name,
            media_type=media_type,
            chat=chat,
            size=len(data),
        )
        self.files[file.id] = self._paths[file.path] = file
        return self.file_fields(file)

    def file_fields(self, file: StoredFile) -> Json:
        return {"file_id": file.id, "file_unique_id": file.unique_id, "file_size": file.size}

    def file_for(self, bot: Bot, id: str) -> StoredFile:
        """Raises:
        Refused: there is none, or it is another bot's.
        """
        file = self.files.get(id)
        if file is None or bot.id not in file.chat.members:
            raise Refused("wrong file_id or the file is temporarily unavailable")
        return file

    def data_at(self, bot: Bot, path: str) -> bytes:
        """Raises:
        Refused: there is no such file, or it is another bot's.
        """
        file = self._paths.get(path)
        if file is None or bot.id not in file.chat.members:
            raise Refused("", status=404)
        return file.data


SERVICE = (
    "new_chat_members",
    "left_chat_member",
    "migrate_to_chat_id",
    "migrate_from_chat_id",
    "forum_topic_created",
)
