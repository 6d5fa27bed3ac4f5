"""Staff at the desk: over HTTP, by the library over HTTP, and through the installed command."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import anyio
import pytest

from fakes.api import PASSWORD, Api, Firm, api
from fakes.channels import BY, chat_with, connected, sent_file
from fakes.command import Sloth as SlothCommand
from fakes.remote import over_http
from sloth_agent import AsyncSloth, Settings
from sloth_agent.access.models import Scope
from sloth_agent.agent.models import Speaker
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.chat_files import keeps_files
from sloth_agent.channels.chats import ChatState
from sloth_agent.channels.models import Integration
from sloth_agent.errors import NotFound, NotOffered
from sloth_agent.ids import ChatId, new_id
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Api]:
    async with api(settings.model_copy(update={"serve_jobs": False})) as served:
        yield served


async def tenant_of(served: Api, firm: Firm) -> AsyncTenant:
    slug: str = firm.registered["user"]["organization"]["slug"]
    return await served.platform.sloth.tenant(slug)


async def chats_of(tenant: AsyncTenant, bot: Integration, count: int) -> list[ChatId]:
    """The one that was heard of last comes first."""
    now = tenant.services.backends.clock()
    return [
        (
            await chat_with(
                tenant, bot, f"{n}", name=f"Anna {n}", heard_at=now - timedelta(minutes=n)
            )
        ).id
        for n in range(count)
    ]


async def test_staff_answer_over_http(served: Api) -> None:
    owner = await served.signed_up()
    tenant = await tenant_of(served, owner)
    ids = await chats_of(tenant, await connected(tenant), 3)
    first = (await owner.get("/api/inbox/chats/", params={"limit": 2})).json()
    rest = (await owner.get("/api/inbox/chats/", params={"cursor": first["next_cursor"]})).json()
    assert [chat["id"] for chat in first["items"] + rest["items"]] == [str(id) for id in ids]
    assert first["items"][0]["customer"] == "telegram:0"

    path = f"/api/inbox/chats/{ids[1]}"
    taken = await owner.post(f"{path}/take/", {})
    assert (taken.status_code, taken.json()["state"]) == (200, "person")
    key = {"Idempotency-Key": uuid4().hex}
    for _ in range(2):
        said = await owner.post(f"{path}/answer/", {"text": " Friday is fine. "}, headers=key)
        assert said.status_code == 200
    told = (await owner.get(f"{path}/")).json()
    assert [(each["role"], each["content"]) for each in told["messages"]] == [
        ("staff", "Friday is fine.")
    ]
    found = (await owner.get("/api/inbox/chats/", params={"state": "person"})).json()
    assert [chat["id"] for chat in found["items"]] == [str(ids[1])]
    assert (await owner.post(f"{path}/give-back/", {})).json()["state"] == "assistant"
    assert (await owner.get("/api/inbox/chats/", params={"state": "none"})).status_code == 422
    assert (await owner.post(f"{path}/answer/", {"text": " "})).status_code == 422


async def test_members_answer_and_admins_set_up(served: Api) -> None:
    owner = await served.signed_up()
    tenant = await tenant_of(served, owner)
    bot = await connected(tenant)
    [id] = await chats_of(tenant, bot, 1)
    email = f"{uuid4().hex}@example.com"
    await served.platform.services.accounts.create(
        email, organization=tenant.organization.id, role=Role.MEMBER, password=PASSWORD, by=BY
    )
    member = Firm(served.client, email, await served.signed_in(email))
    assert (await member.post(f"/api/inbox/chats/{id}/take/", {})).status_code == 200
    assert (await member.get("/api/inbox/hours/")).status_code == 200
    assert (await member.put("/api/inbox/hours/", {"away_text": "Later."})).status_code == 403
    assert (await member.post(f"/api/integrations/{bot.id}/staff/", {})).status_code == 403
    kept = await member.put(f"/api/integrations/{bot.id}/files-kept/", {"files_kept": True})
    assert kept.status_code == 403
    words = f"/api/integrations/{bot.id}/hand-over-words/"
    assert (await member.put(words, {"words": ["complaint"]})).status_code == 403
    assert (await owner.put(words, {"words": ["complaint"]})).json() == {"words": ["complaint"]}
    assert (await served.client.get("/api/inbox/chats/")).status_code == 401
    [event, *_] = await served.platform.services.audit.list(
        organization=tenant.organization.id, action="chat.*"
    )
    assert (event.action, event.by.name, event.subject) == ("chat.taken", email, str(id))


async def test_a_key_needs_the_scope(served: Api) -> None:
    owner = await served.signed_up()
    tenant = await tenant_of(served, owner)
    services, id = served.platform.services, tenant.organization.id
    await services.subscriptions.activate(id, "professional", days=30, cycle=None, by=BY)
    statuses = []
    for scope in (Scope.CHAT, Scope.INTEGRATIONS):
        _, key = await services.api_keys.create(id, "test", scopes=[scope], by=BY)
        headers = {"Authorization": f"Bearer {key}"}
        answer = await served.client.get("/api/inbox/chats/", headers=headers)
        statuses.append(answer.status_code)
    assert statuses == [403, 200]


HOSTILE = "x\"\r\nSet-Cookie: a=b\r\n\r\n<script>alert('договір')</script>.html"


async def test_documents_of_customers_over_http(served: Api) -> None:
    owner, neighbour = await served.signed_up(), await served.signed_up()
    tenant = await tenant_of(served, owner)
    bot = await connected(tenant)
    anna, ben = [await chat_with(tenant, bot, person) for person in ("anna", "ben")]
    page = b"<script>alert(1)</script>"
    sent = await sent_file(tenant, anna, page, name=HOSTILE, media_type="text/html")
    more = await sent_file(tenant, anna, b"%PDF-1.7")

    files = f"/api/inbox/chats/{anna.id}/files/"
    first = (await owner.get(files, params={"limit": 1})).json()
    rest = (await owner.get(files, params={"cursor": first["next_cursor"]})).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == [str(sent.id), str(more.id)]
    assert first["items"][0]["type"] == "text/html"
    got = await owner.get(f"{files}{sent.id}/")
    assert (got.status_code, got.content) == (200, page)
    headers = got.headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment; filename*=UTF-8''script%3E.html")
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "set-cookie" not in headers

    nowhere = f"/api/inbox/chats/{new_id()}/files/"
    for asked in (nowhere, f"{nowhere}{sent.id}/", f"/api/inbox/chats/{ben.id}/files/{sent.id}/"):
        assert (await owner.get(asked)).status_code == 404
    for asked in (files, f"{files}{sent.id}/"):
        assert (await neighbour.get(asked)).status_code == 404
        assert (await served.client.get(asked)).status_code == 401
    for firm, status in ((neighbour, 404), (owner, 204), (owner, 404)):
        path = f"{files}{sent.id}/"
        answer = await firm.client.delete(path, headers=firm.headers)
        assert answer.status_code == status
    assert await tenant.chat_files() == [more]


async def test_admins_say_whether_files_are_kept(served: Api) -> None:
    owner = await served.signed_up()
    tenant = await tenant_of(served, owner)
    bot = await connected(tenant)
    path = f"/api/integrations/{bot.id}/files-kept/"
    for kept in (True, False):
        assert (await owner.put(path, {"files_kept": kept})).json() == {"files_kept": kept}
        [integration] = await tenant.integrations()
        assert keeps_files(integration.settings) is kept
    assert (await owner.put(path, {"files_kept": "perhaps"})).status_code == 422
    site = await tenant.connect_web(["https://salon.example"])
    elsewhere = f"/api/integrations/{site.id}/files-kept/"
    assert (await owner.put(elsewhere, {"files_kept": True})).status_code == 409


async def test_office_hours_over_http(served: Api) -> None:
    owner = await served.signed_up()
    week = {"mon": [["09:00", "13:00"], ["14:00", "18:00"]], "sat": [["22:00", "02:00"]]}
    asked = {"timezone": "Europe/Kyiv", "office_hours": week, "away_text": "Later."}
    assert (await owner.put("/api/inbox/hours/", asked)).json() == asked
    assert (await owner.get("/api/inbox/hours/")).json() == asked
    changed = (await owner.put("/api/inbox/hours/", {"office_hours": {}})).json()
    assert changed == {**asked, "office_hours": {}}
    refused_ones: list[dict[str, object]] = [
        {"timezone": "Mars/Olympus"},
        {"office_hours": {"monday": []}},
        {"office_hours": {"mon": [["09:00", "09:00"]]}},
        {"office_hours": {"mon": [["09:00"]]}},
        {"away_text": "x" * 1001},
    ]
    for wrong in refused_ones:
        refused = await owner.put("/api/inbox/hours/", wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert (await owner.get("/api/inbox/hours/")).json() == changed


async def test_the_library_over_http(sloth: AsyncSloth, settings: Settings, slug: str) -> None:
    await sloth.create_tenant(slug, plan="professional")
    here = await sloth.tenant(slug)
    bot = await connected(here)
    ids = await chats_of(here, bot, 3)
    async with over_http(sloth, settings, slug) as there:
        assert await there.chats() == await here.chats()
        assert [each.chat.id for each in await there.chats(limit=1, before=ids[0])] == [ids[1]]
        taken = await there.take_chat(ids[0])
        assert taken.chat.state is ChatState.PERSON
        await there.answer_chat(ids[0], "Friday is fine.")
        shown = await there.show_chat(ids[0])
        assert shown == await here.show_chat(ids[0])
        assert [each.speaker for each in shown.messages] == [Speaker.STAFF]
        assert (await there.give_back_chat(ids[0])).chat.state is ChatState.ASSISTANT
        made = await there.staff_code(bot.id)
        assert await here.services.staff_codes.use(bot.id, made.code, chat="1")
        assert await there.set_hand_over_words(bot.id, ["complaint"]) == ["complaint"]
        await there.set_files_kept(bot.id, True)
        assert keeps_files((await here.integrations())[0].settings)
        chat = (await here.show_chat(ids[0])).chat
        sent = [await sent_file(here, chat, b"%PDF-1.7") for _ in range(2)]
        assert await there.chat_files(ids[0]) == sent
        assert await there.chat_files(ids[0], after=sent[0].id) == sent[1:]
        with pytest.raises(NotFound):
            await there.show_chat(ChatId(new_id()))
        with pytest.raises(NotOffered):
            await there.take_chat(ids[0], by=BY)


def test_the_command(sloth_cli: SlothCommand, settings: Settings) -> None:
    async def prepare() -> tuple[str, list[ChatId]]:
        async with AsyncSloth(settings) as sloth:
            tenant = await sloth.tenant(sloth_cli.tenant)
            bot = await connected(tenant)
            return str(bot.id), await chats_of(tenant, bot, 2)

    bot, [first, second] = anyio.run(prepare)
    assert "Anna 0" in sloth_cli("channels", "chats").stdout
    page = sloth_cli("channels", "chats", "--limit", "1", "--json").json
    assert [item["id"] for item in page["items"]] == [page["next_cursor"]] == [str(first)]
    page = sloth_cli("channels", "chats", "--before", page["next_cursor"], "--json").json
    assert [item["id"] for item in page["items"]] == [str(second)]

    told = sloth_cli("channels", "answer", str(first), "Friday is fine.")
    assert told.stderr == "Anna 0 is answered by a person from now on.\n"
    piped = sloth_cli("channels", "answer", str(first), "-", "--json", stdin=b"Or Monday?\n")
    assert piped.json["state"] == "person"
    shown = sloth_cli("channels", "show", str(first), "--json").json
    assert [each["content"] for each in shown["messages"]] == ["Friday is fine.", "Or Monday?"]
    assert "staff\nFriday is fine." in sloth_cli("channels", "show", str(first)).stdout
    waiting = sloth_cli("channels", "chats", "--state", "person", "--json").json
    assert [item["id"] for item in waiting["items"]] == [str(first)]
    given = sloth_cli("channels", "give-back", str(first)).stderr
    assert given == "Anna 0 is answered by the assistant again.\n"
    assert sloth_cli("channels", "take", str(second), "--json").json["state"] == "person"
    missing = sloth_cli("channels", "answer", str(new_id()), "Hello?")
    assert (missing.rc, "no chat" in missing.error) == (1, True)

    made = sloth_cli("channels", "staff", bot, "--json").json
    assert made["command"] == f"/staff {made['code']}"
    assert sloth_cli("channels", "staff", bot).stdout.startswith("/staff ")
    kept = sloth_cli("channels", "words", bot, "complaint", "скарг", "--json").json
    assert kept == {"id": bot, "words": ["complaint", "скарг"]}
    assert sloth_cli("channels", "words", bot, "--json").json["words"] == []

    hours = ("tenants", "hours", sloth_cli.tenant)
    opened = sloth_cli(*hours, "--open", "mon-tue 09:00-18:00", "--json").json
    assert opened["office_hours"] == {day: [["09:00", "18:00"]] for day in ("mon", "tue")}
    assert sloth_cli(*hours, "--away-text", "Later.", "--json").json["away_text"] == "Later."
    refused = sloth_cli(*hours, "--open", "montag")
    assert (refused.rc, "are no hours" in refused.error) == (2, True)
    assert sloth_cli(*hours, "--open", "", "--json").json["office_hours"] == {}


def test_documents_of_customers_by_the_command(sloth_cli: SlothCommand, settings: Settings) -> None:
    async def prepare() -> tuple[str, str, list[str]]:
        async with AsyncSloth(settings) as sloth:
            tenant = await sloth.tenant(sloth_cli.tenant)
            bot = await connected(tenant)
            chat = await chat_with(tenant, bot, "anna")
            names = ("contract.pdf", "bill\x1b[2J.pdf")
            files = [await sent_file(tenant, chat, b"%PDF-1.7", name=name) for name in names]
            return str(bot.id), str(chat.id), [str(file.id) for file in files]

    bot, chat, [contract, bill] = anyio.run(prepare)
    kept = sloth_cli("channels", "files-kept", bot, "on", "--json").json
    assert kept == {"id": bot, "files_kept": True}
    assert "files_kept: no" in sloth_cli("channels", "files-kept", bot, "off").stdout
    assert sloth_cli("channels", "files-kept", bot, "perhaps").rc == 2

    assert "contract.pdf" in sloth_cli("channels", "files", chat).stdout
    page = sloth_cli("channels", "files", "--limit", "1", "--json").json
    assert [item["id"] for item in page["items"]] == [page["next_cursor"]] == [contract]
    page = sloth_cli("channels", "files", chat, "--after", contract, "--json").json
    assert [(item["id"], item["name"]) for item in page["items"]] == [(bill, "bill [2J.pdf")]
    assert sloth_cli("channels", "files", bot).rc == 1

    target = sloth_cli.folder / "saved.pdf"
    saved = sloth_cli("channels", "file", contract, "--output", "saved.pdf", "--json").json
    assert (saved["path"], saved["name"]) == ("saved.pdf", "contract.pdf")
    assert (target.read_bytes(), target.stat().st_mode & 0o077) == (b"%PDF-1.7", 0)
    again = sloth_cli("channels", "file", contract, "--output", "saved.pdf")
    assert (again.rc, "already" in again.error) == (1, True)
    missing = sloth_cli("channels", "file", contract, "--output", "nowhere/saved.pdf")
    assert (missing.rc, "no folder" in missing.error) == (1, True)

    assert sloth_cli("channels", "delete-file", contract).stderr == f"Deleted {contract}.\n"
    gone = sloth_cli("channels", "file", contract, "--output", "other.pdf")
    assert (gone.rc, "no file" in gone.error) == (1, True)
    assert not (sloth_cli.folder / "other.pdf").exists()
    assert sloth_cli("channels", "delete-file", bill, "--json").json["deleted"]
