"""What Prometheus reads."""

import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import anyio
import httpx
import pytest
from pydantic import SecretStr

from fakes.api import Api, api
from fakes.command import Sloth
from fakes.openai_server import OpenAIServer
from fakes.server import Server, serving, until
from sloth_agent import Settings
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.jobs.models import JobKind, NewJob
from sloth_agent.knowledge.models import DocumentStatus

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def numbers(text: str) -> Numbers:
    """Each number by its name and its labels."""
    found = re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", text, re.MULTILINE)
    return {
        (name, frozenset(re.findall(r'(\w+)="(.*?)"', labels))): float(value)
        for name, labels, value in found
    }


def number(text: str, name: str, **labels: str) -> float:
    """The sum of all numbers of the name that have these labels."""
    wanted = labels.items()
    return sum(
        value for (known, has), value in numbers(text).items() if known == name and wanted <= has
    )


async def read(served: Api) -> str:
    answer = await served.client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.fixture
async def served(settings: Settings, openai_server: OpenAIServer) -> AsyncIterator[Api]:
    """With a model that costs something; nobody does the jobs."""
    changed = {
        "chat": "openai",
        "chat_model": "gpt-5-mini",
        "openai_api_key": SecretStr("sk-test"),
        "openai_base_url": openai_server.url,
        "serve_jobs": False,
        "address_requests_per_minute": 6,
    }
    async with api(settings.model_copy(update=changed)) as served:
        yield served


@pytest.mark.anyio
async def test_what_is_counted(served: Api) -> None:
    firm = await served.signed_up("Salon c4n4ry")
    upload = {"file": ("c4n4ry-prices.csv", b"service,price\nHaircut,40 euro\n")}
    kept = await firm.client.post("/api/documents/upload/", headers=firm.headers, files=upload)
    tenant = await served.platform.sloth.tenant(_slug(firm.registered))
    before = number(await read(served), "sloth_jobs_waiting", queue="documents")
    assert before >= 1

    async with served.platform.sloth.worker() as worker, anyio.create_task_group() as group:
        group.start_soon(worker.work)
        await _reached(lambda: _is_read(tenant))
        worker.stop()
    assert kept.status_code == 202
    for question in ("How much is a haircut?", "Zzyzx?"):
        asked = await firm.post("/api/agent/chat/", {"message": f"{question} c4n4ry"})
        assert asked.status_code == 200, asked.text
    for password, status in (("wrong", 401), ("correct horse battery", 200)):
        tried = {"email": firm.email, "password": password}
        assert (await firm.client.post("/api/auth/login/", json=tried)).status_code == status
    await firm.client.request("C4N4RY", "/api/auth/me/")
    while (await firm.client.get("/api/auth/me/")).status_code != 429:
        pass

    text = await read(served)
    chats = {"method": "POST", "route": "/api/agent/chat/", "status": "200"}
    assert number(text, "sloth_http_requests_total", **chats) == 2
    assert number(text, "sloth_http_request_seconds_count", route="/api/agent/chat/") == 2
    assert number(text, "sloth_http_requests_total", method="other") == 1
    assert number(text, "sloth_answers_total", result="grounded") == 1
    assert number(text, "sloth_answers_total", result="refused") == 1
    assert number(text, "sloth_retrieval_seconds_count") == 2
    assert number(text, "sloth_jobs_total", kind="ingest", ending="completed") >= 1
    model = {"kind": "chat", "model": "openai/gpt-5-mini"}
    assert number(text, "sloth_model_tokens_total", direction="input", **model) > 10
    assert number(text, "sloth_model_tokens_total", direction="output", **model) > 0
    assert number(text, "sloth_model_cost_total", kind="chat", currency="USD") > 0
    assert number(text, "sloth_sign_ins_total", result="ok") == 1
    assert number(text, "sloth_sign_ins_total", result="failed") == 1
    assert number(text, "sloth_rate_limited_total", rate="address") == 1
    for ours in ("c4n4ry", "C4N4RY", firm.email, str(tenant.organization.id)):
        assert ours not in text
    assert tenant.organization.slug not in text


async def _reached(condition: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(30):
        while not await condition():  # noqa: ASYNC110 - the database tells nobody
            await anyio.sleep(0.1)


async def _is_read(tenant: AsyncTenant) -> bool:
    return (await tenant.documents())[0].status is DocumentStatus.COMPLETED


async def _has_failed(served: Api) -> bool:
    return number(await read(served), "sloth_jobs_total", ending="failed") > 0


def _slug(registered: dict[str, dict[str, dict[str, str]]]) -> str:
    return registered["user"]["organization"]["slug"]


@pytest.mark.anyio
async def test_tries_that_fail(settings: Settings) -> None:
    async with api(settings.model_copy(update={"serve_jobs": False})) as served:
        firm = await served.signed_up()
        tenant = await served.platform.sloth.tenant(_slug(firm.registered))
        await tenant.services.work.ask(NewJob(kind=JobKind.INGEST, subject=uuid4()))
        async with served.platform.sloth.worker() as worker, anyio.create_task_group() as group:
            group.start_soon(worker.work)
            await _reached(lambda: _has_failed(served))
            worker.stop()


@pytest.mark.anyio
async def test_who_may_read_them(settings: Settings) -> None:
    async with api(settings) as served:
        assert (await served.client.get("/metrics")).status_code == 200
        for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
            behind = await served.client.get("/metrics", headers={header: "127.0.0.1"})
            assert behind.status_code == 403
    token = "a token of thirty-two characters"
    async with api(settings.model_copy(update={"metrics_token": SecretStr(token)})) as served:
        for given, status in (("", 403), ("Bearer other", 403), (f"Bearer {token}", 200)):
            told = await served.client.get("/metrics", headers={"Authorization": given})
            assert told.status_code == status


@pytest.mark.slow
def test_two_processes_count_together_and_no_total_ever_falls(sloth_cli: Sloth) -> None:
    folder = sloth_cli.folder / "tmp"
    folder.mkdir()
    sloth = sloth_cli.using(
        SLOTH_EMBEDDER="none", SLOTH_CHAT="extractive", TMPDIR=str(folder),
        SLOTH_ADDRESS_REQUESTS_PER_MINUTE="100000",
    )  # fmt: skip
    with serving(sloth, "--workers=2") as server:
        until(lambda: len(server.children) == 2)
        [together] = folder.glob("sloth-metrics-*")
        assert together.stat().st_mode & 0o077 == 0
        asked = _ask_until_both_answered(server, together)
        assert _asked(server) == asked

        killed = server.children[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: killed not in server.children and len(server.children) == 2)
        assert _asked(server) == asked
        assert not list(together.glob(f"*_{killed}.db"))
        assert _asked(server) == asked
        assert server.stop() == 0
    assert not list(folder.glob("sloth-metrics-*"))


def _ask_until_both_answered(server: Server, folder: Path) -> int:
    """New connections go to whoever is free."""
    asked = 0
    while True:
        for _ in range(20):
            httpx.get(f"{server.client.base_url}/api/subscriptions/plans/").raise_for_status()
            asked += 1
        if all((folder / f"counter_{id}.db").exists() for id in server.children):
            return asked


def _asked(server: Server) -> float:
    text = httpx.get(f"{server.client.base_url}/metrics", timeout=20).text
    return number(text, "sloth_http_requests_total", route="/api/subscriptions/plans/")
