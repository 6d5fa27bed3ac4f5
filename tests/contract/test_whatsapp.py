"""WhatsApp through Twilio: the real SDK against the simulated Twilio."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from fakes.twilio_server.account import ANNA, AUTH_TOKEN, NUMBER, START
from fakes.twilio_server.book import Rules
from fakes.twilio_server.faults import Fault
from fakes.twilio_server.posts import Post
from fakes.twilio_server.records import address
from fakes.twilio_server.samples import DOCUMENT, PHOTO
from fakes.twilio_server.server import TwilioServer
from sloth_agent.adapters.channels.twilio_client import PATIENCE
from sloth_agent.adapters.channels.whatsapp import WhatsApp, from_settings
from sloth_agent.adapters.channels.whatsapp_line import WhatsAppLine
from sloth_agent.adapters.guarded_fetching import GuardedFetching, origin_of
from sloth_agent.adapters.outgoing import Patience
from sloth_agent.channels.messages import (
    Attachment,
    DeliveryState,
    EarlierTry,
    Finding,
    Inbound,
    KnownMessage,
    MessageKind,
    Part,
    Payload,
    WebhookRequest,
)
from sloth_agent.channels.models import Credentials
from sloth_agent.channels.ports import Line, Messenger
from sloth_agent.errors import (
    ChannelRefused,
    ChannelUnavailable,
    FileTooLarge,
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    RecipientGone,
    SlothError,
    UrlNotAllowed,
    WindowClosed,
)
from sloth_agent.settings import Settings

pytestmark = pytest.mark.anyio

HOOK = "https://bot.sloth.test/api/integrations/webhooks/whatsapp/0190/"
CHAT = address(ANNA)
HELLO = Part(text="Вітаю!")
MIB = 1024 * 1024


def messenger(server: TwilioServer, patience: Patience = PATIENCE) -> WhatsApp:
    trusted = {server.url, server.store.url}
    return WhatsApp(
        base=server.url,
        files=GuardedFetching(trusted=trusted, seconds=5),
        pauses=(0.0, 0.0),
        patience=patience,
        clock=lambda: server.now,
    )


def credentials(server: TwilioServer, **other: str) -> Credentials:
    mine = {"account_sid": server.sid, "auth_token": server.auth_token, "number": NUMBER}
    return Credentials(mine | other)


@pytest.fixture
async def line(twilio_server: TwilioServer) -> AsyncIterator[WhatsAppLine]:
    async with messenger(twilio_server).open(credentials(twilio_server), {}) as opened:
        yield opened


def request(post: Post, **headers: str) -> WebhookRequest:
    named = {name.lower(): value for name, value in post.headers.items()}
    return WebhookRequest(url=post.url, body=post.body, headers=named | headers)


def payloads(server: TwilioServer, *kinds: str) -> list[Payload]:
    posts = server.deliveries(*kinds, url=HOOK)
    read = messenger(server).read_request
    return [each for post in posts for each in read(request(post), credentials(server))]


def heard(server: TwilioServer) -> Inbound:
    """What was written last."""
    last = messenger(server).read(payloads(server, "message")[-1], {})
    assert last is not None
    return last


async def send(
    line: Line, part: Part = HELLO, *, since: datetime | None = None, known: Sequence[str] = ()
) -> str:
    """`since` an earlier try; `known` are the sids of what is known to be sent."""
    others = [KnownMessage(chat=CHAT, reference=sid, known_at=START) for sid in known]
    earlier = EarlierTry(since=since, known=others) if since else None
    return await line.send(CHAT, part, key="7", earlier=earlier, heard_at=START)


def test_it_is_a_messenger(twilio_server: TwilioServer) -> None:
    messenger_port: Messenger = messenger(twilio_server)
    capabilities = messenger_port.capabilities
    assert (capabilities.longest_text, capabilities.shows_typing) == (1600, False)
    assert capabilities.writes_first_within == timedelta(hours=24)
    assert messenger_port.new_secrets() == {}


# Coming in


async def test_texts(twilio_server: TwilioServer) -> None:
    sid = twilio_server.write(ANNA, "Скільки коштує манікюр? 💅", name="Ганна")
    assert heard(twilio_server) == Inbound(
        id=sid,
        chat=CHAT,
        sender=CHAT,
        kind=MessageKind.TEXT,
        text="Скільки коштує манікюр? 💅",
        reference=sid,
        name="Ганна",
        sent_at=START,
    )


@pytest.mark.parametrize(
    ("text", "command", "rest"),
    [
        ("/help", "help", ""),
        ("/Language uk", "language", "uk"),
        ("Polski: /language pl", "language", "pl"),
        ("Українська: /language uk", "language", "uk"),
        ("Price: /hour", None, "Price: /hour"),
        ("help", None, "help"),
        ("/ 5", None, "/ 5"),
        ("/2 години", None, "/2 години"),
    ],
)
async def test_commands(
    twilio_server: TwilioServer, text: str, command: str | None, rest: str
) -> None:
    twilio_server.write(ANNA, text)
    said = heard(twilio_server)
    assert (said.command, said.text) == (command, rest)
    assert said.kind is (MessageKind.COMMAND if command else MessageKind.TEXT)


async def test_files(twilio_server: TwilioServer, line: WhatsAppLine) -> None:
    twilio_server.send_photo(ANNA, caption="Так можна?")
    photo = heard(twilio_server)
    assert (photo.kind, photo.text) == (MessageKind.PHOTO, "Так можна?")
    assert photo.attachment is not None
    assert (photo.attachment.name, photo.attachment.media_type) == ("photo.jpg", "image/jpeg")
    assert await line.fetch(photo.attachment, max_bytes=MIB) == PHOTO
    with pytest.raises(FileTooLarge):
        await line.fetch(photo.attachment, max_bytes=len(PHOTO) - 1)

    twilio_server.send_document(ANNA)
    document = heard(twilio_server)
    assert (document.kind, document.text) == (MessageKind.DOCUMENT, "")
    assert document.attachment is not None
    assert document.attachment.name == "price list.pdf"
    assert await line.fetch(document.attachment, max_bytes=MIB) == DOCUMENT

    twilio_server.send_voice(ANNA)
    assert heard(twilio_server).kind is MessageKind.VOICE
    assert twilio_server.store.leaks == []


async def test_places_and_buttons(twilio_server: TwilioServer) -> None:
    twilio_server.send_location(ANNA, 50.45, 30.52, label="Салон", address="Хрещатик 1")
    place = heard(twilio_server)
    assert (place.kind, place.text) == (
        MessageKind.LOCATION,
        "Салон, Хрещатик 1 (50.45, 30.52)",
    )
    twilio_server.press_button(ANNA, "Так", payload="yes")
    assert (heard(twilio_server).kind, heard(twilio_server).text) == (MessageKind.TEXT, "Так")
    twilio_server.press_button(ANNA, "Людина", payload="/human")
    assert (heard(twilio_server).kind, heard(twilio_server).command) == (
        MessageKind.COMMAND,
        "human",
    )


async def test_what_became_of_a_message(twilio_server: TwilioServer, line: WhatsAppLine) -> None:
    twilio_server.write(ANNA, "Вітаю")
    sid = await send(line)
    twilio_server.block(ANNA)
    with pytest.raises(RecipientGone):
        await send(line)
    reads = messenger(twilio_server)
    told = payloads(twilio_server, "status")
    assert all(reads.read(each, {}) is None for each in told)
    found = [each for each in map(reads.read_delivery, told) if each is not None]
    assert [(each.reference == sid, each.state) for each in found] == [
        (True, DeliveryState.SENT),
        (True, DeliveryState.DELIVERED),
        (False, DeliveryState.SENT),
        (False, DeliveryState.FAILED),
    ]
    assert found[-1].problem is not None
    assert found[-1].problem.code == "recipient_gone"
    assert [reads.read_delivery(each) for each in payloads(twilio_server, "message")] == [None]


async def test_only_twilio_is_believed(twilio_server: TwilioServer) -> None:
    twilio_server.write(ANNA, "Вітаю & дякую")
    [genuine] = twilio_server.deliveries("message", url=HOOK)
    [forged] = twilio_server.deliveries("message", url=HOOK, auth_token="other")
    read = messenger(twilio_server).read_request
    mine = credentials(twilio_server)
    assert len(read(request(genuine), mine)) == 1
    other_url = WebhookRequest(
        url=HOOK.replace("0190", "0191"), body=genuine.body, headers=request(genuine).headers
    )
    changed = WebhookRequest(
        url=HOOK, body=genuine.body + b"&Extra=1", headers=request(genuine).headers
    )
    lies = [
        request(forged),
        request(genuine, **{"x-twilio-signature": ""}),
        request(genuine, **{"x-twilio-signature": "підпис"}),
        other_url,
        changed,
    ]
    for lie in lies:
        with pytest.raises(Forbidden):
            read(lie, mine)
    unsigned = WebhookRequest(url=HOOK, body=genuine.body, headers={})
    with pytest.raises(Forbidden):
        read(unsigned, mine)
    with pytest.raises(Forbidden):
        read(request(genuine), credentials(twilio_server, number="+14155550000"))
    with pytest.raises(Forbidden):
        read(request(genuine), credentials(twilio_server, account_sid="AC" + "0" * 32))
    with pytest.raises(ChannelRefused):
        read(request(genuine), credentials(twilio_server, auth_token=""))


async def test_a_port_in_the_address_is_no_matter(twilio_server: TwilioServer) -> None:
    twilio_server.write(ANNA, "Вітаю")
    with_port = HOOK.replace("sloth.test", "sloth.test:443")
    [post] = twilio_server.deliveries("message", url=with_port)
    read = messenger(twilio_server).read_request
    seen = WebhookRequest(url=HOOK, body=post.body, headers=request(post).headers)
    assert len(read(seen, credentials(twilio_server))) == 1


async def test_malformed_posts_meet_only_our_errors(twilio_server: TwilioServer) -> None:
    reads = messenger(twilio_server)
    counts: dict[str, int] = {}
    for post in twilio_server.malformed_posts(500, seed=11, url=HOOK):
        try:
            [payload] = reads.read_request(request(post), credentials(twilio_server))
        except (InvalidInput, Forbidden) as error:
            counts[error.code] = counts.get(error.code, 0) + 1
            continue
        reads.read_delivery(payload)
        kind = "inbound" if reads.read(payload, {}) else "nothing"
        counts[kind] = counts.get(kind, 0) + 1
    assert sum(counts.values()) == 500
    assert counts["inbound"] > 100  # many are harmless, and a customer waits behind them
    assert counts["invalid_input"] > 50


async def test_files_inside_are_not_fetched(
    twilio_server: TwilioServer, line: WhatsAppLine
) -> None:
    """Signed with the firm's own token, they still do not make us look into our own network."""
    reads = messenger(twilio_server)
    posts = twilio_server.malformed_posts(500, seed=5, url=HOOK)
    inner = {each.what: each for each in posts if each.what.startswith("MediaUrl0 is ")}
    assert len(inner) >= 60
    outcomes = []
    for post in inner.values():
        [payload] = reads.read_request(request(post), credentials(twilio_server))
        said = reads.read(payload, {})
        assert said is not None
        assert said.attachment is not None
        with pytest.raises((UrlNotAllowed, ChannelUnavailable)) as raised:
            await line.fetch(said.attachment, max_bytes=MIB)
        outcomes.append(raised.value.code)
    assert outcomes.count("url_not_allowed") >= len(outcomes) - 3
    assert {each.path for each in twilio_server.store.requests} <= {"/leads-to"}
    assert twilio_server.store.leaks == []


