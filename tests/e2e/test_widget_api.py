"""The chat on firms' web sites over HTTP: who is let in, what is told, what is kept."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import anyio
import httpx
import pytest

from fakes.api import PASSWORD, Api, Firm, api
from fakes.channels import BY, connected
from fakes.command import Sloth as SlothCommand
from fakes.described import events
from fakes.firms import limited_firm, teach, usage
from fakes.openai_server import Fault, OpenAIServer
from fakes.smtp_server import SmtpServer
from fakes.visiting import SITE, Visitor, begin, said_by_staff, visitor, web_key
from sloth_agent import Settings
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.channels.chats import ChatState
from sloth_agent.channels.texts import text
from sloth_agent.channels.visitors import VISIT_LASTS, Visitors
from sloth_agent.errors import TokenInvalid
from sloth_agent.ids import IntegrationId, new_id
from sloth_agent.language import Language
from sloth_agent.server.limiting import PERSONS, QUESTIONS, VISITORS
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio

QUESTION = "How much is a haircut?"
ELSEWHERE = "https://elsewhere.example"
EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Api]:
    changes = {"tenant_requests_per_minute": 10**6, "address_requests_per_minute": 10**6}
    async with api(settings.model_copy(update=changes)) as served:
        yield served


@pytest.fixture
async def firm(served: Api) -> Firm:
    firm = await served.signed_up("Salon Lavanda")
    await teach(firm)
    return firm


@pytest.fixture
async def key(firm: Firm) -> str:
    return await web_key(firm)


async def tenant_of(served: Api, firm: Firm) -> AsyncTenant:
    slug: str = firm.registered["user"]["organization"]["slug"]
    return await served.platform.sloth.tenant(slug)


async def test_a_visitor_asks_and_finds_it_again(served: Api, firm: Firm, key: str) -> None:
    begun = await begin(served.client, key)
    shown = begun.json()
    assert begun.headers["cache-control"] == "no-store"
    assert shown == {
        "token": shown["token"], "name": "Salon Lavanda", "language": "en",
        "greeting": "Hello! How can we help?",
    }  # fmt: skip
    headers = {"Origin": SITE, "Authorization": f"Bearer {shown['token']}"}
    anna = Visitor(served.client, key, headers)
    assert await anna.said() == []
    answered = (await anna.ask(QUESTION)).json()
    assert set(answered) == {"id", "answer", "grounded", "citations"}, "nothing of models and costs"
    assert "40 euro" in answered["answer"]
    assert {source["document"] for source in answered["citations"]} == {"prices.csv"}
    streamed = events((await anna.ask("And a manicure?", **EVENTS)).text)
    assert [name for name, _ in streamed if name != "token"] == ["citations", "done"]
    text = "".join(data["text"] for name, data in streamed if name == "token")
    assert text == streamed[-1][1]["answer"]

    said = await anna.said()
    assert [message["role"] for message in said] == ["user", "assistant"] * 2
    assert said[1]["text"] == answered["answer"]
    assert said[1]["citations"] == answered["citations"]
    assert await anna.said(after=said[1]["id"]) == said[2:]
    assert await (await visitor(served.client, key)).said() == []

    tenant = await tenant_of(served, firm)
    [conversation] = await tenant.conversations()
    assert (conversation.source, conversation.messages) == ("web", 4)
    assert conversation.customer is not None
    await tenant.delete_customer(str(conversation.customer), by=BY)
    assert await anna.said() == []
    assert (await usage(firm))["messages"]["used"] == 2


async def test_two_first_messages_at_once_are_one_conversation(
    served: Api, firm: Firm, key: str
) -> None:
    """Fails where the second one does not find what the first has begun."""
    anna = await visitor(served.client, key)
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(anna.ask, QUESTION)
    [conversation] = await (await tenant_of(served, firm)).conversations()
    assert conversation.messages == 10


async def test_the_greeting_is_the_firms_or_ours_in_the_visitors_language(
    served: Api, firm: Firm, key: str
) -> None:
    tenant = await tenant_of(served, firm)
    await tenant.change_profile(business_name="Лаванда", by=BY)
    ours = (await begin(served.client, key, **{"Accept-Language": "fr-FR, uk;q=0.9"})).json()
    assert (ours["name"], ours["language"]) == ("Лаванда", "uk")
    assert ours["greeting"].startswith("Вітаємо")
    own = await tenant.connect_web([SITE], greeting="  Hi there!  ", by=BY)
    assert (await begin(served.client, str(own.id))).json()["greeting"] == "Hi there!"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ELSEWHERE},
        {"Origin": ""},
        {"Origin": "null"},
        {"Origin": SITE.upper()},
        {"Origin": f"{SITE}.elsewhere.example"},
        {"Origin": f"{SITE}:8443"},
        {"Origin": SITE.replace("https", "http")},
        {"Origin": ELSEWHERE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ELSEWHERE, "Sec-Fetch-Site": "same-site"},
    ],
)
async def test_no_other_page_is_let_in(served: Api, key: str, headers: dict[str, str]) -> None:
    """Fails where the origin is not looked at, or compared by its beginning."""
    anna = await visitor(served.client, key)
    stranger = Visitor(served.client, key, {**anna.headers, **headers})
    refused = [
        await begin(served.client, key, **headers),
        await stranger.ask(QUESTION),
        await served.client.get(f"/api/widget/{key}/messages/", headers=stranger.headers),
        await preflight(served.client, key, headers),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (403, "forbidden")
    ] * 4
    assert all("access-control-allow-origin" not in answer.headers for answer in refused)
    assert await anna.said() == []


async def preflight(client: httpx.AsyncClient, key: str, headers: dict[str, str]) -> httpx.Response:
    asked = {"Access-Control-Request-Method": "POST", **headers}
    return await client.request("OPTIONS", f"/api/widget/{key}/messages/", headers=asked)


async def test_a_page_that_is_let_in_may_read_answers_and_refusals(served: Api, key: str) -> None:
    allowed = await preflight(served.client, key, {"Origin": SITE})
    assert allowed.status_code == 204
    assert "Idempotency-Key" in allowed.headers["access-control-allow-headers"]
    forged = Visitor(served.client, key, {"Origin": SITE, "Authorization": "Bearer forged"})
    for answer in (allowed, await begin(served.client, key), await forged.ask(QUESTION)):
        assert answer.headers["access-control-allow-origin"] == SITE
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers


async def test_the_consoles_pages_and_those_of_sites_are_told_apart(settings: Settings) -> None:
    """Fails where one list lets in the pages of the other, or keeps them out."""
    async with api(settings.model_copy(update={"cors_origins": (ELSEWHERE,)})) as served:
        firm = await served.signed_up()
        key = await web_key(firm)
        assert (await preflight(served.client, key, {"Origin": SITE})).status_code == 204
        assert (await preflight(served.client, key, {"Origin": ELSEWHERE})).status_code == 403
        console = await served.client.get("/api/auth/me/", headers={"Origin": ELSEWHERE})
        assert console.headers["access-control-allow-origin"] == ELSEWHERE


async def test_our_own_page_shows_any_chat(served: Api, key: str) -> None:
    """Browsers alone say that, and scripts of pages cannot."""
    own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert (await begin(served.client, key, **own)).status_code == 201


async def test_who_is_no_visitor_of_this_chat_is_nobody(served: Api, firm: Firm, key: str) -> None:
    """Fails where a token is not bound to its chat, or taken as it comes."""
    neighbour = await served.signed_up()
    theirs, other = await web_key(neighbour), await web_key(firm)
    anna = await visitor(served.client, key)
    await anna.ask(QUESTION)
    token = anna.headers["Authorization"].removeprefix("Bearer ")
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    changed = []
    for place in range(0, len(raw), 7):
        raw[place] ^= 1
        changed.append(base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode())
        raw[place] ^= 1
    access = firm.registered["access"]
    for forged in (*changed, token[:-3], token + "AAAA", "%", "a" * 10_000, access, str(uuid4())):
        headers = {**anna.headers, "Authorization": f"Bearer {forged}"}
        refused = await Visitor(served.client, key, headers).ask(QUESTION)
        assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid"), forged
    for foreign in (theirs, other):
        refused = await Visitor(served.client, foreign, anna.headers).ask(QUESTION)
        assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
    nobody = await Visitor(served.client, key, {"Origin": SITE}).ask(QUESTION)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "not_signed_in")
    inside = await served.client.get("/api/auth/me/", headers={"Authorization": f"Bearer {token}"})
    assert inside.status_code == 401
    assert len(await anna.said()) == 2


async def test_a_visit_ends_after_thirty_days(served: Api) -> None:
    visitors, key = served.platform.services.visitors, IntegrationId(new_id())
    visitor, token = visitors.admit(key)
    now = visitors.clock()
    assert visitors.recognise(token, key) == visitor
    later = Visitors(visitors.sealer, lambda: now + VISIT_LASTS + timedelta(seconds=1))
    with pytest.raises(TokenInvalid):
        later.recognise(token, key)


async def test_a_key_that_names_no_chat(served: Api, firm: Firm, key: str) -> None:
    """Also one that was disconnected, and a messenger's."""
    tenant = await tenant_of(served, firm)
    bot = await connected(tenant)
    await tenant.services.addresses.add(bot.id, tenant.organization.id, "telegram:1")
    anna = await visitor(served.client, key)
    await firm.delete(f"/api/integrations/{key}/")
    for unknown in (str(uuid4()), str(bot.id), key):
        refused = await begin(served.client, unknown)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert (await anna.ask(QUESTION)).status_code == 404
    assert (await begin(served.client, "none")).status_code == 404


