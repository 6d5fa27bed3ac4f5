"""The channel doctor: what is wrong with a firm's bot is named, with what to do."""

from collections.abc import AsyncIterator

import pytest

from fakes.telegram_salon import answered, heard_in, new_bot, until
from fakes.telegram_server.faults import Fault
from fakes.telegram_server.records import Bot, User
from fakes.telegram_server.server import TelegramServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.messages import Finding
from sloth_agent.channels.models import IntegrationType
from sloth_agent.tenants.audit import SYSTEM

pytestmark = pytest.mark.anyio

PUBLIC = "https://sloth.test"


@pytest.fixture
def settings(settings: Settings, telegram_server: TelegramServer) -> Settings:
    return settings.model_copy(update={"telegram_api_base": telegram_server.url})


@pytest.fixture
def bot(telegram_server: TelegramServer) -> Bot:
    return new_bot(telegram_server)


@pytest.fixture
def anna(telegram_server: TelegramServer) -> User:
    return telegram_server.add_user("Anna")


@pytest.fixture
async def salon(sloth: AsyncSloth, tenant: AsyncTenant, bot: Bot) -> AsyncIterator[AsyncTenant]:
    await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    async with answered(sloth, tenant):
        yield tenant


async def found(salon: AsyncTenant, name: str) -> Finding:
    [integration] = await salon.integrations()
    findings = (await salon.check_integration(integration.id)).findings
    return next(finding for finding in findings if finding.name == name)


async def test_who_blocks_the_bot_is_counted_and_no_fault(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    ben = telegram_server.add_user("Ben")
    for person in (anna, ben):
        telegram_server.start(person, bot)
        await heard_in(telegram_server, telegram_server.chat(person, bot), 1)
    telegram_server.faults.append(Fault(status=403, method="sendMessage", chat_id=anna.id))
    telegram_server.write(anna, bot, "/help")
    await until(lambda: not telegram_server.faults)
    telegram_server.write(ben, bot, "/help")
    await heard_in(telegram_server, telegram_server.chat(ben, bot), 2)
    blocked = await found(salon, "blocked")
    assert (blocked.message[:7], blocked.is_well) == ("1 of 2 ", True)
    assert (await found(salon, "replies")).is_well


async def test_replies_that_were_lost_are_told(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    telegram_server.faults.append(Fault(status=400, method="sendMessage"))
    telegram_server.start(anna, bot)
    await until(lambda: not telegram_server.faults)
    telegram_server.write(anna, bot, "/help")
    await heard_in(telegram_server, telegram_server.chat(anna, bot), 1)
    lost = await found(salon, "replies")
    assert (lost.is_well, lost.message) == (False, "Lost within a day: 1.")
    assert "Telegram refused it" in str(lost.hint)


async def test_a_staff_chat_that_is_gone_is_told(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    olha = telegram_server.add_user("Olha")
    olhas = telegram_server.chat(olha, bot)
    [integration] = await salon.integrations()
    code = await salon.staff_code(integration.id, by=SYSTEM)
    telegram_server.write(olha, bot, f"/staff {code.code}")
    await heard_in(telegram_server, olhas, 1)
    assert (await found(salon, "staff_chat")).is_well
    telegram_server.faults.append(Fault(status=403, method="sendMessage", chat_id=olha.id))
    telegram_server.write(anna, bot, "/human")
    await heard_in(telegram_server, telegram_server.chat(anna, bot), 1)
    await until(lambda: not telegram_server.faults)
    telegram_server.write(anna, bot, "/language pl")
    await heard_in(telegram_server, telegram_server.chat(anna, bot), 2)
    gone = await found(salon, "staff_chat")
    assert (gone.is_well, "sloth channels staff" in str(gone.hint)) == (False, True)