# Going out


async def test_an_answer(twilio_server: TwilioServer, line: WhatsAppLine) -> None:
    twilio_server.write(ANNA, "Вітаю")
    sid = await send(line, Part(text="**Стрижка**: [ціни](https://x.test)"))
    assert twilio_server.texts_to(ANNA) == ["*Стрижка*: ціни (https://x.test)"]
    assert twilio_server.message(sid).status == "delivered"
    await line.show_typing(CHAT)


async def test_the_longest_answer(twilio_server: TwilioServer, line: WhatsAppLine) -> None:
    twilio_server.write(ANNA, "Вітаю")
    await send(line, Part(text="ї" * 1600))
    with pytest.raises(InvalidInput, match="21617"):
        await send(line, Part(text="ї" * 1601))


async def test_parts_keep_their_order() -> None:
    """The next one is sent when WhatsApp has the one before."""
    with TwilioServer(rules=Rules(sent_after=5)) as server:
        server.write(ANNA, "Вітаю")
        async with messenger(server).open(credentials(server), {}) as line:
            sid = await send(line)
            assert server.message(sid).status == "queued"  # it was waited for, not for ever
        looks = [each for each in server.requests if each.path.endswith(f"{sid}.json")]
        assert len(looks) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500, method="POST"),
        Fault(status=503, method="POST"),
        Fault(refuse=True, method="POST"),
        Fault(bad_json=True, method="POST"),
        Fault(commit_then_drop=True, method="POST"),
        Fault(commit_then_status=502, method="POST"),
    ],
    ids=repr,
)
async def test_what_fails_on_its_way_comes_once(
    twilio_server: TwilioServer, line: WhatsAppLine, fault: Fault
) -> None:
    twilio_server.write(ANNA, "Вітаю")
    twilio_server.faults.append(fault)
    sid = await send(line)
    assert twilio_server.texts_to(ANNA) == ["Вітаю!"]
    assert twilio_server.message(sid).status == "delivered"


