"""A server that is stopped, restarted, or left without what it stands on, under traffic."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import anyio.to_thread
import httpx
import pytest

from fakes.api import PASSWORD, Firm, free_port, server_process, serving, sign_up
from fakes.firms import QUESTION, alone, asked, client_of, eventually, limited_firm, teach
from fakes.openai_server import Fault, OpenAIServer
from fakes.redis_server import silent_redis
from sloth_agent import Settings

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX"),
]

SEED = random.randrange(10**6)

Ask = Callable[[int], Coroutine[Any, Any, None]]


@asynccontextmanager
async def asking(ask: Ask, *, per_second: float) -> AsyncIterator[None]:
    """Ask at a steady pace, whether or not the answers keep up; all have come in the end."""

    async def go_on() -> None:
        for number in count():
            group.start_soon(ask, number)
            await anyio.sleep(1 / per_second)

    async with anyio.create_task_group() as group, anyio.create_task_group() as pace:
        pace.start_soon(go_on)
        yield
        pace.cancel_scope.cancel()


def p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]


async def test_a_database_that_is_killed(own_settings: Settings) -> None:
    """Meanwhile 503; what was acknowledged is there; all works again by itself."""
    print(f"seed {SEED}")  # noqa: T201 - pytest shows it where the test fails
    chance = random.Random(SEED)
    ends: Counter[int] = Counter()
    acknowledged: set[str] = set()
    problems: list[str] = []
    with serving(alone(own_settings)) as address:
        async with client_of(address) as client:
            firm = await limited_firm(client, own_settings)

            async def write(number: int) -> None:
                name = f"note-{number}.txt"
                files = {"file": (name, f"Note {number} costs {number} euro.".encode())}
                kept = await firm.client.post(
                    "/api/documents/upload/", headers=firm.headers, files=files
                )
                ends[kept.status_code] += 1
                if kept.status_code == 202:
                    acknowledged.add(name)
                elif not is_told_of_the_database(kept):
                    problems.append(kept.text)

            back = []
            async with asking(write, per_second=20):
                for _ in range(5):
                    await anyio.sleep(1 + chance.random())
                    kill_database(own_settings.home)
                    back.append(await seconds_until_ready(client))
                await anyio.sleep(1)
            print(f"{dict(ends)}, back after {[round(each, 2) for each in back]} s")  # noqa: T201
            assert problems == []
            assert set(ends) <= {202, 503}
            assert max(back) <= 15
            assert await titles_of(firm) >= acknowledged


def is_told_of_the_database(answer: httpx.Response) -> bool:
    return (
        answer.headers["content-type"] == "application/problem+json"
        and answer.json()["code"] == "database_unavailable"
    )


def kill_database(home: Path) -> None:
    described = home / "postgres" / "data" / "postmaster.pid"
    os.kill(int(described.read_text().split()[0]), signal.SIGKILL)


async def seconds_until_ready(client: httpx.AsyncClient) -> float:
    started = time.monotonic()

    async def is_ready() -> bool:
        return (await client.get("/api/subscriptions/plans/")).status_code == 200

    await eventually(is_ready)
    return time.monotonic() - started


async def titles_of(firm: Firm) -> set[str]:
    titles: set[str] = set()
    cursor: dict[str, str] = {}
    while True:
        page = (await firm.get("/api/documents/", params={"limit": "100", **cursor})).json()
        titles |= {item["title"] for item in page["items"]}
        if page["next_cursor"] is None:
            return titles
        cursor = {"cursor": page["next_cursor"]}


@contextmanager
def refusing_redis() -> Iterator[str]:
    """Nobody is there."""
    yield f"redis://127.0.0.1:{free_port()}/0"


@pytest.mark.parametrize("redis", [refusing_redis, silent_redis])
async def test_redis_is_away(
    settings: Settings,
    redis: Callable[[], AbstractContextManager[str]],
    pytestconfig: pytest.Config,
) -> None:
    """Limits are counted by each process, workers find jobs by themselves.

    `--away` says for how long. Without a limit of time for whoever leaves a job the silent one
    kept each upload for ten seconds.
    """
    ends: Counter[int] = Counter()
    took: list[float] = []
    with redis() as url, serving(alone(settings) | {"REDIS_URL": url}) as address:
        async with client_of(address) as client:
            firm = await limited_firm(client, settings)

            async def use(number: int) -> None:
                started = time.monotonic()
                if number % 3 == 0:
                    body = {"email": firm.email, "password": PASSWORD}
                    answer = await client.post("/api/auth/login/", json=body)
                elif number % 3 == 1:
                    answer = await firm.post("/api/agent/chat/", QUESTION)
                else:
                    files = {"file": (f"{number}.txt", f"Note {number}.".encode())}
                    answer = await client.post(
                        "/api/documents/upload/", headers=firm.headers, files=files
                    )
                ends[answer.status_code] += 1
                took.append(time.monotonic() - started)

            async with asking(use, per_second=15):
                await anyio.sleep(pytestconfig.getoption("--away"))
    print(f"{dict(ends)}, p95 {p95(took):.2f} s, at most {max(took):.2f} s")  # noqa: T201
    assert ends[200] + ends[202] >= 0.99 * ends.total()
    assert max(took) < 8


async def test_redis_away_does_not_lift_limits(settings: Settings) -> None:
    limited = alone(settings) | {"SLOTH_REQUESTS_PER_MINUTE": "10"}
    with refusing_redis() as url, serving(limited | {"REDIS_URL": url}) as address:
        async with client_of(address) as client:
            firm = await sign_up(client)
            answers = [await firm.get("/api/auth/me/") for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2


@contextmanager
def away(folder: Path, how: str) -> Iterator[None]:
    """The folder cannot be written to, not even by root."""
    kept = folder.with_name("files-kept")
    folder.rename(kept)
    if how == "no folder":
        folder.write_text("")
    else:
        folder.symlink_to("/dev/full")
    try:
        yield
    finally:
        folder.unlink()
        kept.rename(folder)


@pytest.mark.parametrize("how", ["no folder", "not there"])
async def test_the_file_store_is_away(own_settings: Settings, how: str) -> None:
    with serving(alone(own_settings)) as address:
        async with client_of(address) as client:
            firm = await sign_up(client)
            await teach(firm)
            with away(own_settings.home / "files", how):
                started = time.monotonic()
                files = {"file": ("more.txt", b"A beard is 20 euro.")}
                refused = await client.post(
                    "/api/documents/upload/", headers=firm.headers, files=files
                )
                took = time.monotonic() - started
                assert refused.status_code == 503, refused.text
                assert refused.json()["code"] in {"storage_unavailable", "disk_full"}
                assert str(own_settings.home) not in refused.text
                assert took <= 5
                answer = await firm.post("/api/agent/chat/", QUESTION)
                assert answer.status_code == 200
                assert "40 euro" in answer.json()["answer"]
            kept = await client.post("/api/documents/upload/", headers=firm.headers, files=files)
            assert kept.status_code == 202
            assert len((await firm.get("/api/documents/")).json()["items"]) == 2


@pytest.fixture
def openai_slow(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.always = Fault(delay_seconds=3)
    return openai_server


async def test_who_is_being_answered_is_answered_before_the_end(
    settings: Settings, openai_slow: OpenAIServer
) -> None:
    variables = alone(settings) | {"SLOTH_CHAT": "openai", "OPENAI_BASE_URL": openai_slow.url}
    answers: list[httpx.Response] = []
    with server_process(variables) as server:
        async with client_of(server.address) as client:
            firm = await sign_up(client)
            await teach(firm)

            async def ask(headers: dict[str, str]) -> None:
                answers.append(await firm.post("/api/agent/chat/", QUESTION, headers=headers))

            async with anyio.create_task_group() as group:
                for number in range(20):
                    headers = {"Accept": "text/event-stream"} if number % 2 else {}
                    group.start_soon(ask, headers)
                await asked(openai_slow, 20)
                told = time.monotonic()
                server.process.send_signal(signal.SIGTERM)
        assert await anyio.to_thread.run_sync(server.process.wait, 35) == 0
        print(f"drained in {time.monotonic() - told:.1f} s")  # noqa: T201
    assert [answer.status_code for answer in answers] == [200] * 20
    assert all("40 euro" in answer.text for answer in answers)


async def test_a_rolling_restart_fails_nobody(settings: Settings) -> None:
    """Two servers behind somebody who asks the other one where a connection is refused."""
    ports = [free_port(), free_port()]
    servers = [server_process(alone(settings), port=port) for port in ports]
    ends: Counter[int] = Counter()
    seconds: list[float] = []
    running = [server.__enter__() for server in servers]
    try:
        async with client_of(running[0].address) as one, client_of(running[1].address) as two:
            firm = await sign_up(one)
            await teach(firm)

            async def ask(number: int) -> None:
                started = time.monotonic()
                clients = (one, two) if number % 2 else (two, one)
                answer = await first_that_answers(clients, firm, number)
                ends[answer.status_code] += 1
                seconds.append(time.monotonic() - started)

            async with asking(ask, per_second=20):
                for at, port in enumerate(ports):
                    await anyio.sleep(1)
                    running[at].process.send_signal(signal.SIGTERM)
                    rc = await anyio.to_thread.run_sync(running[at].process.wait, 40)
                    assert rc == 0
                    servers[at].__exit__(None, None, None)
                    servers[at] = server_process(alone(settings), port=port)
                    running[at] = await anyio.to_thread.run_sync(servers[at].__enter__)
                await anyio.sleep(1)
    finally:
        for server in servers:
            server.__exit__(None, None, None)
    print(f"{dict(ends)}, p95 {p95(seconds):.2f} s")  # noqa: T201
    assert set(ends) == {200}


async def first_that_answers(
    clients: Sequence[httpx.AsyncClient], firm: Firm, number: int
) -> httpx.Response:
    """As a proxy does it: what was not taken is given to another; under a key all may be."""
    headers = {**firm.headers, "Idempotency-Key": str(uuid4())}
    for client in [*clients] * 3:
        try:
            if number % 3:
                return await client.get("/api/agent/history/", headers=firm.headers)
            return await client.post("/api/agent/chat/", json=QUESTION, headers=headers)
        except httpx.TransportError:
            continue
    raise AssertionError("neither server answers")


def pathological() -> Iterator[tuple[str, bytes]]:
    """Files that keep a parser busy for long, or are none."""
    for number in range(4):
        yield f"deep-{number}.html", b"<div>" * 200_000 + str(number).encode()
        yield f"wide-{number}.csv", b",".join([b"x"] * 300_000) + b"\n" + str(number).encode()
        yield f"broken-{number}.pdf", b"%PDF-1.7\n" + os.urandom(400_000)
        yield f"broken-{number}.xlsx", b"PK\x03\x04" + os.urandom(400_000)


async def test_health_while_hostile_files_are_read(settings: Settings) -> None:
    seconds: list[float] = []
    with serving(alone(settings)) as address:
        async with client_of(address) as client:
            firm = await sign_up(client)

            async def look(_: int) -> None:
                started = time.monotonic()
                assert (await client.get("/healthz")).status_code == 200
                seconds.append(time.monotonic() - started)

            ids = []
            async with asking(look, per_second=20):
                for name, content in pathological():
                    kept = await client.post(
                        "/api/documents/upload/",
                        headers=firm.headers,
                        files={"file": (name, content)},
                    )
                    assert kept.status_code in {202, 415, 422}, kept.text
                    if kept.status_code == 202:
                        ids.append(kept.json()["id"])
                with anyio.fail_after(60):
                    for id in ids:
                        status = "pending"
                        while status not in {"completed", "failed"}:
                            await anyio.sleep(0.2)
                            found = await firm.get(f"/api/documents/{id}/status/")
                            status = found.json()["status"]
    print(f"{len(ids)} files, {len(seconds)} looks, p95 {p95(seconds) * 1000:.0f} ms")  # noqa: T201
    assert p95(seconds) < 2  # 0.2 on a machine that has nothing else to do
