"""Channels over HTTP and through the installed command: listed, disconnected, walled off."""

from collections.abc import AsyncIterator
from uuid import uuid4

import anyio
import pytest

from fakes.api import PASSWORD, Api, Firm, api
from fakes.channels import BY, CANARY, connected
from fakes.command import Sloth as SlothCommand
from sloth_agent import AsyncSloth, Settings
from sloth_agent.access.models import Scope
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.models import IntegrationType
from sloth_agent.ids import new_id
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Api]:
    async with api(settings) as served:
        yield served


async def tenant_of(served: Api, firm: Firm) -> AsyncTenant:
    slug: str = firm.registered["user"]["organization"]["slug"]
    return await served.platform.sloth.tenant(slug)


async def joined(served: Api, tenant: AsyncTenant, role: Role) -> Firm:
    """A colleague who has signed in."""
    email = f"{uuid4().hex}@example.com"
    await served.platform.services.accounts.create(
        email, organization=tenant.organization.id, role=role, password=PASSWORD, by=BY
    )
    return Firm(served.client, email, await served.signed_in(email))


async def test_a_firm_sees_what_is_connected_and_disconnects_it(served: Api) -> None:
    owner = await served.signed_up()
    tenant = await tenant_of(served, owner)
    bots = [await connected(tenant, settings={"username": f"bot_{n}"}) for n in range(3)]
    first = (await owner.get("/api/integrations/", params={"limit": 2})).json()
    rest = (await owner.get("/api/integrations/", params={"cursor": first["next_cursor"]})).json()
    assert first["items"][0] == {
        "id": str(bots[0].id), "type": "telegram", "status": "active",
        "settings": {"username": "bot_0"}, "messages_in": 0, "messages_out": 0,
        "last_activity_at": None, "error": None, "created_at": bots[0].created_at.isoformat(),
    }  # fmt: skip
    items = first["items"] + rest["items"]
    assert [item["id"] for item in items] == [str(bot.id) for bot in bots]
    assert CANARY not in f"{first} {rest}"
    assert rest["next_cursor"] is None

    gone = await owner.delete(f"/api/integrations/{bots[0].id}/")
    assert (gone.status_code, gone.content) == (204, b"")
    again = await owner.delete(f"/api/integrations/{bots[0].id}/")
    assert (again.status_code, again.json()["code"]) == (404, "not_found")
    assert list(await tenant.integrations()) == bots[1:]
    [event, *_] = await served.platform.services.audit.list(organization=tenant.organization.id)
    assert (event.action, event.by.name, event.subject, event.by.request_id) == (
        "integration.disconnected",
        owner.email,
        str(bots[0].id),
        gone.headers["x-request-id"],
    )


async def test_members_see_and_admins_disconnect(served: Api) -> None:
    """Fails where the route asks for no role."""
    owner = await served.signed_up()
    tenant = await tenant_of(served, owner)
    bot = await connected(tenant)
    path = f"/api/integrations/{bot.id}/"
    member, admin = [await joined(served, tenant, role) for role in (Role.MEMBER, Role.ADMIN)]
    assert len((await member.get("/api/integrations/")).json()["items"]) == 1
    refused = await member.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert list(await tenant.integrations()) == [bot]
    assert (await admin.delete(path)).status_code == 204
    assert (await served.client.get("/api/integrations/")).status_code == 401
    assert (await served.client.delete(path)).status_code == 401


async def test_another_firms_are_as_good_as_none(served: Api) -> None:
    owner, neighbour = await served.signed_up(), await served.signed_up()
    tenant = await tenant_of(served, owner)
    bot = await connected(tenant)
    answers = [await neighbour.delete(f"/api/integrations/{id}/") for id in (bot.id, new_id())]
    assert [answer.status_code for answer in answers] == [404, 404]
    listed = [
        (await neighbour.get("/api/integrations/", params=params)).json()
        for params in ({}, {"cursor": str(bot.id)})
    ]
    assert listed == [{"items": [], "next_cursor": None}] * 2
    assert list(await tenant.integrations()) == [bot]


async def test_a_key_needs_the_scope(served: Api) -> None:
    owner = await served.signed_up()
    tenant = await tenant_of(served, owner)
    services, id = served.platform.services, tenant.organization.id
    await services.subscriptions.activate(id, "professional", days=30, cycle=None, by=BY)
    bot = await connected(tenant, IntegrationType.WHATSAPP)
    statuses = []
    for scope in (Scope.CHAT, Scope.INTEGRATIONS):
        _, key = await services.api_keys.create(id, "test", scopes=[scope], by=BY)
        headers = {"Authorization": f"Bearer {key}"}
        for method, path in (("GET", ""), ("DELETE", f"{bot.id}/")):
            answer = await served.client.request(
                method, f"/api/integrations/{path}", headers=headers
            )
            statuses.append(answer.status_code)
    assert statuses == [403, 403, 200, 204]


def test_the_command(sloth_cli: SlothCommand, settings: Settings) -> None:
    async def connect() -> list[str]:
        async with AsyncSloth(settings) as sloth:
            tenant = await sloth.tenant(sloth_cli.tenant)
            return [str((await connected(tenant)).id) for _ in range(2)]

    one, other = anyio.run(connect)
    listed = sloth_cli("channels", "list", "--json")
    assert [item["id"] for item in listed.json["items"]] == [one, other]
    table = sloth_cli("channels", "list")
    assert one in table.stdout
    assert CANARY not in listed.stdout + listed.stderr + table.stdout + table.stderr

    unasked = sloth_cli("channels", "disconnect", one)
    assert (unasked.rc, "--yes" in unasked.error) == (2, True)
    gone = sloth_cli("channels", "disconnect", one, "--yes", "--json")
    assert gone.json == {"id": one, "disconnected": True}
    again = sloth_cli("channels", "disconnect", one, "--yes")
    assert (again.rc, "no integration" in again.error, again.stdout) == (1, True, "")
    assert sloth_cli("channels", "disconnect", other, "--yes").stderr == f"Disconnected {other}.\n"
    assert sloth_cli("channels", "list", "--json").json == {"items": [], "next_cursor": None}
