"""Users, invitations, new passwords and API keys over HTTP."""

import re
import socket
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import anyio
import httpx
import pytest

from fakes.api import PASSWORD, Api, Firm, api, serving
from fakes.smtp_server import SmtpServer
from sloth_agent import Settings
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import Actor, AuditEvent
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio

BY = Actor(name="test")
NEW_PASSWORD = "another four words in a row"


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Api]:
    async with api(settings) as served:
        yield served


@pytest.fixture
def without_mail(settings: Settings) -> Settings:
    return settings.model_copy(update={"email_host": None})


async def organization_of(served: Api, firm: Firm) -> TenantId:
    owner = await served.platform.services.accounts.show(firm.email)
    assert owner.organization is not None
    return owner.organization


async def on_plan(served: Api, plan: str) -> Firm:
    firm = await served.signed_up()
    id = await organization_of(served, firm)
    await served.platform.services.subscriptions.activate(id, plan, days=30, by=BY)
    return firm


async def joined(served: Api, firm: Firm, role: Role) -> Firm:
    """Somebody else of the firm, by an invitation."""
    email = f"{uuid4().hex}@example.com"
    invited = await firm.post("/api/users/invitations/", {"email": email, "role": role.value})
    assert invited.status_code == 201, invited.text
    answer = await accept(served, token_of(invited.json()["url"]))
    assert answer.status_code == 201, answer.text
    return Firm(served.client, email, answer.json())


def path_of(who: Firm) -> str:
    return f"/api/users/{who.registered['user']['id']}/"


async def accept(served: Api, token: str, **more: object) -> httpx.Response:
    body = {"token": token, "password": PASSWORD, **more}
    return await served.client.post("/api/auth/invitations/accept/", json=body)


def token_of(text: str) -> str:
    found = re.search(r"/(?:invitations|reset)/([\w-]+)", text)
    assert found is not None
    return found[1]


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def newest(served: Api, firm: Firm, action: str) -> AuditEvent:
    organization = await organization_of(served, firm)
    [event] = await served.platform.services.audit.list(
        organization=organization, action=action, limit=1
    )
    return event


async def test_from_an_invitation_to_a_member(served: Api) -> None:
    firm = await served.signed_up("Salon Anna")
    email = f"{uuid4().hex}@example.com"
    invited = await firm.post("/api/users/invitations/", {"email": email, "role": "admin"})
    body = invited.json()
    assert (invited.status_code, body["email"], body["role"]) == (201, email, "admin")
    assert body["sent"] is False
    event = await newest(served, firm, "user.invited")
    assert (event.by.name, event.by.address) == (firm.email, "127.0.0.1")
    assert event.by.request_id == invited.headers["x-request-id"]

    listed = (await firm.get("/api/users/invitations/")).json()
    shown = {name: body[name] for name in ("id", "email", "role", "expires_at")}
    assert listed == {"items": [shown], "next_cursor": None}

    answer = await accept(served, token_of(body["url"]), language="pl")
    assert answer.status_code == 201
    user = answer.json()["user"]
    assert (user["email"], user["role"], user["language"]) == (email, "admin", "pl")
    assert user["organization"]["name"] == "Salon Anna"
    assert (await served.me(answer.json()["access"])).json() == user
    assert told(await accept(served, token_of(body["url"]))) == (410, "token_invalid")
    assert (await firm.get("/api/users/invitations/")).json()["items"] == []
    members = (await firm.get("/api/users/")).json()["items"]
    assert [(each["email"], each["role"], each["is_active"]) for each in members] == [
        (firm.email, "owner", True),
        (email, "admin", True),
    ]
    joining = await newest(served, firm, "user.joined")
    assert (joining.by.name, joining.by.address) == ("invited", "127.0.0.1")
    assert joining.by.request_id == answer.headers["x-request-id"]


async def test_an_invitation_is_sent_and_not_shown(settings: Settings) -> None:
    with SmtpServer() as mail:
        async with api(with_mail(settings, mail)) as served:
            firm, email = await served.signed_up(), f"{uuid4().hex}@example.com"
            invited = await firm.post("/api/users/invitations/", {"email": email})
            assert (invited.json()["sent"], invited.json()["url"]) == (True, None)
            [message] = mail.messages
            assert message["To"] == email
            token = token_of(message.get_content())
            assert token not in invited.text
            assert (await accept(served, token)).status_code == 201


def with_mail(settings: Settings, mail: SmtpServer) -> Settings:
    return settings.model_copy(update={"email_host": "127.0.0.1", "email_port": mail.port})


