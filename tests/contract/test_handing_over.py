"""A person of the firm takes the place of the assistant, on a simulated Telegram."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import anyio
import pytest

from fakes.canaries import places_of
from fakes.channels import connected
from fakes.pictures import png
from fakes.smtp_server import SmtpServer
from fakes.telegram_salon import PRICES, answered, eventually, heard_in, new_bot, until
from fakes.telegram_server.faults import Fault
from fakes.telegram_server.records import Bot, Chat, Json, User
from fakes.telegram_server.server import TelegramServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.channels.telegram import CAPABILITIES, Telegram
from sloth_agent.agent.models import Message, Speaker
from sloth_agent.agent.ports import Held
from sloth_agent.app.bodies.answers import customer_body
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.code_text import new_code
from sloth_agent.channels.chats import ChatState, EventOutcome
from sloth_agent.channels.messages import Capabilities
from sloth_agent.channels.models import Integration, IntegrationStatus, IntegrationType
from sloth_agent.channels.staff_chats import STAFF_CHAT
from sloth_agent.channels.staff_codes import MOST_TRIES, VALID_FOR, StaffCode
from sloth_agent.clock import SetClock, system_clock
from sloth_agent.errors import Conflict, InvalidInput, NotFound, RecipientGone, WindowClosed
from sloth_agent.ids import ChatId, IntegrationId, new_id
from sloth_agent.language import Language
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.hours import DAYS
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio

BY = Actor(name="boss")
HANDED_OVER = "Please wait here"


@pytest.fixture
def mailbox() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, telegram_server: TelegramServer, mailbox: SmtpServer) -> Settings:
    return settings.model_copy(
        update={
            "telegram_api_base": telegram_server.url,
            "email_host": "127.0.0.1",
            "email_port": mailbox.port,
            "email_from": "sloth@example.com",
            "frontend_url": "https://console.example",
        }
    )


@pytest.fixture
def bot(telegram_server: TelegramServer) -> Bot:
    return new_bot(telegram_server)


@pytest.fixture
def anna(telegram_server: TelegramServer) -> User:
    return telegram_server.add_user("Anna", username="anna", language_code="en")


@pytest.fixture
def olha(telegram_server: TelegramServer) -> User:
    """Of the firm."""
    return telegram_server.add_user("Olha", username="olha", language_code="en")


@pytest.fixture
def annas(telegram_server: TelegramServer, anna: User, bot: Bot) -> Chat:
    return telegram_server.chat(anna, bot)


@pytest.fixture
def group(telegram_server: TelegramServer, bot: Bot, olha: User) -> Chat:
    """Of the firm's people."""
    group = telegram_server.add_group("Salon")
    telegram_server.join(olha, group)
    telegram_server.add_to_group(bot, group, olha)
    return group


@pytest.fixture
async def salon(sloth: AsyncSloth, tenant: AsyncTenant, bot: Bot) -> AsyncIterator[AsyncTenant]:
    """It knows its prices, and whoever writes to its bot is answered."""
    await tenant.ingest_content("prices.md", PRICES.encode())
    await tenant.change_profile(business_name="Salon Olha")
    await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    async with answered(sloth, tenant):
        yield tenant


async def integration_of(salon: AsyncTenant) -> Integration:
    [integration] = await salon.integrations()
    return integration


async def only_chat(salon: AsyncTenant) -> ChatId:
    [shown] = await salon.chats()
    return shown.chat.id


async def state_of(salon: AsyncTenant) -> ChatState:
    [shown] = await salon.chats()
    return shown.chat.state


async def staff_chat_in(
    salon: AsyncTenant, server: TelegramServer, who: User, where: Bot | Chat
) -> StaffCode:
    """Make a chat the staff's; what the bot replies is waited for."""
    made = await salon.staff_code((await integration_of(salon)).id, by=BY)
    chat = server.chat(who, where) if isinstance(where, Bot) else where
    before = len(server.sent(chat))
    server.write(who, where, f"/staff {made.code}")
    await heard_in(server, chat, before + 1)
    return made


async def outcomes_of_edits(salon: AsyncTenant, count: int) -> list[EventOutcome | None]:
    """Once so many are handled."""

    async def outcomes() -> list[EventOutcome | None]:
        events = await salon.channel_events()
        edits = [event for event in events if "edited_message" in event.payload]
        return [event.outcome for event in edits if event.handled_at]

    async def are_there() -> bool:
        return len(await outcomes()) >= count

    await eventually(are_there)
    return await outcomes()


async def actions(sloth: AsyncSloth, salon: AsyncTenant, kind: str) -> list[tuple[str, str]]:
    events = await sloth.audit.list(organization=salon.organization.id, action=f"{kind}.*")
    return [(event.action, event.by.name) for event in reversed(events)]


