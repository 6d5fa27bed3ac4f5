"""`sloth channels` with a bot, as somebody at a terminal uses it."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from fakes.command import Sloth
from fakes.telegram_server.faults import Fault
from fakes.telegram_server.records import Bot
from fakes.telegram_server.server import TelegramServer

PRICES = "# Ціни\n\nСтрижка коштує 900 гривень.\n"


@pytest.fixture
def bot(telegram_server: TelegramServer) -> Bot:
    return telegram_server.add_bot("salon_bot", token=f"{uuid4().int % 10**12}:secret")


@pytest.fixture
def sloth(sloth_cli: Sloth, telegram_server: TelegramServer, tmp_path: Path) -> Sloth:
    (tmp_path / "ціни.md").write_text(PRICES)
    sloth = sloth_cli.using(TELEGRAM_API_BASE=telegram_server.url)
    assert sloth("ingest", str(tmp_path / "ціни.md")).rc == 0
    return sloth


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_from_a_token_to_answers_and_a_person_with_one_command(
    sloth: Sloth, telegram_server: TelegramServer, bot: Bot
) -> None:
    olena = telegram_server.add_user("Олена", language_code="uk")
    running = sloth.start("channels", "run", "telegram", "--token", bot.token)
    try:
        telegram_server.start(olena, bot)
        until(lambda: len(telegram_server.sent(bot=bot)) == 1)
        telegram_server.write(olena, bot, "Скільки коштує стрижка?")
        until(lambda: len(telegram_server.sent(bot=bot)) == 2)
        telegram_server.write(olena, bot, "/human")
        until(lambda: len(telegram_server.sent(bot=bot)) == 3)
    finally:
        running.send_signal(signal.SIGTERM)
        _, told = running.communicate(timeout=20)
    assert (running.returncode, told.decode().splitlines()[0]) == (0, "Listening as salon_bot.")
    hello, answer, handed_over = (sent.text for sent in telegram_server.sent(bot=bot))
    assert hello.startswith("Вітаю!")
    assert "900 гривень" in answer
    assert "ціни.md" in answer
    assert "зачекайте" in handed_over
    events = sloth("channels", "events", "--json").json["items"]
    assert [event["outcome"] for event in events] == ["done", "answered", "done"]
    asked = events[1]["id"]
    replayed = sloth("channels", "replay", asked, "--json").json
    assert replayed["message"]["text"] == "Скільки коштує стрижка?"
    assert "900 гривень" in replayed["answer"]
    assert len(telegram_server.sent(bot=bot)) == 3, "nothing was sent again"
    assert sloth("channels", "replay", asked).stdout.splitlines()[0].startswith("Олена (text): ")


def test_what_is_wrong_is_named_with_what_to_do(
    sloth: Sloth, telegram_server: TelegramServer, bot: Bot
) -> None:
    public = sloth.using(PUBLIC_URL="https://sloth.test")
    connected = public("channels", "connect", "telegram", "--token", bot.token, "--json").json
    assert connected["status"] == "active"

    def findings(sloth: Sloth = public) -> dict[str, str]:
        checked = sloth("channels", "check", "telegram", "--json")
        [integration] = checked.json["integrations"]
        assert checked.rc == (0 if integration["is_well"] else 1)
        return {
            finding["name"]: f"{finding['message']} {finding['hint']}"
            for finding in integration["findings"]
            if not finding["is_well"]
        }

    assert findings() == {}
    assert "PUBLIC_URL" in findings(sloth)["webhook"], "the install has lost its address"
    bot.webhook.url = "https://elsewhere.test/hook"
    assert "elsewhere.test" in findings()["webhook"]
    telegram_server.always = Fault(status=401)
    assert "@BotFather" in findings()["account"]
    telegram_server.always = Fault(refuse=True)
    assert "did not answer" in findings()["account"]


def test_a_wrong_token_is_one_line(sloth: Sloth) -> None:
    refused = sloth("channels", "connect", "telegram", "--token", "7:wrong")
    assert refused.rc == 1
    assert "@BotFather" in refused.error
    nothing = sloth("channels", "run", "telegram")
    assert (nothing.rc, "sloth channels connect telegram" in nothing.error) == (1, True)
    wrong = sloth("channels", "run", "telegram", "--token", "7:wrong")
    assert (wrong.rc, "@BotFather" in wrong.error) == (1, True)


def test_a_token_that_is_revoked_meanwhile_is_one_line(
    sloth: Sloth, telegram_server: TelegramServer, bot: Bot
) -> None:
    assert sloth("channels", "connect", "telegram", "--token", bot.token).rc == 0
    telegram_server.always = Fault(status=401, method="getUpdates")
    ended = sloth("channels", "run", "telegram")
    assert (ended.rc, "@BotFather" in ended.error) == (1, True)


def test_no_other_messenger_is_known(sloth: Sloth) -> None:
    assert sloth("channels", "connect", "icq", "--token", "x").rc == 2