async def closed(answer: httpx.Response, language: Language = Language.ENGLISH) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (403, "assistant_closed"), problem
    assert problem["detail"] == text("web_closed", language)
    assert set(problem) == {"type", "title", "status", "code", "detail", "request_id"}
    assert answer.headers["access-control-allow-origin"] == SITE


async def test_a_closed_firm_is_closed_and_says_no_more(served: Api, firm: Firm, key: str) -> None:
    """Fails where visitors are told of plans and codes."""
    anna = await visitor(served.client, key)
    tenant = await tenant_of(served, firm)
    polish = {"Accept-Language": "pl"}
    await served.platform.sloth.set_tenant_active(tenant.organization.slug, active=False)
    await closed(await begin(served.client, key, **polish), Language.POLISH)
    assert (await preflight(served.client, key, {"Origin": SITE})).status_code == 204
    await closed(await anna.ask(QUESTION))
    await closed(await anna.ask(QUESTION, **EVENTS))
    await served.platform.sloth.set_tenant_active(tenant.organization.slug, active=True)
    assert (await anna.ask(QUESTION)).status_code == 200


async def test_an_ended_subscription_is_told_to_nobody(
    settings: Settings, served: Api, firm: Firm, key: str
) -> None:
    anna = await visitor(served.client, key)
    while (await firm.post("/api/subscriptions/cancel/", {"at_period_end": False})).is_success:
        pass
    current = (await firm.get("/api/subscriptions/current/")).json()
    assert current["status"] == SubscriptionStatus.CANCELED
    async with api(settings) as looking_again:
        await closed(await begin(looking_again.client, key))
        await closed(await replace(anna, client=looking_again.client).ask(QUESTION, **EVENTS))


