"""Telegram's webhooks over HTTP: who is let in, what survives, and that nothing comes twice."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import anyio
import pytest

from fakes.api import Api, Firm, api
from fakes.bot_contract import bot_contract
from fakes.telegram_salon import answered, until
from fakes.telegram_server.malformed import malformed_updates
from fakes.telegram_server.records import Bot
from fakes.telegram_server.server import TelegramServer
from sloth_agent import Settings
from sloth_agent.app.tenant_services import TenantServices
from sloth_agent.ids import IntegrationId
from sloth_agent.jobs.models import JobStatus
from sloth_agent.tenants.audit import Actor

pytestmark = pytest.mark.anyio

SECRET = "X-Telegram-Bot-Api-Secret-Token"


@pytest.fixture
async def served(settings: Settings, telegram_server: TelegramServer) -> AsyncIterator[Api]:
    changed = {
        "telegram_api_base": telegram_server.url,
        "public_url": "https://sloth.test",
        "serve_jobs": False,
        "address_requests_per_minute": 10**6,
    }
    async with api(settings.model_copy(update=changed)) as served:
        yield served


@pytest.fixture
async def bot(served: Api, telegram_server: TelegramServer) -> "Connected":
    return await connected(served, telegram_server)


class Connected:
    """A firm's bot, and where it is told of."""

    def __init__(self, bot: Bot, id: str, tenant: TenantServices, secret: str) -> None:
        self.bot = bot
        self.path = f"/api/integrations/webhooks/telegram/{id}/"
        self.tenant = tenant
        self.secret = secret

    async def events(self, which: str = "") -> int:
        [[(count,)]] = await self.tenant.home.at_once(
            self.tenant.schema, f"select count(*) from channel_events {which}"
        )
        return int(count)


async def connected(served: Api, server: TelegramServer) -> Connected:
    bot = server.add_bot("salon_bot", token=f"{uuid4().int % 10**12}:secret")
    owner: Firm = await served.signed_up()
    slug = owner.registered["user"]["organization"]["slug"]
    services = served.platform.services
    organization = await services.organizations.show(slug)
    await services.subscriptions.activate(
        organization.id, "enterprise", days=30, cycle=None, by=Actor(name="tests")
    )
    with anyio.fail_after(10):
        while True:  # until the server has heard of the plan
            made = await owner.post("/api/integrations/telegram/connect/", {"token": bot.token})
            if made.status_code == 201:
                break
            await anyio.sleep(0.2)
    tenant = (await served.platform.sloth.tenant(slug)).services
    credentials = await tenant.integrations.credentials(IntegrationId(UUID(made.json()["id"])))
    return Connected(bot, made.json()["id"], tenant, credentials.values["webhook_secret"])


async def test_telegram_is_told_the_address_and_a_secret(bot: Connected) -> None:
    assert bot.bot.webhook.url == f"https://sloth.test{bot.path}"
    assert bot.bot.webhook.secret_token == bot.secret
    assert len(bot.secret) >= 32


async def test_only_telegram_is_let_in(
    served: Api, telegram_server: TelegramServer, bot: Connected
) -> None:
    other = await connected(served, telegram_server)
    anna = telegram_server.add_user("Anna")
    telegram_server.write(anna, bot.bot, "How much is a haircut?")
    [delivery] = telegram_server.deliveries(bot.bot)
    for secret in (None, "", "wrong", other.secret, bot.secret[:-1]):
        headers = {} if secret is None else {SECRET: secret}
        answer = await served.client.post(bot.path, content=delivery.body, headers=headers)
        assert answer.status_code == 403
    for path in (bot.path.replace("telegram/", "whatsapp/"), other.path[:-8] + "0000000/"):
        answer = await served.client.post(path, content=delivery.body, headers={SECRET: bot.secret})
        assert answer.status_code == 404
    assert (await bot.events(), await other.events()) == (0, 0)
    answer = await served.client.post(bot.path, content=delivery.body, headers=delivery.headers)
    assert answer.status_code == 204
    assert (await bot.events(), await other.events()) == (1, 0)


async def test_an_integration_that_was_disconnected_takes_nothing(
    served: Api, telegram_server: TelegramServer, bot: Connected
) -> None:
    anna = telegram_server.add_user("Anna")
    telegram_server.write(anna, bot.bot, "How much is a haircut?")
    [delivery] = telegram_server.deliveries(bot.bot)
    tenant = await served.platform.sloth.tenant(bot.tenant.organization.slug)
    [integration] = await tenant.integrations()
    await tenant.disconnect(integration.id)
    assert bot.bot.webhook.url == "", "Telegram is told to stop"
    answer = await served.client.post(bot.path, content=delivery.body, headers=delivery.headers)
    assert answer.status_code == 404


async def test_a_bot_that_has_moved_to_another_install_goes_on_there(
    served: Api, bot: Connected
) -> None:
    """Fails where what is forgotten here is taken from Telegram, whoever has set it."""
    bot.bot.webhook.url = "https://elsewhere.test/api/integrations/webhooks/telegram/7/"
    tenant = await served.platform.sloth.tenant(bot.tenant.organization.slug)
    [integration] = await tenant.integrations()
    await tenant.disconnect(integration.id)
    assert bot.bot.webhook.url == "https://elsewhere.test/api/integrations/webhooks/telegram/7/"


async def test_who_polls_for_a_while_gives_the_webhook_back(
    served: Api, telegram_server: TelegramServer, bot: Connected
) -> None:
    sloth = served.platform.sloth
    tenant = await sloth.tenant(bot.tenant.organization.slug)
    told: list[str] = []
    async with answered(sloth, tenant, tell=told.append):
        await until(lambda: not bot.bot.webhook.url)
        telegram_server.write(telegram_server.add_user("Anna"), bot.bot, "/help")
        await until(lambda: bool(telegram_server.sent(bot=bot.bot)))
    assert bot.bot.webhook.url == f"https://sloth.test{bot.path}"
    assert bot.bot.webhook.secret_token == bot.secret
    assert told == ["Listening as salon_bot, its webhook is set aside meanwhile."]


async def test_malformed_updates_do_no_harm(served: Api, bot: Connected, contracts: Path) -> None:
    contract = bot_contract(contracts / "telegram.bot-api.json")
    seen: Counter[int] = Counter()
    for body in malformed_updates(contract, 500, seed=7):
        answer = await served.client.post(bot.path, content=body, headers={SECRET: bot.secret})
        seen[answer.status_code] += 1
    assert set(seen) <= {204, 422}, seen
    assert sum(seen.values()) == 500
    kept = await bot.events()
    assert kept > 20, "many are well enough to be kept"
    async with served.platform.sloth.worker() as crew, anyio.create_task_group() as group:
        group.start_soon(crew.work)
        with anyio.fail_after(60):
            while await bot.events("where handled_at is null"):  # noqa: ASYNC110 - another's work
                await anyio.sleep(0.1)
        crew.stop()
    jobs = await served.platform.services.jobs.list(
        schema_name=bot.tenant.schema, statuses=tuple(JobStatus), limit=1000
    )
    assert [job for job in jobs if job.problem is not None] == []
