"""Customers of one firm do not wait for those of another."""

import json
from uuid import uuid4

import anyio
import pytest

from fakes.telegram_salon import heard_in, new_bot, until
from fakes.telegram_server.records import Bot
from fakes.telegram_server.server import TelegramServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.app.job_handlers import MESSAGES_AT_ONCE
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.models import IntegrationType

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(settings: Settings, telegram_server: TelegramServer) -> Settings:
    return settings.model_copy(update={"telegram_api_base": telegram_server.url})


async def test_who_writes_without_end_keeps_no_other_firm_waiting(
    sloth: AsyncSloth, tenant: AsyncTenant, telegram_server: TelegramServer
) -> None:
    """Fails where a worker goes on in a chat as long as something waits in it."""
    other = await sloth.tenant(f"t-{uuid4().hex}", create=True)
    flooded, quiet = new_bot(telegram_server), new_bot(telegram_server)
    for firm, bot in ((tenant, flooded), (other, quiet)):
        await firm.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    many = [telegram_server.add_user(f"P{number}") for number in range(MESSAGES_AT_ONCE + 8)]
    for person in many:
        for _ in range(5):
            telegram_server.write(person, flooded, "/help")
    ben = telegram_server.add_user("Ben")
    telegram_server.write(ben, quiet, "/help")
    await taken(tenant, telegram_server, flooded)
    async with sloth.worker() as crew, anyio.create_task_group() as group:
        group.start_soon(crew.work)
        await until(lambda: bool(telegram_server.sent(bot=flooded)))
        await taken(other, telegram_server, quiet)
        await heard_in(telegram_server, telegram_server.chat(ben, quiet), 1)
        before = len(telegram_server.sent(bot=flooded))
        await until(lambda: len(telegram_server.sent(bot=flooded)) >= 5 * len(many), 60)
        crew.stop()
    assert before < 2 * len(many)


async def taken(firm: AsyncTenant, server: TelegramServer, bot: Bot) -> None:
    """Put what was written to the bot into the firm's inbox."""
    [integration] = await firm.integrations()
    for told in server.deliveries(bot):
        await firm.services.inbox.take(integration, json.loads(told.body))