async def test_used_up_messages_are_told_to_nobody(settings: Settings, served: Api) -> None:
    firm = await limited_firm(served.client, settings, max_messages_per_month=1)
    await teach(firm)
    anna = await visitor(served.client, await web_key(firm))
    assert (await anna.ask(QUESTION)).status_code == 200
    await closed(await anna.ask(QUESTION, **EVENTS))
    ukrainian = {"Accept-Language": "uk"}
    await closed(await anna.ask(QUESTION, **ukrainian), Language.UKRAINIAN)
    assert (await usage(firm))["messages"]["used"] == 1


async def test_a_visitor_who_asks_too_often_waits(served: Api, key: str) -> None:
    served.counts_within_one_window()
    anna, ben = [await visitor(served.client, key) for _ in range(2)]
    allowed = served.platform.rates.visitor.amount
    answers = [await anna.ask(QUESTION) for _ in range(allowed + 1)]
    assert [answer.status_code for answer in answers] == [200] * allowed + [429]
    refused = answers[-1]
    problem = refused.json()
    assert (problem["code"], problem["detail"]) == (
        "rate_limited",
        text("too_often", Language.ENGLISH),
    )
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["access-control-allow-origin"] == SITE
    assert (await ben.ask(QUESTION)).status_code == 200


async def test_a_visitor_asks_so_much_a_day(settings: Settings) -> None:
    """As on a messenger: nobody else is to pay for who never stops."""
    async with api(settings.model_copy(update={"chat_turns_per_day": 2})) as served:
        served.counts_within_one_window()
        firm = await served.signed_up()
        key = await web_key(firm)
        anna, ben = [await visitor(served.client, key) for _ in range(2)]
        assert [(await anna.ask(QUESTION)).status_code for _ in range(3)] == [200, 200, 429]
        assert (await ben.ask(QUESTION)).status_code == 200


