"""The API is what its description tells, and the description is whole."""

import json
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from uuid import UUID, uuid4

import anyio
import pytest
from jsonschema import Draft202012Validator

from fakes.api import PASSWORD, Api, Firm, api
from fakes.channels import chat_with, sent_file
from fakes.described import Described, events
from fakes.pictures import png
from fakes.telegram_server.server import TelegramServer
from fakes.twilio_server.account import NUMBER
from fakes.twilio_server.server import TwilioServer
from fakes.visiting import visitor, web_key
from sloth_agent import Settings
from sloth_agent.app.tenant import AsyncTenant
from sloth_agent.ids import IntegrationId
from sloth_agent.server.repeating import CHANGING
from sloth_agent.server.uploads import LEARNING
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio

PRICES = b"service,price\nHaircut,40 euro\nManicure,25 euro\n"

BY_MAIL = {"auth_accept", "auth_reset", "auth_request_reset", "users_invite", "users_withdraw"}
"""What succeeds only where mails are sent; how it refuses is held against the description."""

PAYING = {"change", "resume", "subscribe", "portal", "invoices", "stripe_webhook"}
BY_PAYMENTS = {f"subscriptions_{name}" for name in PAYING}
"""What succeeds only where a provider takes payments; see `test_http_payments`."""


@pytest.fixture
async def served(
    settings: Settings, telegram_server: TelegramServer, twilio_server: TwilioServer
) -> AsyncIterator[Api]:
    changed = {
        "tenant_requests_per_minute": 10**6,
        "telegram_api_base": telegram_server.url,
        "twilio_api_base": twilio_server.url,
    }
    async with api(settings.model_copy(update=changed)) as served:
        yield served


@pytest.fixture
async def described(served: Api) -> Described:
    """What is told of a server, each answer of which is checked from now on."""
    described = Described((await served.client.get("/api/schema/")).json())
    served.client.event_hooks = {"response": [described.holds]}
    return described


async def test_every_operation_answers_as_it_is_described(
    served: Api,
    described: Described,
    telegram_server: TelegramServer,
    twilio_server: TwilioServer,
) -> None:
    owner = await served.signed_up()
    await _walked_among_colleagues(served, owner)
    await _walked_as_owner(served, owner)
    await _walked_by_telegram(served, owner, telegram_server.add_bot("salon_bot").token)
    await _walked_by_whatsapp(owner, twilio_server)
    await _walked_as_superuser(served, owner)
    await _refused(served, owner)
    assert set(described.operations) - described.succeeded <= BY_MAIL | BY_PAYMENTS


async def _walked_as_owner(served: Api, owner: Firm) -> None:
    client = served.client
    body = {"email": owner.email, "password": PASSWORD}
    tokens = (await client.post("/api/auth/login/", json=body)).json()
    tokens = (await client.post("/api/auth/refresh/", json={"refresh": tokens["refresh"]})).json()
    await client.post("/api/auth/logout/", json={"refresh": tokens["refresh"]})
    await owner.get("/api/auth/me/")
    await client.put("/api/auth/profile/", json={"language": "pl"}, headers=owner.headers)
    for path in ("plans", "current", "usage"):
        await owner.get(f"/api/subscriptions/{path}/")
    for path in ("my-code", "stats", "list"):
        await owner.get(f"/api/referrals/{path}/")

    file = {"file": ("prices.csv", PRICES)}
    sent = await client.post("/api/documents/upload/", files=file, headers=owner.headers)
    document = f"/api/documents/{sent.json()['id']}"
    await owner.get("/api/documents/")
    with anyio.fail_after(30):
        status = "pending"
        while status != "completed":
            await anyio.sleep(0.1)
            status = (await owner.get(f"{document}/status/")).json()["status"]
    await owner.get(f"{document}/file/")

    picture = {"file": ("style.png", png())}
    sent = await client.post("/api/photos/upload/", files=picture, headers=owner.headers)
    photo = f"/api/photos/{sent.json()['id']}"
    await owner.get("/api/photos/")
    await owner.get(f"{photo}/analysis/")
    await owner.get(f"{photo}/file/")
    await client.delete(f"{photo}/", headers=owner.headers)

    anna = await visitor(client, await web_key(owner))
    await anna.ask("How much is a haircut?")
    assert (await anna.said())[1]["citations"], "what is cited is checked as well"
    await client.post(f"/api/widget/{anna.key}/human/", headers=anna.headers)

    question = {"message": "How much is a haircut?"}
    key = {"Idempotency-Key": uuid4().hex}
    answered = await owner.post("/api/agent/chat/", question, headers=key)
    assert answered.json()["citations"], "what is cited is checked as well"
    await owner.post("/api/agent/chat/", question, headers=key)
    await owner.post("/api/agent/test/", {**question, "prompt": {"role": "A pirate."}})
    await owner.get("/api/agent/prompt/")
    await client.put("/api/agent/prompt/", json={"role": "A pirate."}, headers=owner.headers)
    await owner.get("/api/agent/prompt/history/")
    await owner.post("/api/agent/prompt/rollback/", {"version": 0})
    await owner.post("/api/agent/search/", {"query": "haircut"})
    await owner.get("/api/agent/history/")
    await owner.get(f"/api/agent/history/{answered.json()['conversation_id']}/")
    await client.delete(f"{document}/", headers=owner.headers)