async def test_what_an_earlier_process_sent_is_not_sent_again(
    twilio_server: TwilioServer, line: WhatsAppLine
) -> None:
    twilio_server.write(ANNA, "Вітаю")
    begun = twilio_server.now
    first = await send(line)
    async with messenger(twilio_server).open(credentials(twilio_server), {}) as later:
        assert await send(later, since=begun) == first
        assert await send(later, Part(text="Інше"), since=twilio_server.now) != first
    assert twilio_server.texts_to(ANNA) == ["Вітаю!", "Інше"]


async def test_two_parts_with_the_same_text_both_come(
    twilio_server: TwilioServer, line: WhatsAppLine
) -> None:
    """The first is known to be sent; of the second nobody knows, and then it is sent."""
    twilio_server.write(ANNA, "Є місце? І на завтра?")
    begun = twilio_server.now
    first = await send(line, Part(text="Так."))
    second = await send(line, Part(text="Так."), since=begun, known=[first])
    assert second != first
    async with messenger(twilio_server).open(credentials(twilio_server), {}) as later:
        assert await send(later, Part(text="Так."), since=begun, known=[first]) == second
    assert twilio_server.texts_to(ANNA) == ["Так."] * 2


async def test_a_part_is_not_taken_for_the_one_before(
    twilio_server: TwilioServer, line: WhatsAppLine
) -> None:
    """Which said the same, where Twilio fails before it has done anything."""
    twilio_server.write(ANNA, "Є місце? І на завтра?")
    await send(line, Part(text="Так."))
    twilio_server.faults.append(Fault(status=500, method="POST"))
    await send(line, Part(text="Так."))
    assert twilio_server.texts_to(ANNA) == ["Так."] * 2