async def test_one_address_asks_a_firm_so_much_a_day(served: Api, firm: Firm, key: str) -> None:
    """Whoever begins new visits all the time uses up no plan; other firms do not notice."""
    served.counts_within_one_window()
    elsewhere = await visitor(served.client, await web_key(await served.signed_up()))
    organization = (await tenant_of(served, firm)).organization.id
    for _ in range(QUESTIONS.amount):
        await served.platform.limiter.take(QUESTIONS, f"{organization} 127.0.0.1")
    assert (await (await visitor(served.client, key)).ask(QUESTION)).status_code == 429
    assert (await elsewhere.ask(QUESTION)).status_code == 200


async def test_a_question_that_is_still_being_answered(
    settings: Settings, openai_server: OpenAIServer
) -> None:
    """Said in the visitor's language, and under its own name: the script waits and asks again."""
    openai_server.always = Fault(delay_seconds=1)
    changes = {"chat": "openai", "openai_base_url": openai_server.url}
    async with api(settings.model_copy(update=changes)) as served:
        firm = await served.signed_up()
        await teach(firm)
        anna = await visitor(served.client, await web_key(firm))
        headers = {"Idempotency-Key": str(uuid4()), "Accept-Language": "de"}
        answers: list[httpx.Response] = []

        async def ask() -> None:
            answers.append(await anna.ask(QUESTION, **headers))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.sleep(0.3)
            group.start_soon(ask)
    refused, answered = answers
    assert answered.status_code == 200
    assert (refused.status_code, refused.json()["code"], refused.json()["detail"]) == (
        409,
        "in_progress",
        text("being_answered", Language.GERMAN),
    )


async def test_the_firm_presents_itself_in_the_language_of_the_page(served: Api, key: str) -> None:
    anna = await visitor(served.client, key)
    path = f"/api/widget/{key}/messages/"
    polish = {**anna.headers, "Accept-Language": "pl"}
    shown = (await served.client.get(path, headers=polish)).json()
    assert shown["name"] == "Salon Lavanda"
    assert shown["greeting"] == text("web_greeting", Language.POLISH)
    await anna.ask(QUESTION)
    newest = (await anna.said())[-1]["id"]
    later = (await served.client.get(path, headers=polish, params={"after": newest})).json()
    assert (later["name"], later["greeting"], later["items"]) == (None, None, [])


async def test_a_page_of_this_server_over_plain_http(served: Api, key: str) -> None:
    """Where browsers tell of no `Sec-Fetch-Site`, and of no origin where a page reads its own."""
    own = {"Origin": "http://testserver"}
    begun = await begin(served.client, key, **own)
    token = {"Authorization": f"Bearer {begun.json()['token']}"}
    anna = Visitor(served.client, key, {**own, **token})
    assert (await anna.ask(QUESTION)).status_code == 200
    assert len(await Visitor(served.client, key, token).said()) == 2
    assert (await Visitor(served.client, key, token).ask(QUESTION)).status_code == 403


async def test_one_address_has_so_many_visitors(served: Api, key: str) -> None:
    served.counts_within_one_window()
    begun = [await begin(served.client, key) for _ in range(VISITORS.amount + 1)]
    assert [answer.status_code for answer in begun] == [201] * VISITORS.amount + [429]


async def test_one_address_sends_so_many_requests(settings: Settings) -> None:
    """Also with keys that it makes up."""
    async with api(settings.model_copy(update={"address_requests_per_minute": 5})) as served:
        served.counts_within_one_window()
        statuses = [(await begin(served.client, str(uuid4()))).status_code for _ in range(6)]
    assert statuses == [404] * 5 + [429]


async def test_what_is_sent_again_is_answered_once_wherever_it_comes_from(
    settings: Settings,
) -> None:
    """Who loses a connection tries again by another one."""
    changes = {"trusted_proxies": ("127.0.0.1",)}
    async with api(settings.model_copy(update=changes)) as served:
        firm = await served.signed_up()
        await teach(firm)
        key = await web_key(firm)
        anna, ben = [await visitor(served.client, key) for _ in range(2)]
        same = {"Idempotency-Key": uuid4().hex, **EVENTS}
        first = await anna.ask(QUESTION, **same, **{"X-Forwarded-For": "192.0.2.1"})
        again = await anna.ask(QUESTION, **same, **{"X-Forwarded-For": "192.0.2.2"})
        assert again.headers["idempotency-replayed"] == "true"
        assert again.text == first.text
        assert len(await anna.said()) == 2
        other = await ben.ask(QUESTION, **same)
        assert "idempotency-replayed" not in other.headers, "a key counts for one visitor"


