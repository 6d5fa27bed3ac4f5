"""Firms under limits of the test's own, and clients of servers in other processes."""

import ipaddress
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import httpx

from fakes.api import Firm, sign_up
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
    with anyio.fail_after(30):
        while (await firm.get(f"/api/documents/{id}/status/")).json()["status"] != "completed":
            await anyio.sleep(0.05)
    return id


async def usage(firm: Firm) -> Mapping[str, Mapping[str, int]]:
    counted: Mapping[str, Mapping[str, int]] = (await firm.get("/api/subscriptions/usage/")).json()
    return counted