async def test_the_same_answer_to_another_question_is_another(
    twilio_server: TwilioServer, line: WhatsAppLine
) -> None:
    twilio_server.write(ANNA, "Ви тут?")
    await send(line)
    twilio_server.advance(START + timedelta(minutes=5))
    twilio_server.write(ANNA, "А тепер?")
    await send(line, since=twilio_server.now)
    assert twilio_server.texts_to(ANNA) == ["Вітаю!"] * 2


async def test_questions_that_fail_send_nothing_twice(
    twilio_server: TwilioServer, line: WhatsAppLine
) -> None:
    twilio_server.write(ANNA, "Вітаю")
    twilio_server.always = Fault(status=503, method="GET")
    sid = await send(line)
    assert [each.sid for each in twilio_server.sent_to(ANNA)] == [sid]


async def test_after_a_day_only_templates(twilio_server: TwilioServer) -> None:
    template = twilio_server.add_template("Салон: {{1}} Відповідайте тут.")
    opens = messenger(twilio_server).open
    twilio_server.write(ANNA, "Вітаю")
    twilio_server.advance(START + timedelta(hours=25))
    async with opens(credentials(twilio_server), {}) as line:
        with pytest.raises(WindowClosed, match="24 hours"):
            await send(line)
    async with opens(credentials(twilio_server), {"template": template}) as line:
        await send(line, Part(text="Чекаємо вас\nзавтра."))
        await send(line, Part(text="довго " * 260))
    refused, *taken = twilio_server.sent_to(ANNA)
    assert [refused.status, *(each.status for each in taken)] == [
        "undelivered",  # without a template there is nothing else to be tried
        "delivered",
        "delivered",
    ]
    first, second = twilio_server.texts_to(ANNA)
    assert first == "Салон: Чекаємо вас завтра. Відповідайте тут."
    assert len(second) < 1024
    assert "довго…" in second
    draft = twilio_server.add_template("{{1}}", approved=False)
    async with opens(credentials(twilio_server), {"template": draft}) as line:
        with pytest.raises(WindowClosed):
            await send(line)
    async with opens(credentials(twilio_server), {"template": "HX" + "0" * 32}) as line:
        with pytest.raises(InvalidInput, match="21655"):
            await send(line)
    with pytest.raises(InvalidInput, match="HX"):
        async with opens(credentials(twilio_server), {"template": "welcome"}):
            pass


