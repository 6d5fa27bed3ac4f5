"""Firms on a plan of the test's own, for servers in other processes."""

from collections.abc import Mapping
from uuid import uuid4

import httpx

from fakes.api import Firm, sign_up
from sloth_agent import AsyncSloth, Settings
from sloth_agent.tenants.audit import Actor

BY = Actor(name="test")

UNHURRIED = {
    f"SLOTH_{whose}REQUESTS_PER_MINUTE": "1000000" for whose in ("", "TENANT_", "ADDRESS_")
}
"""So that nobody is asked to slow down."""

ALONE = {"SLOTH_EMBEDDER": "none", "SLOTH_CHAT": "extractive", "DATABASE_URL": ""}
"""Without any service outside."""


async def load_plan(settings: Settings, **limits: int) -> str:
    """A plan that is on sale besides the others, with no other limits; its slug."""
    slug = f"p{uuid4().hex[:12]}"
    names = (
        "max_users",
        "max_documents",
        "max_photos_per_month",
        "max_messages_per_month",
        "max_storage_mb",
    )
    lines = [f"{name} = {limits.get(name, '"unlimited"')}" for name in names]
    prices = "price_monthly = 1\nprice_yearly = 10\ncurrency = 'EUR'\ntrial_days = 0"
    async with AsyncSloth(settings) as sloth:
        plans = await sloth.plans.export()
        added = "\n".join((f"[{slug}]\nname = '{slug}'", prices, *lines, "features = []"))
        await sloth.plans.load(f"{plans}\n{added}\n", by=BY)
    return slug


async def on_plan(client: httpx.AsyncClient, settings: Settings, **limits: int) -> Firm:
    """A new firm under these limits and no others."""
    slug = await load_plan(settings, **limits)
    firm = await sign_up(client)
    async with AsyncSloth(settings) as sloth:
        shown = await sloth.organizations.show(firm.registered["user"]["organization"]["slug"])
        await sloth.subscriptions.activate(shown.id, slug, days=30, by=BY)
    return firm


async def usage(firm: Firm) -> Mapping[str, Mapping[str, int]]:
    counted: Mapping[str, Mapping[str, int]] = (await firm.get("/api/subscriptions/usage/")).json()
    return counted