async def _walked_by_telegram(served: Api, owner: Firm, token: str) -> None:
    made = await owner.post("/api/integrations/telegram/connect/", {"token": token})
    assert made.status_code == 201, made.text
    bot = made.json()["id"]
    await owner.get("/api/integrations/")
    slug = owner.registered["user"]["organization"]["slug"]
    tenant = await served.platform.sloth.tenant(slug)
    credentials = await tenant.services.integrations.credentials(IntegrationId(UUID(bot)))
    webhook = f"/api/integrations/webhooks/telegram/{bot}/"
    for secret in ("another", credentials.values["webhook_secret"]):
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
        await served.client.post(webhook, json={"update_id": 1}, headers=headers)
    await _walked_at_the_desk(owner, tenant, IntegrationId(UUID(bot)))
    await owner.delete(f"/api/integrations/{bot}/")


async def _walked_by_whatsapp(owner: Firm, twilio: TwilioServer) -> None:
    given = {"account_sid": twilio.sid, "auth_token": twilio.auth_token, "number": NUMBER}
    path = "/api/integrations/whatsapp/connect/"
    await owner.post(path, {**given, "auth_token": "f" * 32})
    made = await owner.post(path, given)
    assert made.status_code == 201, made.text
    await owner.delete(f"/api/integrations/{made.json()['id']}/")


async def _walked_at_the_desk(owner: Firm, tenant: AsyncTenant, bot: IntegrationId) -> None:
    integration = await tenant.services.integrations.show(bot)
    chat = await chat_with(tenant, integration, "123456789")
    path = f"/api/inbox/chats/{chat.id}"
    for state in ("waiting", "assistant"):
        await owner.get("/api/inbox/chats/", params={"state": state})
    await owner.post(f"{path}/take/", {})
    await owner.post(f"{path}/answer/", {"text": "Friday at 10 is fine."})
    await owner.get(f"{path}/")
    await owner.post(f"{path}/give-back/", {})
    await owner.post(f"/api/inbox/chats/{uuid4()}/answer/", {"text": "Hello?"})
    await owner.post(f"/api/integrations/{bot}/staff/", {})
    file = await sent_file(tenant, chat, b"%PDF-1.7")
    await owner.get(f"{path}/files/")
    for id in (file.id, uuid4()):
        await owner.get(f"{path}/files/{id}/")
        await owner.client.delete(f"{path}/files/{id}/", headers=owner.headers)
    await owner.put(f"/api/integrations/{bot}/files-kept/", {"files_kept": True})
    words = {"words": ["complaint"]}
    await owner.put(f"/api/integrations/{bot}/hand-over-words/", words)
    await owner.get("/api/inbox/hours/")
    for hours in ({"mon": [["09:00", "18:00"]]}, {"mon": [["18:00"]]}, {"mon": [["9", "18"]]}):
        await owner.put("/api/inbox/hours/", {"office_hours": hours})


async def _walked_among_colleagues(served: Api, owner: Firm) -> None:
    slug = owner.registered["user"]["organization"]["slug"]
    services = served.platform.services
    id = (await services.organizations.show(slug)).id
    by = Actor(name="tests")
    await services.subscriptions.activate(id, "enterprise", days=30, cycle=None, by=by)
    member = await services.accounts.create(
        f"{uuid4().hex}@example.com", organization=id, role=Role.MEMBER, by=by
    )
    await owner.get("/api/users/")
    await owner.put(f"/api/users/{member.id}/", {"role": "admin"})
    invitation = {"email": f"{uuid4().hex}@example.com", "role": "member"}
    invited = await owner.post("/api/users/invitations/", invitation)
    await owner.get("/api/users/invitations/")
    await owner.delete(f"/api/users/invitations/{invited.json()['id']}/")
    made = (await owner.post("/api/api-keys/", {"name": "Booking", "scopes": ["chat"]})).json()
    key = {"Authorization": f"Bearer {made['key']}"}
    await served.client.get("/api/auth/key/", headers=key)
    await owner.get("/api/api-keys/")
    await owner.delete(f"/api/api-keys/{made['id']}/")
    token = {"token": "none", "password": PASSWORD}
    await served.client.post("/api/auth/password-reset/", json={"email": owner.email})
    await served.client.post("/api/auth/password-reset/confirm/", json=token)
    await served.client.post("/api/auth/invitations/accept/", json=token)


