"""A person takes a chat, or somebody is forgotten, while a slow model writes an answer."""

from collections.abc import AsyncIterator

import anyio
import pytest
from pydantic import SecretStr

from fakes.canaries import places_of
from fakes.openai_server import Fault, OpenAIServer
from fakes.telegram_salon import PRICES, answered, eventually, heard_in, new_bot, until
from fakes.telegram_server.records import Bot, User
from fakes.telegram_server.server import TelegramServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.agent.models import Speaker
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import Resource
from sloth_agent.channels.chats import ChatState
from sloth_agent.channels.models import IntegrationType
from sloth_agent.errors import NotFound

pytestmark = pytest.mark.anyio

QUESTION = "How much is a haircut?"


@pytest.fixture
def settings(
    settings: Settings, telegram_server: TelegramServer, openai_server: OpenAIServer
) -> Settings:
    openai_server.always = Fault(delay_seconds=1.5)
    return settings.model_copy(
        update={
            "telegram_api_base": telegram_server.url,
            "chat": "openai",
            "openai_api_key": SecretStr("sk-test"),
            "openai_base_url": openai_server.url,
        }
    )


@pytest.fixture
def bot(telegram_server: TelegramServer) -> Bot:
    return new_bot(telegram_server)


@pytest.fixture
def anna(telegram_server: TelegramServer) -> User:
    return telegram_server.add_user("Anna", language_code="en")


@pytest.fixture
async def salon(sloth: AsyncSloth, slug: str, bot: Bot) -> AsyncIterator[AsyncTenant]:
    await sloth.create_tenant(slug, plan="professional")
    tenant = await sloth.tenant(slug)
    await tenant.ingest_content("prices.md", PRICES.encode())
    await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    async with answered(sloth, tenant):
        yield tenant


async def used(salon: AsyncTenant) -> tuple[int, int]:
    """Messages of the plan: those that count, and those that may come to count."""
    report = await salon.usage()
    meter = next(m for m in report.meters if m.room.resource is Resource.MESSAGES)
    return meter.used, meter.reserved


async def test_no_answer_of_a_model_comes_after_staff_took_the_chat(
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    openai_server: OpenAIServer,
    bot: Bot,
    anna: User,
) -> None:
    """Fails where the step of an answer does not say from which state alone it is for."""
    telegram_server.write(anna, bot, QUESTION)
    await until(lambda: bool(openai_server.asked("/chat/completions")))
    [shown] = await salon.chats()
    await salon.answer_chat(shown.chat.id, "It is 45 euros; when will you come?")

    async def is_passed_on() -> bool:
        return len((await salon.show_chat(shown.chat.id)).messages) == 2

    await eventually(is_passed_on)
    assert await heard_in(telegram_server, telegram_server.chat(anna, bot), 1) == [
        "It is 45 euros; when will you come?"
    ]
    told = await salon.show_chat(shown.chat.id)
    assert told.chat.state is ChatState.PERSON
    assert {message.speaker for message in told.messages} == {Speaker.STAFF, Speaker.USER}
    assert await used(salon) == (0, 0)


async def test_who_is_forgotten_meanwhile_hears_nothing_and_leaves_nothing(
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    openai_server: OpenAIServer,
    bot: Bot,
    anna: User,
) -> None:
    telegram_server.write(anna, bot, QUESTION)
    await until(lambda: bool(openai_server.asked("/chat/completions")))
    customer = f"telegram:{anna.id}"
    assert (await salon.delete_customer(customer)).chats == 1
    await anyio.sleep(3)
    assert telegram_server.sent(telegram_server.chat(anna, bot)) == []
    places = await places_of(salon, QUESTION, f"{anna.id}")
    assert [place for place in places if place.startswith(salon.services.schema)] == []
    with pytest.raises(NotFound):
        await salon.export_customer(customer)
    assert await used(salon) == (0, 0)
