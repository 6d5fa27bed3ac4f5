"""A bot's line: of what was tried before, what came through is found and not sent again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fakes.telegram_salon import new_bot
from fakes.telegram_server.faults import Fault
from fakes.telegram_server.records import Bot, Json, User
from fakes.telegram_server.server import TelegramServer
from sloth_agent.adapters.channels.paces import Pace, Paces
from sloth_agent.adapters.channels.telegram import Connections, Telegram
from sloth_agent.adapters.channels.telegram_line import TelegramLine
from sloth_agent.channels.messages import Button, EarlierTry, KnownMessage, Part
from sloth_agent.channels.models import Credentials
from sloth_agent.errors import RateLimited

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HELLO = Part(text="Вітаю!")
LOOKING = "editMessageReplyMarkup"
CHOICE = Part(text="Which?", buttons=(Button(label="Polski", command="language pl"),))


@pytest.fixture
def bot(telegram_server: TelegramServer) -> Bot:
    return new_bot(telegram_server)


@pytest.fixture
def anna(telegram_server: TelegramServer) -> User:
    return telegram_server.add_user("Anna")


@pytest.fixture
async def line(telegram_server: TelegramServer, bot: Bot) -> AsyncIterator[TelegramLine]:
    telegram = Telegram(Connections(telegram_server.url))
    async with telegram.open(Credentials({"token": bot.token}), {}) as opened:
        yield opened
    await telegram.aclose()


def known(message: Json, *, at: datetime = NOW - timedelta(seconds=1)) -> KnownMessage:
    return KnownMessage(
        chat=str(message["chat"]["id"]), reference=str(message["message_id"]), known_at=at
    )


def tried(*messages: KnownMessage) -> EarlierTry:
    return EarlierTry(since=NOW, known=messages)


async def send(
    line: TelegramLine, chat: object, part: Part = HELLO, *, earlier: EarlierTry | None = None
) -> str:
    return await line.send(str(chat), part, key="7", earlier=earlier, heard_at=None)


@pytest.mark.parametrize("part", [HELLO, CHOICE], ids=["text", "buttons"])
async def test_what_came_through_is_not_sent_again(
    telegram_server: TelegramServer, line: TelegramLine, bot: Bot, anna: User, part: Part
) -> None:
    asked = telegram_server.write(anna, bot, "Ви тут?")
    first = await send(line, anna.id, part)
    assert await send(line, anna.id, part, earlier=tried(known(asked))) == first
    [sent] = telegram_server.sent(bot=bot)
    assert "edit_date" not in sent.message


async def test_what_did_not_come_through_is_sent(
    telegram_server: TelegramServer, line: TelegramLine, bot: Bot, anna: User
) -> None:
    telegram_server.write(anna, bot, "Ви тут?")
    await send(line, anna.id)
    again = telegram_server.write(anna, bot, "А зараз?")
    await send(line, anna.id, earlier=tried(known(again)))
    assert len(telegram_server.sent(bot=bot)) == 2


async def test_it_is_found_among_messages_of_others(
    telegram_server: TelegramServer, line: TelegramLine, bot: Bot, anna: User
) -> None:
    """Their numbers are those of one row: some we know, some we do not."""
    ben = telegram_server.add_user("Ben")
    asked = telegram_server.write(anna, bot, "Ви тут?")
    telegram_server.write(ben, bot, "Nobody has told us of this one.")
    first = await send(line, anna.id)
    heard = telegram_server.write(ben, bot, "Of this one we were told.")
    told = tried(known(asked), known(heard, at=NOW + timedelta(seconds=1)))
    assert await send(line, anna.id, earlier=told) == first
    assert len(telegram_server.sent(bot=bot)) == 1


async def test_the_same_answer_in_another_chat_is_another(
    telegram_server: TelegramServer, line: TelegramLine, bot: Bot, anna: User
) -> None:
    ben = telegram_server.add_user("Ben")
    asked = [telegram_server.write(each, bot, "Ви тут?") for each in (anna, ben)]
    await send(line, ben.id)
    await send(line, anna.id, earlier=tried(*map(known, asked)))
    assert len(telegram_server.sent(bot=bot)) == 2


async def test_a_supergroup_counts_for_itself(
    telegram_server: TelegramServer, line: TelegramLine, bot: Bot, anna: User
) -> None:
    group = telegram_server.add_group("Team", type="supergroup")
    telegram_server.add_to_group(bot, group, anna)
    elsewhere = [telegram_server.write(anna, bot, f"Far ahead: {number}") for number in range(30)]
    asked = telegram_server.write(anna, group, "/help@salon_bot")
    first = await send(line, group.id)
    told = tried(known(asked), *map(known, elsewhere))
    assert await send(line, group.id, earlier=told) == first
    assert len(telegram_server.sent(group, bot=bot)) == 1


async def test_put_off_in_the_midst_it_goes_on_from_there(
    telegram_server: TelegramServer, line: TelegramLine, bot: Bot, anna: User
) -> None:
    """Else Telegram could put it off at the same place for ever: here at each third question."""
    ben = telegram_server.add_user("Ben")
    asked = telegram_server.write(anna, bot, "Ви тут?")
    for number in range(3):
        telegram_server.write(ben, bot, f"Nobody has told us of this one: {number}")
    first = await send(line, anna.id)
    none = Fault(method=LOOKING)
    put_off = Fault(status=429, retry_after=1, method=LOOKING)
    telegram_server.faults += [none, none, put_off, none, put_off]
    with pytest.raises(RateLimited):
        await send(line, anna.id, earlier=tried(known(asked)))
    with pytest.raises(RateLimited):
        await send(line, anna.id, earlier=tried(known(asked)))
    assert await send(line, anna.id, earlier=tried(known(asked))) == first


async def test_what_was_put_off_is_not_looked_for(
    telegram_server: TelegramServer, line: TelegramLine, bot: Bot, anna: User
) -> None:
    asked = telegram_server.write(anna, bot, "Ви тут?")
    telegram_server.faults.append(Fault(status=429, retry_after=1, method="sendMessage"))
    with pytest.raises(RateLimited):
        await send(line, anna.id)
    telegram_server.faults.append(looked := Fault(method=LOOKING))
    await send(line, anna.id, earlier=tried(known(asked)))
    assert list(telegram_server.faults) == [looked], "nobody asked"
    telegram_server.faults.clear()
    assert len(telegram_server.sent(bot=bot)) == 1


async def test_groups_that_have_had_their_share_silence_nobody_else(
    telegram_server: TelegramServer, line: TelegramLine, bot: Bot, anna: User
) -> None:
    """Only Telegram can say that the whole bot has to wait; our own pace is each group's."""
    paced = replace(line, paces=Paces(seconds=0.0, pace_of=lambda _: Pace(0.0, most_a_minute=1)))
    telegram_server.write(anna, bot, "Ви тут?")
    for _ in range(2):
        group = telegram_server.add_group("Team")
        telegram_server.add_to_group(bot, group, anna)
        await send(paced, group.id)
        with pytest.raises(RateLimited):
            await send(paced, group.id)
    await send(paced, anna.id)
    assert len(telegram_server.sent(bot=bot)) == 3


async def test_where_nothing_is_known_it_is_sent_again(
    telegram_server: TelegramServer, line: TelegramLine, bot: Bot, anna: User
) -> None:
    telegram_server.write(anna, bot, "Ви тут?")
    await send(line, anna.id)
    await send(line, anna.id, earlier=tried())
    assert len(telegram_server.sent(bot=bot)) == 2