async def _walked_as_superuser(served: Api, owner: Firm) -> None:
    email = f"{uuid4().hex}@example.com"
    await served.platform.services.accounts.create(
        email, password=PASSWORD, is_superuser=True, by=Actor(name="tests")
    )
    signed_in = await served.client.post(
        "/api/auth/login/", json={"email": email, "password": PASSWORD}
    )
    operator = Firm(served.client, email, signed_in.json())
    await operator.get("/api/auth/me/")
    codes = await operator.post("/api/admin/codes/generate/", {"plan": "starter", "days": 30})
    (code,) = codes.json()["codes"]
    await owner.post("/api/subscriptions/activate-code/", {"code": code})
    await operator.get("/api/admin/codes/", params={"limit": 5})
    slug = owner.registered["user"]["organization"]["slug"]
    await operator.post(
        "/api/admin/subscriptions/activate/",
        {"organization": slug, "plan": "professional", "days": 30},
    )
    while (await owner.post("/api/subscriptions/cancel/", {"at_period_end": False})).is_success:
        pass  # what was paid for before follows each time


async def _refused(served: Api, owner: Firm) -> None:
    """As nobody, without the right, and with what cannot be used."""
    for path in ("/api/auth/me/", "/api/documents/", "/api/agent/history/"):
        await served.client.get(path)
        await served.client.get(path, headers={"Authorization": "Bearer nobody"})
    await owner.get("/api/admin/codes/")
    await owner.get("/api/documents/", params={"limit": 0})
    await owner.get(f"/api/documents/{uuid4()}/status/")
    await owner.post("/api/subscriptions/activate-code/", {"code": "7KQ2M-9RWXA-4TNCV-8HJPD"})
    await owner.post("/api/agent/chat/", {"message": ""})


async def test_a_stream_is_what_its_events_are_described_as(
    served: Api, described: Described
) -> None:
    owner = await served.signed_up()
    answer = await owner.post(
        "/api/agent/chat/",
        {"message": "How much is a haircut?"},
        headers={"Accept": "text/event-stream"},
    )
    anna = await visitor(served.client, await web_key(owner))
    shown = await anna.ask("How much is a haircut?", Accept="text/event-stream")
    shapes = {"token": "TokenEvent", "citations": "CitationsEvent", "done": "Answered"}
    to_visitors = {"token": "TokenEvent", "citations": "SourcesEvent", "done": "VisitorAnswered"}
    for text, its in ((answer.text, shapes), (shown.text, to_visitors)):
        for name, data in events(text):
            described.check({"$ref": f"#/components/schemas/{its[name]}"}, data)


