"""Limits of a plan and activation codes under a crowd, over HTTP and several processes."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import anyio
import httpx
import pytest

from fakes.api import PASSWORD, Firm, api, serving, sign_up
from fakes.firms import QUESTION, alone, client_of, limited_firm, teach, usage
from fakes.openai_server import Fault, OpenAIServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.billing.models import BYTES_IN_MB
from sloth_agent.tenants.audit import Actor

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

Ask = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]


@asynccontextmanager
async def two_servers(
    settings: Settings, openai: OpenAIServer | None = None
) -> AsyncIterator[Sequence[httpx.AsyncClient]]:
    """Clients of two processes on one database."""
    variables = alone(settings)
    if openai is not None:
        variables |= {"SLOTH_CHAT": "openai", "OPENAI_BASE_URL": openai.url}
    with serving(variables) as one, serving(variables, "--no-jobs") as other:
        async with client_of(one) as first, client_of(other) as second:
            yield first, second


async def at_once(clients: Sequence[httpx.AsyncClient], times: int, ask: Ask) -> Counter[str]:
    """How often it ended how: the status of a success, or the code of an error."""
    ends: Counter[str] = Counter()

    async def one(number: int) -> None:
        answer = await ask(clients[number % len(clients)], number)
        ends[str(answer.status_code) if answer.is_success else answer.json()["code"]] += 1

    async with anyio.create_task_group() as group:
        for number in range(times):
            group.start_soon(one, number)
    return ends


@pytest.fixture
def crowd(pytestconfig: pytest.Config) -> int:
    """A thousand by `nox -s chaos`."""
    count: int = pytestconfig.getoption("--crowd")
    return count


async def test_a_crowd_that_chats_against_a_hundred(
    settings: Settings, openai_server: OpenAIServer, crowd: int
) -> None:
    openai_server.always = Fault(delay_seconds=0.5)  # so that all are under way together
    async with two_servers(settings, openai_server) as clients:
        firm = await limited_firm(clients[0], settings, max_messages_per_month=100)
        await teach(firm)

        async def chat(client: httpx.AsyncClient, _: int) -> httpx.Response:
            return await client.post("/api/agent/chat/", json=QUESTION, headers=firm.headers)

        ends = await at_once(clients, crowd, chat)
        assert ends == {"200": 100, "message_limit_exceeded": crowd - 100}
        messages = (await usage(firm))["messages"]
        assert (messages["used"], messages["reserved"]) == (100, 0)
        assert len(openai_server.asked("/chat/completions")) == 100


async def test_what_the_model_did_not_answer_is_not_counted(
    settings: Settings, openai_server: OpenAIServer
) -> None:
    """Whoever asks in vain may ask again; what is used is what was answered."""
    changes = {
        "chat": "openai",
        "openai_base_url": openai_server.url,
        "requests_per_minute": 10**6,
    }
    settings = settings.model_copy(update=changes)
    async with api(settings) as served:
        firm = await limited_firm(served.client, settings, max_messages_per_month=10)
        await teach(firm)
        openai_server.always = Fault(status=500)

        async def chat(_: httpx.AsyncClient, __: int) -> httpx.Response:
            return await firm.post("/api/agent/chat/", QUESTION)

        ends = await at_once([served.client], 30, chat)
        assert set(ends) <= {"model_unavailable", "message_limit_exceeded"}
        assert ends["model_unavailable"] >= 10
        messages = (await usage(firm))["messages"]
        assert (messages["used"], messages["reserved"]) == (0, 0)
    openai_server.always = Fault()
    async with api(settings) as served:
        firm = Firm(served.client, firm.email, firm.registered)
        assert await at_once([served.client], 30, chat) == {
            "200": 10,
            "message_limit_exceeded": 20,
        }
        messages = (await usage(firm))["messages"]
        assert (messages["used"], messages["reserved"]) == (10, 0)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"max_storage_mb": 10}, "storage_limit_exceeded"),
        ({"max_documents": 10}, "document_limit_exceeded"),
    ],
)
async def test_fifty_uploads_against_ten(
    settings: Settings, limits: dict[str, int], code: str
) -> None:
    async with two_servers(settings) as clients:
        firm = await limited_firm(clients[0], settings, **limits)

        async def upload(client: httpx.AsyncClient, number: int) -> httpx.Response:
            content = f"{number}\n".encode().ljust(BYTES_IN_MB, b"x")
            return await client.post(
                "/api/documents/upload/",
                headers=firm.headers,
                files={"file": (f"{number}.txt", content)},
            )

        assert await at_once(clients, 50, upload) == {"202": 10, code: 40}
        counted = await usage(firm)
        assert counted["documents"]["used"] == 10
        assert counted["storage_bytes"]["used"] == 10 * BYTES_IN_MB
        listed = await firm.get("/api/documents/", params={"limit": 100})
        assert len(listed.json()["items"]) == 10


async def test_fifty_invitations_into_five_seats(settings: Settings) -> None:
    """Without the lock on the organization up to ten get in beside the owner."""
    async with two_servers(settings) as clients:
        firm = await limited_firm(clients[0], settings, max_users=5)  # the owner has one
        links: list[str] = []

        async def look(client: httpx.AsyncClient, _: int) -> httpx.Response:
            return await client.get("/api/subscriptions/usage/", headers=firm.headers)

        await at_once(clients, 50, look)  # connections are there: nobody has to wait for one

        async def invite(client: httpx.AsyncClient, _: int) -> httpx.Response:
            body = {"email": f"{uuid4().hex}@example.com"}
            answer = await client.post("/api/users/invitations/", json=body, headers=firm.headers)
            if answer.is_success:
                links.append(answer.json()["url"])
            return answer

        assert await at_once(clients, 50, invite) == {"201": 4, "seat_limit_exceeded": 46}
        assert (await usage(firm))["users"]["used"] == 5

        async def accept(client: httpx.AsyncClient, number: int) -> httpx.Response:
            body = {"token": links[number % len(links)], "password": PASSWORD}
            return await client.post("/api/auth/invitations/accept/", json=body)

        assert await at_once(clients, 20, accept) == {"201": 4, "token_invalid": 16}
        assert (await usage(firm))["users"]["used"] == 5
        assert len((await firm.get("/api/users/")).json()["items"]) == 5
        assert await at_once(clients, 10, invite) == {"seat_limit_exceeded": 10}


async def test_many_firms_redeem_one_code(settings: Settings, crowd: int) -> None:
    async with AsyncSloth(settings) as sloth:
        [code] = await sloth.codes.generate("professional", days=30, by=Actor(name="test"))
    async with two_servers(settings) as clients:
        firms: list[Firm] = []

        async def sign_some_up(client: httpx.AsyncClient, count: int) -> None:
            firms.extend([await sign_up(client) for _ in range(count)])

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(sign_some_up, clients[number % 2], crowd // 40)

        async def redeem(client: httpx.AsyncClient, number: int) -> httpx.Response:
            return await client.post(
                "/api/subscriptions/activate-code/",
                headers=firms[number].headers,
                json={"code": code},
            )

        ends = await at_once(clients, len(firms), redeem)
        assert ends == {"200": 1, "code_used": len(firms) - 1}


async def test_the_eleventh_wrong_code_has_to_wait(settings: Settings) -> None:
    """At both servers together, also for the right one."""
    async with AsyncSloth(settings) as sloth:
        codes = await sloth.codes.generate("professional", days=30, count=11, by=Actor(name="test"))
        for used in codes[:10]:
            await sloth.codes.revoke(used, by=Actor(name="test"))
    async with two_servers(settings) as clients:
        firm = await sign_up(clients[0])
        answers = [
            await clients[number % 2].post(
                "/api/subscriptions/activate-code/", headers=firm.headers, json={"code": code}
            )
            for number, code in enumerate(codes)
        ]
    assert [answer.json()["code"] for answer in answers[:10]] == ["code_expired"] * 10
    last = answers[10]
    assert (last.status_code, last.json()["code"]) == (429, "rate_limited")
    assert 3_000 < int(last.headers["Retry-After"]) <= 3_600
