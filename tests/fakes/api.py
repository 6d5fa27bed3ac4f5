"""The HTTP API as a client sees it: in this process, or as `sloth serve`."""

import os
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import uuid4

import httpx

from fakes.described import Described
from fakes.incubator import Child, incubator
from sloth_agent import Settings
from sloth_agent.server.application import ROUTERS, create_app
from sloth_agent.server.description import described
from sloth_agent.server.limiting import Counters
from sloth_agent.server.own_counts import OwnStorage
from sloth_agent.server.platform import Platform
from sloth_agent.server.routes.description import EVENTS

PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Api:
    """An application in this process, without a network."""

    client: httpx.AsyncClient
    platform: Platform

    async def signed_in(self, email: str, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
        """The tokens of a user."""
        answer = await self.login(email, password, **more)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    async def login(
        self, email: str, password: str = PASSWORD, *, address: str = "192.0.2.1"
    ) -> httpx.Response:
        """From a network address, where the application trusts the proxy that tells of it."""
        body = {"email": email, "password": password}
        headers = {"X-Forwarded-For": address}
        return await self.client.post("/api/auth/login/", json=body, headers=headers)

    async def refresh(self, token: str) -> httpx.Response:
        return await self.client.post("/api/auth/refresh/", json={"refresh": token})

    async def me(self, access: str) -> httpx.Response:
        credentials = f"Bearer {access}".encode("utf-8", "surrogatepass")
        headers = [(b"Authorization", credentials)]
        return await self.client.get("/api/auth/me/", headers=headers)

    async def signed_up(self, name: str = "Salon", **more: object) -> "Firm":
        """A new firm, and its owner who has signed in."""
        return await sign_up(self.client, name, **more)

    def counts_within_one_window(self) -> None:
        """One that ends during a test lets a few more through."""
        began = time.time()
        self.platform.limiter.own = Counters(OwnStorage(now=lambda: began))


@dataclass(frozen=True, slots=True)
class Firm:
    """A firm with its owner's tokens."""

    client: httpx.AsyncClient
    email: str
    registered: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.registered['access']}"}

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, headers=self.headers, **more)

    async def post(self, path: str, body: object = None, **more: Any) -> httpx.Response:
        headers = {**self.headers, **more.pop("headers", {})}
        return await self.client.post(path, json=body, headers=headers, **more)

    async def put(self, path: str, body: object) -> httpx.Response:
        return await self.client.put(path, json=body, headers=self.headers)

    async def delete(self, path: str) -> httpx.Response:
        return await self.client.delete(path, headers=self.headers)


async def sign_up(client: httpx.AsyncClient, name: str = "Salon", **more: object) -> Firm:
    """A new firm, wherever the client leads."""
    email = f"{uuid4().hex}@example.com"
    body = {"email": email, "password": PASSWORD, "organization": name, **more}
    answer = await client.post("/api/auth/register/", json=body)
    assert answer.status_code == 201, answer.text
    return Firm(client, email, answer.json())


@cache
def the_description() -> Described:
    return Described(described(ROUTERS, Settings(), events=EVENTS))


@asynccontextmanager
async def api(settings: Settings) -> AsyncIterator[Api]:
    """Open for the length of a test; jobs are done beside, as the settings say.

    Whatever it answers has to be what its description tells.
    """
    app = create_app(settings)
    door = app.state.door
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            client.event_hooks = {"response": [the_description().holds]}
            yield Api(client, await door.platform())
    finally:
        await door.close()


@dataclass(frozen=True, slots=True)
class Server:
    """`sloth serve` as a process."""

    address: str
    process: Child


@contextmanager
def serving(variables: Mapping[str, str], *arguments: str) -> Iterator[str]:
    """`sloth serve` as a process; yields its address."""
    with server_process(variables, *arguments) as server:
        yield server.address


@contextmanager
def server_process(
    variables: Mapping[str, str], *arguments: str, port: int | None = None
) -> Iterator[Server]:
    """`sloth serve` in a group of its own, for tests that send it signals."""
    port = port or free_port()
    address = f"http://127.0.0.1:{port}"
    with (
        Path(os.devnull).open("r+b") as nothing,
        TemporaryFile() as told,
        incubator().start(
            ["serve", f"--port={port}", *arguments],
            env={**os.environ, **variables},
            cwd=Path.cwd(),
            streams=(nothing, nothing, told),
            new_session=True,
        ) as process,
    ):
        try:
            _wait_until_it_answers(address, process, told)
            yield Server(address, process)
        finally:
            process.terminate()
            process.wait(timeout=40)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_until_it_answers(address: str, process: Child, told: IO[bytes]) -> None:
    deadline = time.monotonic() + 40
    while True:
        if process.poll() is not None:
            told.seek(0)
            raise AssertionError(told.read().decode())
        assert time.monotonic() < deadline, "the server does not answer"
        try:
            if httpx.get(f"{address}/healthz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
