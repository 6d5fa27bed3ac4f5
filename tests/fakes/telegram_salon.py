"""What tests of a firm on Telegram share."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from fakes.telegram_server.records import Bot, Chat, Json
from fakes.telegram_server.server import TelegramServer
from sloth_agent import AsyncSloth
from sloth_agent.app.polling import answer_by_polling
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.models import IntegrationType

PRICES = "# Prices\n\nA haircut costs 45 euros.\n\nA beard trim costs 20 euros.\n"


@asynccontextmanager
async def answered(
    sloth: AsyncSloth, tenant: AsyncTenant, *, tell: Callable[[str], None] = lambda _: None
) -> AsyncIterator[None]:
    """`sloth channels run telegram` beside."""
    stop = anyio.Event()
    async with anyio.create_task_group() as group:

        async def run() -> None:
            await answer_by_polling(sloth, tenant, IntegrationType.TELEGRAM, stop=stop, tell=tell)

        group.start_soon(run)
        yield
        stop.set()


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - the other side is a thread
            await anyio.sleep(0.02)


async def heard_in(server: TelegramServer, chat: Chat, count: int) -> list[str]:
    """What the bot has said there, once it is so much."""
    await until(lambda: len(server.sent(chat)) >= count)
    return said_in(server, chat)


def said_in(server: TelegramServer, chat: Chat) -> list[str]:
    """Texts; of what is no text, what it is."""
    return [_said(each.message) for each in server.sent(chat)]


def _said(message: Json) -> str:
    if "text" in message:
        return str(message["text"])
    kind = next(kind for kind in ("photo", "document", "voice", "sticker") if kind in message)
    return f"<{kind}>{message.get('caption', '')}"


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    with anyio.fail_after(seconds):
        while not await condition():  # noqa: ASYNC110 - it is asked of a database
            await anyio.sleep(0.05)


def new_bot(server: TelegramServer, username: str = "salon_bot") -> Bot:
    """One that no other test of the same install has connected."""
    return server.add_bot(username, token=f"{random.randrange(10**9, 10**10)}:{'x' * 35}")


def revoke(server: TelegramServer, bot: Bot) -> None:
    """What BotFather does where a token has become known."""
    with server.working() as book:
        del book.bots[bot.token]
