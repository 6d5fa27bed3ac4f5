"""The simulated Twilio, driven by Twilio's own library: what other tests then rely on."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import httpx
import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from fakes.contracts import ComponentContract
from fakes.twilio_server.account import ANNA, NUMBER, START, TwilioAccount
from fakes.twilio_server.book import Rules
from fakes.twilio_server.faults import Fault
from fakes.twilio_server.inner_addresses import inner_addresses
from fakes.twilio_server.posts import Post
from fakes.twilio_server.records import Status, address
from fakes.twilio_server.samples import DOCUMENT, PHOTO, VOICE
from fakes.twilio_server.server import TwilioServer

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HOOK = "https://bot.sloth.test/api/hooks/whatsapp?tenant=7"
BORIS = "+380672223344"


@pytest.fixture
def client(twilio_server: TwilioServer) -> Client:
    return client_of(twilio_server)


def client_of(server: TwilioServer, token: str = "") -> Client:
    client = Client(server.sid, token or server.auth_token)
    client.api.base_url = server.url
    return client


def sent(client: Client, body: str = "Вітаю!", *, to: str = ANNA, **more: Any) -> Any:
    if not {"content_sid", "media_url"} & set(more):
        more["body"] = body
    return client.messages.create(from_=address(NUMBER), to=address(to), **more)


def refused(act: Callable[[], object]) -> tuple[int, int]:
    with pytest.raises(TwilioRestException) as error:
        act()
    return error.value.status, error.value.code


def form_of(post: Post) -> dict[str, str]:
    """As a lenient reader has it."""
    return dict(parse_qsl(post.body.decode(), keep_blank_values=True))


class Repeating(dict[str, list[str]]):
    """What frameworks give: a form whose names may repeat."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def is_genuine(post: Post, token: str) -> bool:
    text = post.body.decode("latin-1")
    form = Repeating(parse_qs(text, keep_blank_values=True))
    validator = RequestValidator(token)
    return bool(validator.validate(post.url, form, post.headers["X-Twilio-Signature"]))


def statuses(server: TwilioAccount, sid: str) -> list[str]:
    told = server.deliveries("status", url=HOOK)
    return [post.what for post in told if post.message == sid]


# Sending


def test_a_conversation(twilio_server: TwilioServer, client: Client) -> None:
    question = twilio_server.write(ANNA, "Скільки коштує манікюр?")
    answer = sent(client, "300 гривень.")
    assert (answer.status, answer.direction, answer.error_code) == ("queued", "outbound-api", None)
    assert twilio_server.texts_to(ANNA) == ["300 гривень."]
    twilio_server.read(ANNA)
    assert client.messages(answer.sid).fetch().status == "read"
    assert statuses(twilio_server, answer.sid) == ["queued", "sent", "delivered", "read"]
    heard = client.messages(question).fetch()
    assert (heard.direction, heard.status) == ("inbound", "received")
    assert (heard.from_, heard.date_sent) == (address(ANNA), START)


def test_free_text_may_be_sent_for_a_day(twilio_server: TwilioServer, client: Client) -> None:
    never = sent(client)
    assert client.messages(never.sid).fetch().error_code == 63016
    twilio_server.write(ANNA, "Вітаю")
    twilio_server.advance(START + DAY - timedelta(seconds=1))
    assert client.messages(sent(client).sid).fetch().status == "delivered"
    twilio_server.advance(START + DAY)
    late = client.messages(sent(client).sid).fetch()
    assert (late.status, late.error_code) == ("undelivered", 63016)
    assert "outside the allowed window" in late.error_message
    told = [form_of(each) for each in twilio_server.deliveries("status", url=HOOK)][-1]
    assert (told["MessageStatus"], told["ErrorCode"]) == ("undelivered", "63016")
    assert twilio_server.texts_to(ANNA) == ["Вітаю!"]


def test_it_says_failed_instead_where_told_to() -> None:
    with TwilioServer(rules=Rules(outside_window=Status.FAILED)) as server:
        client = client_of(server)
        assert client.messages(sent(client).sid).fetch().status == "failed"


