"""Who and what there is: users, bots, chats, files, updates."""

from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
ChatType = Literal["private", "group", "supergroup"]
Status = Literal["creator", "administrator", "member", "left", "kicked"]


@dataclass(kw_only=True, eq=False)
class User:
    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False
    is_premium: bool = False
    deactivated: bool = False  # the account is deleted


GROUP_ANONYMOUS_BOT = User(
    id=1_087_968_824, first_name="Group", username="GroupAnonymousBot", is_bot=True
)
"""Writes whatever is written in the name of a group."""

TELEGRAM = User(id=777_000, first_name="Telegram")
"""Brings a channel's posts into the group that belongs to it."""


@dataclass(kw_only=True, eq=False)
class Webhook:
    """Where a bot's updates are posted; without an address they wait for `getUpdates`."""

    url: str = ""
    secret_token: str = ""
    max_connections: int = 40
    ip_address: str | None = None
    has_custom_certificate: bool = False
    last_error_date: int | None = None
    last_error_message: str = ""


@dataclass(kw_only=True, eq=False)
class Bot:
    user: User
    token: str
    reads_all_messages: bool = False  # in groups: privacy mode is off
    webhook: Webhook = field(default_factory=Webhook)
    allowed_updates: list[str] = field(default_factory=list)  # none: the usual ones
    commands: dict[tuple[str, str], list[Json]] = field(default_factory=dict)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)  # name, description
    last_message_id: int = 0  # of its private chats together, as in an account

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def username(self) -> str:
        return str(self.user.username)


@dataclass(kw_only=True, eq=False)
class Chat:
    """A private one belongs to a user and one bot, and has the user's id."""

    id: int
    type: ChatType
    title: str | None = None
    username: str | None = None
    user: User | None = None  # of a private chat
    bot: Bot | None = None  # of a private chat
    members: dict[int, Status] = field(default_factory=dict)
    messages: dict[int, Json] = field(default_factory=dict)
    last_message_id: int = 0
    last_bot: int | None = None  # the bot that wrote last
    migrated_to: int | None = None
    is_forum: bool = False
    topics: set[int] = field(default_factory=set)  # the messages that they begin with
    general_is_closed: bool = False  # what belongs to no topic is taken from nobody

    def has(self, user_id: int) -> bool:
        return self.members.get(user_id) in ("creator", "administrator", "member")


@dataclass(kw_only=True, eq=False)
class StoredFile:
    id: str
    unique_id: str
    path: str
    data: bytes
    name: str
    media_type: str
    chat: Chat
    size: int  # told to the bot; more than `data` has, where a test needs a giant


@dataclass(kw_only=True, eq=False)
class CallbackQuery:
    id: str
    at: float
    bot: Bot
    message: Json
    answer: Json | None = None  # None: not answered yet


@dataclass(frozen=True, kw_only=True, eq=False)
class Update:
    id: int
    kind: str  # such as `message`
    lane: tuple[str, int]  # updates of one lane are posted in their order
    at: float
    shown: Json


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What a bot did in a chat, at that moment."""

    at: float
    bot: str  # its user name
    method: str
    message: Json

    @property
    def text(self) -> str:
        return str(self.message.get("text", self.message.get("caption", "")))

    @property
    def buttons(self) -> list[str]:
        rows = self.message.get("reply_markup", {}).get("inline_keyboard", [])
        return [str(button["text"]) for row in rows for button in row]
