"""Firms under limits of the test's own, and clients of servers in other processes."""

import ipaddress
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import httpx

from fakes.api import Firm, sign_up
from fakes.openai_server import OpenAIServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.billing.lifecycle import Plans
from sloth_agent.billing.models import NO_LIMITS, Subscription
from sloth_agent.billing.ports import Change
from sloth_agent.tenants.audit import Actor, AuditEvent

PRICES = b"service,price\nHaircut,40 euro\nManicure,25 euro\n"
QUESTION = {"message": "How much is a haircut?"}

UNHURRIED = {
    "TRUSTED_PROXIES": "127.0.0.1",
    **{f"SLOTH_{whose}REQUESTS_PER_MINUTE": "1000000" for whose in ("", "TENANT_", "ADDRESS_")},
}
"""So that nobody is asked to slow down: see `client_of`."""


def alone(settings: Settings) -> dict[str, str]:
    """A server beside the test's own, which needs no service outside."""
    return {
        "SLOTH_HOME": str(settings.home),
        "SLOTH_EMBEDDER": "none",
        "SLOTH_CHAT": "extractive",
        **UNHURRIED,
    }


@asynccontextmanager
async def client_of(address: str) -> AsyncIterator[httpx.AsyncClient]:
    """Each of its requests comes from somewhere else."""

    async def from_elsewhere(request: httpx.Request) -> None:
        request.headers["X-Forwarded-For"] = str(ipaddress.ip_address(random.randrange(2**32)))

    async with httpx.AsyncClient(
        base_url=address,
        timeout=60,
        limits=httpx.Limits(max_connections=None),
        event_hooks={"request": [from_elsewhere]},
    ) as client:
        yield client


async def limited_firm(client: httpx.AsyncClient, settings: Settings, **limits: int) -> Firm:
    """A new firm under these limits and no others."""
    firm = await sign_up(client)

    def decide(before: Subscription | None, _: Plans) -> Change:
        assert before is not None
        terms = replace(before.terms, limits=replace(NO_LIMITS, **limits))
        event = AuditEvent.of("subscription.activated", by=Actor(name="test"), at=before.anchor)
        return Change(replace(before, terms=terms), event)

    async with AsyncSloth(settings) as sloth:
        shown = await sloth.show_tenant(firm.registered["user"]["organization"]["slug"])
        await sloth.subscriptions.store.change(shown.id, decide)
    return firm


async def teach(firm: Firm, content: bytes = PRICES, name: str = "prices.csv") -> str:
    """The id of a document that has been read."""
    kept = await firm.client.post(
        "/api/documents/upload/", headers=firm.headers, files={"file": (name, content)}
    )
    assert kept.status_code == 202, kept.text
    id: str = kept.json()["id"]

    async def is_read() -> bool:
        shown = await firm.get(f"/api/documents/{id}/status/")
        return bool(shown.json()["status"] == "completed")

    await eventually(is_read)
    return id


async def eventually(reached: Callable[[], Awaitable[object]], *, seconds: float = 30) -> None:
    """Wait until it is so; nothing tells of it."""
    with anyio.fail_after(seconds):
        while True:
            if await reached():
                return
            await anyio.sleep(0.05)


async def asked(openai: OpenAIServer, times: int = 1) -> None:
    """Wait until the model has been asked so often."""

    async def often_enough() -> bool:
        return len(openai.asked("/chat/completions")) >= times

    await eventually(often_enough)


async def usage(firm: Firm) -> Mapping[str, Mapping[str, int]]:
    counted: Mapping[str, Mapping[str, int]] = (await firm.get("/api/subscriptions/usage/")).json()
    return counted