def test_templates_may_be_sent_at_any_time(twilio_server: TwilioServer, client: Client) -> None:
    visit = twilio_server.add_template("{{1}}, чекаємо вас о {{2}}.", defaults={"2": "9:00"})
    sent(client, content_sid=visit, content_variables=json.dumps({"1": "Анно"}))
    assert twilio_server.texts_to(ANNA) == ["Анно, чекаємо вас о 9:00."]
    empty = sent(client, content_sid=visit)
    assert client.messages(empty.sid).fetch().error_code == 63028
    draft = twilio_server.add_template("Знижки!", approved=False)
    assert client.messages(sent(client, content_sid=draft).sid).fetch().error_code == 63016
    unknown = "HX" + "0" * 32
    assert refused(lambda: sent(client, content_sid=unknown)) == (400, 21655)
    assert refused(lambda: sent(client, content_sid=visit, content_variables="1")) == (400, 21656)


def test_whom_nothing_reaches(twilio_server: TwilioServer, client: Client) -> None:
    for phone in (ANNA, BORIS):
        twilio_server.write(phone, "Вітаю")
    twilio_server.block(ANNA)
    twilio_server.leave_whatsapp(BORIS)
    errors = [client.messages(sent(client, to=to).sid).fetch().error_code for to in (ANNA, BORIS)]
    assert errors == [63014, 63024]
    twilio_server.unblock(ANNA)
    twilio_server.switch_off(ANNA)
    waiting = sent(client)
    assert client.messages(waiting.sid).fetch().status == "sent"
    twilio_server.switch_on(ANNA)
    assert client.messages(waiting.sid).fetch().status == "delivered"


def test_who_blocks_may_do_it_in_silence() -> None:
    with TwilioServer(rules=Rules(blocking_is_told=False)) as server:
        server.write(ANNA, "Вітаю")
        server.block(ANNA)
        assert client_of(server).messages(sent(client_of(server)).sid).fetch().status == "sent"


def test_a_message_takes_its_time() -> None:
    with TwilioServer(rules=Rules(sent_after=2, delivered_after=3)) as server:
        client = client_of(server)
        server.write(ANNA, "Вітаю")
        sid = sent(client).sid
        seen = []
        for seconds in (1, 2, 5):
            server.advance(START + timedelta(seconds=seconds))
            seen.append(client.messages(sid).fetch().status)
        assert seen == ["queued", "sent", "delivered"]
        with pytest.raises(ValueError, match="back"):
            server.advance(START)


def test_a_sandbox_speaks_to_those_who_joined(twilio_server: TwilioServer, client: Client) -> None:
    twilio_server.add_number(NUMBER, sandbox="quiet-sloth")
    twilio_server.write(ANNA, "Вітаю")
    stranger = client.messages(sent(client).sid).fetch()
    assert (stranger.status, stranger.error_code) == ("failed", 63015)
    twilio_server.write(ANNA, "Join quiet-sloth")
    assert twilio_server.deliveries("message", url=HOOK) == []  # the sandbox keeps both to itself
    sent(client)
    twilio_server.write(ANNA, "Вітаю")
    assert len(twilio_server.deliveries("message", url=HOOK)) == 1
    assert len(twilio_server.texts_to(ANNA)) == 1
    twilio_server.advance(START + 3 * DAY)
    assert client.messages(sent(client).sid).fetch().error_code == 63015


