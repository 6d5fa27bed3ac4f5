"""A stranger with a script does not use up a firm's month."""

import pytest

from fakes.telegram_salon import PRICES, answered, heard_in, new_bot, said_in
from fakes.telegram_server.server import TelegramServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import Resource
from sloth_agent.channels.chats import EventOutcome
from sloth_agent.channels.models import IntegrationType

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(settings: Settings, telegram_server: TelegramServer) -> Settings:
    return settings.model_copy(
        update={"telegram_api_base": telegram_server.url, "chat_turns_per_day": 2}
    )


async def test_what_is_too_much_is_refused_and_that_is_said_once(
    sloth: AsyncSloth, tenant: AsyncTenant, telegram_server: TelegramServer
) -> None:
    bot, anna = new_bot(telegram_server), telegram_server.add_user("Anna")
    annas = telegram_server.chat(anna, bot)
    await tenant.ingest_content("prices.md", PRICES.encode())
    await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    async with answered(sloth, tenant):
        for number in range(1, 4):
            telegram_server.write(anna, bot, "How much is a haircut?")
            await heard_in(telegram_server, annas, number)
        for _ in range(2):
            telegram_server.write(anna, bot, "/human")
        ben = telegram_server.add_user("Ben")
        telegram_server.write(ben, bot, "How much is a haircut?")
        [bens] = await heard_in(telegram_server, telegram_server.chat(ben, bot), 1)
    said = said_in(telegram_server, annas)
    assert ["45 euros" in each for each in said] == [True, True, False]
    assert "a lot at once" in said[2]
    assert "45 euros" in bens
    outcomes = [event.outcome for event in await tenant.channel_events()]
    assert outcomes.count(EventOutcome.REFUSED) == 3
    meters = {meter.room.resource: meter.used for meter in (await tenant.usage()).meters}
    assert meters[Resource.MESSAGES] == 3