async def test_a_template_comes_once(twilio_server: TwilioServer) -> None:
    template = twilio_server.add_template("Салон: {{1}} Відповідайте тут.")
    opens = messenger(twilio_server).open
    harmless, lost = Fault(method="POST"), Fault(method="POST", commit_then_drop=True)
    twilio_server.faults += [harmless, lost]
    async with opens(credentials(twilio_server, template=template), {}) as line:
        assert (await line.introduce()).settings["template"] == template
        twilio_server.faults.appendleft(harmless)
        sid = await send(line)
    assert twilio_server.texts_to(ANNA) == ["Салон: Вітаю! Відповідайте тут."]
    assert twilio_server.message(sid).status == "delivered"


async def test_a_template_of_an_earlier_process_is_not_sent_again(
    twilio_server: TwilioServer,
) -> None:
    """Nor charged; but another one with the same words is sent."""
    template = twilio_server.add_template("Салон: {{1}} Відповідайте тут.")
    part, begun = Part(text="Чекаємо вас\nзавтра."), twilio_server.now
    opens = messenger(twilio_server).open
    async with opens(credentials(twilio_server, template=template), {}) as line:
        first = await send(line, part)
    async with opens(credentials(twilio_server, template=template), {}) as line:
        assert await send(line, part, since=begun) == first
        assert len(twilio_server.texts_to(ANNA)) == 1
        assert await send(line, part, since=begun, known=[first]) != first
    assert len(twilio_server.texts_to(ANNA)) == 2