def test_refusals_have_twilios_codes(twilio_server: TwilioServer, client: Client) -> None:
    sender, to = address(NUMBER), address(ANNA)
    create = client.messages.create
    assert refused(lambda: sent(client, "x" * 1601)) == (400, 21617)
    assert sent(client, "x" * 1600).sid
    assert refused(lambda: create(from_=sender, to=to)) == (400, 21619)
    assert refused(lambda: create(to=to, body="x")) == (400, 21603)
    assert refused(lambda: create(from_=sender, to=ANNA, body="x")) == (400, 21910)
    assert refused(lambda: create(from_=sender, to="whatsapp:anna", body="x")) == (400, 21211)
    assert refused(lambda: create(from_=address(BORIS), to=to, body="x")) == (400, 63007)
    assert refused(lambda: sent(client, status_callback="ftp://x")) == (400, 21609)
    assert refused(lambda: sent(client, media_url=["nowhere"])) == (400, 21620)
    assert refused(lambda: sent(client, media_url=["https://x.test/1"] * 11)) == (400, 21623)
    assert refused(lambda: client.messages("SM" + "0" * 32).fetch()) == (404, 20404)
    assert refused(lambda: sent(client, smart_encoded=True)) == (400, 20001)
    assert refused(client_of(twilio_server, "other").api.account.fetch) == (401, 20003)
    with pytest.raises(TwilioException, match="20003") as error:
        client_of(twilio_server, "other").messages.list()
    assert not isinstance(error.value, TwilioRestException)  # lists have an error of their own
    stranger = Client("AC" + "0" * 32, twilio_server.auth_token)
    stranger.api.base_url = twilio_server.url
    assert refused(stranger.api.account.fetch) == (401, 20003)
    assert [each.body[:1] for each in twilio_server.sent_to(ANNA)] == ["x"]


def test_an_error_has_twilios_shape(twilio_server: TwilioServer) -> None:
    path = f"{twilio_server.url}/2010-04-01/Accounts/{twilio_server.sid}.json"
    answer = httpx.get(path)
    assert (answer.status_code, answer.headers["WWW-Authenticate"][:5]) == (401, "Basic")
    more = "https://www.twilio.com/docs/errors/20003"
    error = {"code": 20003, "message": "Authenticate", "more_info": more, "status": 401}
    assert answer.json() == error


# Asking


def test_the_account(twilio_server: TwilioServer, client: Client) -> None:
    account = client.api.account.fetch()
    assert (account.sid, account.status) == (twilio_server.sid, "active")


def test_messages_are_listed(twilio_server: TwilioServer, client: Client) -> None:
    twilio_server.write(ANNA, "Вітаю")
    twilio_server.write(BORIS, "Вітаю")
    for text in "abcde":
        sent(client, text)
    twilio_server.advance(START + 12 * HOUR)
    sent(client, "f", to=BORIS)
    twilio_server.advance(START + 20 * HOUR)
    sent(client, "g")

    def bodies(**filters: Any) -> str:
        return "".join(each.body for each in client.messages.list(**filters) if each.body.isascii())

    assert bodies(page_size=2) == "gfedcba"
    assert bodies(to=address(BORIS)) == "f"
    assert bodies(from_=address(NUMBER), limit=3) == "gfe"
    assert bodies(date_sent=START.date()) == "fedcba"
    assert bodies(date_sent_after=START + 12 * HOUR) == "gf"
    assert bodies(date_sent_before=START + HOUR) == "edcba"
    assert bodies(date_sent_before=START.date().isoformat()) == "fedcba"
    first = client.messages.page(page_size=3)
    second = first.next_page()
    assert [each.body for each in second] == ["d", "c", "b"]
    assert [each.body for each in second.previous_page()] == ["g", "f", "e"]


def test_a_message_can_be_emptied_and_deleted(twilio_server: TwilioServer, client: Client) -> None:
    sid = twilio_server.write(ANNA, "Мій номер 4441")
    assert client.messages(sid).update(body="").body == ""
    assert refused(lambda: client.messages(sid).update(status="canceled")) == (400, 20001)
    assert client.messages(sid).delete()
    assert refused(lambda: client.messages(sid).fetch()) == (404, 20404)


