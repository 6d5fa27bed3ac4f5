"""A firm on Telegram: the product and the official library, against a simulated Telegram."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from fakes.telegram_server.records import Bot, Sent, User
from fakes.telegram_server.server import TelegramServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.app.polling import answer_by_polling
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.models import IntegrationType

pytestmark = pytest.mark.anyio

PRICES = "# Prices\n\nA haircut costs 45 euros.\n\nA beard trim costs 20 euros.\n"


@pytest.fixture(autouse=True)
def _spans_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the library will have them; until then it warns."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
def settings(settings: Settings, telegram_server: TelegramServer) -> Settings:
    return settings.model_copy(update={"telegram_api_base": telegram_server.url})


@pytest.fixture
def bot(telegram_server: TelegramServer) -> Bot:
    return telegram_server.add_bot("salon_bot")


@pytest.fixture
def anna(telegram_server: TelegramServer) -> User:
    return telegram_server.add_user("Anna", username="anna", language_code="uk")


@pytest.fixture
async def salon(tenant: AsyncTenant, bot: Bot) -> AsyncTenant:
    """It knows its prices, and its bot is connected."""
    await tenant.ingest_content("prices.md", PRICES.encode())
    await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    return tenant


@asynccontextmanager
async def answered(sloth: AsyncSloth, tenant: AsyncTenant) -> AsyncIterator[None]:
    """`sloth channels run telegram` beside."""
    stop = anyio.Event()
    async with anyio.create_task_group() as group:

        async def run() -> None:
            await answer_by_polling(
                sloth, tenant, IntegrationType.TELEGRAM, stop=stop, tell=lambda _: None
            )

        group.start_soon(run)
        yield
        stop.set()


async def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - the other side is a thread
            await anyio.sleep(0.02)


def texts(sent: list[Sent]) -> list[str]:
    return [str(each.message["text"]) for each in sent]


async def test_a_customer_asks_and_is_answered_with_the_source(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
) -> None:
    async with answered(sloth, salon):
        telegram_server.write(anna, bot, "How much is a haircut?")
        await until(lambda: bool(telegram_server.sent(bot=bot)))
    [answer] = texts(telegram_server.sent(bot=bot))
    assert "45 euros" in answer
    assert "prices.md" in answer
    [conversation] = await salon.conversations()
    assert str(conversation.customer) == f"telegram:{anna.id}"
    assert conversation.messages == 2
    [integration] = await salon.integrations()
    assert (integration.messages_in, integration.messages_out) == (1, 1)