async def test_a_model_that_is_away_is_told_politely(
    settings: Settings, openai_server: OpenAIServer
) -> None:
    """With no word of who it is; and nothing is kept or counted."""
    changes = {"chat": "openai", "chat_model": "gpt-5-mini", "openai_base_url": openai_server.url}
    async with api(settings.model_copy(update=changes)) as served:
        firm = await served.signed_up()
        await teach(firm)
        anna = await visitor(served.client, await web_key(firm))
        openai_server.always = Fault(status=500)
        german = {"Accept-Language": "de"}
        refused = await anna.ask(QUESTION, **EVENTS, **german)
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (503, "backend_unavailable")
        assert problem["detail"].startswith("Ich kann gerade nicht antworten.")
        assert not {"hint", "resource", "limit"} & set(problem)
        assert "openai" not in json.dumps(problem).lower()
        assert await anna.said() == []
        assert (await usage(firm))["messages"]["used"] == 0


@pytest.mark.parametrize(
    "origins",
    [
        [],
        ["salon.example"],
        ["https://"],
        ["https://*.salon.example"],
        ["*"],
        ["null"],
        ["javascript://salon.example"],
        ["https://salon.example/contact"],
        ["https://salon.example?x"],
        ["https://anna@salon.example"],
        ["https://salon.example:99999"],
        ["https://salon.example"] * 21,
    ],
)
async def test_what_is_no_origin(firm: Firm, origins: list[str]) -> None:
    refused = await firm.post("/api/integrations/web/connect/", {"origins": origins})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert (await firm.get("/api/integrations/")).json()["items"] == []


async def test_origins_are_kept_as_browsers_send_them(firm: Firm) -> None:
    written = ["HTTPS://Salon.Example/", "https://салон.example:443", "http://localhost:8080"]
    await web_key(firm, *written)
    [shown] = (await firm.get("/api/integrations/")).json()["items"]
    assert (shown["type"], shown["status"]) == ("web", "active")
    assert shown["settings"] == {
        "origins": ["https://salon.example", "https://xn--80awgdm.example", "http://localhost:8080"]
    }


async def test_any_plan_has_it(served: Api, firm: Firm) -> None:
    id = (await tenant_of(served, firm)).organization.id
    subscriptions = served.platform.services.subscriptions
    await subscriptions.activate(id, "free", days=30, cycle=None, by=BY)
    await web_key(firm)


async def test_members_do_not_connect_it(served: Api, firm: Firm) -> None:
    """Fails where the route asks for no role."""
    services, id = served.platform.services, (await tenant_of(served, firm)).organization.id
    email, asked = f"{uuid4().hex}@example.com", {"origins": [SITE]}
    await services.accounts.create(
        email, organization=id, role=Role.MEMBER, password=PASSWORD, by=BY
    )
    member = Firm(served.client, email, await served.signed_in(email))
    assert (await member.post("/api/integrations/web/connect/", asked)).status_code == 403
    nobody = await served.client.post("/api/integrations/web/connect/", json=asked)
    assert nobody.status_code == 401