def test_files_come_from_another_host(twilio_server: TwilioServer, client: Client) -> None:
    twilio_server.send_photo(ANNA, caption="Такі нігті")
    twilio_server.send_document(ANNA, file_name="ціни.pdf")
    twilio_server.send_voice(ANNA)
    forms = [form_of(each) for each in twilio_server.deliveries("message", url=HOOK)]
    assert [each["MediaContentType0"] for each in forms] == [
        "image/jpeg",
        "application/pdf",
        "audio/ogg",
    ]
    assert [each["Body"] for each in forms] == ["Такі нігті", "ціни.pdf", ""]
    auth = (twilio_server.sid, twilio_server.auth_token)
    with httpx.Client(follow_redirects=True) as http:
        urls = [each["MediaUrl0"] for each in forms]
        assert [http.get(url, auth=auth).content for url in urls] == [PHOTO, DOCUMENT, VOICE]
        assert twilio_server.store.leaks == []
        assert http.get(urls[0]).status_code == 401
        assert http.get(f"{urls[0]}x", auth=auth).status_code == 404
    led = httpx.get(urls[0], auth=auth)
    assert led.status_code == 307
    assert led.headers["Location"].startswith(twilio_server.store.url)
    basic = led.request.headers["Authorization"]
    httpx.get(led.headers["Location"], headers={"Authorization": basic})
    assert len(twilio_server.store.leaks) == 1

    message = client.messages(forms[0]["MessageSid"])
    [media] = message.media.list()
    assert message.media(media.sid).fetch().content_type == "image/jpeg"
    assert message.media(media.sid).delete()
    assert message.media.list() == []


def test_a_file_is_sent_by_its_address(twilio_server: TwilioServer, client: Client) -> None:
    twilio_server.write(ANNA, "Вітаю")
    url = "https://sloth.test/files/price.pdf"
    message = sent(client, media_url=[url])
    assert (message.sid[:2], message.num_media) == ("MM", "1")
    [media] = client.messages(message.sid).media.list()
    assert media.content_type == "application/pdf"
    assert [each.source for each in twilio_server.sent_to(ANNA)[0].media] == [url]
    several = sent(client, media_url=[url, url])
    assert client.messages(several.sid).fetch().error_code == 63021


# Webhooks


def test_what_people_do_is_posted(twilio_server: TwilioServer, client: Client) -> None:
    twilio_server.write(ANNA, "Вітаю & дякую 💅", name="Ганна")
    twilio_server.send_location(ANNA, 50.45, 30.52, label="Салон", address="Хрещатик 1")
    offer = sent(client)
    twilio_server.press_button(ANNA, "Так", payload="yes", on=offer.sid)
    posts = twilio_server.deliveries("message", url=HOOK)
    text, place, button = [form_of(each) for each in posts]
    assert text["Body"] == "Вітаю & дякую 💅"
    assert text["MessageSid"] == text["SmsMessageSid"] == posts[0].message
    assert (text["From"], text["To"]) == (address(ANNA), address(NUMBER))
    assert (text["ProfileName"], text["WaId"]) == ("Ганна", ANNA[1:])
    assert (text["NumMedia"], text["MessageType"]) == ("0", "text")
    assert (place["Latitude"], place["Longitude"]) == ("50.45", "30.52")
    assert (place["Label"], place["Address"], place["Body"]) == ("Салон", "Хрещатик 1", "")
    assert (button["ButtonText"], button["ButtonPayload"], button["Body"]) == ("Так", "yes", "Так")
    assert button["OriginalRepliedMessageSid"] == offer.sid
    assert button["MessageType"] == "interactive"
    offer = sent(client, content_sid=twilio_server.add_template("Так чи ні?"))
    twilio_server.press_button(ANNA, "Так", on=offer.sid)
    pressed = form_of(twilio_server.deliveries("message", url=HOOK)[-1])
    assert (pressed["MessageType"], pressed["ButtonPayload"]) == ("button", "Так")


def test_posts_are_signed(twilio_server: TwilioServer, client: Client) -> None:
    twilio_server.send_photo(ANNA, caption="Ось так")
    sent(client)
    token = twilio_server.auth_token
    posts = twilio_server.deliveries(url=HOOK)
    assert {each.kind for each in posts} == {"message", "status"}
    assert all(is_genuine(each, token) for each in posts)
    assert not any(is_genuine(each, "other") for each in posts)
    forged = twilio_server.deliveries(url=HOOK, auth_token="other")
    assert not any(is_genuine(each, token) for each in forged)
    tokens = [each.headers["I-Twilio-Idempotency-Token"] for each in posts]
    assert len(set(tokens)) == len(posts)
    again = twilio_server.deliveries(url=HOOK)
    assert again == posts