async def test_an_invitation_is_withdrawn_and_holds_no_seat(served: Api) -> None:
    firm = await served.signed_up()  # on a plan for three
    made = [
        await firm.post("/api/users/invitations/", {"email": f"{uuid4().hex}@example.com"})
        for _ in range(3)
    ]
    assert [answer.status_code for answer in made] == [201, 201, 403]
    assert made[2].json()["code"] == "seat_limit_exceeded"
    page = (await firm.get("/api/users/invitations/", params={"limit": "1"})).json()
    rest = await firm.get("/api/users/invitations/", params={"cursor": page["next_cursor"]})
    assert [each["id"] for each in page["items"] + rest.json()["items"]] == [
        answer.json()["id"] for answer in made[:2]
    ]
    path = f"/api/users/invitations/{made[0].json()['id']}/"
    assert (await firm.delete(path)).status_code == 204
    assert told(await firm.delete(path)) == (404, "not_found")
    assert told(await accept(served, token_of(made[0].json()["url"]))) == (410, "token_invalid")
    again = await firm.post("/api/users/invitations/", {"email": f"{uuid4().hex}@example.com"})
    assert again.status_code == 201


async def test_who_may_change_whom(served: Api) -> None:
    owner = await on_plan(served, "professional")
    admin, member, second = [
        await joined(served, owner, role) for role in (Role.ADMIN, Role.MEMBER, Role.OWNER)
    ]
    refused = [
        await member.get("/api/users/"),
        await member.get("/api/users/invitations/"),
        await member.post("/api/users/invitations/", {"email": "a@example.com"}),
        await member.put(path_of(member), {"role": "admin"}),
        await member.put(path_of(admin), {"is_active": False}),
        await admin.put(path_of(owner), {"is_active": False}),
        await admin.put(path_of(second), {"role": "member"}),
        await admin.put(path_of(member), {"role": "owner"}),
        await admin.put(path_of(admin), {"role": "owner"}),
        await admin.post("/api/users/invitations/", {"email": "a@example.com", "role": "owner"}),
    ]
    assert {told(answer) for answer in refused} == {(403, "forbidden")}

    changed = await admin.put(path_of(member), {"role": "admin"})
    assert (changed.status_code, changed.json()["role"]) == (200, "admin")
    event = await newest(served, owner, "user.role_changed")
    assert event.by == Actor(
        name=admin.email, address="127.0.0.1", request_id=changed.headers["x-request-id"]
    )
    assert event.details == {"role": "admin", "previous": "member"}
    both = await owner.put(path_of(second), {"role": "member", "is_active": False})
    assert (both.json()["role"], both.json()["is_active"]) == ("member", False)
    assert told(await owner.put(path_of(owner), {"role": "member"})) == (409, "conflict")
    assert told(await owner.put(path_of(owner), {"is_active": False})) == (409, "conflict")
    for unknown in ({"role": "king"}, {"is_superuser": True}, {"organization_id": str(uuid4())}):
        assert told(await owner.put(path_of(admin), unknown)) == (422, "invalid_input")


async def test_what_changes_nothing_ends_no_session(served: Api) -> None:
    owner = await served.signed_up()
    member = await joined(served, owner, Role.MEMBER)
    for body in ({}, {"role": "member"}, {"role": "member", "is_active": True}):
        assert (await owner.put(path_of(member), body)).status_code == 200
    assert (await served.refresh(member.registered["refresh"])).status_code == 200


async def test_an_operator_is_touched_by_operators_alone(served: Api) -> None:
    owner = await served.signed_up()
    operator = await served.platform.services.accounts.create(
        f"{uuid4().hex}@example.com",
        organization=await organization_of(served, owner),
        role=Role.MEMBER,
        is_superuser=True,
        by=BY,
    )
    refused = await owner.put(f"/api/users/{operator.id}/", {"is_active": False})
    assert told(refused) == (403, "forbidden")


