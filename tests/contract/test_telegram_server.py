"""The simulated Telegram, driven by the official library: what other tests then rely on."""

import asyncio
import json
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import telegram
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.request import HTTPXRequest

from fakes.bot_contract import BotContract, bot_contract
from fakes.telegram_server.faults import Fault
from fakes.telegram_server.in_process import InProcess
from fakes.telegram_server.limits import Limits
from fakes.telegram_server.malformed import STRANGE, malformed_updates
from fakes.telegram_server.operations.everything import TABLE
from fakes.telegram_server.parameters import Values
from fakes.telegram_server.people import Telegram
from fakes.telegram_server.records import Bot, User
from fakes.telegram_server.server import TelegramServer

pytestmark = pytest.mark.anyio
PLAIN = {"verify": False, "trust_env": False}  # certificates take a while to read
SECRET = "X-Telegram-Bot-Api-Secret-Token"


@pytest.fixture
def salon(telegram_server: TelegramServer) -> Bot:
    return telegram_server.add_bot("salon_bot")


@pytest.fixture
def anna(telegram_server: TelegramServer) -> User:
    return telegram_server.add_user("Anna", username="anna", language_code="uk")


@pytest.fixture
async def bot(telegram_server: TelegramServer, salon: Bot) -> AsyncIterator[telegram.Bot]:
    async with client_of(telegram_server, salon.token) as client:
        yield client


@asynccontextmanager
async def client_of(server: TelegramServer, token: str) -> AsyncIterator[telegram.Bot]:
    """With a patience that a test can wait for."""
    async with telegram.Bot(
        token,
        base_url=server.base_url,
        base_file_url=server.base_file_url,
        request=HTTPXRequest(read_timeout=1, connection_pool_size=64, httpx_kwargs=PLAIN),
        get_updates_request=HTTPXRequest(connection_pool_size=2, httpx_kwargs=PLAIN),
    ) as client:
        yield client


@pytest.fixture
def contract(contracts: Path) -> BotContract:
    return bot_contract(contracts / "telegram.bot-api.json")


# Bots and tokens


async def test_a_bot_is_who_its_token_says(bot: telegram.Bot, salon: Bot) -> None:
    assert (bot.id, bot.username) == (salon.id, "salon_bot")
    assert bot.can_read_all_group_messages is False


@pytest.mark.parametrize("token", ["7:wrong", "nonsense"])
async def test_a_wrong_token_is_refused(telegram_server: TelegramServer, token: str) -> None:
    with pytest.raises(InvalidToken):
        async with client_of(telegram_server, token):
            pass


async def test_commands_are_kept_by_scope_and_language(bot: telegram.Bot) -> None:
    await bot.set_my_commands([("start", "Почати"), ("help", "Допомога")], language_code="uk")
    assert [each.command for each in await bot.get_my_commands(language_code="uk")] == [
        "start",
        "help",
    ]
    assert await bot.get_my_commands() == ()
    with pytest.raises(BadRequest):
        await bot.set_my_commands([("Start!", "no")])


# Asking for updates


