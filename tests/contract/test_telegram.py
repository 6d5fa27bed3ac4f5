"""A firm on Telegram: the product and the official library, against a simulated Telegram."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from fakes.pictures import png
from fakes.telegram_salon import PRICES, answered, new_bot, revoke, until
from fakes.telegram_server.faults import Fault
from fakes.telegram_server.records import Bot, Sent, User
from fakes.telegram_server.server import TelegramServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.agent.languages import REFUSALS
from sloth_agent.agent.ports import ChatRequest, Completion, Delta
from sloth_agent.app.polling import answer_by_polling
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import Resource
from sloth_agent.channels import responding
from sloth_agent.channels.chats import ChatState, EventOutcome
from sloth_agent.channels.models import Integration, IntegrationStatus, IntegrationType
from sloth_agent.channels.texts import text
from sloth_agent.errors import (
    ChannelRefused,
    ConfigurationError,
    Conflict,
    ModelUnavailable,
    NotFound,
    SlothError,
)
from sloth_agent.language import Language
from sloth_agent.tenants.audit import SYSTEM

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(settings: Settings, telegram_server: TelegramServer) -> Settings:
    return settings.model_copy(update={"telegram_api_base": telegram_server.url})


@pytest.fixture
def bot(telegram_server: TelegramServer) -> Bot:
    return new_bot(telegram_server)


@pytest.fixture
def anna(telegram_server: TelegramServer) -> User:
    return telegram_server.add_user("Anna", username="anna", language_code="uk")


@pytest.fixture
async def salon(tenant: AsyncTenant, bot: Bot) -> AsyncTenant:
    """It knows its prices, and its bot is connected."""
    await tenant.ingest_content("prices.md", PRICES.encode())
    await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    return tenant


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


async def test_ukrainian_is_answered_in_ukrainian(
    sloth: AsyncSloth, tenant: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    await tenant.ingest_content("ціни.md", "# Ціни\n\nСтрижка коштує 900 гривень.\n".encode())
    await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    async with answered(sloth, tenant):
        telegram_server.write(anna, bot, "Скільки коштує стрижка?")
        await until(lambda: bool(telegram_server.sent(bot=bot)))
    [answer] = texts(telegram_server.sent(bot=bot))
    assert "900 гривень" in answer
    assert "Джерела: ціни.md" in answer


async def test_who_has_written_polish_is_spoken_to_in_polish(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot
) -> None:
    ewa = telegram_server.add_user("Ewa", language_code="en")
    telegram_server.write(ewa, bot, "Czy można płacić kartą?")
    await heard(sloth, salon, telegram_server, bot, answers=1)
    telegram_server.send_voice(ewa, bot, b"OggS")
    telegram_server.write(ewa, bot, "/help")
    telegram_server.write(ewa, bot, "Manicure?")
    telegram_server.write(ewa, bot, "/language")
    telegram_server.write(ewa, bot, "+48 600 100 200")
    await heard(sloth, salon, telegram_server, bot, answers=6)
    [waiting] = await salon.chats(state=ChatState.WAITING)
    await salon.give_back_chat(waiting.chat.id, by=SYSTEM)
    await heard(sloth, salon, telegram_server, bot, answers=7)
    assert texts(telegram_server.sent(bot=bot)) == [
        REFUSALS[Language.POLISH],
        text("voice", Language.POLISH),
        text("help", Language.POLISH),
        REFUSALS[Language.POLISH],
        text("handed_over", Language.POLISH, firm=salon.organization.name),
        text("choose_language", Language.POLISH),
        text("given_back", Language.POLISH),
    ]


async def test_words_of_no_language_are_answered_as_the_persons_telegram_speaks(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    telegram_server.write(anna, bot, "10:30")
    await heard(sloth, salon, telegram_server, bot, answers=1)
    assert texts(telegram_server.sent(bot=bot)) == [REFUSALS[Language.UKRAINIAN]]


async def test_what_is_sent_in_a_row_is_answered_together(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    for words in ("Hello", "how much is", "a haircut?"):
        telegram_server.write(anna, bot, words)
    await heard(sloth, salon, telegram_server, bot, answers=1)
    [conversation] = await salon.conversations()
    asked, _ = await salon.messages(conversation.id)
    assert asked.text == "Hello\nhow much is\na haircut?"


async def test_what_was_edited_before_it_is_answered_is_read_as_it_is_now(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    sent = telegram_server.write(anna, bot, "How much is a beard?")
    telegram_server.edit(anna, bot, sent, "How much is a haircut?")
    await heard(sloth, salon, telegram_server, bot, answers=1)
    [conversation] = await salon.conversations()
    asked, _ = await salon.messages(conversation.id)
    assert asked.text == "How much is a haircut?"


async def test_what_was_edited_after_that_is_no_question(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    async with answered(sloth, salon):
        sent = telegram_server.write(anna, bot, "How much is a haircut?")
        await until(lambda: len(telegram_server.sent(bot=bot)) == 1)
        telegram_server.edit(anna, bot, sent, "How much is a haircut, please?")
        telegram_server.write(anna, bot, "And a beard trim?")
        await until(lambda: len(telegram_server.sent(bot=bot)) == 2)
    assert "20 euros" in texts(telegram_server.sent(bot=bot))[1]


async def test_commands(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    async with answered(sloth, salon):
        telegram_server.start(anna, bot)
        telegram_server.write(anna, bot, "/help")
        telegram_server.write(anna, bot, "/language")
        await until(lambda: len(telegram_server.sent(bot=bot)) == 3)
        press = telegram_server.press(anna, bot, "Deutsch")
        await until(lambda: len(telegram_server.sent(bot=bot)) == 4)
        telegram_server.write(anna, bot, "/help")
        await until(lambda: len(telegram_server.sent(bot=bot)) == 5)
    hello, help, which, chosen, german = telegram_server.sent(bot=bot)
    assert hello.text.startswith("Вітаю!"), "as her Telegram speaks"
    assert "/human" in help.text
    assert which.buttons == ["English", "Українська", "Polski", "Deutsch"]
    assert chosen.text == "Ich antworte auf Deutsch."
    assert german.text.startswith("Schreiben Sie")
    assert telegram_server.answer_to(press) is not None, "Telegram shows no waiting any more"
    assert await answers_counted(salon) == 0, "nothing of this is a message of the plan"


@pytest.mark.parametrize(
    "command", ["/human\nPlease call me.", "/human@salon_bot\tPlease call me."]
)
async def test_a_command_ends_where_its_word_does(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    command: str,
) -> None:
    telegram_server.write(anna, bot, command)
    await heard(sloth, salon, telegram_server, bot, answers=1)
    [shown] = await salon.chats(state=ChatState.WAITING)
    [asked, _] = (await salon.show_chat(shown.chat.id)).messages
    assert asked.text == "Please call me."


@pytest.mark.parametrize("name", ["PL", "pl", "Polski", "polski"])
async def test_a_language_is_chosen_by_its_code_or_its_own_name(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    name: str,
) -> None:
    telegram_server.write(anna, bot, f"/language {name}")
    await heard(sloth, salon, telegram_server, bot, answers=1)
    assert texts(telegram_server.sent(bot=bot)) == ["Będę odpowiadać po polsku."]


async def test_stickers_are_left_alone_and_voices_declined(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    telegram_server.send_sticker(anna, bot)
    telegram_server.send_voice(anna, bot, b"OggS")
    telegram_server.send_location(anna, bot, 50.4, 30.5)
    telegram_server.send_document(anna, bot, "contract.pdf", b"%PDF-1.7")
    await heard(sloth, salon, telegram_server, bot, answers=3)
    voice, location, document = texts(telegram_server.sent(bot=bot))
    assert "голосові" in voice
    assert "геопозицією" in location
    assert "файли" in document
    assert len(await salon.documents()) == 1, "a customer teaches the assistant nothing"


async def test_photos_are_kept(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    telegram_server.send_photo(anna, bot, png())
    telegram_server.send_photo(anna, bot, png(), caption="How much is a haircut?")
    telegram_server.send_photo(anna, bot, b"no picture")
    await heard(sloth, salon, telegram_server, bot, answers=3)
    kept, answer, refused = texts(telegram_server.sent(bot=bot))
    assert "фото збережено" in kept
    assert "45 euros" in answer
    assert "I could not take this photo" in refused, "she wrote English"
    assert len(await salon.photos()) == 2


async def test_an_album_is_answered_once(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    for caption in ("", "How much is a haircut?", ""):
        telegram_server.send_photo(anna, bot, png(), caption=caption, album="before")
    for _ in range(2):
        telegram_server.send_photo(anna, bot, png(), album="after")
    await heard(sloth, salon, telegram_server, bot, answers=2)
    answer, kept = texts(telegram_server.sent(bot=bot))
    assert "45 euros" in answer
    assert "I have kept the photos" in kept
    assert len(await salon.photos()) == 5
    assert await answers_counted(salon) == 1
    telegram_server.send_photo(anna, bot, png(), album="after")  # late
    telegram_server.send_photo(anna, bot, b"no picture", album="after")
    await heard(sloth, salon, telegram_server, bot, answers=3)
    assert "I could not take this photo" in telegram_server.sent(bot=bot)[-1].text
    photos = {f"[photo {photo.id}]" for photo in await salon.photos()}
    [conversation] = await salon.conversations()
    words = "\n".join(each.text for each in await salon.messages(conversation.id)).splitlines()
    assert len(photos) == 6
    assert photos <= set(words)


async def test_of_an_album_all_that_was_not_taken_is_told_in_one(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    telegram_server.send_photo(anna, bot, png(), album="mixed")
    telegram_server.send_photo(anna, bot, b"no picture", album="mixed")
    for name in ("a.pdf", "b.pdf"):
        telegram_server.send_document(anna, bot, name, b"%PDF", album="papers")
    await heard(sloth, salon, telegram_server, bot, answers=2)
    mixed, papers = texts(telegram_server.sent(bot=bot))
    assert "фото збережено" in mixed
    assert "Не вдалося" in mixed
    assert "не читаю" in papers


async def test_groups_are_answered_when_they_speak_to_the_assistant(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    group = telegram_server.add_group("Friends", anna)
    telegram_server.add_to_group(bot, group, anna, status="administrator")
    telegram_server.write(anna, group, "How much is a haircut?")
    telegram_server.write(anna, group, "@salon_bot how much is a beard trim?")
    await heard(sloth, salon, telegram_server, bot, answers=1)
    [answer] = telegram_server.sent(group)
    assert "20 euros" in answer.text
    [conversation] = await salon.conversations()
    asked, _ = await salon.messages(conversation.id)
    assert asked.text == "how much is a beard trim?"


async def test_in_a_group_another_bot_may_have_a_longer_name(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    group = telegram_server.add_group("Friends", anna)
    telegram_server.add_to_group(bot, group, anna, status="administrator")
    telegram_server.write(anna, group, "@salon_bot_two how much is a haircut?")
    telegram_server.write(anna, group, "Not @salon_bot_two: how much is a beard trim, @Salon_Bot?")
    await heard(sloth, salon, telegram_server, bot, answers=1)
    [conversation] = await salon.conversations()
    asked, _ = await salon.messages(conversation.id)
    assert asked.text == "Not @salon_bot_two: how much is a beard trim, ?"


async def test_in_a_group_each_question_is_answered_in_its_topic(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    group = telegram_server.add_group("Friends", anna)
    telegram_server.add_to_group(bot, group, anna)
    hair, beards = (telegram_server.begin_topic(group, anna, name) for name in ("Hair", "Beards"))
    telegram_server.close_general(group)
    asked = {
        topic: telegram_server.write(anna, group, f"@salon_bot {words}", topic=topic)
        for topic, words in ((hair, "how much is a haircut?"), (beards, "and a beard trim?"))
    }
    telegram_server.write(anna, group, "/language", topic=hair)
    await heard(sloth, salon, telegram_server, bot, answers=3)
    haircut, trim, buttons = (each.message for each in telegram_server.sent(group))
    assert "45 euros" in haircut["text"]
    assert "20 euros" in trim["text"]
    assert [each["message_thread_id"] for each in (haircut, trim, buttons)] == [hair, beards, hair]
    for topic, answer in ((hair, haircut), (beards, trim)):
        assert answer["reply_to_message"]["message_id"] == asked[topic]["message_id"]
    telegram_server.press(anna, group, "English")
    [shown] = await salon.chats()
    await salon.answer_chat(shown.chat.id, "We close at six.")
    await heard(sloth, salon, telegram_server, bot, answers=5)
    later = [each.message["message_thread_id"] for each in telegram_server.sent(group)[3:]]
    assert later == [hair, hair]


async def test_what_a_channel_posts_into_its_group_is_no_question(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    group = telegram_server.add_group("Friends", anna)
    telegram_server.add_to_group(bot, group, anna)
    telegram_server.post("News", group, "Ask @salon_bot how much a haircut is!")
    telegram_server.write_anonymously(group, "@salon_bot how much is a beard trim?")
    await heard(sloth, salon, telegram_server, bot, answers=1)
    assert "20 euros" in telegram_server.sent(group)[0].text
    [shown] = await salon.chats()
    assert shown.chat.name == "Friends"


async def test_who_blocks_the_bot_ends_the_chat_and_nothing_else(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    ben = telegram_server.add_user("Ben")
    telegram_server.write(anna, bot, "How much is a haircut?")
    telegram_server.block(anna, bot)
    telegram_server.write(ben, bot, "How much is a haircut?")
    async with answered(sloth, salon):
        await until(lambda: len(telegram_server.sent(bot=bot)) == 1)
        await until_quiet(salon)
        telegram_server.unblock(anna, bot)
        telegram_server.write(anna, bot, "And a beard trim?")
        await until(lambda: len(telegram_server.sent(bot=bot)) == 2)
    [integration] = await salon.integrations()
    assert (integration.status, integration.problem) == (IntegrationStatus.ACTIVE, None)
    assert "20 euros" in texts(telegram_server.sent(telegram_server.chat(anna, bot)))[0]


async def test_a_long_answer_comes_in_parts(
    sloth: AsyncSloth, tenant: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    long = " ".join(f"This is sentence number {number} about **us** 🏟." for number in range(300))
    await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    say(tenant, long)
    telegram_server.write(anna, bot, "Tell me everything")
    await heard(sloth, tenant, telegram_server, bot, answers=4)
    parts = texts(telegram_server.sent(bot=bot))
    assert all(part.endswith("🏟.") for part in parts[:-1]), "cut between sentences"
    assert " ".join(parts).replace("**", "").startswith(long.replace("**", "")[:8000])
    assert telegram_server.sent(bot=bot)[0].message["entities"][0]["type"] == "bold"


async def test_of_parts_that_were_not_tried_none_is_looked_for(
    sloth: AsyncSloth, tenant: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    say(tenant, "This is a sentence. " * 300)
    looked = Fault(method="editMessageReplyMarkup")
    telegram_server.faults += [looked, Fault(status=429, retry_after=1, method="sendMessage")]
    telegram_server.write(anna, bot, "Tell me everything")
    await heard(sloth, tenant, telegram_server, bot, answers=2)
    assert list(telegram_server.faults) == [looked]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, retry_after=1, method="sendMessage"),
        Fault(status=502, method="sendMessage"),
        Fault(refuse=True, method="sendMessage"),
        Fault(status=500, method="sendChatAction"),
        Fault(commit_then_drop=True, method="sendMessage"),
        Fault(commit_then_status=500, method="sendMessage"),
    ],
    ids=["429", "502", "cut", "typing", "dropped", "500 after all"],
)
async def test_what_telegram_does_not_take_is_sent_again_and_once(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    fault: Fault,
) -> None:
    telegram_server.faults.append(fault)
    telegram_server.write(anna, bot, "How much is a haircut?")
    await heard(sloth, salon, telegram_server, bot, answers=1)
    assert not telegram_server.faults
    assert await answers_counted(salon) == 1


@pytest.mark.parametrize("trouble", [ModelUnavailable, ConfigurationError])
async def test_a_model_that_is_away_answers_when_it_is_back(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    trouble: type[SlothError],
) -> None:
    say(salon, "Back again.", failing=1, trouble=trouble)
    telegram_server.write(anna, bot, "How much is a haircut?")
    await heard(sloth, salon, telegram_server, bot, answers=1)
    assert texts(telegram_server.sent(bot=bot)) == ["Back again."]


async def test_a_key_that_remains_refused_is_told_to_customers_as_an_outage(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(responding, "GIVE_UP_AFTER", 2)
    say(salon, "", failing=2, trouble=ConfigurationError)
    telegram_server.write(anna, bot, "Скільки коштує стрижка?")
    await heard(sloth, salon, telegram_server, bot, answers=1)
    [away] = texts(telegram_server.sent(bot=bot))
    assert away == text("away", Language.UKRAINIAN, firm=salon.organization.name)


async def test_what_can_never_be_answered_keeps_nothing_waiting(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    vars(salon.services.backends)["chat_model"] = Refusing("Answered.")
    telegram_server.write(anna, bot, "poison")
    telegram_server.write(anna, bot, "/help")
    telegram_server.write(anna, bot, "How much is a haircut?")
    await heard(sloth, salon, telegram_server, bot, answers=2)
    assert texts(telegram_server.sent(bot=bot))[1] == "Answered."
    outcomes = [event.outcome for event in reversed(await salon.channel_events())]
    assert outcomes == [EventOutcome.FAILED, EventOutcome.DONE, EventOutcome.ANSWERED]
    [integration] = await salon.integrations()
    findings = (await salon.check_integration(integration.id)).findings
    [failed] = [finding for finding in findings if finding.name == "events"]
    assert (failed.is_well, failed.message[-2:]) == (False, "1.")
    assert "sloth channels events" in str(failed.hint)


async def test_a_token_that_was_revoked_is_told_and_heals(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    telegram_server.write(anna, bot, "How much is a haircut?")
    telegram_server.always = Fault(status=401, method="sendMessage")
    async with answered(sloth, salon):
        broken = await until_broken(salon)
        assert broken.problem is not None
        assert broken.problem.code == "channel_refused"
        telegram_server.always = Fault()
        again = await salon.connect(IntegrationType.TELEGRAM, {"token": bot.token})
        assert (again.id, again.status) == (broken.id, IntegrationStatus.ACTIVE)
        await until(lambda: bool(telegram_server.sent(bot=bot)))


async def test_bots_that_are_lost_leave_the_others_listening(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    names = ("revoked_bot", "unreadable_bot", "disconnected_bot")
    revoked, unreadable, disconnected = [new_bot(telegram_server, name) for name in names]
    await salon.connect(IntegrationType.TELEGRAM, {"token": revoked.token})
    revoke(telegram_server, revoked)
    spoilt = await salon.connect(IntegrationType.TELEGRAM, {"token": unreadable.token})
    await make_unreadable(salon, spoilt)
    gone = await salon.connect(IntegrationType.TELEGRAM, {"token": disconnected.token})
    told: list[str] = []
    async with answered(sloth, salon, tell=told.append):
        await until(lambda: len(told) == 4 + 2)
        await salon.disconnect(gone.id)
        telegram_server.write(anna, disconnected, "Is anybody there?")
        await until(lambda: len(told) == 4 + 3)
        telegram_server.write(anna, bot, "How much is a haircut?")
        await until(lambda: bool(telegram_server.sent(bot=bot)))
    losses = [line for line in told if line.startswith("No longer listening as ")]
    assert [sum(f" {name}: " in line for line in losses) for name in names] == [1, 1, 1]
    assert not any("\n" in line for line in losses)


async def test_who_has_lost_all_bots_hears_why(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot
) -> None:
    other = new_bot(telegram_server, "old_salon_bot")
    await salon.connect(IntegrationType.TELEGRAM, {"token": other.token})
    for each in (bot, other):
        revoke(telegram_server, each)
    told: list[str] = []
    with anyio.fail_after(20), pytest.raises(ChannelRefused):
        await answer_by_polling(
            sloth, salon, IntegrationType.TELEGRAM, stop=anyio.Event(), tell=told.append
        )
    assert len(told) == 2 + 1


async def make_unreadable(tenant: AsyncTenant, integration: Integration) -> None:
    """As after an import, where `SECRET_KEY` is another one."""
    store = tenant.services.integration_store
    sealed = await store.find_sealed(integration.id)
    assert sealed is not None
    assert await store.reseal(integration.id, old=sealed, new=sealed + b"\0")


async def test_a_bot_belongs_to_one_firm(sloth: AsyncSloth, salon: AsyncTenant, bot: Bot) -> None:
    clinic = await sloth.tenant(f"clinic-{bot.id}", create=True)
    with pytest.raises(Conflict):
        await clinic.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    assert await clinic.integrations() == []
    [integration] = await salon.integrations()
    await salon.disconnect(integration.id)
    await clinic.connect(IntegrationType.TELEGRAM, {"token": bot.token})


@pytest.mark.parametrize(
    "token", ["7:wrong", "", "7:", "../7:a", "7:a/../b", "7:a?b", "7:a#b", "7:a\0", "7:a b", "٧:a"]
)
async def test_a_wrong_token_connects_nothing(tenant: AsyncTenant, token: str) -> None:
    """It stands in the addresses of all requests: what leads elsewhere is sent nowhere."""
    with pytest.raises(ChannelRefused):
        await tenant.connect(IntegrationType.TELEGRAM, {"token": token})
    assert await tenant.integrations() == []


async def heard(
    sloth: AsyncSloth, tenant: AsyncTenant, server: TelegramServer, bot: Bot, *, answers: int
) -> None:
    """Run until so many answers were sent, and nothing waits any more."""
    async with answered(sloth, tenant):
        await until(lambda: len(server.sent(bot=bot)) >= answers)
        await until_quiet(tenant)
    assert len(server.sent(bot=bot)) == answers


async def answers_counted(tenant: AsyncTenant) -> int:
    report = await tenant.usage()
    return next(meter.used for meter in report.meters if meter.room.resource is Resource.MESSAGES)


async def until_broken(tenant: AsyncTenant) -> Integration:
    with anyio.fail_after(15):
        while True:
            [integration] = await tenant.integrations()
            if integration.status is IntegrationStatus.ERROR:
                return integration
            await anyio.sleep(0.05)


async def until_quiet(tenant: AsyncTenant) -> None:
    """Until no event waits, and nothing is to be sent."""
    with anyio.fail_after(15):
        while True:
            [[(waiting,)]] = await tenant.services.home.at_once(
                tenant.services.schema,
                "select (select count(*) from channel_events where handled_at is null)"
                " + (select count(*) from channel_outbox where ended_at is null)",
            )
            if waiting == 0:
                return
            await anyio.sleep(0.05)


def say(
    tenant: AsyncTenant,
    words: str,
    *,
    failing: int = 0,
    trouble: type[SlothError] = ModelUnavailable,
) -> None:
    """Have the install's model say this, after it had trouble so many times."""
    vars(tenant.services.backends)["chat_model"] = Saying(words, failing, trouble)