async def test_users_invitations_and_keys_of_others_are_not_there(served: Api) -> None:
    anna, ben = await on_plan(served, "professional"), await on_plan(served, "professional")
    invited = await anna.post("/api/users/invitations/", {"email": f"{uuid4().hex}@example.com"})
    key = await anna.post("/api/api-keys/", {"name": "Booking page"})
    theirs = {
        "users/{}/": anna.registered["user"]["id"],
        "users/invitations/{}/": invited.json()["id"],
        "api-keys/{}/": key.json()["id"],
    }
    for path, id in theirs.items():
        answers = []
        for asked in (id, str(uuid4())):
            address = "/api/" + path.format(asked)
            answer = await (
                ben.put(address, {"role": "member"}) if path == "users/{}/" else ben.delete(address)
            )
            answers.append({**answer.json(), "request_id": ""})
            answers[-1]["detail"] = answers[-1]["detail"].replace(asked, "")
            assert told(answer) == (404, "not_found")
        assert answers[0] == answers[1]
    for path in ("users/", "users/invitations/", "api-keys/"):
        listed = await ben.get(f"/api/{path}", params={"cursor": "0" * 32})
        assert not any(each["id"] in theirs.values() for each in listed.json()["items"])
    assert (await anna.get("/api/api-keys/")).json()["items"][0]["revoked_at"] is None


async def test_a_forgotten_password_is_set_anew(settings: Settings) -> None:
    with SmtpServer() as mail:
        async with api(with_mail(settings, mail)) as served:
            firm = await served.signed_up()
            asked = await reset(served, f" {firm.email.upper()}.")
            [message] = mail.messages
            token = token_of(message.get_content())
            assert (message["To"], token in asked.text) == (firm.email, False)
            weak = await confirm(served, token, "short")
            assert told(weak) == (422, "invalid_input")
            assert (await confirm(served, token, NEW_PASSWORD)).status_code == 204
            assert told(await confirm(served, token, PASSWORD)) == (410, "token_invalid")
            assert told(await served.login(firm.email)) == (401, "not_signed_in")
            assert told(await served.refresh(firm.registered["refresh"])) == (401, "token_invalid")
            await served.signed_in(firm.email, NEW_PASSWORD)
            for action in ("user.password_reset_requested", "user.password_reset"):
                event = await newest(served, firm, action)
                assert event.by.address == "127.0.0.1"
                assert event.by.request_id is not None


async def reset(served: Api, email: str) -> httpx.Response:
    return await served.client.post("/api/auth/password-reset/", json={"email": email})


async def confirm(served: Api, token: str, password: str) -> httpx.Response:
    body = {"token": token, "password": password}
    return await served.client.post("/api/auth/password-reset/confirm/", json=body)


@pytest.mark.parametrize("refuses", [False, True])
async def test_whoever_asks_for_a_new_password_hears_the_same(
    settings: Settings, *, refuses: bool
) -> None:
    with SmtpServer(refuses=refuses) as mail:
        async with api(with_mail(settings, mail)) as served:
            firm = await served.signed_up()
            for email in (firm.email, f"{uuid4().hex}@example.com"):
                answers = [await reset(served, email) for _ in range(6)]
                assert [answer.status_code for answer in answers] == [202] * 5 + [429]
                assert {answer.text for answer in answers[:5]} == {
                    '{"message":"If somebody has this address, a link is on its way to it."}'
                }
                assert int(answers[5].headers["Retry-After"]) > 3000
            assert (await reset(served, "no address")).status_code == 202
            assert len(mail.messages) == (0 if refuses else 5)


async def test_without_mail_nobody_is_shown_a_link_for_a_password(without_mail: Settings) -> None:
    async with api(without_mail) as served:
        firm = await served.signed_up()
        answers = [await reset(served, each) for each in (firm.email, "nobody@example.com")]
        assert {told(answer) for answer in answers} == {(409, "not_set_up")}
        assert answers[0].json()["detail"] == answers[1].json()["detail"]
        assert "/reset/" not in answers[0].text
        assert "sloth" not in answers[0].json().get("hint", "")