class _Receiver(BaseHTTPRequestHandler):
    answers: list[tuple[int, str, str]]
    taken: list[tuple[str, dict[str, str]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        url = f"http://{self.headers['Host']}{self.path}"
        form = dict(parse_qsl(body, keep_blank_values=True))
        signature = self.headers["X-Twilio-Signature"]
        assert RequestValidator(TwilioAccount().auth_token).validate(url, form, signature)
        self.taken.append((self.path, form))
        status, kind, text = self.answers.pop(0) if self.answers else (200, "text/xml", "")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def receiver(
    *answers: tuple[int, str, str],
) -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    taken: list[tuple[str, dict[str, str]]] = []
    handler = type("Receiver", (_Receiver,), {"answers": list(answers), "taken": taken})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}", taken
        http.shutdown()
        thread.join()


def test_it_posts_to_webhooks() -> None:
    with (
        receiver() as (url, taken),
        TwilioServer(webhook_url=f"{url}/in", status_url=f"{url}/all") as server,
    ):
        server.write(ANNA, "Вітаю")
        sent(client_of(server))
        sent(client_of(server), status_callback=f"{url}/one?id=7")
        assert server.wait_for_webhooks()
        paths = [path for path, _ in taken]
        assert paths == ["/in"] + ["/all"] * 3 + ["/one?id=7"] * 3
        assert [form["MessageStatus"] for _, form in taken[1:4]] == ["queued", "sent", "delivered"]
        assert (server.undelivered, server.warnings) == ([], [])


def test_a_public_address_may_lie_here() -> None:
    with (
        receiver() as (url, taken),
        TwilioServer(webhook_url="http://bot.sloth.test/in", via=url) as server,
    ):
        server.write(ANNA, "Вітаю")
        assert server.wait_for_webhooks()
        assert [form["Body"] for _, form in taken] == ["Вітаю"]


def test_what_a_webhook_refuses_goes_to_the_fallback_once() -> None:
    with receiver((500, "", ""), (500, "", "")) as (url, taken), TwilioServer() as server:
        server.add_number(NUMBER, webhook=f"{url}/in", fallback=f"{url}/fallback")
        lost = server.write(ANNA, "Вітаю")
        assert server.wait_for_webhooks()
        assert [path for path, _ in taken] == ["/in", "/fallback"]
        assert taken[1][1]["ErrorCode"] == "11200"
        assert taken[1][1]["ErrorUrl"] == f"{url}/in"
        assert server.undelivered == [lost]
        assert server.warnings[0]["code"] == 11200
        server.add_number(NUMBER, webhook="http://127.0.0.1:9/in", fallback=f"{url}/fallback")
        server.write(ANNA, "Ще раз")
        assert server.wait_for_webhooks()
        assert [path for path, _ in taken[2:]] == ["/fallback"]
        assert server.undelivered == [lost]


TWIML = (
    "<Response><Message>Одну мить</Message>"
    "<Message><Body>Ось</Body><Media>https://sloth.test/1.png</Media></Message></Response>"
)


def test_a_webhook_may_answer_with_messages() -> None:
    answers = [
        (200, "text/xml; charset=utf-8", TWIML),
        (200, "text/plain", "OK"),  # beware: this reaches the customer
        (200, "application/json", "{}"),
        (200, "text/xml", "<Response>"),
        (200, "text/xml", "<Response/>"),
    ]
    with receiver(*answers) as (url, _), TwilioServer(webhook_url=f"{url}/in") as server:
        for _ in answers:
            server.write(ANNA, "Вітаю")
            assert server.wait_for_webhooks()
        assert server.texts_to(ANNA) == ["Одну мить", "Ось", "OK"]
        first = server.sent_to(ANNA)[0]
        assert first.direction == "outbound-reply"
        assert [each["code"] for each in server.warnings] == [12300, 12100]


# Faults


def test_too_many_requests() -> None:
    with TwilioServer(rules=Rules(requests_per_second=2)) as server:
        server.write(ANNA, "Вітаю")
        client = client_of(server)
        for _ in range(2):
            sent(client)
        assert refused(lambda: sent(client)) == (429, 20429)
        path = f"{server.url}/2010-04-01/Accounts/{server.sid}.json"
        answer = httpx.get(path, auth=(server.sid, server.auth_token))
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        time.sleep(1.05)
        sent(client)
        assert len(server.texts_to(ANNA)) == 3


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        (Fault(status=500), 0),
        (Fault(status=503), 0),
        (Fault(status=429, retry_after=3), 0),
        (Fault(refuse=True), 0),
        (Fault(hang_seconds=1), 1),
        (Fault(bad_json=True), 1),
        (Fault(commit_then_drop=True), 1),
        (Fault(commit_then_status=500), 1),
    ],
    ids=repr,
)
def test_what_is_tried_again_may_be_done_twice(
    twilio_server: TwilioServer, fault: Fault, done: int
) -> None:
    twilio_server.write(ANNA, "Вітаю")
    http = TwilioHttpClient(timeout=0.3)
    client = Client(twilio_server.sid, twilio_server.auth_token, http_client=http)
    client.api.base_url = twilio_server.url
    twilio_server.faults.append(fault)
    with pytest.raises((TwilioRestException, OSError, ValueError)) as error:
        sent(client)
    if fault.status:
        assert isinstance(error.value, TwilioRestException)
        assert error.value.status == fault.status
    sent(client)
    assert len(twilio_server.requests) == 2
    if not fault.hang_seconds:
        assert len(twilio_server.texts_to(ANNA)) == done + 1


