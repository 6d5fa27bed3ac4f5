"""A firm on WhatsApp: over HTTP and through the command, against a simulated Twilio."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import anyio
import httpx
import pytest

from fakes.api import Api, Firm, api, serving
from fakes.command import Sloth as SlothCommand
from fakes.twilio_server.account import ANNA, NUMBER
from fakes.twilio_server.faults import Fault
from fakes.twilio_server.posts import Post
from fakes.twilio_server.samples import DOCUMENT
from fakes.twilio_server.server import TwilioServer
from sloth_agent import Settings
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.models import Integration

pytestmark = pytest.mark.anyio

PUBLIC = "https://sloth.test"
PRICES = "# Prices\n\nA haircut costs 45 euros.\n\nA beard trim costs 20 euros.\n"


@pytest.fixture
async def served(settings: Settings, twilio_server: TwilioServer) -> AsyncIterator[Api]:
    twilio_server.advance(datetime.now(UTC))
    changed = {
        "twilio_api_base": twilio_server.url,
        "trusted_file_hosts": (twilio_server.store.url,),
        "public_url": PUBLIC,
        "signup_plan": "professional",
    }
    async with api(settings.model_copy(update=changed)) as served:
        yield served


@pytest.fixture
async def owner(served: Api) -> Firm:
    """Of a firm that knows its prices."""
    owner = await served.signed_up()
    await (await tenant_of(served, owner)).ingest_content("prices.md", PRICES.encode())
    return owner


@pytest.fixture
async def webhook(owner: Firm, twilio_server: TwilioServer) -> AsyncIterator[str]:
    """The path where Twilio posts; a number is connected once in an install."""
    given = {
        "account_sid": twilio_server.sid,
        "auth_token": twilio_server.auth_token,
        "number": NUMBER,
    }
    made = await owner.post("/api/integrations/whatsapp/connect/", given)
    assert made.status_code == 201, made.text
    assert made.json()["status"] == "active"
    yield f"/api/integrations/webhooks/whatsapp/{made.json()['id']}/"
    await owner.delete(f"/api/integrations/{made.json()['id']}/")


async def tenant_of(served: Api, firm: Firm) -> AsyncTenant:
    slug: str = firm.registered["user"]["organization"]["slug"]
    return await served.platform.sloth.tenant(slug)


async def delivered(served: Api, post: Post) -> int:
    path = post.url.removeprefix(PUBLIC)
    answer = await served.client.post(path, content=post.body, headers=post.headers)
    return answer.status_code


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - the other side is a thread
            await anyio.sleep(0.02)


async def test_a_customer_asks_and_is_answered_once(
    served: Api, owner: Firm, webhook: str, twilio_server: TwilioServer
) -> None:
    phones = [f"+3805011122{number:02}" for number in range(6)]
    for phone in phones:
        twilio_server.write(phone, "How much is a haircut?")
    posts = twilio_server.deliveries("message", url=PUBLIC + webhook) * 5
    Random(7).shuffle(posts)
    # One answer is lost on its way, though WhatsApp had it.
    twilio_server.faults.append(Fault(commit_then_drop=True, method="POST"))
    statuses: list[int] = []

    async def deliver(post: Post) -> None:
        statuses.append(await delivered(served, post))

    async with anyio.create_task_group() as group:
        for post in posts:
            group.start_soon(deliver, post)
    assert statuses == [204] * len(posts)
    await until(lambda: all(twilio_server.texts_to(phone) for phone in phones))
    await anyio.sleep(1)
    for phone in phones:
        [answer] = twilio_server.texts_to(phone)
        assert "45 euros" in answer
        assert "prices.md" in answer
    for post in twilio_server.deliveries("status", url=PUBLIC + webhook)[:5]:
        assert await delivered(served, post) == 204
    [shown] = (await owner.get("/api/integrations/")).json()["items"]
    assert shown["settings"]["number"] == NUMBER
    assert (shown["messages_in"], shown["messages_out"]) == (6, 6)
    assert twilio_server.auth_token not in str(shown)


async def test_a_photo_is_kept(
    served: Api, owner: Firm, webhook: str, twilio_server: TwilioServer
) -> None:
    twilio_server.send_photo(ANNA)
    [post] = twilio_server.deliveries("message", url=PUBLIC + webhook)
    assert await delivered(served, post) == 204
    await until(lambda: bool(twilio_server.texts_to(ANNA)))
    assert len(await (await tenant_of(served, owner)).photos()) == 1
    assert twilio_server.store.leaks == []


async def test_a_document_is_kept_where_the_firm_wants_it(
    served: Api, owner: Firm, webhook: str, twilio_server: TwilioServer
) -> None:
    id = webhook.split("/")[-2]
    told = await owner.put(f"/api/integrations/{id}/files-kept/", {"files_kept": True})
    assert (told.status_code, told.json()) == (200, {"files_kept": True})
    twilio_server.send_document(ANNA, file_name="договір.pdf")
    [post] = twilio_server.deliveries("message", url=PUBLIC + webhook)
    assert await delivered(served, post) == 204
    await until(lambda: bool(twilio_server.texts_to(ANNA)))
    assert "I have kept the file" in twilio_server.texts_to(ANNA)[0]
    [chat] = (await owner.get("/api/inbox/chats/")).json()["items"]
    files = f"/api/inbox/chats/{chat['id']}/files/"
    [file] = (await owner.get(files)).json()["items"]
    assert (file["name"], file["customer"]) == ("договір.pdf", f"whatsapp:whatsapp:{ANNA}")
    assert (await owner.get(f"{files}{file['id']}/")).content == DOCUMENT
    assert twilio_server.store.leaks == []
    assert len(await (await tenant_of(served, owner)).documents()) == 1, "it teaches nothing"


async def test_what_is_forged_or_malformed_is_refused(
    served: Api, webhook: str, twilio_server: TwilioServer
) -> None:
    twilio_server.write(ANNA, "Hello")
    [forged] = twilio_server.deliveries("message", url=PUBLIC + webhook, auth_token="other")
    assert await delivered(served, forged) == 403
    statuses = [
        await delivered(served, post)
        for post in twilio_server.malformed_posts(100, seed=3, url=PUBLIC + webhook)
    ]
    assert set(statuses) <= {204, 403, 413, 422, 429}


async def test_wrong_credentials_are_told(owner: Firm, twilio_server: TwilioServer) -> None:
    given = {"account_sid": twilio_server.sid, "auth_token": "f" * 32, "number": NUMBER}
    refused = await owner.post("/api/integrations/whatsapp/connect/", given)
    assert (refused.status_code, refused.json()["code"]) == (422, "channel_refused")
    wrong = await owner.post("/api/integrations/whatsapp/connect/", {**given, "number": "12"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "channel_refused")
    assert (await owner.get("/api/integrations/")).json()["items"] == []


async def test_one_command_connects_a_number(
    sloth_cli: SlothCommand, twilio_server: TwilioServer, tmp_path: Path
) -> None:
    (tmp_path / "prices.md").write_text(PRICES)
    twilio_server.advance(datetime.now(UTC))
    sloth = sloth_cli.using(TWILIO_API_BASE=twilio_server.url, PUBLIC_URL=PUBLIC)
    assert sloth("ingest", str(tmp_path / "prices.md")).rc == 0
    with serving(sloth.environment) as address:
        account = ("--account-sid", twilio_server.sid, "--number", NUMBER)
        made = sloth(
            "channels", "connect", "whatsapp", *account, "--auth-token", "-",
            stdin=twilio_server.auth_token.encode(),
        )  # fmt: skip
        assert made.rc == 0, made.stderr
        hook = made.stderr.split()[-1]
        assert hook.startswith(f"{PUBLIC}/api/integrations/webhooks/whatsapp/")
        twilio_server.write(ANNA, "How much is a beard trim?")
        [post] = twilio_server.deliveries("message", url=hook)
        async with httpx.AsyncClient(base_url=address) as client:
            path = post.url.removeprefix(PUBLIC)
            answer = await client.post(path, content=post.body, headers=post.headers)
        assert answer.status_code == 204
        await until(lambda: bool(twilio_server.texts_to(ANNA)))
    [answered] = twilio_server.texts_to(ANNA)
    assert "20 euros" in answered
    checked = sloth("channels", "check", "whatsapp")
    assert checked.rc == 0, checked.stderr
    assert hook in checked.stdout + checked.stderr
    assert sloth("channels", "disconnect", hook.split("/")[-2], "--yes").rc == 0


def test_a_command_says_what_is_wrong(sloth_cli: SlothCommand, twilio_server: TwilioServer) -> None:
    sloth = sloth_cli.using(
        TWILIO_API_BASE=twilio_server.url,
        TWILIO_ACCOUNT_SID=twilio_server.sid,
        TWILIO_AUTH_TOKEN="f" * 32,
        TWILIO_WHATSAPP_NUMBER=NUMBER,
    )
    refused = sloth("channels", "connect", "whatsapp")
    assert refused.rc == 1
    assert "20003" in refused.error
    assert sloth("channels", "run", "whatsapp").rc == 2
    unknown = sloth("channels", "connect", "whatsapp", "--template", "welcome")
    assert "HX" in unknown.error


async def test_what_did_not_arrive_is_told_later(
    served: Api, owner: Firm, webhook: str, twilio_server: TwilioServer
) -> None:
    twilio_server.write(ANNA, "How much is a haircut?")
    [post] = twilio_server.deliveries("message", url=PUBLIC + webhook)
    assert await delivered(served, post) == 204
    await until(lambda: bool(twilio_server.texts_to(ANNA)))
    [sent] = twilio_server.sent_to(ANNA)
    assert sent.status_callback == PUBLIC + webhook
    tenant = await tenant_of(served, owner)
    integration = await until_counted(tenant)
    told = {"MessageSid": sent.sid, "MessageStatus": "undelivered", "ErrorCode": "63024"}
    for _ in range(2):
        await tenant.services.inbox.take(integration, {**told, "AccountSid": twilio_server.sid})
    assert await problems(tenant) == ["recipient_gone"]


async def test_what_is_refused_later_as_late_is_sent_as_a_template(
    served: Api, owner: Firm, webhook: str, twilio_server: TwilioServer
) -> None:
    template = twilio_server.add_template("Salon: {{1}} Write to us here.")
    twilio_server.write(ANNA, "How much is a haircut?")
    [post] = twilio_server.deliveries("message", url=PUBLIC + webhook)
    assert await delivered(served, post) == 204
    await until(lambda: bool(twilio_server.texts_to(ANNA)))
    tenant = await tenant_of(served, owner)
    id = (await until_counted(tenant)).id
    await tenant.services.integrations.change_settings(id, {"template": template})
    integration = await tenant.services.integrations.show(id)
    told = {"MessageStatus": "undelivered", "ErrorCode": "63016", "AccountSid": twilio_server.sid}
    for number in (1, 2):
        last = twilio_server.sent_to(ANNA)[-1].sid
        await tenant.services.inbox.take(integration, {**told, "MessageSid": last})
        await until_counted(tenant, 2)
        assert await problems(tenant) == ["window_closed"] * (number - 1), "it is sent again once"
    answer, again = twilio_server.texts_to(ANNA)
    assert again.startswith("Salon: A haircut costs 45 euros.")
    assert "45 euros" in answer


async def until_counted(tenant: AsyncTenant, sent: int = 1) -> Integration:
    """Until what was sent is known by Twilio's name for it."""
    with anyio.fail_after(20):
        while True:
            [integration] = await tenant.integrations()
            if integration.messages_out >= sent:
                return integration
            await anyio.sleep(0.05)


async def problems(tenant: AsyncTenant) -> list[str]:
    """Of what was sent and did not arrive."""
    [rows] = await tenant.services.home.at_once(
        tenant.services.schema,
        "select problem ->> 'code' from channel_outbox where reference is not null"
        " and problem is not null",
    )
    return [code for (code,) in rows]