async def test_each_operation_is_told_of_in_full(described: Described) -> None:
    document = described.document
    assert document["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in json.dumps(document)
    assert len(described.operations) == sum(map(len, document["paths"].values())), "ids are unique"
    for id, (method, _, operation) in described.operations.items():
        assert re.fullmatch(r"[a-z]+_[a-z_]+", id)
        assert operation["summary"], id
        assert "Who may: " in operation["description"], id
        assert {"400", "429", "500", "503"} < set(operation["responses"]), id
        assert ("401" in operation["responses"]) or not operation["security"], id
        names = [each.get("$ref", "") for each in operation.get("parameters", ())]
        assert ("#/components/parameters/Idempotency-Key" in names) == (method in CHANGING), id
        for each in (operation.get("requestBody", {}), *operation["responses"].values()):
            for media_type, content in each.get("content", {}).items():
                Draft202012Validator.check_schema(content["schema"])
                if media_type == "application/json":
                    described.check(content["schema"], content["example"])
    for example in document["components"]["examples"].values():
        described.check({"$ref": "#/components/schemas/Problem"}, example["value"])


async def test_a_problem_is_shown_with_what_it_really_tells(described: Described) -> None:
    examples = described.document["components"]["examples"].values()
    told = {example["value"]["code"]: example["value"] for example in examples}
    for code, problem in told.items():
        comes_later = code.endswith("_limit_exceeded")
        assert ({"resource", "resets_at"} <= set(problem)) == (
            code in {f"{each}_limit_exceeded" for each in ("message", "photo", "cost")}
        )
        assert not comes_later or "retry_after_seconds" not in problem
        waits = problem["status"] == 503 or code in {"rate_limited", "in_progress"}
        assert ("retry_after_seconds" in problem) == waits, code
    assert told["document_limit_exceeded"]["used"] == told["document_limit_exceeded"]["limit"] == 50
    assert told["feature_not_in_plan"]["feature"] == "api"
    assert told["feature_not_in_plan"]["plan"] == "starter"


@pytest.mark.parametrize("path", ["documents", "photos"])
async def test_each_refusal_of_a_file_is_told_of(served: Api, path: str) -> None:
    """What is answered is held against the description."""
    owner = await served.signed_up()
    old_office = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    files = {"file_empty": b"", "unsupported_file": old_office}
    for code, content in files.items():
        sent = await served.client.post(
            f"/api/{path}/upload/", files={"file": ("a.doc", content)}, headers=owner.headers
        )
        assert sent.json()["code"] == code


async def test_the_introduction_tells_of_this_install(settings: Settings) -> None:
    own = {
        "max_upload_mb": 7,
        "requests_per_minute": 321,
        "frontend_url": "https://lavanda.example/",
    }
    async with api(settings.model_copy(update=own)) as served:
        told = (await served.client.get("/api/schema/")).json()["info"]["description"]
        firm = await served.signed_up()
        usage = (await firm.get("/api/subscriptions/usage/")).json()
    assert "at most 7 MB" in told
    assert "| `requests` | a user or an API key | 321 in 60 seconds |" in told
    assert "5 in 3600 seconds" in told
    assert "`https://lavanda.example`" in told
    assert "$ACCESS" in told
    assert [kind.code for kind in LEARNING if f"`{kind.code}`" not in told] == []
    assert usage["max_upload_bytes"] == 7 * 1024 * 1024


async def test_a_trial_takes_no_message_of_the_plan(described: Described) -> None:
    _, _, operation = described.operations["agent_test"]
    assert "message_limit_exceeded" not in json.dumps(operation)


async def test_no_reference_leads_nowhere(described: Described) -> None:
    document = described.document
    for kind, name in re.findall(r'"#/components/(\w+)/([\w-]+)"', json.dumps(document)):
        assert name in document["components"][kind]


class _Page(HTMLParser):
    """What a page asks a browser for."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            self.links += [value or ""] if name in ("href", "src") else []
            self.ids += [value or ""] if name == "id" else []


async def test_the_page_shows_every_operation_and_needs_nothing_from_elsewhere(
    served: Api, described: Described
) -> None:
    answer = await served.client.get("/api/docs/")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    page = _Page()
    page.feed(answer.text)
    assert page.tags & {"script", "style", "iframe", "object"} == set()
    assert "style" not in page.attributes
    assert len(page.ids) == len(set(page.ids))
    assert set(described.operations) < set(page.ids)
    within = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert within <= set(page.ids)
    elsewhere = {link for link in page.links if not link.startswith("#")}
    assert elsewhere == {"style.css", "../schema/"}
    style = await served.client.get("/api/docs/style.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "url(" not in style.text
    assert answer.text.count("curl -s -X ") == len(described.operations)
    all_errors = answer.text.partition('id="errors-of-all"')[2].partition("</section>")[0]
    for example in described.document["components"]["examples"].values():
        assert f"<code>{example['value']['code']}</code>" in all_errors


async def test_an_operation_tells_its_own_errors_apart(described: Described) -> None:
    _, _, upload = described.operations["documents_upload"]
    assert "file_empty" in upload["x-own-errors"]
    assert "rate_limited" not in upload["x-own-errors"]


async def test_an_example_leaves_out_what_is_mostly_left_out(described: Described) -> None:
    _, _, chat = described.operations["agent_chat"]
    body = chat["requestBody"]["content"]["application/json"]
    assert body["example"] == {"message": "How much is a haircut?"}


async def test_a_method_that_is_not_for_a_path_is_told_which_are(served: Api) -> None:
    for path, methods in (("agent/prompt", "GET, PUT"), ("documents/upload", "POST")):
        answer = await served.client.delete(f"/api/{path}/")
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == methods