def test_a_fault_may_say_when_to_come_again(twilio_server: TwilioServer) -> None:
    twilio_server.always = Fault(status=429, retry_after=7)
    path = f"{twilio_server.url}/2010-04-01/Accounts/{twilio_server.sid}.json"
    answer = httpx.get(path, auth=(twilio_server.sid, twilio_server.auth_token))
    assert (answer.headers["Retry-After"], answer.json()["code"]) == ("7", 20429)


def test_many_speak_at_once(twilio_server: TwilioServer) -> None:
    phones = [f"+3805011122{number:02}" for number in range(20)]

    def speak(phone: str) -> None:
        client = client_of(twilio_server)
        for number in range(10):
            twilio_server.write(phone, f"{number}?")
            sent(client, f"{number}!", to=phone)

    with ThreadPoolExecutor(len(phones)) as pool:
        list(pool.map(speak, phones))
    expected = [f"{number}!" for number in range(10)]
    assert all(twilio_server.texts_to(phone) == expected for phone in phones)
    assert len(twilio_server.deliveries(url=HOOK)) == len(phones) * 10 * 4


def test_faults_choose_their_requests(twilio_server: TwilioServer, client: Client) -> None:
    twilio_server.faults.append(Fault(status=503, method="GET", path="/Messages"))
    message = sent(client)
    assert client.api.account.fetch()
    assert refused(lambda: client.messages(message.sid).fetch())[0] == 503
    assert client.messages(message.sid).fetch()


# The contract


def test_requests_are_held_to_the_description(contracts: Path) -> None:
    with TwilioServer(contracts) as server:
        client = client_of(server)
        refused(lambda: sent(client, content_sid="HX1", risk_check="maybe"))
        [sid, risk] = sorted(server.contract_problems)
        assert "form[ContentSid]: 'HX1' is no ^HX" in sid
        assert "form[RiskCheck]: 'maybe' is none of enable, disable" in risk
        server.contract_problems.clear()
        auth = (server.sid, server.auth_token)
        path = f"{server.url}/2010-04-01/Accounts/{server.sid}/Messages.json"
        httpx.post(path, auth=auth, data={"Color": "red", "Body": ["one", "two"]})
        assert [each.partition(" form")[2] for each in server.contract_problems] == [
            ": To is missing",
            ": Color is unknown",
            "[Body]: an object where one value belongs",
        ]
        server.contract_problems.clear()
        assert httpx.get(path.replace("Messages", "Calls"), auth=auth).status_code == 404
        assert "no such operation" in server.contract_problems[0]