@dataclass
class Saying:
    """`ChatModel`."""

    words: str
    failing: int
    trouble: type[SlothError]
    name: str = "saying"

    async def answer(self, _: ChatRequest) -> AsyncIterator[Delta | Completion]:
        if self.failing:
            self.failing -= 1
            raise self.trouble("It cannot answer.")
        yield Delta(text=self.words)
        yield Completion(text=self.words, quotes=())


async def test_a_copy_of_an_assistant_takes_nothing_from_its_original(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, tmp_path: Path
) -> None:
    file = tmp_path / "salon.zip"
    await sloth.archives.export(salon.organization.slug, file, by=SYSTEM)
    imported = await sloth.archives.import_(file, slug=f"copy-{bot.id}", by=SYSTEM)
    copy = await sloth.tenant(imported.slug)
    [original] = await salon.integrations()
    [its_copy] = await copy.integrations()
    assert (its_copy.id, its_copy.status) == (original.id, IntegrationStatus.DISABLED)
    other = new_bot(telegram_server)
    connected = await copy.connect(IntegrationType.TELEGRAM, {"token": other.token})
    await copy.disconnect(its_copy.id)
    addresses = sloth.services.addresses
    assert await addresses.organization_of(original.id) == salon.organization.id
    assert await addresses.organization_of(connected.id) == copy.organization.id
    await salon.disconnect(original.id)
    again = await copy.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    assert again.status is IntegrationStatus.ACTIVE


@dataclass
class Refusing:
    """`ChatModel` that has its trouble with one question."""

    words: str
    name: str = "refusing"

    async def answer(self, request: ChatRequest) -> AsyncIterator[Delta | Completion]:
        if request.question == "poison":
            raise NotFound("There is nothing of that name.")
        yield Delta(text=self.words)
        yield Completion(text=self.words, quotes=())