def test_the_answer_does_not_wait_for_the_mail(settings: Settings) -> None:
    """A mail server that takes its time tells nobody which addresses are known."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        variables = {
            "SLOTH_HOME": str(settings.home),
            "SLOTH_EMBEDDER": "none",
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(silent.getsockname()[1]),
        }
        with serving(variables) as address, httpx.Client(base_url=address) as client:
            body = {"password": PASSWORD, "organization": "Salon"}
            email = f"{uuid4().hex}@example.com"
            client.post("/api/auth/register/", json={"email": email, **body})
            started = time.monotonic()
            asked = client.post("/api/auth/password-reset/", json={"email": email})
            assert asked.status_code == 202
            assert time.monotonic() - started < 4
            silent.settimeout(10)
            waiting, _ = silent.accept()  # it is on its way, all the same
            waiting.close()


async def test_a_key_is_shown_once_and_opens_what_it_is_for(served: Api) -> None:
    firm = await on_plan(served, "professional")
    made = await firm.post("/api/api-keys/", {"name": "Page", "scopes": ["documents"]})
    assert made.status_code == 201
    text = made.json().pop("key")
    [listed] = (await firm.get("/api/api-keys/")).json()["items"]
    assert listed == {name: made.json()[name] for name in listed}
    assert set(made.json()) - set(listed) == {"key"}
    assert listed["created_by"] == firm.registered["user"]["id"]

    program = {"Authorization": f"Bearer {text}"}
    assert (await served.client.get("/api/documents/", headers=program)).status_code == 200
    refused = [
        await served.client.get("/api/subscriptions/usage/", headers=program),
        await served.client.get("/api/agent/prompt/", headers=program),
        await served.client.get("/api/auth/me/", headers=program),
        await served.client.get("/api/users/", headers=program),
        await served.client.get("/api/api-keys/", headers=program),
        await served.client.post("/api/api-keys/", json={"name": "b"}, headers=program),
    ]
    assert {told(answer) for answer in refused} == {(403, "forbidden")}

    path = f"/api/api-keys/{listed['id']}/"
    gone = await firm.delete(path)
    assert gone.status_code == 204
    status = 200
    with anyio.fail_after(5):
        while status == 200:
            await anyio.sleep(0.1)
            status = (await served.client.get("/api/documents/", headers=program)).status_code
    after = await served.client.get("/api/documents/", headers=program)
    assert told(after) == (401, "token_invalid")
    for action, answer in (("api_key.created", made), ("api_key.revoked", gone)):
        event = await newest(served, firm, action)
        assert (event.by.name, event.by.address) == (firm.email, "127.0.0.1")
        assert event.by.request_id == answer.headers["x-request-id"]
        assert event.subject == listed["id"]


async def test_a_plan_without_api_has_no_keys(served: Api) -> None:
    starter = await served.signed_up()
    refused = await starter.post("/api/api-keys/", {"name": "Page"})
    assert told(refused) == (403, "feature_not_in_plan")
    assert refused.json()["feature"] == "api"
    key, text = await served.platform.services.api_keys.create(
        await organization_of(served, starter), "of better days", by=BY
    )
    program = {"Authorization": f"Bearer {text}"}
    answer = await served.client.get("/api/documents/", headers=program)
    assert told(answer) == (403, "feature_not_in_plan")
    assert (await starter.delete(f"/api/api-keys/{key.id}/")).status_code == 204


async def test_members_make_no_keys(served: Api) -> None:
    firm = await on_plan(served, "professional")
    member = await joined(served, firm, Role.MEMBER)
    admin = await joined(served, firm, Role.ADMIN)
    assert told(await member.post("/api/api-keys/", {"name": "a"})) == (403, "forbidden")
    assert told(await member.get("/api/api-keys/")) == (403, "forbidden")
    assert (await admin.post("/api/api-keys/", {"name": "a"})).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a", "scopes": []},
        {"name": "a", "scopes": ["everything"]},
        {"name": "a", "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "a", "expires_at": "2090-01-01T00:00:00"},
        {"name": "a", "organization": "another"},
    ],
)
async def test_what_cannot_be_a_key_is_refused(served: Api, body: dict[str, Any]) -> None:
    firm = await on_plan(served, "professional")
    assert told(await firm.post("/api/api-keys/", body)) == (422, "invalid_input")


async def test_a_key_ends_at_its_time(served: Api) -> None:
    firm = await on_plan(served, "professional")
    end = datetime.now(UTC) + timedelta(seconds=1)
    made = await firm.post("/api/api-keys/", {"name": "a", "expires_at": end.isoformat()})
    await anyio.sleep(1.1)
    program = {"Authorization": f"Bearer {made.json()['key']}"}
    assert told(await served.client.get("/api/documents/", headers=program)) == (
        401,
        "token_invalid",
    )


async def test_moments_without_a_zone_are_refused(served: Api) -> None:
    operator = f"{uuid4().hex}@example.com"
    await served.platform.services.accounts.create(
        operator, is_superuser=True, password=PASSWORD, by=BY
    )
    tokens = await served.signed_in(operator)
    refused = await served.client.post(
        "/api/admin/codes/generate/",
        json={"plan": "starter", "days": 30, "expires_at": "2090-01-01T00:00:00"},
        headers={"Authorization": f"Bearer {tokens['access']}"},
    )
    assert told(refused) == (422, "invalid_input")