def test_answers_have_twilios_shapes(
    twilio_server: TwilioServer, client: Client, contracts: Path
) -> None:
    shapes = ComponentContract(contracts / "twilio.openapi.json")
    photo = twilio_server.send_photo(ANNA)
    twilio_server.read(ANNA)
    twilio_server.advance(START + 2 * DAY)
    sent(client)
    root = f"{twilio_server.url}/2010-04-01/Accounts/{twilio_server.sid}"
    with httpx.Client(auth=(twilio_server.sid, twilio_server.auth_token)) as http:
        account = http.get(f"{root}.json").json()
        messages = http.get(f"{root}/Messages.json").json()["messages"]
        media = http.get(f"{root}/Messages/{photo}/Media.json").json()["media_list"]
    assert len(messages) == 2
    name = "api.v2010.account"
    assert shapes.problems(name, account) == []
    assert [problem for it in messages for problem in shapes.problems(f"{name}.message", it)] == []
    assert [
        problem for it in media for problem in shapes.problems(f"{name}.message.media", it)
    ] == []


# Posts that nobody honest sends


def test_addresses_that_lead_inside() -> None:
    addresses = inner_addresses("http://leads.test/?to=")
    assert len(set(addresses.values())) == len(addresses) >= 60


def test_malformed_posts_pass_the_validator(twilio_server: TwilioServer) -> None:
    posts = twilio_server.malformed_posts(400, seed=7, url=HOOK)
    assert len(posts) == 400
    forms = [each for each in posts if "form" in each.headers["Content-Type"][:40]]
    token = twilio_server.auth_token
    readable = [each for each in forms if "multipart" not in each.headers["Content-Type"]]
    assert len(readable) > 370
    assert [each.what for each in readable if not is_genuine(each, token)] == []
    inner = [each for each in posts if each.what.startswith("MediaUrl0 is ")]
    assert len({each.what for each in inner}) >= 60
    assert len({each.what for each in posts}) > 200


def test_malformed_posts_are_the_same_for_the_same_seed() -> None:
    account = TwilioAccount()
    with pytest.raises(ValueError, match="no webhook"):
        account.malformed_posts(1)
    posts = account.malformed_posts(100, seed=1, url=HOOK)
    assert posts == TwilioAccount().malformed_posts(100, seed=1, url=HOOK)
    assert posts != account.malformed_posts(100, seed=2, url=HOOK)


def test_a_file_may_lead_elsewhere(twilio_server: TwilioServer) -> None:
    [led] = [
        each
        for each in twilio_server.malformed_posts(250, url=HOOK)
        if each.what == "MediaUrl0 is led to decimal"
    ]
    answer = httpx.get(form_of(led)["MediaUrl0"])
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://2852039166/")


# The asynchronous client, and by hand


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # of aiohttp, by the SDK
async def test_the_asynchronous_client(twilio_server: TwilioServer) -> None:
    twilio_server.write(ANNA, "Вітаю")
    http = AsyncTwilioHttpClient()
    client = Client(twilio_server.sid, twilio_server.auth_token, http_client=http)
    client.api.base_url = twilio_server.url
    parties = {"from_": address(NUMBER), "to": address(ANNA)}
    try:
        made = await client.messages.create_async(body="Так", **parties)
        found = await client.messages(made.sid).fetch_async()
    finally:
        await http.close()
    assert (found.status, found.body) == ("delivered", "Так")


def test_by_hand() -> None:
    answers = [(200, "text/xml", TWIML)]
    with receiver(*answers) as (url, taken):
        command = [sys.executable, "-m", "fakes.twilio_server", "--port=0", f"--webhook={url}/in"]
        done = subprocess.run(
            command,
            input="Вітаю\n/read\n+25\n",
            cwd=Path(__file__).parents[1],
            capture_output=True,
            encoding="utf-8",
            env={"PYTHONIOENCODING": "utf-8"},
            timeout=30,
            check=True,
        )
    assert [form["Body"] for _, form in taken] == ["Вітаю"]
    assert f"{ANNA} < Одну мить\n" in done.stdout
    assert done.stdout.count("  read\n") == 2