async def test_whom_nothing_reaches(twilio_server: TwilioServer, line: WhatsAppLine) -> None:
    twilio_server.write(ANNA, "Вітаю")
    twilio_server.leave_whatsapp(ANNA)
    with pytest.raises(RecipientGone, match="63024"):
        await send(line)
    twilio_server.add_number(NUMBER, sandbox="quiet-sloth")
    with pytest.raises(RecipientGone, match="63015") as raised:
        await send(line)
    assert "join" in str(raised.value.hint)
    with pytest.raises(RecipientGone, match="21211"):
        await line.send("whatsapp:anna", HELLO, key="7", earlier=None, heard_at=START)


async def test_twilio_asks_to_wait(twilio_server: TwilioServer, line: WhatsAppLine) -> None:
    twilio_server.write(ANNA, "Вітаю")
    twilio_server.faults.append(Fault(status=429, retry_after=7))
    with pytest.raises(RateLimited) as raised:
        await send(line)
    assert raised.value.details["retry_after_seconds"] == 7.0
    assert len(twilio_server.requests) == 1
    assert twilio_server.texts_to(ANNA) == []


async def test_twilio_is_away(twilio_server: TwilioServer, line: WhatsAppLine) -> None:
    twilio_server.always = Fault(status=503)
    for _ in range(2):
        with pytest.raises(ChannelUnavailable):
            await line.introduce()
    assert len(twilio_server.requests) == 6
    began = time.monotonic()
    with pytest.raises(ChannelUnavailable, match="rest"):
        await line.introduce()
    assert time.monotonic() - began < 0.5
    assert len(twilio_server.requests) == 6


async def test_a_silent_twilio_is_not_waited_for_long(twilio_server: TwilioServer) -> None:
    haste = Patience(call_seconds=1.0, try_seconds=0.3, pause_seconds=0.01)
    twilio_server.always = Fault(hang_seconds=3)
    began = time.monotonic()
    async with messenger(twilio_server, haste).open(credentials(twilio_server), {}) as line:
        with pytest.raises(ChannelUnavailable, match="in time"):
            await line.introduce()
    assert time.monotonic() - began < 2


# The account


async def test_it_introduces_itself(twilio_server: TwilioServer) -> None:
    written = credentials(twilio_server, number="whatsapp:+1 (415) 523-8886")
    async with messenger(twilio_server).open(written, {}) as line:
        account = await line.introduce()
    assert account.key == "whatsapp:+14155238886"
    assert account.settings == {"number": NUMBER, "account_sid": twilio_server.sid, "name": "Sloth"}
    assert AUTH_TOKEN not in str(account)
    assert twilio_server.sent_to(NUMBER) == []


async def test_the_webhook_is_set_by_hand(twilio_server: TwilioServer, line: WhatsAppLine) -> None:
    await line.listen(HOOK)
    await line.stop_listening("https://sloth.test/")
    assert twilio_server.requests == []
    assert HOOK in finding(await line.examine(HOOK), "webhook").message


@pytest.mark.parametrize(
    ("other", "hint"),
    [
        ({"auth_token": "f" * 32}, "console"),
        ({"account_sid": "AC" + "0" * 32}, "console"),
        ({"number": "+14155550000"}, "senders"),
    ],
)
async def test_what_is_not_the_accounts(
    twilio_server: TwilioServer, other: Mapping[str, str], hint: str
) -> None:
    async with messenger(twilio_server).open(credentials(twilio_server, **other), {}) as line:
        with pytest.raises(ChannelRefused) as raised:
            await line.introduce()
        found = await line.examine(HOOK)
    assert hint in str(raised.value.hint)
    assert [each.is_well for each in found][-1] is False
    assert hint in str(found[-1].hint)


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"account_sid": ""}, "account_sid"),
        ({"account_sid": "SK" + "0" * 32}, "account_sid"),
        ({"auth_token": "short"}, "auth_token"),
        ({"number": "4155238886"}, "number"),
        ({"number": "+1٤١٥٥٢٣٨٨٨٦"}, "number"),
    ],
)
async def test_what_twilio_cannot_have_given(
    twilio_server: TwilioServer, other: Mapping[str, str], field: str
) -> None:
    with pytest.raises(ChannelRefused) as raised:
        async with messenger(twilio_server).open(credentials(twilio_server, **other), {}):
            pass
    assert raised.value.details["field"] == field
    assert twilio_server.requests == []