async def test_updates_come_in_order_until_they_are_confirmed(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    for text in ("one", "two", "three"):
        telegram_server.write(anna, salon, text)
    first, second = await bot.get_updates(limit=2)
    assert second.update_id == first.update_id + 1
    assert texts(await bot.get_updates(offset=second.update_id)) == ["two", "three"]
    assert texts(await bot.get_updates(offset=-1)) == ["three"]
    assert texts(await bot.get_updates()) == ["three"]
    assert telegram_server.pending(salon) == 1


def texts(updates: tuple[telegram.Update, ...]) -> list[str | None]:
    return [update.message.text for update in updates if update.message]


async def test_whoever_waits_is_woken(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    waiting = asyncio.create_task(bot.get_updates(timeout=10))
    await until(lambda: telegram_server.requests[-1].method == "getUpdates")
    telegram_server.write(anna, salon, "Привіт")
    assert texts(await waiting) == ["Привіт"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # the other side is a thread
            await asyncio.sleep(0.005)


async def test_only_one_may_ask(telegram_server: TelegramServer, bot: telegram.Bot) -> None:
    waiting = asyncio.create_task(bot.get_updates(timeout=10))
    await until(lambda: telegram_server.requests[-1].method == "getUpdates")
    await bot.get_updates()
    with pytest.raises(Conflict, match="terminated by other getUpdates request"):
        await waiting
    await bot.set_webhook("http://127.0.0.1:9/hook")
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert await bot.get_updates() == ()


async def test_only_the_kinds_that_are_wanted(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    await bot.get_updates(allowed_updates=["edited_message"])
    message = telegram_server.write(anna, salon, "one")
    telegram_server.edit(anna, salon, message, "two")
    [update] = await bot.get_updates()
    assert update.edited_message is not None
    assert (update.edited_message.text, update.message) == ("two", None)
    assert update.edited_message.edit_date is not None


# What people do


async def test_everything_that_people_send(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    telegram_server.start(anna, salon, "ref42")
    telegram_server.write(anna, salon, "🏟 see @salon_bot, https://a.example/x?")
    telegram_server.send_photo(anna, salon, b"jpeg", caption="стрижка")
    telegram_server.send_document(anna, salon, "price.pdf", b"%PDF")
    telegram_server.send_voice(anna, salon, b"ogg", seconds=7)
    telegram_server.send_location(anna, salon, 50.45, 30.52)
    telegram_server.send_sticker(anna, salon, "💅")
    telegram_server.send_contact(anna, salon, "+380501234567")
    updates = await bot.get_updates()
    start, words, photo, document, voice, place, sticker, contact = (
        update.message for update in updates if update.message
    )
    assert start.text == "/start ref42"
    assert start.from_user is not None
    assert (start.from_user.language_code, start.chat.type) == ("uk", "private")
    assert start.parse_entities(["bot_command"]) == {start.entities[0]: "/start"}
    assert list(words.parse_entities().values()) == ["@salon_bot", "https://a.example/x"]
    assert photo.caption == "стрижка"
    assert photo.photo[-1].width == 1280
    assert document.document is not None
    assert document.document.mime_type == "application/pdf"
    assert voice.voice is not None
    assert voice.voice.duration == timedelta(seconds=7)
    assert place.location is not None
    assert place.location.latitude == 50.45
    assert sticker.sticker is not None
    assert sticker.sticker.emoji == "💅"
    assert contact.contact is not None
    assert contact.contact.user_id == anna.id


async def test_files_are_fetched_by_their_bot_alone(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    data = bytes(range(256)) * 300
    sent = telegram_server.send_document(anna, salon, "price.pdf", data)
    id = sent["document"]["file_id"]
    file = await bot.get_file(id)
    assert file.file_path is not None
    assert file.file_path.startswith(f"{telegram_server.base_file_url}{salon.token}/documents/")
    assert bytes(await file.download_as_bytearray()) == data
    big = telegram_server.send_document(anna, salon, "film.mp4", b"", size=21 * 1024 * 1024)
    with pytest.raises(BadRequest, match=r"[Ff]ile is too big"):
        await bot.get_file(big["document"]["file_id"])
    other = telegram_server.add_bot("other_bot")
    async with client_of(telegram_server, other.token) as stranger:
        with pytest.raises(BadRequest, match="Wrong file_id"):
            await stranger.get_file(id)
    stolen = file.file_path.replace(salon.token, other.token)
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(stolen)).status_code == 404


async def test_buttons_are_pressed_and_answered(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    telegram_server.start(anna, salon)
    buttons = telegram.InlineKeyboardMarkup.from_row(
        [telegram.InlineKeyboardButton(text, callback_data=text.lower()) for text in ("Yes", "No")]
    )
    asked = await bot.send_message(anna.id, "Sure?", reply_markup=buttons)
    query_id = telegram_server.press(anna, salon, "No")
    update = (await bot.get_updates())[-1]
    query = update.callback_query
    assert query is not None
    assert (query.id, query.data, query.from_user.id) == (query_id, "no", anna.id)
    assert isinstance(query.message, telegram.Message)
    assert query.message.message_id == asked.message_id
    assert telegram_server.answer_to(query_id) is None
    await query.answer("Ok", show_alert=True)
    assert telegram_server.answer_to(query_id) == {"text": "Ok", "show_alert": True}
    await query.edit_message_text("No, then.")
    [_, shown] = telegram_server.shown(telegram_server.chat(anna, salon))
    assert (shown["text"], "reply_markup" in shown) == ("No, then.", False)
    with pytest.raises(LookupError):
        telegram_server.press(anna, salon, "Yes")
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await bot.answer_callback_query("17")
    long = telegram.InlineKeyboardButton("Yes", callback_data="я" * 32 + "!")
    below = telegram.InlineKeyboardMarkup([[long]])
    with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
        await bot.send_message(anna.id, "Sure?", reply_markup=below)


async def test_a_blocked_bot_is_told_and_refused(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    telegram_server.start(anna, salon)
    telegram_server.block(anna, salon)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(anna.id, "Hello?")
    telegram_server.start(anna, salon)
    await bot.send_message(anna.id, "Hello!")
    changes = [each.my_chat_member for each in await bot.get_updates() if each.my_chat_member]
    assert [each.new_chat_member.status for each in changes] == ["kicked", "member"]
    telegram_server.delete_account(anna)
    with pytest.raises(Forbidden, match="user is deactivated"):
        await bot.send_message(anna.id, "Hello?")


async def test_bots_do_not_write_to_strangers(
    telegram_server: TelegramServer, anna: User, bot: telegram.Bot
) -> None:
    other = telegram_server.add_bot("other_bot")
    telegram_server.start(anna, other)
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.send_message(anna.id, "Hello?")
    assert await bot.get_updates() == ()


# Groups


async def test_in_a_group_a_bot_gets_what_is_meant_for_it(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    reader = telegram_server.add_bot("reader_bot", reads_all_messages=True)
    bohdan = telegram_server.add_user("Bohdan")
    group = telegram_server.add_group("Girls", anna, bohdan)
    for each in (salon, reader):
        telegram_server.add_to_group(each, group, anna)
    said = await bot.send_message(group.id, "Hello, I am new here.")
    telegram_server.write(anna, group, "What do you think, Bohdan?")
    telegram_server.write(anna, group, "Is @salon_bot any good?")
    telegram_server.write(bohdan, group, "Hi bot", reply_to=said.to_dict())
    telegram_server.write(bohdan, group, "/price@salon_bot")
    telegram_server.write(bohdan, group, "/price@reader_bot")
    seen = texts(await bot.get_updates())
    assert [each for each in seen if each] == [
        "Is @salon_bot any good?",
        "Hi bot",
        "/price@salon_bot",
    ]
    everything = [
        each["message"].get("text") for each in telegram_server.updates(reader, "message")
    ]
    assert len([each for each in everything if each]) == 5


async def test_people_and_bots_come_and_go(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    group = telegram_server.add_group("Girls", anna)
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.send_message(group.id, "Hello?")
    telegram_server.add_to_group(salon, group, anna)
    olena = telegram_server.add_user("Olena")
    telegram_server.join(olena, group)
    assert (await bot.get_chat_member(group.id, olena.id)).status == "member"
    with pytest.raises(Forbidden, match="can't initiate conversation"):
        await bot.send_message(olena.id, "Hello?")
    telegram_server.leave(olena, group)
    telegram_server.remove_from_group(salon, group, anna)
    with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
        await bot.send_message(group.id, "Hello?")
    added, service, joined, left, kicked = await bot.get_updates()
    assert added.my_chat_member is not None
    assert added.my_chat_member.new_chat_member.status == "member"
    assert service.message is not None
    assert [each.id for each in service.message.new_chat_members] == [salon.id]
    assert joined.message is not None
    assert joined.message.new_chat_members[0].first_name == "Olena"
    assert left.message is not None
    assert left.message.left_chat_member is not None
    assert kicked.my_chat_member is not None
    assert kicked.my_chat_member.new_chat_member.status == "kicked"


async def test_administrators_may_ask_for_members(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    group = telegram_server.add_group("Girls", anna)
    telegram_server.add_to_group(salon, group, anna, status="administrator")
    olena = telegram_server.add_user("Olena")
    telegram_server.join(olena, group)
    await bot.get_updates(allowed_updates=["chat_member"])
    telegram_server.leave(olena, group)
    [left] = telegram_server.updates(salon, "chat_member")
    assert left["chat_member"]["new_chat_member"]["status"] == "left"


async def test_a_group_becomes_a_supergroup(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    group = telegram_server.add_group("Girls", anna, type="group")
    telegram_server.add_to_group(salon, group, anna)
    new = telegram_server.upgrade(group, anna)
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(group.id, "Hello?")
    assert moved.value.new_chat_id == new.id
    assert (await bot.get_chat(new.id)).type == "supergroup"
    await bot.send_message(new.id, "Hello!")


# What bots send


async def test_what_was_sent_is_kept_in_order(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    telegram_server.start(anna, salon)
    before = time.time()
    await bot.send_chat_action(anna.id, "typing")
    first = await bot.send_message(anna.id, "  <b>Hello</b>, &lt;Anna&gt;!\n", parse_mode="HTML")
    await bot.send_photo(anna.id, b"jpeg", caption="*our* work", parse_mode="MarkdownV2")
    await bot.send_document(anna.id, b"%PDF", filename="price.pdf")
    await bot.send_media_group(
        anna.id, [telegram.InputMediaPhoto(b"one"), telegram.InputMediaPhoto(b"two")]
    )
    await first.reply_text("Bye", do_quote=True)
    await first.edit_text("Hello again")
    await bot.delete_message(anna.id, first.message_id)
    chat = telegram_server.chat(anna, salon)
    sent = telegram_server.sent(chat)
    assert [each.text for each in sent] == ["Hello, <Anna>!", "our work", "", "", "", "Bye"]
    assert [each.text for each in telegram_server.edits(chat)] == ["Hello again"]
    assert sent[-1].message["reply_to_message"]["text"] == "Hello, <Anna>!"
    assert before <= sent[0].at <= sent[-1].at <= time.time()
    assert telegram_server.actions(chat) == ["typing"]
    assert [each.get("text") for each in telegram_server.shown(chat)][0:2] == ["/start", None]
    assert {each.method for each in telegram_server.requests} >= {"getMe", "sendMediaGroup"}


async def test_a_text_has_its_limit_in_utf16(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    telegram_server.start(anna, salon)
    await bot.send_message(anna.id, "<b>" + "🏟" * 2048 + "</b>", parse_mode="HTML")
    for text in ("🏟" * 2048 + ".", "a" * 4097):
        with pytest.raises(BadRequest, match=r"(?i)message is too long"):
            await bot.send_message(anna.id, text)
    for empty in ("", " \n"):
        with pytest.raises(BadRequest, match=r"(?i)text is empty"):
            await bot.send_message(anna.id, empty)
    with pytest.raises(BadRequest, match=r"(?i)caption is too long"):
        await bot.send_photo(anna.id, b"jpeg", caption="a" * 1025)


@pytest.mark.parametrize(
    ("mode", "text", "why"),
    [
        ("HTML", "<b>bold", 'Can\'t find end tag corresponding to start tag "b"'),
        ("HTML", "привіт <p>", 'Unsupported start tag "p" at byte offset 13'),
        ("HTML", "a < b", 'Unsupported start tag "" at byte offset 2'),
        ("HTML", "<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("HTML", "x</b>", "Unexpected end tag at byte offset 1"),
        ("HTML", "x <b", "Unclosed start tag at byte offset 2"),
        ("MarkdownV2", "40.50", "Character '.' is reserved and must be escaped with the preceding"),
        ("MarkdownV2", "🏟 🏟_abac", "Can't find end of Italic entity at byte offset 9"),
        ("MarkdownV2", "_a __b_", "Can't find end of Italic entity at byte offset 6"),
        ("MarkdownV2", "```a ", "Can't find end of PreCode entity at byte offset 0"),
        ("MarkdownV2", "[a](b", "Can't find end of a URL at byte offset 4"),
        ("MarkdownV2", ">*a\nb*", "Can't find end of Bold entity at byte offset 1"),
        ("Markdown", "a *b", "Can't find end of the entity starting at byte offset 2"),
    ],
)
async def test_wrong_markup_is_refused(
    telegram_server: TelegramServer,
    salon: Bot,
    anna: User,
    bot: telegram.Bot,
    mode: str,
    text: str,
    why: str,
) -> None:
    telegram_server.start(anna, salon)
    with pytest.raises(BadRequest) as refused:
        await bot.send_message(anna.id, text, parse_mode=mode)
    assert refused.value.message.startswith(f"Can't parse entities: {why}"[:20])
    assert why.lower() in refused.value.message.lower()
    assert telegram_server.sent() == []


@pytest.mark.parametrize(
    ("mode", "text", "result"),
    [
        ("HTML", "<b>a <i>b</i></b>", ("a b", [("bold", "a b"), ("italic", "b")])),
        ("HTML", '<a href="https://a.example/?x=1&amp;y">да</a>', ("да", [("text_link", "да")])),
        ("HTML", '<pre><code class="language-py">x</code></pre>', ("x", [("pre", "x")])),
        ("HTML", "<tg-spoiler>🏟</tg-spoiler>!", ("🏟!", [("spoiler", "🏟")])),
        ("HTML", "<blockquote expandable>a</blockquote>", ("a", [("expandable_blockquote", "a")])),
        ("HTML", "<b></b>&amp;&nbsp;", ("&&nbsp;", [])),
        ("MarkdownV2", "*a \\*b* _c_", ("a *b c", [("bold", "a *b"), ("italic", "c")])),
        ("MarkdownV2", "_🏟 __u___", ("🏟 u", [("italic", "🏟 u"), ("underline", "u")])),
        (
            "MarkdownV2",
            "||s|| ~t~ `c.`",
            ("s t c.", [("spoiler", "s"), ("strikethrough", "t"), ("code", "c.")]),
        ),
        ("MarkdownV2", "```py\nx = 1```", ("x = 1", [("pre", "x = 1")])),
        ("MarkdownV2", "[a\\.b](https://a.example/\\))", ("a.b", [("text_link", "a.b")])),
        ("MarkdownV2", ">a\n>b\nc", ("a\nb\nc", [("blockquote", "a\nb\n")])),
        ("MarkdownV2", ">a\n>b||\nc", ("a\nb\nc", [("expandable_blockquote", "a\nb\n")])),
        (
            "MarkdownV2",
            "/start and @anna",
            ("/start and @anna", [("bot_command", "/start"), ("mention", "@anna")]),
        ),
        (
            "Markdown",
            "*a* [b](https://b.example) 4.",
            ("a b 4.", [("bold", "a"), ("text_link", "b")]),
        ),
    ],
)
async def test_right_markup_becomes_entities(
    telegram_server: TelegramServer,
    salon: Bot,
    anna: User,
    bot: telegram.Bot,
    mode: str,
    text: str,
    result: tuple[str, list[tuple[str, str]]],
) -> None:
    telegram_server.start(anna, salon)
    message = await bot.send_message(anna.id, text, parse_mode=mode)
    found = [(str(each.type), message.parse_entity(each)) for each in message.entities]
    assert (message.text, found) == result


async def test_refusals_that_a_bot_must_expect(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    theirs = telegram_server.start(anna, salon)["message_id"]
    own = await bot.send_message(anna.id, "one")
    refused = {
        "not modified": own.edit_text("one"),
        "can't be edited": bot.edit_message_text("two", anna.id, theirs),
        "message to edit not found": bot.edit_message_text("two", anna.id, 99),
        "message to delete not found": bot.delete_message(anna.id, 99),
        "replied not found": bot.send_message(anna.id, "x", reply_parameters=reply_to(99)),
        "unsupported parse_mode": bot.send_message(anna.id, "x", parse_mode="bbcode"),
        "wrong parameter action": bot.send_chat_action(anna.id, "dancing"),
        "file must be non-empty": bot.send_document(anna.id, b""),
    }
    for why, call in refused.items():
        with pytest.raises(BadRequest, match=f"(?i){why}"):
            await call
    alone = reply_to(99, allow_sending_without_reply=True)
    assert (await bot.send_message(anna.id, "x", reply_parameters=alone)).reply_to_message is None


def reply_to(message_id: int, **more: Any) -> telegram.ReplyParameters:
    return telegram.ReplyParameters(message_id, **more)


async def test_calls_come_in_many_forms(
    telegram_server: TelegramServer, salon: Bot, anna: User
) -> None:
    telegram_server.start(anna, salon)
    url = f"{telegram_server.base_url}{salon.token}/sendMessage"
    values: dict[str, str | int] = {"chat_id": anna.id, "text": "Привіт & бувай"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answers = [
            await client.get(url, params=values),
            await client.post(url, json=values),
            await client.post(url, data=values),
            await client.post(url, params=values, files={}),
            await client.post(url.replace("sendM", "SENDm"), json=values),
        ]
        assert [each.json()["ok"] for each in answers] == [True] * 5
        bad = await client.post(
            url, content=b'{"text', headers={"Content-Type": "application/json"}
        )
        lone = json.dumps(values | {"text": "\ud800"})
        surrogate = await client.post(
            url, content=lone, headers={"Content-Type": "application/json"}
        )
        unknown = await client.post(url.replace("sendMessage", "sendMoney"))
    assert {each.text for each in telegram_server.sent()} == {"Привіт & бувай"}
    assert [each.status_code for each in (bad, surrogate, unknown)] == [400, 400, 404]
    telegram_server.contract_problems.clear()


async def test_without_a_network_between() -> None:
    people = Telegram()
    salon, anna = people.add_bot(), people.add_user()
    people.start(anna, salon)
    there = InProcess(people)
    async with telegram.Bot(salon.token, request=there, get_updates_request=there) as bot:
        [update] = await bot.get_updates(timeout=5)
        assert update.message is not None
        await update.message.reply_text("Hello!")
        sent = await bot.send_document(anna.id, b"%PDF", filename="price.pdf")
        assert sent.document is not None
        file = await sent.document.get_file()
        assert bytes(await file.download_as_bytearray()) == b"%PDF"
        people.faults.append(Fault(commit_then_drop=True))
        with pytest.raises(NetworkError):
            await bot.send_message(anna.id, "Bye!")
    assert [each.text for each in people.sent()] == ["Hello!", "", "Bye!"]
    assert people.sent()[1].message["document"]["file_name"] == "price.pdf"


# Webhooks


class _Receiver(BaseHTTPRequestHandler):
    answers: list[tuple[int, bytes]]
    taken: list[tuple[str, int, int]]  # how it was answered, chat, message
    secrets: set[str]
    seconds: float
    at_once: int
    most_at_once: list[int]
    lock: threading.Lock

    def do_POST(self) -> None:
        update = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind = type(self)
        with self.lock:
            kind.at_once += 1
            self.most_at_once.append(kind.at_once)
            status, body = self.answers.pop(0) if self.answers else (200, b"")
        time.sleep(self.seconds)
        with self.lock:
            kind.at_once -= 1
            self.secrets.add(self.headers[SECRET])
            message = update["message"]
            self.taken.append((str(status), message["chat"]["id"], message["message_id"]))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def receiver(*answers: int | bytes, seconds: float = 0) -> Iterator[tuple[str, type[_Receiver]]]:
    told = [(200, each) if isinstance(each, bytes) else (each, b"") for each in answers]
    state = {"answers": told, "taken": [], "secrets": set(), "seconds": seconds, "at_once": 0}
    state |= {"most_at_once": [], "lock": threading.Lock()}
    handler: Any = type("Receiver", (_Receiver,), state)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_address[1]}", handler
        finally:
            http.shutdown()
            thread.join()


async def test_it_posts_updates_until_they_are_taken() -> None:
    with (
        receiver(500, 503) as (url, got),
        TelegramServer(webhook_pauses=[0.01, 0.05], routes={"https://sloth.test": url}) as server,
    ):
        salon, anna = server.add_bot(), server.add_user()
        early = server.start(anna, salon)
        async with client_of(server, salon.token) as bot:
            await bot.set_webhook("https://sloth.test/hook?x=1", secret_token="s-e_cret")
            late = server.write(anna, salon, "late")
            assert server.wait_for_webhooks()
            ids = [early["message_id"]] * 3 + [late["message_id"]]
            assert [each[2] for each in got.taken] == ids
            assert got.secrets == {"s-e_cret"}
            info = await bot.get_webhook_info()
        assert (info.url, info.pending_update_count) == ("https://sloth.test/hook?x=1", 0)
        assert info.last_error_message == "Wrong response from the webhook: 503 Service Unavailable"
        assert server.crashes == []


async def test_each_chat_keeps_its_order_and_no_more_than_n_come_at_once() -> None:
    with receiver(*[500] * 5, seconds=0.02) as (url, got), TelegramServer() as server:
        salon = server.add_bot()
        people = [server.add_user(f"U{number}") for number in range(8)]
        async with client_of(server, salon.token) as bot:
            await bot.set_webhook(f"{url}/hook", max_connections=3)
        for number in range(5):
            for user in people:
                server.write(user, salon, str(number))
        assert server.wait_for_webhooks()
        assert max(got.most_at_once) == 3
        for user in people:
            ids = [id for status, chat, id in got.taken if status == "200" and chat == user.id]
            assert ids == sorted(ids)
            assert len(ids) == 5


async def test_over_one_connection_all_come_in_their_order() -> None:
    with receiver(seconds=0.005) as (url, got), TelegramServer() as server:
        salon = server.add_bot()
        people = [server.add_user(f"U{number}") for number in range(3)]
        async with client_of(server, salon.token) as bot:
            await bot.set_webhook(f"{url}/hook", max_connections=1)
        for user in [people[number] for number in (0, 0, 1, 0, 2, 1, 1, 0, 2)]:
            server.write(user, salon, "Hi")
        assert server.wait_for_webhooks()
        assert [id for _, _, id in got.taken] == list(range(1, 10))


async def test_updates_wait_for_a_webhook_that_is_down() -> None:
    with TelegramServer(webhook_pauses=[0.01]) as server:
        salon, anna = server.add_bot(), server.add_user()
        async with client_of(server, salon.token) as bot:
            await bot.set_webhook("http://127.0.0.1:9/hook")
            server.start(anna, salon)
            assert not server.wait_for_webhooks(timeout=0.1)
            info = await bot.get_webhook_info()
            assert (info.pending_update_count, info.last_error_message) == (1, "Connection refused")
            with receiver() as (url, got):
                await bot.set_webhook(f"{url}/hook")
                assert server.wait_for_webhooks()
                assert len(got.taken) == 1
            await bot.set_webhook("http://127.0.0.1:9/hook")
            server.write(anna, salon, "more")
            await bot.delete_webhook(drop_pending_updates=True)
            assert server.wait_for_webhooks()
            assert await bot.get_updates() == ()


async def test_an_answer_may_be_a_call() -> None:
    said = json.dumps({"method": "sendMessage", "chat_id": 500_000_002, "text": "Hello!"})
    with receiver(said.encode(), b'{"method": "getMe"}') as (url, _), TelegramServer() as server:
        salon, anna = server.add_bot(), server.add_user()
        async with client_of(server, salon.token) as bot:
            await bot.set_webhook(f"{url}/hook")
        server.start(anna, salon)
        server.write(anna, salon, "again")
        assert server.wait_for_webhooks()
        assert [each.text for each in server.sent(server.chat(anna, salon))] == ["Hello!"]
        assert server.requests[-1].method == "sendMessage"


async def test_bad_webhooks_are_refused(bot: telegram.Bot) -> None:
    for url, secret in (("nowhere", "s3cret"), ("http://a.example", "no way!")):
        with pytest.raises(BadRequest):
            await bot.set_webhook(url, secret_token=secret)
    with TelegramServer(requires_https=True) as server:
        async with client_of(server, server.add_bot().token) as strict:
            with pytest.raises(BadRequest, match=r"(?i)https url must be provided"):
                await strict.set_webhook("http://127.0.0.1/hook")


async def test_a_test_may_deliver_itself(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    await bot.set_webhook("https://sloth.invalid/hook", secret_token="s3cret")
    telegram_server.start(anna, salon)
    telegram_server.block(anna, salon)
    assert telegram_server.pending(salon) == 2
    one, two = telegram_server.deliveries(salon)
    assert (one.kind, two.kind, two.update_id - one.update_id) == ("message", "my_chat_member", 1)
    assert one.headers == {"Content-Type": "application/json", SECRET: "s3cret"}
    update = telegram.Update.de_json(json.loads(one.body), bot)
    assert update.update_id == one.update_id
    [forged] = telegram_server.deliveries(salon, "message", secret="other")
    assert (forged.body, forged.headers[SECRET]) == (one.body, "other")


# Limits and faults


async def test_limits_tell_when_to_try_again() -> None:
    now = [1_800_000_000.0]
    with TelegramServer(clock=lambda: now[0]) as server:
        salon, anna = server.add_bot(), server.add_user()
        server.start(anna, salon)
        crowd = [server.add_user() for _ in range(40)]
        for each in crowd:
            server.start(each, salon)
        group = server.add_group("Girls", anna)
        server.add_to_group(salon, group, anna)
        async with client_of(server, salon.token) as bot:
            await bot.send_message(anna.id, "no limits")
            server.limits = Limits()
            await bot.send_message(anna.id, "one")
            with pytest.raises(RetryAfter) as flooded:
                await bot.send_message(anna.id, "two")
            assert flooded.value.retry_after == timedelta(seconds=1)
            await bot.send_chat_action(anna.id, "typing")
            now[0] += 1
            await bot.send_message(anna.id, "two")
            refused = await many(bot, [each.id for each in crowd])
            assert len(refused) == 11
            for _ in range(20):
                now[0] += 1
                await bot.send_message(group.id, "spam")
            now[0] += 1
            with pytest.raises(RetryAfter) as flooded:
                await bot.send_message(group.id, "spam")
            assert flooded.value.retry_after == timedelta(seconds=40)


async def many(bot: telegram.Bot, chats: list[int]) -> list[BaseException]:
    sent = [bot.send_message(chat, "news") for chat in chats]
    results = await asyncio.gather(*sent, return_exceptions=True)
    return [each for each in results if isinstance(each, RetryAfter)]


@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        (Fault(status=500), NetworkError, 0),
        (Fault(status=502), NetworkError, 0),
        (Fault(status=429, retry_after=3), RetryAfter, 0),
        (Fault(status=403), Forbidden, 0),
        (Fault(hang_seconds=3), TimedOut, None),
        (Fault(refuse=True), NetworkError, 0),
        (Fault(bad_json=True), TelegramError, 1),
        (Fault(commit_then_drop=True), NetworkError, 1),
        (Fault(commit_then_hang_seconds=3), TimedOut, 1),
        (Fault(commit_then_status=500), NetworkError, 1),
    ],
    ids=repr,
)
async def test_what_goes_wrong(fault: Fault, error: type[Exception], done: int | None) -> None:
    with TelegramServer() as server:
        salon, anna = server.add_bot(), server.add_user()
        server.start(anna, salon)
        async with client_of(server, salon.token) as bot:
            server.faults.append(fault)
            with pytest.raises(error):
                await bot.send_message(anna.id, "one", read_timeout=0.3)
            if done is not None:
                assert len(server.sent()) == done
            await bot.send_message(anna.id, "two")
            assert server.crashes == []


async def test_faults_choose_their_calls(
    telegram_server: TelegramServer, salon: Bot, anna: User, bot: telegram.Bot
) -> None:
    telegram_server.start(anna, salon)
    telegram_server.faults += [
        Fault(status=500, method="sendMessage", chat_id=anna.id),
        Fault(status=500, method="file"),
    ]
    telegram_server.always = Fault(status=502, method="getChat")
    assert (await bot.get_me()).id == salon.id
    sent = telegram_server.send_photo(anna, salon, b"jpeg")
    file = await bot.get_file(sent["photo"][0]["file_id"])
    for call in (bot.send_message(anna.id, "x"), file.download_as_bytearray()):
        with pytest.raises(NetworkError):
            await call
    for _ in range(2):
        with pytest.raises(NetworkError):
            await bot.get_chat(anna.id)


# The contract


async def test_calls_are_held_to_the_contract(contracts: Path) -> None:
    with TelegramServer(contracts) as server:
        salon, anna = server.add_bot(), server.add_user()
        server.start(anna, salon)
        async with client_of(server, salon.token) as bot:
            wrong = {"txt": "y", "protect_content": "maybe"}
            await bot.send_message(anna.id, "x", api_kwargs=wrong)
            markup = {"inline_keyboard": [[{"label": "x", "text": "y", "url": "http://a.b"}]]}
            await bot.send_message(anna.id, "x", api_kwargs={"reply_markup": markup})
        label = ".inline_keyboard[0][0]: label of InlineKeyboardButton is unknown"
        assert server.contract_problems == [
            "sendMessage txt is unknown",
            "sendMessage protect_content: 'maybe' is no Boolean",
            f"sendMessage reply_markup{label}",
            f"sendMessage answer .reply_markup{label}",
        ]


def test_all_methods_of_the_contract_are_there(contract: BotContract) -> None:
    assert {each.lower() for each in contract.methods} == TABLE.keys()


def test_updates_are_of_the_contracts_types(contract: BotContract) -> None:
    people = Telegram(contract=contract)
    salon, anna = people.add_bot(), people.add_user("Anna", is_premium=True)
    group = people.add_group("Girls", anna, type="group")
    people.add_to_group(salon, group, anna, status="administrator")
    people.start(anna, salon)
    for send in (people.send_photo, people.send_voice):
        send(anna, group, b"data")
    people.edit(anna, group, people.write(anna, group, "one"), "two /three")
    people.move(anna, group, people.send_location(anna, group, 50.45, 30.52), 50.46)
    people.write(anna, group, "/three", topic=people.begin_topic(group, anna, "Hair"))
    people.write_anonymously(group, "/four")
    people.post("News", group, "@salon_bot has five")
    people.upgrade(group, anna)
    people.block(anna, salon)
    assert len(people.updates(salon)) == 16
    assert people.contract_problems == []
    assert contract.type_problems("Update", {"update_id": "1", "message": {"text": 1}}) == [
        "Update .update_id: '1' is no Integer",
        "Update .message: message_id of Message is missing",
        "Update .message: date of Message is missing",
        "Update .message: chat of Message is missing",
        "Update .message.text: 1 is no String",
    ]


def test_no_call_breaks_it(contract: BotContract) -> None:
    """Whatever a bot sends, the answer is Telegram's, and no mistake of the simulation."""
    people = Telegram()
    salon, anna = people.add_bot(), people.add_user()
    message = people.start(anna, salon)
    chance = random.Random(7)
    usual = {"chat_id": anna.id, "from_chat_id": anna.id, "message_id": message["message_id"]}
    usual |= {"text": "x", "user_id": anna.id}
    for _ in range(3_000):
        method = chance.choice(contract.methods)
        names = [name for name in contract.parameters(method) if name != "timeout"]
        given = {name: usual[name] for name in names if name in usual}
        given |= {name: chance.choice(STRANGE) for name in names if chance.random() < 0.3}
        people.answer(salon.token, method, Values(given))
        form = {name: json.dumps(value) for name, value in given.items()}
        people.answer(salon.token, method, Values(form))
    assert people.crashes == []


def test_malformed_updates_are_many_and_the_same_again(contract: BotContract) -> None:
    bodies = list(malformed_updates(contract, 2_000, seed=7))
    assert bodies == list(malformed_updates(contract, 2_000, seed=7))
    assert bodies != list(malformed_updates(contract, 2_000, seed=8))
    kinds = {_what(body, contract) for body in bodies}
    assert kinds == {"no JSON", "too deep", "no object", "wrong types", "right by chance"}
    right = [body for body in bodies if _what(body, contract) == "right by chance"]
    assert len(right) < len(bodies) / 4
    assert any(b"\\ud800" in body for body in bodies)


def _what(body: bytes, contract: BotContract) -> str:
    try:
        update = json.loads(body)
    except RecursionError:
        return "too deep"
    except ValueError:
        return "no JSON"
    if not isinstance(update, dict):
        return "no object"
    return "wrong types" if contract.type_problems("Update", update) else "right by chance"
