"""What comes again under its `Idempotency-Key` is done once, whatever happens meanwhile."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from operator import add
from uuid import uuid4

import anyio
import httpx
import pytest

from fakes.api import PASSWORD, Api, Firm, api, server_process, sign_up
from fakes.firms import PRICES, QUESTION, alone, asked, client_of, teach, usage
from fakes.openai_server import Fault, OpenAIServer
from sloth_agent import Settings
from sloth_agent.access.models import Repeatable, Reply
from sloth_agent.access.replies import Held

pytestmark = pytest.mark.anyio

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
async def served(settings: Settings, openai_server: OpenAIServer) -> AsyncIterator[Api]:
    changes = {"chat": "openai", "openai_base_url": openai_server.url}
    async with api(settings.model_copy(update=changes)) as served:
        yield served


@pytest.fixture
async def firm(served: Api) -> Firm:
    firm = await served.signed_up()
    await teach(firm)
    return firm


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


async def together(send: Callable[[], Awaitable[httpx.Response]], times: int = 50) -> bytes:
    """What all of them were answered who were not asked to wait; who asks again is, too."""
    answers: list[httpx.Response] = []

    async def one() -> None:
        answers.append(await send())

    async with anyio.create_task_group() as group:
        for _ in range(times):
            group.start_soon(one)
    waiting = [answer for answer in answers if answer.status_code == 409]
    assert {answer.json()["code"] for answer in waiting} <= {"in_progress"}
    assert all(answer.headers["Retry-After"] == "1" for answer in waiting)
    done = [answer for answer in answers if answer.status_code != 409]
    done.append(await send())
    assert len({(answer.status_code, answer.content) for answer in done}) == 1
    assert done[-1].is_success, done[-1].text
    return done[-1].content


@pytest.mark.parametrize("accepted", [{}, STREAM])
async def test_fifty_chats_are_one(
    firm: Firm, openai_server: OpenAIServer, accepted: dict[str, str]
) -> None:
    openai_server.always = Fault(delay_seconds=0.2)
    headers = {**new_key(), **accepted}
    said = await together(lambda: firm.post("/api/agent/chat/", QUESTION, headers=headers))
    assert b"40 euro" in said
    assert len(openai_server.asked("/chat/completions")) == 1
    assert (await usage(firm))["messages"]["used"] == 1
    assert len((await firm.get("/api/agent/history/")).json()["items"]) == 1


async def test_fifty_uploads_are_one(firm: Firm) -> None:
    """Each form has a boundary of its own."""
    headers = {**firm.headers, **new_key()}

    async def upload() -> httpx.Response:
        files = {"file": ("more.csv", PRICES + b"Beard,20 euro\n")}
        return await firm.client.post("/api/documents/upload/", headers=headers, files=files)

    await together(upload)
    assert (await usage(firm))["documents"]["used"] == 2


async def test_fifty_sign_ups_are_one(served: Api) -> None:
    email, headers = f"{uuid4().hex}@example.com", new_key()
    body = {"email": email, "password": PASSWORD, "organization": "Salon"}
    await together(lambda: served.client.post("/api/auth/register/", json=body, headers=headers))
    signed_in = await served.client.post(
        "/api/auth/login/", json={"email": email, "password": PASSWORD}
    )
    assert signed_in.status_code == 200
    again = await served.client.post("/api/auth/register/", json=body, headers=new_key())
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


async def test_a_key_is_its_users_and_its_endpoints(served: Api, firm: Firm) -> None:
    other = await served.signed_up()
    key = new_key()
    first = await firm.post("/api/agent/chat/", QUESTION, headers=key)
    theirs = await other.post("/api/agent/chat/", {"message": "Hello?"}, headers=key)
    tried = await firm.post("/api/agent/test/", {"message": "Hello?"}, headers=key)
    assert [first.status_code, theirs.status_code, tried.status_code] == [200, 200, 200]
    assert "Idempotency-Replayed" not in {*theirs.headers, *tried.headers}
    changed = await firm.post("/api/agent/chat/", {"message": "And a manicure?"}, headers=key)
    assert (changed.status_code, changed.json()["code"]) == (422, "idempotency_mismatch")


async def test_a_reply_is_kept_for_a_day(served: Api) -> None:
    replies = served.platform.services.replies
    request = Repeatable(
        caller=f"user:{uuid4()}", endpoint="POST /", key="a key", fingerprint=b"a request"
    )
    held = await replies.begin(request)
    assert isinstance(held, Held)
    reply = Reply(status=200, media_type="application/json", body=b"{}")
    await held.keep(reply)
    for hours, kept in ((23.9, True), (24.1, False)):
        clock = partial(add, replies.clock(), timedelta(hours=hours))
        found = await replace(replies, clock=clock).begin(request)
        assert (found == reply) is kept


async def test_what_failed_may_be_tried_again(firm: Firm, openai_server: OpenAIServer) -> None:
    openai_server.faults.extend([Fault(status=400)])
    key = new_key()
    failed = await firm.post("/api/agent/chat/", QUESTION, headers=key)
    assert (failed.status_code, failed.json()["code"]) == (503, "model_unavailable")
    assert (await firm.post("/api/agent/chat/", QUESTION, headers=key)).status_code == 200
    assert (await usage(firm))["messages"]["used"] == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("accepted", [{}, STREAM])
async def test_a_server_that_is_killed_over_it(
    settings: Settings, openai_server: OpenAIServer, accepted: dict[str, str]
) -> None:
    """Another one answers in less than half a minute; until then it asks to wait."""
    variables = alone(settings) | {"SLOTH_CHAT": "openai", "OPENAI_BASE_URL": openai_server.url}
    headers = {**new_key(), **accepted}
    openai_server.faults.append(Fault(delay_seconds=60))
    with server_process(variables) as doomed, server_process(variables, "--no-jobs") as other:
        async with client_of(doomed.address) as client, client_of(other.address) as later:
            firm = await sign_up(client)
            await teach(firm)
            async with anyio.create_task_group() as group:
                group.start_soon(kill_when_asked, openai_server, doomed.process.pid)
                with pytest.raises(httpx.TransportError):
                    await firm.post("/api/agent/chat/", QUESTION, headers=headers)
            firm = replace(firm, client=later)
            first = await firm.post("/api/agent/chat/", QUESTION, headers=headers)
            assert (first.status_code, first.json()["code"]) == (409, "in_progress")
            with anyio.fail_after(25):
                while True:
                    again = await firm.post("/api/agent/chat/", QUESTION, headers=headers)
                    if again.status_code == 200:
                        break
                    await anyio.sleep(0.5)
            assert b"40 euro" in again.content
            assert (await usage(firm))["messages"]["used"] == 1


async def kill_when_asked(openai: OpenAIServer, process: int) -> None:
    await asked(openai)
    os.kill(process, signal.SIGKILL)
