"""Documents that customers send: kept for the people of a firm, and for nobody else."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from fakes.channels import BY, chat_with, connected, sent_file
from fakes.pictures import png
from fakes.telegram_salon import PRICES, answered, eventually, heard_in, new_bot, said_in, until
from fakes.telegram_server.faults import Fault
from fakes.telegram_server.records import Bot, Chat, User
from fakes.telegram_server.server import TelegramServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.agent.models import Speaker
from sloth_agent.agent.ports import ChatRequest, Completion, Delta, Held
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import Resource
from sloth_agent.billing.lifecycle import Plans
from sloth_agent.billing.models import NO_LIMITS, Subscription
from sloth_agent.billing.ports import Change
from sloth_agent.channels.chat_files import ChatFile
from sloth_agent.channels.chats import ChatState
from sloth_agent.channels.models import IntegrationType
from sloth_agent.errors import (
    ChatMoved,
    Conflict,
    FileTooLarge,
    ModelUnavailable,
    NotFound,
    StorageUnavailable,
)
from sloth_agent.ids import ChatFileId, ChatId, IntegrationId, PhotoId, new_id
from sloth_agent.knowledge.models import Sender
from sloth_agent.knowledge.ports import FileStore
from sloth_agent.tenants.audit import AuditEvent

pytestmark = pytest.mark.anyio

CONTRACT = b"%PDF-1.7 contract of Anna"


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
def annas(telegram_server: TelegramServer, anna: User, bot: Bot) -> Chat:
    return telegram_server.chat(anna, bot)


@pytest.fixture
async def salon(sloth: AsyncSloth, tenant: AsyncTenant, bot: Bot) -> AsyncIterator[AsyncTenant]:
    """It wants customers' documents, and whoever writes to its bot is answered."""
    await tenant.ingest_content("prices.md", PRICES.encode())
    await tenant.change_profile(business_name="Salon Olha")
    made = await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    await tenant.set_files_kept(made.id, True)
    async with answered(sloth, tenant):
        yield tenant


async def only_chat(tenant: AsyncTenant) -> ChatId:
    [shown] = await tenant.chats()
    return shown.chat.id


async def said(tenant: AsyncTenant, count: int) -> list[tuple[Speaker, str]]:
    """In the only chat, once it is so much."""

    async def messages() -> list[tuple[Speaker, str]]:
        shown = [await tenant.show_chat(each.chat.id) for each in await tenant.chats()]
        return [(each.speaker, each.text) for one in shown for each in one.messages]

    async def is_there() -> bool:
        return len(await messages()) >= count

    await eventually(is_there)
    return await messages()


async def bytes_counted(tenant: AsyncTenant) -> int:
    report = await tenant.usage()
    [used] = [m.used for m in report.meters if m.room.resource is Resource.STORAGE_BYTES]
    return used


def stored(tenant: AsyncTenant) -> dict[str, bytes]:
    """All that lies in its file store."""
    files = tenant.services.files.folder.glob("*/*")
    return {path.name: path.read_bytes() for path in files}


async def limited_to(sloth: AsyncSloth, tenant: AsyncTenant, **limits: int) -> None:
    await sloth.subscriptions.activate(
        tenant.organization.id, "professional", days=30, cycle=None, by=BY
    )

    def decide(before: Subscription | None, _: Plans) -> Change:
        assert before is not None
        terms = replace(before.terms, limits=replace(NO_LIMITS, **limits))
        event = AuditEvent.of("subscription.activated", by=BY, at=before.anchor)
        return Change(replace(before, terms=terms), event)

    await sloth.subscriptions.store.change(tenant.organization.id, decide)


async def test_a_document_is_kept_for_the_firms_people(
    sloth: AsyncSloth,
    salon: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    annas: Chat,
) -> None:
    before = await bytes_counted(salon)
    telegram_server.send_document(anna, bot, "договір.pdf", CONTRACT)
    [told] = await heard_in(telegram_server, annas, 1)
    assert told == "Дякую, файл збережено для працівників «Salon Olha». Сам я його не читаю."
    [file] = await salon.chat_files(await only_chat(salon))
    assert (file.name, file.media_type, file.size_bytes) == (
        *("договір.pdf", "application/pdf", len(CONTRACT)),
    )
    assert str(file.customer) == f"telegram:{anna.id}"
    assert await salon.chat_file(file.id) == file
    assert await salon.chat_file_content(file.id) == CONTRACT
    assert await said(salon, 2) == [
        (Speaker.USER, f"[document {file.id} договір.pdf]"),
        (Speaker.ASSISTANT, told),
    ]
    assert [document.title for document in await salon.documents()] == ["prices.md"]
    assert await bytes_counted(salon) == before + len(CONTRACT)

    await salon.delete_chat_file(file.id, by=BY)
    assert await salon.chat_files() == []
    assert await bytes_counted(salon) == before
    assert file.file_key not in stored(salon)
    [event] = await sloth.audit.list(organization=salon.organization.id, action="chat_file.*")
    assert (event.action, event.by, event.subject) == ("chat_file.deleted", BY, str(file.id))
    for act in (salon.chat_file, salon.chat_file_content, salon.delete_chat_file):
        with pytest.raises(NotFound, match="no file"):
            await act(file.id)


