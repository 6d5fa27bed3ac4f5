"""Staff at the desk: over HTTP, by the library over HTTP, and through the installed command."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import anyio
import pytest

from fakes.api import PASSWORD, Api, Firm, api
from fakes.channels import BY, chat_with, connected
from fakes.command import Sloth as SlothCommand
from fakes.remote import over_http
from sloth_agent import AsyncSloth, Settings
from sloth_agent.access.models import Scope
from sloth_agent.agent.models import Speaker
from sloth_agent.app.sloth import AsyncTenant
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