async def test_the_script_and_the_page_to_try_it_on(served: Api, key: str) -> None:
    script = await served.client.get("/widget.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    page = await served.client.get("/widget/demo/", params={"key": key})
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert f'data-key="{key}"' in page.text
    without = await served.client.get("/widget/demo/")
    assert "<script" not in without.text
    hostile = await served.client.get("/widget/demo/", params={"key": key, "language": '">'})
    assert 'data-language="&quot;&gt;"' in hostile.text
    assert (await served.client.get("/widget/demo/", params={"key": '"><b>'})).status_code == 422


def test_the_command_prints_what_to_put_on_the_page(sloth_cli: SlothCommand) -> None:
    made = sloth_cli("channels", "connect", "web", "--origin", SITE, "--json").json
    assert made == {"id": made["id"], "type": "web", "status": "active"}
    public = sloth_cli.using(PUBLIC_URL="https://chat.example/")
    shown = public("channels", "connect", "web", "--origin", SITE, "--greeting", "Hello!")
    assert shown.stdout.startswith('<script src="https://chat.example/widget.js" data-key="')
    listed = sloth_cli("channels", "list", "--json").json["items"]
    assert [item["settings"] for item in listed] == [
        {"origins": [SITE]},
        {"origins": [SITE], "greeting": "Hello!"},
    ]
    refused = sloth_cli("channels", "connect", "web", "--origin", "salon.example")
    assert (refused.rc, "https://salon.example" in refused.error) == (2, True)


async def state(anna: Visitor) -> str:
    path = f"/api/widget/{anna.key}/messages/"
    shown = (await anna.client.get(path, headers=anna.headers)).json()
    return str(shown["state"])


async def called(anna: Visitor, **headers: str) -> httpx.Response:
    path = f"/api/widget/{anna.key}/human/"
    return await anna.client.post(path, headers={**anna.headers, **headers})


async def test_a_visitor_asks_for_a_person(served: Api, firm: Firm, key: str) -> None:
    """From then on messages are kept for them, no model is asked, and nothing is counted."""
    anna = await visitor(served.client, key)
    await anna.ask(QUESTION)
    german = {"Accept-Language": "de"}
    answers = [await called(anna, **german) for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"state": "waiting"}] * 2
    told = text("handed_over", Language.GERMAN, firm="Salon Lavanda")
    assert [message["text"] for message in (await anna.said())[2:]] == [told]
    for headers in ({}, EVENTS):
        kept = await anna.ask("Do you have time on Friday?", **headers)
        shown = kept.json() if not headers else events(kept.text)[-1][1]
        assert (shown["answer"], shown["citations"]) == (None, [])
    assert (await usage(firm))["messages"]["used"] == 1

    tenant = await tenant_of(served, firm)
    [chat] = await tenant.services.inbox_store.chats([ChatState.WAITING], limit=10)
    await said_by_staff(tenant, chat, "Yes, at ten.")
    assert await state(anna) == "person"
    assert [(said["role"], said["text"]) for said in await anna.said()][-2:] == [
        ("user", "Do you have time on Friday?"),
        ("staff", "Yes, at ten."),
    ]
    [shown] = (await firm.get("/api/integrations/")).json()["items"]
    assert (shown["messages_in"], shown["messages_out"]) == (3, 3)
    assert await state(await visitor(served.client, key)) == "assistant"


async def test_two_questions_without_an_answer_bring_a_person(served: Api, key: str) -> None:
    anna = await visitor(served.client, key)
    for _ in range(2):
        assert await state(anna) == "assistant"
        assert (await anna.ask("Who won the chess championship of 1972?")).json()[
            "grounded"
        ] is False
    assert await state(anna) == "waiting"
    said = await anna.said()
    assert said[-1]["text"] == text("handed_over", Language.ENGLISH, firm="Salon Lavanda")


async def test_the_firm_hears_by_mail_of_who_waits(
    settings: Settings,
) -> None:
    with SmtpServer() as mail:
        changes = {"email_host": "127.0.0.1", "email_port": mail.port, "email_from": "a@b.example"}
        await _called_with_mail(settings.model_copy(update=changes))
    [message] = mail.messages
    assert "is waiting for a person" in message["Subject"]
    assert "Is Oksana there?" in message.get_content()


async def _called_with_mail(settings: Settings) -> None:
    async with api(settings) as served:
        firm = await served.signed_up()
        anna = await visitor(served.client, await web_key(firm))
        await anna.ask("Is Oksana there?")
        assert (await called(anna)).status_code == 200


async def test_words_that_the_firm_named_call_a_person(served: Api, firm: Firm, key: str) -> None:
    """Also of two messages at once, which are both kept for the person."""
    words = {"words": ["refund"]}
    named = await firm.client.put(
        f"/api/integrations/{key}/hand-over-words/", json=words, headers=firm.headers
    )
    assert named.status_code == 200
    anna = await visitor(served.client, key)
    async with anyio.create_task_group() as group:
        for number in range(2):
            group.start_soon(anna.ask, f"I want a REFUND! {number}")
    assert await state(anna) == "waiting"
    promise = text("handed_over", Language.ENGLISH, firm="Salon Lavanda")
    said = [message["text"] for message in await anna.said()]
    assert sorted(said) == sorted(["I want a REFUND! 0", "I want a REFUND! 1", promise])
    assert (await anna.ask(QUESTION)).json()["answer"] is None
    assert (await usage(firm))["messages"]["used"] == 0


async def test_an_address_calls_so_many_persons(served: Api, key: str) -> None:
    """Each is a mail to the firm."""
    served.counts_within_one_window()
    anna = await visitor(served.client, key)
    statuses = [(await called(anna)).status_code for _ in range(PERSONS.amount + 1)]
    assert statuses == [200] * PERSONS.amount + [429]
