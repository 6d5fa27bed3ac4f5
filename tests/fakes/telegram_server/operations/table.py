"""The table of methods: what each needs, and what it does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from fakes.telegram_server.book import Book
from fakes.telegram_server.limits import Limits
from fakes.telegram_server.parameters import Values
from fakes.telegram_server.records import Bot, Chat
from fakes.telegram_server.refusals import Refused
from fakes.telegram_server.webhooks import Postman


@dataclass(frozen=True)
class Call:
    """A method called by a bot."""

    book: Book
    bot: Bot
    method: str
    values: Values
    postman: Postman
    limits: Limits | None  # None: a bot may send as much as it likes
    requires_https: bool

    def chat(self) -> Chat:
        """The chat that may be written to.

        Raises:
            Refused: there is none for this bot, or it may not write there.
        """
        self.values.need("chat_id")
        return self.book.writable(self.bot, self.values.text("chat_id"))

    def count(self, chat: Chat) -> None:
        """One more message to a chat.

        Raises:
            Refused: too many.
        """
        if self.limits:
            self.limits.count(self.bot, chat, now=self.book.clock())


Act = Callable[[Call], Any]
Action = TypeVar("Action", bound=Act)
TABLE: dict[str, tuple[tuple[str, ...], Act]] = {}  # by the name in small letters


def on(method: str, *required: str) -> Callable[[Action], Action]:
    """Put an action into the table."""

    def put(act: Action) -> Action:
        TABLE[method.lower()] = (required, act)
        return act

    return put


def perform(call: Call) -> Any:
    """Raises:
    Refused: there is no such method, or what it needs is missing or wrong.
    """
    if call.method.lower() not in TABLE:
        raise Refused("method not found", status=404)
    required, act = TABLE[call.method.lower()]
    call.values.need(*required)
    return act(call)