def finding(found: Sequence[Finding], name: str) -> Finding:
    [named] = [each for each in found if each.name == name]
    return named


def wrong(found: Sequence[Finding]) -> list[str]:
    return [each.name for each in found if not each.is_well]


async def test_all_is_well(twilio_server: TwilioServer, line: WhatsAppLine) -> None:
    twilio_server.write(ANNA, "Вітаю")
    await send(line)
    found = await line.examine(HOOK)
    assert wrong(found) == []
    assert [each.name for each in found] == [
        "credentials",
        "number",
        "webhook",
        "sandbox",
        "template",
        "quota",
    ]
    assert wrong(await line.examine(None)) == ["webhook"]


async def test_what_went_wrong_lately(twilio_server: TwilioServer, line: WhatsAppLine) -> None:
    with pytest.raises(WindowClosed):
        await send(line)
    assert wrong(await line.examine(HOOK)) == ["template"]
    twilio_server.add_number(NUMBER, sandbox="quiet-sloth")
    with pytest.raises(RecipientGone):
        await send(line)
    assert wrong(await line.examine(HOOK)) == ["sandbox", "template"]


async def test_somebody_else_answers(twilio_server: TwilioServer, line: WhatsAppLine) -> None:
    twilio_server.write(ANNA, "Вітаю")
    sid = await send(line)
    with twilio_server.working() as book:
        book.message(sid).direction = "outbound-reply"
    found = finding(await line.examine(HOOK), "webhook")
    assert not found.is_well
    assert HOOK in str(found.hint)


async def test_files_of_a_refused_account(twilio_server: TwilioServer) -> None:
    twilio_server.send_photo(ANNA)
    photo = heard(twilio_server).attachment
    assert photo is not None
    other = credentials(twilio_server, auth_token="f" * 32)
    async with messenger(twilio_server).open(other, {}) as line:
        with pytest.raises(ChannelRefused):
            await line.fetch(photo, max_bytes=MIB)
    gone = Attachment(key=photo.key[:-4] + "0000", name="x", media_type="image/png")
    async with messenger(twilio_server).open(credentials(twilio_server), {}) as line:
        with pytest.raises(NotFound):
            await line.fetch(gone, max_bytes=MIB)
        twilio_server.faults.append(Fault(status=429))
        with pytest.raises(RateLimited):
            await line.fetch(photo, max_bytes=MIB)
        twilio_server.faults.append(Fault(status=503))
        with pytest.raises(ChannelUnavailable):
            await line.fetch(photo, max_bytes=MIB)


async def test_the_settings_say_where_twilio_is(
    settings: Settings, twilio_server: TwilioServer
) -> None:
    elsewhere: dict[str, Any] = {
        "twilio_api_base": twilio_server.url + "/",
        "trusted_file_hosts": (origin_of(twilio_server.store.url),),
    }
    chosen = from_settings(settings.model_copy(update=elsewhere))
    twilio_server.send_photo(ANNA)
    photo = heard(twilio_server).attachment
    assert photo is not None
    async with chosen.open(credentials(twilio_server), {}) as line:
        assert (await line.introduce()).key == "whatsapp:+14155238886"
        assert await line.fetch(photo, max_bytes=MIB) == PHOTO


def test_every_error_is_one_of_ours() -> None:
    from sloth_agent.adapters.channels.twilio_failures import failure

    assert all(isinstance(failure(code, "so"), SlothError) for code in range(20000, 64000, 7))
