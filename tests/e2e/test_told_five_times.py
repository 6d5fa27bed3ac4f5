"""All is told five times, in any order, while workers die: there is one reply to each."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import anyio
import anyio.to_thread
import httpx
import pytest

from fakes.api import server_process
from fakes.command import Sloth
from fakes.telegram_server.server import TelegramServer
from fakes.twilio_server.account import NUMBER
from fakes.twilio_server.server import TwilioServer
from fakes.workers import working
from sloth_agent import AsyncSloth, Settings
from sloth_agent.channels.models import Integration, IntegrationType

pytestmark = pytest.mark.anyio

PUBLIC = "https://sloth.test"
COPIES, TOGETHER = 5, 40


class Told(Protocol):
    """One request to a webhook."""

    @property
    def body(self) -> bytes: ...

    @property
    def headers(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Messenger:
    """A simulated messenger, as far as this test uses it."""

    type: IntegrationType
    variables: dict[str, str]
    credentials: dict[str, str]
    told: Callable[[str], Sequence[Told]]  # what it tells to an address
    replies: Callable[[], Counter[str]]  # of each person
    people: tuple[str, ...]


@pytest.fixture
def telegram(telegram_server: TelegramServer, request: pytest.FixtureRequest) -> Messenger:
    bot = telegram_server.add_bot("salon_bot")
    people = [telegram_server.add_user(f"P{n}") for n in range(request.config.option.updates)]
    for person in people:
        telegram_server.write(person, bot, "How much is a haircut?")
    return Messenger(
        type=IntegrationType.TELEGRAM,
        variables={"TELEGRAM_API_BASE": telegram_server.url},
        credentials={"token": bot.token},
        told=lambda _: telegram_server.deliveries(bot),
        replies=lambda: Counter(
            str(sent.message["chat"]["id"]) for sent in telegram_server.sent(bot=bot)
        ),
        people=tuple(str(person.id) for person in people),
    )


@pytest.fixture
def whatsapp(twilio_server: TwilioServer, request: pytest.FixtureRequest) -> Messenger:
    twilio_server.advance(datetime.now(UTC))
    people = tuple(f"+380501{number:06}" for number in range(request.config.option.updates))
    for person in people:
        twilio_server.write(person, "How much is a haircut?")
    return Messenger(
        type=IntegrationType.WHATSAPP,
        variables={"TWILIO_API_BASE": twilio_server.url},
        credentials={
            "account_sid": twilio_server.sid,
            "auth_token": twilio_server.auth_token,
            "number": NUMBER,
        },
        told=lambda path: twilio_server.deliveries("message", url=PUBLIC + path),
        replies=lambda: Counter({person: len(twilio_server.texts_to(person)) for person in people}),
        people=people,
    )


@pytest.fixture(params=["telegram", "whatsapp"])
def messenger(request: pytest.FixtureRequest) -> Messenger:
    chosen: Messenger = request.getfixturevalue(request.param)
    return chosen


async def test_each_is_answered_once(
    messenger: Messenger, own_settings: Settings, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Without the claim that fences what is stored, with a try that begins a chat anew, or without
    looking for what was sent in the moment of a kill, replies come twice.
    """
    kills: int = pytestconfig.getoption("--kills")
    command = Sloth(own_settings.home, tmp_path, "salon").using(
        PUBLIC_URL=PUBLIC, **messenger.variables
    )
    settings = own_settings.model_copy(
        update={"public_url": PUBLIC}
        | {name.lower(): value for name, value in messenger.variables.items()}
    )
    integration = await connected(settings, messenger)
    path = f"/api/integrations/webhooks/{messenger.type}/{integration.id}/"
    copies = [*messenger.told(path)] * COPIES
    random.Random(4).shuffle(copies)
    with server_process(command.environment, "--no-jobs") as server:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, work_and_die, command, kills)
            statuses = await all_told(server.address + path, copies)
        with working(command), anyio.fail_after(240):
            while +messenger.replies() < Counter(messenger.people):  # noqa: ASYNC110 - another's
                await anyio.sleep(0.2)
            await anyio.sleep(3)  # what comes twice comes now
    assert statuses == {204: len(messenger.people) * COPIES}
    assert +messenger.replies() == Counter(messenger.people), "to each, and to nobody else"


async def connected(settings: Settings, messenger: Messenger) -> Integration:
    async with AsyncSloth(settings) as sloth:
        tenant = await sloth.tenant("salon", create=True)
        await tenant.ingest_content("prices.md", b"# Prices\n\nA haircut costs 45 euros.\n")
        return await tenant.connect(messenger.type, messenger.credentials)


async def all_told(url: str, copies: Sequence[Told]) -> Counter[int]:
    statuses: Counter[int] = Counter()
    together = anyio.Semaphore(TOGETHER)

    async def tell(client: httpx.AsyncClient, told: Told) -> None:
        async with together:
            answer = await client.post(url, content=told.body, headers=told.headers)
            statuses[answer.status_code] += 1

    async with httpx.AsyncClient(timeout=60) as client, anyio.create_task_group() as group:
        for told in copies:
            group.start_soon(tell, client, told)
    return statuses


def work_and_die(command: Sloth, kills: int) -> None:
    for _ in range(kills):
        with working(command):
            time.sleep(3)