async def test_a_customer_asks_for_a_person_and_gets_one(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    annas: Chat,
) -> None:
    telegram_server.write(anna, bot, "/human")
    [promised] = await heard_in(telegram_server, annas, 1)
    assert HANDED_OVER in promised
    [waiting] = await salon.chats(state=ChatState.WAITING)
    assert (waiting.chat.name, waiting.channel) == ("Anna", IntegrationType.TELEGRAM)
    assert await salon.chats(state=ChatState.PERSON) == []

    shown = await salon.answer_chat(waiting.chat.id, "Hello Anna, I am Olha.", by=BY)
    assert shown.chat.state is ChatState.PERSON
    assert (await heard_in(telegram_server, annas, 2))[1] == "Hello Anna, I am Olha."
    telegram_server.write(anna, bot, "How much is a haircut?")
    told = await _said(salon, 4)
    assert told[-1] == (Speaker.USER, "How much is a haircut?")

    given_back = await salon.give_back_chat(waiting.chat.id, by=BY)
    assert given_back.chat.state is ChatState.ASSISTANT
    assert (await heard_in(telegram_server, annas, 3))[2] == "The assistant answers again."
    telegram_server.write(anna, bot, "How much is a haircut?")
    assert "45 euros" in (await heard_in(telegram_server, annas, 4))[3]
    assert await _said(salon, 7) == [
        (Speaker.USER, "/human"),
        (Speaker.ASSISTANT, promised),
        (Speaker.STAFF, "Hello Anna, I am Olha."),
        (Speaker.USER, "How much is a haircut?"),
        (Speaker.ASSISTANT, "The assistant answers again."),
        (Speaker.USER, "How much is a haircut?"),
        (Speaker.ASSISTANT, (await salon.show_chat(waiting.chat.id)).messages[-1].text),
    ]
    assert await actions(sloth, salon, "chat") == [
        ("chat.answered", "boss"),
        ("chat.given_back", "boss"),
    ]


async def _said(salon: AsyncTenant, count: int) -> list[tuple[Speaker, str]]:
    id = await only_chat(salon)

    async def is_there() -> bool:
        return len((await salon.show_chat(id)).messages) >= count

    await eventually(is_there)
    return [(each.speaker, each.text) for each in (await salon.show_chat(id)).messages]


async def _until_gone(salon: AsyncTenant) -> None:
    async def is_gone() -> bool:
        return (await salon.show_chat(await only_chat(salon))).chat.is_gone

    await eventually(is_gone)


async def test_moves_that_are_repeated_do_nothing(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    annas: Chat,
) -> None:
    telegram_server.write(anna, bot, "How much is a beard trim?")
    await heard_in(telegram_server, annas, 1)
    id = await only_chat(salon)
    for _ in range(2):
        assert (await salon.give_back_chat(id, by=BY)).chat.state is ChatState.ASSISTANT
    assert await actions(sloth, salon, "chat") == []
    for _ in range(2):
        assert (await salon.take_chat(id, by=BY)).chat.state is ChatState.PERSON
    for _ in range(2):
        assert (await salon.give_back_chat(id, by=BY)).chat.state is ChatState.ASSISTANT
    await heard_in(telegram_server, annas, 2)
    done = ["chat.taken", "chat.given_back"]
    assert await actions(sloth, salon, "chat") == [(action, "boss") for action in done]
    assert len(telegram_server.sent(annas)) == 2