async def test_a_caption_is_answered_and_nobody_thinks_that_the_file_was_read(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    asked = "How much is a haircut?"
    telegram_server.send_document(anna, bot, "contract.pdf", CONTRACT, caption=asked)
    answer, told = await heard_in(telegram_server, annas, 2)
    assert "45 euros" in answer
    assert told.endswith("I do not read it myself.")
    [file] = await salon.chat_files()
    assert [words for _, words in await said(salon, 4)][:2] == [
        f"[document {file.id} contract.pdf]",
        asked,
    ]
    telegram_server.write(anna, bot, "And a beard trim?")
    assert "20 euros" in (await heard_in(telegram_server, annas, 3))[2]


async def test_staff_are_told_of_it_while_a_person_has_the_chat(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    olha = telegram_server.add_user("Olha", language_code="en")
    [integration] = await salon.integrations()
    made = await salon.staff_code(integration.id)
    staff = telegram_server.chat(olha, bot)
    telegram_server.write(olha, bot, f"/staff {made.code}")
    await heard_in(telegram_server, staff, 1)
    await salon.set_hand_over_words(integration.id, ["complaint"])

    telegram_server.send_document(anna, bot, "bill.pdf", CONTRACT, caption="A complaint!")
    promise, told = await heard_in(telegram_server, annas, 2)
    assert "wait here" in promise
    assert "I do not read it myself." in told
    telegram_server.send_document(anna, bot, "photo of it.tiff", b"II*", caption="See?")
    relayed = await heard_in(telegram_server, staff, 5)
    first, second = await salon.chat_files()
    assert relayed[1:] == [
        f"🔔 Anna: A complaint!\n[document {first.id} bill.pdf]",
        "<document>A complaint!",
        f"Anna: See?\n[document {second.id} photo of it.tiff]",
        "<document>See?",
    ]
    assert len(said_in(telegram_server, annas)) == 2
    [shown] = await salon.chats()
    assert shown.chat.state is ChatState.WAITING


async def test_what_is_no_picture_of_ours_is_a_file_like_any_other(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    drawing = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    telegram_server.send_document(anna, bot, "logo.svg", drawing)
    telegram_server.send_document(anna, bot, "door.png", png())
    kept, photo = await heard_in(telegram_server, annas, 2)
    assert "файл збережено" in kept
    assert "фото збережено" in photo
    [file] = await salon.chat_files()
    assert (file.name, file.media_type) == ("logo.svg", "image/svg+xml")
    assert [each.title for each in await salon.photos()] == ["door.png"]


async def test_what_does_not_fit_is_declined_and_leaves_nothing(
    sloth: AsyncSloth,
    tenant: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    annas: Chat,
) -> None:
    await limited_to(sloth, tenant, max_storage_mb=1)
    made = await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    await tenant.set_files_kept(made.id, True)
    async with answered(sloth, tenant):
        telegram_server.send_document(anna, bot, "film.mp4", b"", size=21 * 1024 * 1024)
        telegram_server.send_document(anna, bot, "long.pdf", b"%PDF" + bytes(1024 * 1024))
        told = await heard_in(telegram_server, annas, 2)
    assert set(told) == {"Не вдалося прийняти цей файл. Напишіть, будь ласка, запитання текстом."}
    assert await tenant.chat_files() == []
    assert stored(tenant) == {}
    assert await bytes_counted(tenant) == 0


async def test_a_firm_that_does_not_want_them_any_more_gets_none(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    [integration] = await salon.integrations()
    await salon.set_files_kept(integration.id, False)
    telegram_server.send_document(anna, bot, "contract.pdf", CONTRACT)
    [told] = await heard_in(telegram_server, annas, 1)
    assert "не читаю" in told
    assert await salon.chat_files() == []
    with pytest.raises(NotFound):
        await salon.set_files_kept(IntegrationId(new_id()), True)
    site = await salon.connect_web(["https://salon.example"])
    with pytest.raises(Conflict, match="no files by web"):
        await salon.set_files_kept(site.id, True)


async def test_an_album_of_documents_is_kept_whole_and_passed_on_whole(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    for name in ("contract.pdf", "annex.pdf"):
        telegram_server.send_document(anna, bot, name, CONTRACT, album="papers")
    [told] = await heard_in(telegram_server, annas, 1)
    assert "файли збережено" in told
    assert [file.name for file in await salon.chat_files()] == ["contract.pdf", "annex.pdf"]
    await salon.take_chat(await only_chat(salon))
    for name in ("bill.pdf", "receipt.pdf"):
        telegram_server.send_document(anna, bot, name, CONTRACT, album="bills")
    marks = [words for _, words in await said(salon, 3)][-1].splitlines()
    assert [mark.split()[-1] for mark in marks] == ["bill.pdf]", "receipt.pdf]"]


async def test_an_edit_brings_nothing_new(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    document = telegram_server.send_document(anna, bot, "contract.pdf", CONTRACT, caption="Hello")
    photo = telegram_server.send_photo(anna, bot, png(), caption="Hello")
    heard = len(await heard_in(telegram_server, annas, 3))
    for message in (document, photo):
        telegram_server.edit(anna, bot, message, "How much is a haircut?")
    telegram_server.write(anna, bot, "How much is a beard trim?")
    answers = await heard_in(telegram_server, annas, heard + 1)
    assert "20 euros" in answers[-1]
    assert len(await salon.chat_files()) == len(await salon.photos()) == 1


async def test_what_telegram_cannot_give_now_is_asked_for_again(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    telegram_server.faults += [
        Fault(status=500, method="getFile"),
        Fault(refuse=True, method="file"),
    ]
    telegram_server.send_document(anna, bot, "contract.pdf", CONTRACT)
    await heard_in(telegram_server, annas, 1)
    [file] = await salon.chat_files()
    assert await salon.chat_file_content(file.id) == CONTRACT


async def test_what_is_tried_again_was_kept_already(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    vars(salon.services.backends)["chat_model"] = AwayAtFirst()
    telegram_server.send_document(anna, bot, "contract.pdf", CONTRACT, caption="How much?")
    assert (await heard_in(telegram_server, annas, 2))[0] == "45 euros."
    [file] = await salon.chat_files()
    assert await bytes_counted(salon) == len(PRICES.encode()) + len(CONTRACT)
    marks = [words for _, words in await said(salon, 4) if str(file.id) in words]
    assert marks == [f"[document {file.id} contract.pdf]"]


async def test_who_gets_no_answer_hears_all_the_same_that_the_file_was_kept(
    sloth: AsyncSloth,
    tenant: AsyncTenant,
    telegram_server: TelegramServer,
    bot: Bot,
    anna: User,
    annas: Chat,
) -> None:
    await limited_to(sloth, tenant, max_messages_per_month=0)
    made = await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    await tenant.set_files_kept(made.id, True)
    async with answered(sloth, tenant):
        telegram_server.send_document(anna, bot, "contract.pdf", CONTRACT, caption="How much?")
        away, told = await heard_in(telegram_server, annas, 2)
    assert "cannot answer right now" in away
    assert told.endswith("I do not read it myself.")
    [file] = await tenant.chat_files()
    assert (await said(tenant, 3))[0][1] == f"How much?\n[document {file.id} contract.pdf]"


@dataclass
class AwayAtFirst:
    """`ChatModel`."""

    was_asked: bool = False
    name: str = "away"

    async def answer(self, _: ChatRequest) -> AsyncIterator[Delta | Completion]:
        if not self.was_asked:
            self.was_asked = True
            raise ModelUnavailable("It is away.")
        yield Delta(text="45 euros.")
        yield Completion(text="45 euros.", quotes=())


async def test_the_same_event_keeps_one_file_however_often_it_is_tried(
    tenant: AsyncTenant,
) -> None:
    chat = await chat_with(tenant, await connected(tenant), "anna")
    id = ChatFileId(new_id())
    kept: list[ChatFile] = []

    async def keep() -> None:
        kept.append(await sent_file(tenant, chat, CONTRACT, id=id))

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(keep)
    await keep()
    assert {file.id for file in kept} == {id}
    assert len(await tenant.chat_files()) == 1
    assert await bytes_counted(tenant) == len(CONTRACT)
    assert list(stored(tenant).values()) == [CONTRACT]


async def test_pages_follow_each_other_oldest_first(tenant: AsyncTenant) -> None:
    bot = await connected(tenant)
    anna, ben = [await chat_with(tenant, bot, person) for person in ("anna", "ben")]
    files = [
        await sent_file(tenant, chat, CONTRACT, name=f"{number}.pdf")
        for number, chat in enumerate([anna, ben] * 3)
    ]
    assert await tenant.chat_files() == files
    assert await tenant.chat_files(anna.id) == files[::2]
    assert await tenant.chat_files(anna.id, limit=1, after=files[0].id) == [files[2]]
    with pytest.raises(NotFound):
        await tenant.chat_files(ChatId(new_id()))
    services = tenant.services.chat_files
    with pytest.raises(FileTooLarge):
        await sent_file(tenant, anna, bytes(services.max_bytes + 1))


async def test_nothing_is_kept_for_a_chat_that_was_erased_meanwhile(tenant: AsyncTenant) -> None:
    chat = await chat_with(tenant, await connected(tenant), "anna")
    await tenant.delete_customer("telegram:anna")
    with pytest.raises(ChatMoved):
        await sent_file(tenant, chat, CONTRACT)
    with pytest.raises(ChatMoved):
        await tenant.services.photos.add_sent(
            "photo.png",
            png(),
            id=PhotoId(new_id()),
            sender=Sender(source="telegram", external_id="anna"),
            chat=chat.id,
        )
    assert stored(tenant) == {}
    assert await bytes_counted(tenant) == 0


async def test_erased_while_more_is_kept(tenant: AsyncTenant) -> None:
    """Fails where a chat is not held first: photos stay and are nobody's, files deadlock."""
    chat = await chat_with(tenant, await connected(tenant), "anna")
    sender = Sender(source="telegram", external_id="anna")
    kept = 0

    async def keep_until_refused() -> None:
        nonlocal kept
        with suppress(ChatMoved):
            while True:
                await sent_file(tenant, chat, CONTRACT)
                kept += 1
                await tenant.services.photos.add_sent(
                    "photo.png", png(), id=PhotoId(new_id()), sender=sender, chat=chat.id
                )
                kept += 1

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(keep_until_refused)
        while kept < 20:  # noqa: ASYNC110 - it is counted beside
            await anyio.sleep(0.01)
        held = await tenant.delete_customer("telegram:anna")
    assert held.documents + held.photos == kept
    assert await tenant.chat_files() == []
    assert await tenant.photos() == []
    assert stored(tenant) == {}
    assert await bytes_counted(tenant) == 0


async def test_whose_they_are_is_known_by_who_sent_them(
    sloth: AsyncSloth, salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    """In a group Anna wrote first, and Ben sent the files."""
    ben = telegram_server.add_user("Ben")
    friends = telegram_server.add_group("Friends", anna)
    telegram_server.join(ben, friends)
    telegram_server.add_to_group(bot, friends, anna, status="administrator")
    telegram_server.write(anna, friends, "@salon_bot how much is a haircut?")
    await heard_in(telegram_server, friends, 1)
    telegram_server.send_document(ben, friends, "ben.pdf", CONTRACT, caption="@salon_bot")
    telegram_server.send_photo(ben, friends, png(), caption="@salon_bot")
    await heard_in(telegram_server, friends, 3)

    annas, bens = f"telegram:{anna.id}", f"telegram:{ben.id}"
    assert (await salon.export_customer(annas)).held.documents == 0
    record = await salon.export_customer(bens)
    assert record.held == Held(conversations=0, messages=0, photos=1, documents=1)
    assert [file.name for file in record.files.documents] == ["ben.pdf"]

    erased = await salon.delete_customer(annas)
    assert (erased.chats, erased.photos, erased.documents) == (1, 0, 0)
    assert (await salon.export_customer(bens)).files == record.files
    before = await bytes_counted(salon)
    assert await salon.delete_customer(bens, by=BY) == record.held
    assert await bytes_counted(salon) == before - len(CONTRACT) - len(png())
    assert set(record.files.file_keys) & stored(salon).keys() == set()
    with pytest.raises(NotFound):
        await salon.export_customer(bens)
    [newest, *_] = await sloth.audit.list(
        organization=salon.organization.id, action="customer.erased"
    )
    assert (newest.details["photos"], newest.details["documents"]) == (1, 1)


async def test_they_are_found_after_the_integration_was_disconnected(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    telegram_server.send_document(anna, bot, "contract.pdf", CONTRACT)
    telegram_server.send_photo(anna, bot, png())
    await heard_in(telegram_server, annas, 2)
    [integration] = await salon.integrations()
    await salon.disconnect(integration.id)
    [file] = await salon.chat_files()
    assert file.chat is None
    record = await salon.export_customer(f"telegram:{anna.id}")
    assert (record.held.chats, record.held.photos, record.held.documents) == (0, 1, 1)
    await salon.delete_customer(f"telegram:{anna.id}")
    assert await salon.chat_files() == []
    assert await salon.photos() == []
    assert set(record.files.file_keys) & stored(salon).keys() == set()


async def test_photos_of_a_release_of_before_are_found_by_their_events(
    salon: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User, annas: Chat
) -> None:
    telegram_server.send_photo(anna, bot, png())
    await heard_in(telegram_server, annas, 1)
    own = await salon.add_photo("own.png", png())
    await salon.services.home.at_once(
        salon.services.schema, "update photos set source = null, external_id = null"
    )
    customer = f"telegram:{anna.id}"
    [sent] = (await salon.export_customer(customer)).files.photos
    assert (await salon.delete_customer(customer)).photos == 1
    assert await salon.photos() == [own]
    assert list(stored(salon)).count(sent.file_key) == 0


class Failing:
    """Files that cannot be deleted but for some."""

    def __init__(self, files: FileStore, *, deletes: int) -> None:
        self.read, self.write, self.sweep = files.read, files.write, files.sweep
        self.files = files
        self.deletes = deletes

    async def delete(self, key: str) -> None:
        if not self.deletes:
            raise StorageUnavailable("The disk is away.")
        self.deletes -= 1
        await self.files.delete(key)


@pytest.mark.parametrize("deletes", [0, 1])
async def test_an_erasure_that_was_cut_short_is_asked_for_again(
    tenant: AsyncTenant, deletes: int
) -> None:
    """Fails where records go first: nobody knows then which files are left."""
    chat = await chat_with(tenant, await connected(tenant), "anna")
    files = [await sent_file(tenant, chat, CONTRACT) for _ in range(2)]
    customers = tenant.services.customers
    cut = replace(customers, files=Failing(tenant.services.files, deletes=deletes))
    with pytest.raises(StorageUnavailable):
        await cut.erase(files[0].customer, by=BY)
    assert len(await tenant.chat_files()) == 2
    assert (await tenant.delete_customer("telegram:anna")).documents == 2
    assert stored(tenant) == {}
    assert await bytes_counted(tenant) == 0


async def test_clean_up_keeps_what_customers_sent_and_removes_what_was_cut_off(
    sloth: AsyncSloth, tenant: AsyncTenant
) -> None:
    chat = await chat_with(tenant, await connected(tenant), "anna")
    kept, gone = [await sent_file(tenant, chat, CONTRACT) for _ in range(2)]
    assert await tenant.services.chat_files.store.delete(gone.id)  # and died then
    await sloth.tasks.run("clean-up", at=datetime.now(UTC) + timedelta(days=1, minutes=1), by=BY)
    assert stored(tenant) == {kept.file_key: CONTRACT}


async def test_a_neighbour_finds_nothing(sloth: AsyncSloth, tenant: AsyncTenant) -> None:
    chat = await chat_with(tenant, await connected(tenant), "anna")
    file = await sent_file(tenant, chat, CONTRACT)
    neighbour = await sloth.tenant(f"n-{new_id().hex}", create=True)
    for id in (file.id, ChatFileId(new_id())):
        for act in (neighbour.chat_file, neighbour.chat_file_content, neighbour.delete_chat_file):
            with pytest.raises(NotFound, match=f"no file {id}"):
                await act(id)
    assert await neighbour.chat_files() == []
    with pytest.raises(NotFound):
        await neighbour.services.files.read(file.file_key)
    assert await tenant.chat_file_content(file.id) == CONTRACT


async def test_until_it_is_said_otherwise_documents_are_declined(
    sloth: AsyncSloth, tenant: AsyncTenant, telegram_server: TelegramServer, bot: Bot, anna: User
) -> None:
    await tenant.connect(IntegrationType.TELEGRAM, {"token": bot.token})
    async with answered(sloth, tenant):
        telegram_server.send_document(anna, bot, "contract.pdf", CONTRACT)
        await until(lambda: bool(telegram_server.sent(bot=bot)))
    assert await tenant.chat_files() == []
    assert stored(tenant) == {}
