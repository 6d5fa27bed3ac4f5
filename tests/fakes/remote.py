"""A tenant as an API key opens it, on a server in this process, and networks that fail."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from sloth_agent import AsyncSloth, Settings
from sloth_agent.app.remote import RemoteInstall, RemoteTenant
from sloth_agent.client.address import Address
from sloth_agent.client.server import Patience, connected
from sloth_agent.server.application import create_app
from sloth_agent.tenants.audit import SYSTEM

Carrier = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]

QUICK = Patience(pause_seconds=0.01)


async def key_of(sloth: AsyncSloth, slug: str) -> str:
    organization = await sloth.show_tenant(slug)
    _, key = await sloth.services.api_keys.create(organization.id, "test", by=SYSTEM)
    return key


@asynccontextmanager
async def over_http(
    sloth: AsyncSloth,
    settings: Settings,
    slug: str,
    *,
    carrier: Carrier = lambda transport: transport,
) -> AsyncIterator[RemoteTenant]:
    """The tenant through the HTTP API; `carrier` is the network between."""
    address = Address(base_url="http://testserver", api_key=await key_of(sloth, slug))
    app = create_app(settings.model_copy(update={"tenant_requests_per_minute": 10**6}))
    transport = carrier(httpx.ASGITransport(app=app))
    try:
        async with connected(address, patience=QUICK, transport=transport) as server:
            yield await RemoteInstall(server).tenant()
    finally:
        await app.state.door.close()


@dataclass
class Losing(httpx.AsyncBaseTransport):
    """Carries requests to the server, and loses the answers to some of them."""

    transport: httpx.AsyncBaseTransport
    lost: int = 0  # how many answers to changes are still to be lost
    changes: list[str] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.transport.handle_async_request(request)
        if request.method != "GET":
            self.changes.append(f"{request.method} {request.url.path}")
            if self.lost:
                self.lost -= 1
                raise httpx.ReadError("the connection was cut", request=request)
        return response


@dataclass
class Saying(httpx.AsyncBaseTransport):
    """A server that answers the same to everything, and counts how often it was asked."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Mapping[str, object] = field(default_factory=dict)
    until: int = 10**6  # from then on it answers as it should
    then: dict[str, object] = field(default_factory=dict)
    asked: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked > self.until:
            return httpx.Response(200, json=self.then, request=request)
        return httpx.Response(self.status, headers=self.headers, json=self.body, request=request)