async def test_all_at_once_each_move_holds(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    """Several people of the firm answer and take: nothing that was said is lost."""
    telegram_server.write(anna, bot, "/human")
    await heard_in(telegram_server, annas, 1)
    id = await only_chat(salon)
    async with anyio.create_task_group() as work:
        for number in range(4):
            work.start_soon(salon.answer_chat, id, f"answer {number}")
            work.start_soon(salon.take_chat, id)
    said = await _said(salon, 6)
    answers = sorted(text for speaker, text in said if speaker is Speaker.STAFF)
    assert answers == [f"answer {number}" for number in range(4)]
    assert sorted((await heard_in(telegram_server, annas, 5))[1:]) == answers
    assert await state_of(salon) is ChatState.PERSON


async def test_two_questions_without_an_answer_call_a_person_once(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    mailbox: SmtpServer,
    bot: Bot,
    anna: User,
    annas: Chat,
) -> None:
    email = await _owner(sloth, salon, Language.UKRAINIAN)
    for number, question in enumerate(("Do you repair bicycles?", "And cars?"), start=1):
        telegram_server.write(anna, bot, question)
        await heard_in(telegram_server, annas, number)
    assert HANDED_OVER in (await heard_in(telegram_server, annas, 3))[2]
    telegram_server.write(anna, bot, "Is anybody there?")
    telegram_server.write(anna, bot, "/human")
    await _said(salon, 7)
    assert len(telegram_server.sent(annas)) == 3
    [mail] = mailbox.messages
    assert (mail["To"], mail["Subject"]) == (email, "Anna чекає на людину")
    id = await only_chat(salon)
    told = mail.get_content()
    assert "And cars?" in told
    assert f"https://console.example/inbox/{id}" in told
    assert f'sloth channels answer {id} "..." --tenant {salon.organization.slug}' in told


async def _owner(sloth: AsyncSloth, salon: AsyncTenant, language: Language) -> str:
    email = f"{uuid4().hex}@example.com"
    await sloth.services.accounts.create(
        email, organization=salon.organization.id, role=Role.OWNER, language=language, by=BY
    )
    return email


@pytest.mark.parametrize("language", Language)
async def test_the_firms_own_address_hears_in_the_owners_language(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    mailbox: SmtpServer,
    bot: Bot,
    language: Language,
) -> None:
    await _owner(sloth, salon, language)
    await salon.change_profile(notification_email="desk@example.com")
    eve = telegram_server.add_user("Eve\r\nBcc: x@example.com", language_code="de")
    telegram_server.write(eve, bot, "/human I want\nyour boss")
    [heard] = await heard_in(telegram_server, telegram_server.chat(eve, bot), 1)
    assert HANDED_OVER in heard, "she wrote English"
    [mail] = mailbox.messages
    assert mail["To"] == "desk@example.com"
    assert "Eve Bcc: x@example.com" in mail["Subject"]
    assert mail["Bcc"] is None
    assert "I want\nyour boss" in mail.get_content().replace("\r\n", "\n")


async def test_words_that_the_firm_named_call_a_person(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    id = (await integration_of(salon)).id
    assert await salon.set_hand_over_words(id, ["complaint", "скарг"]) == ["complaint", "скарг"]
    telegram_server.write(anna, bot, "How much is a haircut? I have a complaint!")
    assert HANDED_OVER in (await heard_in(telegram_server, annas, 1))[0]
    assert await state_of(salon) is ChatState.WAITING
    with pytest.raises(NotFound):
        await salon.set_hand_over_words(IntegrationId(new_id()), ["complaint"])
    with pytest.raises(InvalidInput):
        await salon.set_hand_over_words(id, [""])


async def test_who_asks_for_a_person_in_plain_words_gets_one(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    telegram_server.write(anna, bot, "Можна поговорити з людиною?")
    [promise] = await heard_in(telegram_server, annas, 1)
    assert promise.startswith("Я покликав")
    assert await state_of(salon) is ChatState.WAITING


async def test_who_is_gone_is_not_written_to(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    annas: Chat,
) -> None:
    telegram_server.write(anna, bot, "/human")
    await heard_in(telegram_server, annas, 1)
    telegram_server.block(anna, bot)
    id = await only_chat(salon)
    await _until_gone(salon)
    with pytest.raises(RecipientGone, match="blocked"):
        await salon.answer_chat(id, "Are you there?")
    assert await actions(sloth, salon, "chat") == []
    assert (await salon.give_back_chat(id)).chat.state is ChatState.ASSISTANT
    assert len(telegram_server.sent(annas)) == 1


async def test_what_cannot_be_answered(salon: AsyncTenant) -> None:
    nobody = ChatId(new_id())
    for act in (salon.show_chat, salon.take_chat, salon.give_back_chat):
        with pytest.raises(NotFound, match="no chat"):
            await act(nobody)
    for text in ("", " \n ", "x" * 4001):
        with pytest.raises(InvalidInput):
            await salon.answer_chat(nobody, text)
    with pytest.raises(InvalidInput):
        await salon.chats(limit=0)


class _OneDay(Telegram):
    """Like WhatsApp: a day after somebody wrote they are not written to."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(CAPABILITIES, writes_first_within=timedelta(hours=24))


async def test_a_channel_that_lets_nobody_write_any_more(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    telegram_server.write(anna, bot, "/human")
    await heard_in(telegram_server, annas, 1)
    id = await only_chat(salon)

    telegram = salon.services.backends.messenger(IntegrationType.TELEGRAM)
    assert isinstance(telegram, Telegram)
    one_day = _OneDay(telegram.connections)
    desk = replace(salon.services.desk, messengers=lambda _: one_day)
    tomorrow = SetClock(system_clock() + timedelta(hours=25))
    with pytest.raises(WindowClosed, match="too long ago"):
        await replace(desk, clock=tomorrow).answer(id, "Sorry, only now.", by=BY)
    assert (await desk.answer(id, "At once.", by=BY)).chat.state is ChatState.PERSON
    assert (await heard_in(telegram_server, annas, 2))[1] == "At once."


async def test_what_lay_in_a_broken_channel_goes_to_a_person(
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    annas: Chat,
) -> None:
    telegram_server.always = Fault(status=401, method="sendMessage")
    telegram_server.write(anna, bot, "How much is a haircut?")

    async def is_broken() -> bool:
        return (await integration_of(salon)).status is IntegrationStatus.ERROR

    async def lies_there() -> bool:
        return len(await salon.channel_events()) == 2

    await eventually(is_broken)
    telegram_server.write(anna, bot, "And a beard trim?")
    await eventually(lies_there)
    with pytest.raises(Conflict, match="does not know this token"):
        await salon.answer_chat(await only_chat(salon), "45 euros.", by=BY)
    await salon.services.home.at_once(
        salon.services.schema,
        "update channel_events set received_at = received_at - interval '1 day';"
        " update channel_outbox set queued_at = queued_at - interval '1 day'",
    )
    telegram_server.always = Fault()
    await salon.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    assert HANDED_OVER in (await heard_in(telegram_server, annas, 1))[0]
    assert await state_of(salon) is ChatState.WAITING
    checked = await salon.check_integration((await integration_of(salon)).id)
    [lost] = [each for each in checked.findings if each.name == "replies"]
    assert lost.hint == "The last one: It was not sent within a day."


async def test_strangers_cannot_have_us_mail_without_end(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    mailbox: SmtpServer,
) -> None:
    await _owner(sloth, salon, Language.ENGLISH)
    telegram_server.write(anna, bot, "/human Is Friday free?")
    await heard_in(telegram_server, telegram_server.chat(anna, bot), 1)
    [shown] = await salon.chats()
    integration = await integration_of(salon)
    calling = salon.services.handing_over
    await replace(calling, most_waiting=1).call_a_person(shown.chat, integration, "And now?")
    assert len(mailbox.messages) == 1
    await calling.call_a_person(shown.chat, integration, "And now?")
    assert len(mailbox.messages) == 2


async def test_staff_answer_in_their_group(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    olha: User,
    group: Chat,
) -> None:
    annas = telegram_server.chat(anna, bot)
    await staff_chat_in(salon, telegram_server, olha, group)
    assert (await salon.profile()).notify_by_telegram
    ben = telegram_server.add_user("Ben", language_code="en")
    for who, words in ((anna, "/human Is Friday free?"), (ben, "/human Do you cut dogs?")):
        telegram_server.write(who, bot, words)
    relayed = (await heard_in(telegram_server, group, 3))[1:]
    assert sorted(relayed) == ["🔔 Anna: Is Friday free?", "🔔 Ben: Do you cut dogs?"]
    by_name = {str(s.message["text"])[2:5]: s.message for s in telegram_server.sent(group)[1:]}

    telegram_server.write(olha, group, "Friday at 10.", reply_to=by_name["Ann"])
    telegram_server.write(olha, group, "No dogs, sorry.", reply_to=by_name["Ben"])
    bens = telegram_server.chat(ben, bot)
    assert (await heard_in(telegram_server, annas, 2))[1] == "Friday at 10."
    assert (await heard_in(telegram_server, bens, 2))[1] == "No dogs, sorry."
    assert await actions(sloth, salon, "chat") == [("chat.answered", f"telegram:{olha.id}")] * 2
    telegram_server.write(anna, bot, "Thank you!")
    assert (await heard_in(telegram_server, group, 4))[3] == "Anna: Thank you!"
    telegram_server.write(olha, group, "/done", reply_to=by_name["Ann"])
    assert (await heard_in(telegram_server, group, 5))[4] == "Anna: the assistant answers again."
    assert (await heard_in(telegram_server, annas, 3))[2] == "The assistant answers again."
    telegram_server.write(anna, bot, "How much is a haircut?")
    assert "45 euros" in (await heard_in(telegram_server, annas, 4))[3]
    states = {shown.chat.name: shown.chat.state for shown in await salon.chats()}
    assert states == {"Anna": ChatState.ASSISTANT, "Ben": ChatState.PERSON}
    assert len(telegram_server.sent(group)) == 5


async def test_in_a_customers_group_each_is_told_under_their_own_name(
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    mailbox: SmtpServer,
    bot: Bot,
    anna: User,
    olha: User,
    group: Chat,
) -> None:
    await salon.change_profile(notification_email="desk@example.com")
    await staff_chat_in(salon, telegram_server, olha, group)
    ben = telegram_server.add_user("Ben", language_code="en")
    friends = telegram_server.add_group("Friends", anna)
    telegram_server.join(ben, friends)
    telegram_server.add_to_group(bot, friends, anna)
    for who, words in ((anna, "/human Please cancel."), (ben, "@salon_bot Keep mine.")):
        telegram_server.write(who, friends, words)
    assert (await heard_in(telegram_server, group, 3))[1:] == [
        "🔔 Anna: Please cancel.",
        "Ben: Keep mine.",
    ]
    [waiting] = await salon.chats()
    assert waiting.chat.name == "Friends"
    [mail] = mailbox.messages
    assert "Anna" in mail["Subject"]


async def test_staff_are_heard_while_their_group_takes_no_more(
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    annas: Chat,
    olha: User,
    group: Chat,
) -> None:
    await staff_chat_in(salon, telegram_server, olha, group)
    telegram_server.write(anna, bot, "/human Is Friday free?")
    await heard_in(telegram_server, group, 2)
    notice = telegram_server.sent(group)[-1].message
    put_off = Fault(status=429, retry_after=600, method="sendMessage", chat_id=group.id)
    telegram_server.faults.append(put_off)
    telegram_server.write(anna, bot, "Or Saturday?")
    await until(lambda: not telegram_server.faults)
    for number, words in enumerate(("Friday at 10.", "Not on Saturday."), start=2):
        telegram_server.write(olha, group, words, reply_to=notice)
        assert (await heard_in(telegram_server, annas, number))[-1] == words
    telegram_server.write(olha, group, "/done", reply_to=notice)
    assert (await heard_in(telegram_server, annas, 4))[3] == "The assistant answers again."
    assert len(telegram_server.sent(group)) == 2


async def test_staff_and_customers_see_what_words_do_not_tell(
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    olha: User,
    annas: Chat,
    group: Chat,
) -> None:
    await staff_chat_in(salon, telegram_server, olha, group)
    telegram_server.write(anna, bot, "/human")
    await heard_in(telegram_server, group, 2)
    telegram_server.send_photo(anna, bot, png(), caption="Like this?")
    [told, photo] = (await heard_in(telegram_server, group, 4))[2:]
    assert told.startswith("Anna: Like this?\n[photo ")
    assert photo == "<photo>Like this?"
    telegram_server.send_document(anna, bot, "plan.pdf", b"%PDF-1.4")
    assert (await heard_in(telegram_server, group, 6))[4:] == [
        "Anna: [document: plan.pdf]",
        "<document>",
    ]
    seen = telegram_server.sent(group)[-1].message
    telegram_server.send_photo(olha, group, png(), caption="Rather this.", reply_to=seen)
    assert (await heard_in(telegram_server, annas, 2))[1] == "<photo>Rather this."
    messages = (await salon.show_chat(await only_chat(salon))).messages
    assert (messages[-1].speaker, messages[-1].text) == (Speaker.STAFF, "[photo] Rather this.")


async def test_staff_see_all_of_an_album_that_is_told_once(
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    olha: User,
    group: Chat,
) -> None:
    await staff_chat_in(salon, telegram_server, olha, group)
    telegram_server.write(anna, bot, "/human Is Friday free?")
    await heard_in(telegram_server, group, 2)
    for caption in ("Like this?", ""):
        telegram_server.send_photo(anna, bot, png(), caption=caption, album="hair")
    words, *shown = (await heard_in(telegram_server, group, 5))[2:]
    assert words.startswith("Anna: Like this?\n[photo ")
    assert shown == ["<photo>Like this?", "<photo>"]


async def test_staff_keep_to_the_topic_in_which_they_began(
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    olha: User,
    annas: Chat,
    group: Chat,
) -> None:
    desk, news = (telegram_server.begin_topic(group, olha, name) for name in ("Desk", "News"))
    telegram_server.close_general(group)
    made = await salon.staff_code((await integration_of(salon)).id, by=BY)
    telegram_server.write(olha, group, f"/staff {made.code}", topic=desk)
    await heard_in(telegram_server, group, 1)
    telegram_server.write(olha, group, "@salon_bot hello?", topic=news)
    assert "reply" in (await heard_in(telegram_server, group, 2))[1].lower()
    telegram_server.write(anna, bot, "/human Is Friday free?")
    await heard_in(telegram_server, group, 3)
    telegram_server.send_photo(anna, bot, png())
    await heard_in(telegram_server, group, 5)
    sent = [each.message for each in telegram_server.sent(group)]
    assert [each["message_thread_id"] for each in sent] == [desk, news, desk, desk, desk]
    telegram_server.write(olha, group, "Friday at 10.", reply_to=sent[2])
    assert (await heard_in(telegram_server, annas, 2))[1] == "Friday at 10."
    telegram_server.write(olha, group, "/staff", topic=news)
    await heard_in(telegram_server, group, 6)
    telegram_server.write(anna, bot, "Thank you!")
    await heard_in(telegram_server, group, 7)
    assert telegram_server.sent(group)[-1].message["message_thread_id"] == news


async def test_where_the_topic_of_staff_was_deleted_they_hear_beside_it(
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    olha: User,
    group: Chat,
) -> None:
    desk = telegram_server.begin_topic(group, olha, "Desk")
    made = await salon.staff_code((await integration_of(salon)).id, by=BY)
    telegram_server.write(olha, group, f"/staff {made.code}", topic=desk)
    await heard_in(telegram_server, group, 1)
    telegram_server.end_topic(group, desk)
    telegram_server.write(anna, bot, "/human Is Friday free?")
    assert (await heard_in(telegram_server, group, 2))[1] == "🔔 Anna: Is Friday free?"


async def test_edits_beside_words_are_left_alone_whoever_answers(
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    olha: User,
    annas: Chat,
    group: Chat,
) -> None:
    """Caption, command and place: neither answered, nor passed on, nor done again."""

    def edit(place: Json, photo: Json, command: Json) -> None:
        telegram_server.move(anna, bot, place, 50.46)
        telegram_server.edit(anna, bot, photo, "How much is a beard trim?")
        telegram_server.edit(anna, bot, command, "/human Now!")

    await staff_chat_in(salon, telegram_server, olha, group)
    sent = [
        telegram_server.send_location(anna, bot, 50.45, 30.52),
        telegram_server.send_photo(anna, bot, png(), caption="How much is a haircut?"),
        telegram_server.write(anna, bot, "/help"),
    ]
    await heard_in(telegram_server, annas, 3)
    edit(*sent)
    assert await outcomes_of_edits(salon, 3) == [EventOutcome.IGNORED] * 3
    assert await state_of(salon) is ChatState.ASSISTANT
    telegram_server.write(anna, bot, "/human Is Friday free?")
    told = len(await heard_in(telegram_server, group, 2))
    edit(*sent)
    assert await outcomes_of_edits(salon, 6) == [EventOutcome.IGNORED] * 6
    telegram_server.write(anna, bot, "Hello?")
    assert (await heard_in(telegram_server, group, told + 1))[told:] == ["Anna: Hello?"]
    assert len(telegram_server.sent(annas)) == 4
    assert len(await salon.photos()) == 1


async def test_a_command_of_staff_that_is_edited_is_not_done_again(
    salon: AsyncTenant, telegram_server: TelegramServer, olha: User, group: Chat
) -> None:
    await staff_chat_in(salon, telegram_server, olha, group)
    sent = telegram_server.write(olha, group, "/staff now")
    await heard_in(telegram_server, group, 2)
    telegram_server.edit(olha, group, sent, "/staff off")
    telegram_server.write(olha, group, "/staff later")
    await heard_in(telegram_server, group, 3)
    assert (await integration_of(salon)).settings["staff_chat"] == str(group.id)


async def test_staff_go_on_in_their_group_when_it_becomes_a_supergroup(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, olha: User
) -> None:
    group = telegram_server.add_group("Salon", olha, type="group")
    telegram_server.add_to_group(bot, group, olha)
    await staff_chat_in(salon, telegram_server, olha, group)
    supergroup = telegram_server.upgrade(group, olha)

    async def is_known() -> bool:
        return (await integration_of(salon)).settings["staff_chat"] == str(supergroup.id)

    await eventually(is_known)
    telegram_server.write(anna, bot, "/human Is Friday free?")
    [notice] = await heard_in(telegram_server, supergroup, 1)
    assert notice == "🔔 Anna: Is Friday free?"
    [sent] = telegram_server.sent(supergroup)
    telegram_server.write(olha, supergroup, "Friday at 10.", reply_to=sent.message)
    annas = telegram_server.chat(anna, bot)
    assert (await heard_in(telegram_server, annas, 2))[1] == "Friday at 10."


async def test_staff_who_remain_anonymous_in_their_group_answer(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    annas: Chat,
    group: Chat,
) -> None:
    made = await salon.staff_code((await integration_of(salon)).id, by=BY)
    telegram_server.write_anonymously(group, f"/staff {made.code}")
    await heard_in(telegram_server, group, 1)
    telegram_server.write(anna, bot, "/human Is Friday free?")
    await heard_in(telegram_server, group, 2)
    notice = telegram_server.sent(group)[-1].message
    telegram_server.write_anonymously(group, "Friday at 10.", reply_to=notice)
    assert (await heard_in(telegram_server, annas, 2))[1] == "Friday at 10."
    assert await actions(sloth, salon, "chat") == [("chat.answered", f"telegram:{group.id}")]


async def test_whether_staff_hear_by_telegram_too(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    mailbox: SmtpServer,
    bot: Bot,
    olha: User,
    group: Chat,
) -> None:
    """Where they hear by mail, the profile says so; where not, there is no other way."""
    await staff_chat_in(salon, telegram_server, olha, group)
    await salon.change_profile(notify_by_telegram=False)

    async def somebody_asks() -> None:
        who = telegram_server.add_user("Ben", language_code="en")
        telegram_server.write(who, bot, "/human")
        await heard_in(telegram_server, telegram_server.chat(who, bot), 1)

    await somebody_asks()
    assert (len(mailbox.messages), len(await heard_in(telegram_server, group, 2))) == (0, 2)
    await _owner(sloth, salon, Language.ENGLISH)
    await somebody_asks()
    assert (len(mailbox.messages), len(telegram_server.sent(group))) == (1, 2)
    await salon.change_profile(notify_by_telegram=True)
    await somebody_asks()
    assert (len(mailbox.messages), len(await heard_in(telegram_server, group, 3))) == (2, 3)


async def test_a_staff_chat_is_not_a_customers(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, olha: User
) -> None:
    made = await staff_chat_in(salon, telegram_server, olha, bot)
    room = telegram_server.chat(olha, bot)
    telegram_server.write(olha, bot, "How much is a haircut?")
    assert (await heard_in(telegram_server, room, 2))[1].startswith("Reply to a customer's")
    telegram_server.write(olha, bot, "/done")
    assert (await heard_in(telegram_server, room, 3))[2].startswith("Reply to a customer's")
    telegram_server.write(olha, bot, f"/staff {made.code}")
    assert (await heard_in(telegram_server, room, 4))[3].startswith("From now on")
    assert await salon.chats() == []
    assert await salon.conversations() == []

    telegram_server.write(olha, bot, "/staff off")
    assert (await heard_in(telegram_server, room, 5))[4].endswith("any more.")
    assert STAFF_CHAT not in (await integration_of(salon)).settings
    telegram_server.write(olha, bot, "How much is a haircut?")
    assert "45 euros" in (await heard_in(telegram_server, room, 6))[5]


async def test_who_is_sent_away_hears_nothing_more(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    olha: User,
    group: Chat,
    bot: Bot,
) -> None:
    await staff_chat_in(salon, telegram_server, olha, group)
    telegram_server.remove_from_group(bot, group, olha)

    async def is_over() -> bool:
        return STAFF_CHAT not in (await integration_of(salon)).settings

    await eventually(is_over)
    assert [action for action, _ in await actions(sloth, salon, "staff_chat")] == [
        "staff_chat.code_made",
        "staff_chat.begun",
        "staff_chat.ended",
    ]


async def test_an_answer_that_does_not_get_through_is_told(
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    olha: User,
    group: Chat,
) -> None:
    await staff_chat_in(salon, telegram_server, olha, group)
    telegram_server.write(anna, bot, "/human")
    await heard_in(telegram_server, group, 2)
    relayed = telegram_server.sent(group)[1].message
    telegram_server.block(anna, bot)
    await _until_gone(salon)
    telegram_server.write(olha, group, "Hello?", reply_to=relayed)
    assert (await heard_in(telegram_server, group, 3))[2].startswith("Not sent. The person has")


async def test_codes_are_used_once_and_soon_and_at_their_own_bot(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    annas: Chat,
    olha: User,
) -> None:
    integration = await integration_of(salon)
    made = await salon.staff_code(integration.id, by=BY)
    assert made.code not in repr(made)
    codes = salon.services.staff_codes
    late = replace(codes, clock=SetClock(system_clock() + VALID_FOR))
    assert not await late.use(integration.id, made.code, chat="1")

    neighbour = await sloth.tenant(f"t-{uuid4().hex}", create=True)
    other_bot = new_bot(telegram_server)
    theirs = await neighbour.connect(IntegrationType.TELEGRAM, {"token": other_bot.token})
    assert not await neighbour.services.staff_codes.use(theirs.id, made.code, chat="1")

    telegram_server.write(anna, bot, f"/staff {made.code[:-1]}")
    assert "not valid" in (await heard_in(telegram_server, annas, 1))[0]
    telegram_server.write(olha, bot, f"/staff {made.code.lower()}")
    room = telegram_server.chat(olha, bot)
    assert "From now on" in (await heard_in(telegram_server, room, 1))[0]
    telegram_server.write(anna, bot, f"/staff {made.code}")
    assert "not valid" in (await heard_in(telegram_server, annas, 2))[1]
    assert (await integration_of(salon)).settings[STAFF_CHAT] == str(olha.id)
    assert await salon.conversations() == [], "codes stand in no conversation"


async def test_a_code_is_not_found_by_trying(salon: AsyncTenant) -> None:
    id = (await integration_of(salon)).id
    codes = salon.services.staff_codes
    made = await salon.staff_code(id)
    assert await codes.use(id, made.code, chat="1"), "so it would be right"
    made = await salon.staff_code(id)
    for _ in range(MOST_TRIES):
        assert not await codes.use(id, new_code(), chat="2")
    assert not await codes.use(id, made.code, chat="2")
    assert (await integration_of(salon)).settings[STAFF_CHAT] == "1"


async def test_staff_have_no_chat_where_there_is_no_telegram(tenant: AsyncTenant) -> None:
    with pytest.raises(NotFound):
        await tenant.staff_code(IntegrationId(new_id()))
    sold = await connected(tenant, IntegrationType.WHATSAPP)
    with pytest.raises(Conflict, match="whatsapp"):
        await tenant.staff_code(sold.id)


async def test_all_that_a_channel_holds_of_a_customer_is_shown_and_erased(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    annas: Chat,
) -> None:
    telegram_server.write(anna, bot, "/human")
    await heard_in(telegram_server, annas, 1)
    telegram_server.send_photo(anna, bot, png(), caption="Like this one?")
    await _said(salon, 3)
    await salon.answer_chat(await only_chat(salon), "Yes, like this.")
    await heard_in(telegram_server, annas, 2)
    [photo] = await salon.photos()
    customer = f"telegram:{anna.id}"

    shown = customer_body(await salon.export_customer(customer))
    [chat] = json.loads(json.dumps(shown))["chats"]
    assert (chat["name"], chat["state"]) == ("Anna", "person")
    assert [sent["id"] for sent in shown["photos"]] == [str(photo.id)]
    assert [told["payload"]["message"].get("text") for told in chat["told"]] == ["/human", None]
    assert [sent["text"] for sent in chat["sent"]][1:] == ["Yes, like this."]
    [conversation] = shown["conversations"]
    assert [message["role"] for message in conversation["messages"]] == [
        *("user", "assistant", "user", "staff")
    ]

    read = salon.services.photos.files.read
    assert await read(photo.file_key)
    assert await salon.delete_customer(customer) == Held(
        conversations=1, messages=4, chats=1, photos=1
    )
    assert await salon.chats() == []
    assert await salon.photos() == []
    with pytest.raises(NotFound):
        await read(photo.file_key)
    places = await places_of(salon, "Like this one?", f"{anna.id}")
    assert [place for place in places if place.startswith(salon.services.schema)] == []
    for act in (salon.export_customer, salon.delete_customer):
        with pytest.raises(NotFound):
            await act(customer)
    [_, event] = await sloth.audit.list(organization=salon.organization.id, action="customer.*")
    assert event.details["chats"] == 1


async def test_what_a_channel_told_is_forgotten_after_a_month(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    annas: Chat,
) -> None:
    telegram_server.write(anna, bot, "How much is a haircut?")
    await heard_in(telegram_server, annas, 1)
    customer = f"telegram:{anna.id}"

    async def after(days: int) -> tuple[int, int]:
        at = system_clock() + timedelta(days=days)
        done = await sloth.tasks.run("clean-up", at=at, by=BY)
        assert done.outcome is not None
        [chat] = (await salon.export_customer(customer)).chats
        return sum(bool(told.payload) for told in chat.told), len(chat.sent)

    async def is_sent() -> bool:
        [chat] = (await salon.export_customer(customer)).chats
        return all(sent.ended_at for sent in chat.sent)

    await eventually(is_sent)
    assert await after(days=29) == (1, 1)
    assert await after(days=31) == (0, 0)
    assert len(await _said(salon, 2)) == 2, "what was said is kept"


async def test_outside_office_hours_the_customer_hears_when_somebody_comes(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    mailbox: SmtpServer,
    bot: Bot,
    anna: User,
    annas: Chat,
) -> None:
    """An hour long the firm is open, once a week: three days from now."""
    await _owner(sloth, salon, Language.ENGLISH)
    warsaw = ZoneInfo("Europe/Warsaw")
    opens = system_clock().astimezone(warsaw) + timedelta(days=3)
    await salon.change_profile(timezone="Europe/Warsaw")
    await salon.change_hours(office_hours={DAYS[opens.weekday()]: [["09:00", "10:00"]]})
    telegram_server.write(anna, bot, "/human")
    day = f"{opens:%A}"
    assert await heard_in(telegram_server, annas, 1) == [
        f"We are closed now. Somebody of Salon Olha will answer you here on {day} at 09:00."
    ]
    assert await state_of(salon) is ChatState.WAITING
    assert len(mailbox.messages) == 1

    await salon.give_back_chat(await only_chat(salon))
    await salon.change_hours(away_text="We are {away}.")
    telegram_server.write(anna, bot, "/human")
    assert (await heard_in(telegram_server, annas, 3))[2] == "We are {away}."
    profile = await salon.change_hours(office_hours={}, away_text="")
    assert profile == await salon.profile()
    assert (profile.office_hours, profile.away_text) == ({}, "")
    with pytest.raises(InvalidInput):
        await salon.change_hours(office_hours={"mon": [["18:00", "18:00"]]})
    with pytest.raises(InvalidInput):
        await salon.change_hours(away_text="x" * 1001)


async def test_visitors_of_the_web_site_are_answered_in_the_staffs_group(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    olha: User,
    group: Chat,
) -> None:
    """Staff have one chat, whatever customers come by."""
    await staff_chat_in(salon, telegram_server, olha, group)
    site = await salon.connect_web(["https://salon.example"])
    visitor, _ = sloth.services.visitors.admit(site.id)
    web = salon.services.web_chat(site)
    assert not isinstance(await web.ask(visitor, "Hello?"), Message), "the assistant answers"
    for _ in range(2):
        called = await web.call_a_person(visitor, language=Language.GERMAN)
        assert called is ChatState.WAITING
    for words in ("Please!", "I am waiting."):
        assert isinstance(await web.ask(visitor, words), Message)
    relayed = (await heard_in(telegram_server, group, 4))[1:]
    name = str(visitor.id)
    assert relayed == [f"🔔 {name}:", f"{name}: Please!", f"{name}: I am waiting."]

    about = telegram_server.sent(group)[2].message
    telegram_server.write(olha, group, "Here I am.", reply_to=about)

    async def is_answered() -> bool:
        return await web.state(visitor) is ChatState.PERSON

    await eventually(is_answered)
    telegram_server.write(olha, group, "/done", reply_to=about)
    await heard_in(telegram_server, group, 5)
    [shown] = await salon.chats()
    assert shown.channel is IntegrationType.WEB
    said = [(each.speaker, each.text) for each in await web.messages(visitor, last=10)]
    assert said[0][0] is Speaker.ASSISTANT
    assert "Bitte warten Sie hier" in said[0][1]
    assert said[1:] == [
        (Speaker.USER, "Please!"),
        (Speaker.USER, "I am waiting."),
        (Speaker.STAFF, "Here I am."),
        (Speaker.ASSISTANT, "The assistant answers again."),
    ]
    held = await salon.delete_customer(f"web:{visitor.id}")
    assert (held.conversations, held.messages, held.chats) == (1, 5, 1)
