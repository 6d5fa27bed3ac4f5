"""What Stripe tells, 200 times a second: how soon it is answered, and whether all was seen to."""

import hashlib
import hmac
import json
import statistics
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import anyio
import httpx
from benchmarks.figures import Figure
from benchmarks.library import opened
from benchmarks.material import Material
from benchmarks.server import NO_LIMITS, Program, running
from benchmarks.simulations import simulation
from pydantic import SecretStr

from sloth_agent import AsyncSloth, Settings
from sloth_agent.billing.states import BillingCycle
from sloth_agent.tenants.audit import Actor

A_SECOND = 200
SECONDS = 30
FIRMS = 100
SECRET = "whsec_loopback"
KEY = "sk_test_loopback"
HOOK = "/api/subscriptions/webhooks/stripe/"
SEEN_TO_SECONDS = 60
ACCOUNT = (f"--key={KEY}", f"--secret={SECRET}", f"--clock={datetime.now(UTC).isoformat()}")


async def measure(_: Material) -> AsyncIterator[Figure]:
    async with opened() as plain, simulation("stripe_server", *ACCOUNT) as stripe:
        stripe_settings = {
            "stripe_secret_key": SecretStr(KEY),
            "stripe_api_base": stripe,
            "stripe_webhook_secret": SecretStr(SECRET),
        }
        settings = plain.settings.model_copy(update=stripe_settings)
        customers = await paying(settings)
        variables = {
            **NO_LIMITS,
            "SLOTH_HOME": str(settings.home),
            "STRIPE_SECRET_KEY": KEY,
            "STRIPE_API_BASE": stripe,
            "STRIPE_WEBHOOK_SECRET": SECRET,
        }
        async with running("ours", variables) as server:
            seconds, refused = await told(server, customers)
            waiting = await seen_to(plain)
        kept, applied = await kept_events(plain)
    about = f"{A_SECOND} webhooks/s for {SECONDS} s, of {FIRMS} firms"
    wanted = A_SECOND * SECONDS
    yield Figure(
        part="webhooks",
        name=f"{about}, answer, p99",
        value=statistics.quantiles(seconds, n=100)[98] * 1000,
        unit="ms",
        wanted="<= 200",
    )
    yield Figure(
        part="webhooks",
        name=f"{about}, answer, p50",
        value=statistics.median(seconds) * 1000,
        unit="ms",
    )
    yield Figure(part="webhooks", name="refused", value=float(refused), wanted="0")
    yield Figure(part="webhooks", name="lost", value=float(wanted - kept), wanted="0")
    yield Figure(part="webhooks", name="not seen to", value=float(wanted - applied), wanted="0")
    yield Figure(part="webhooks", name="until all were seen to", value=waiting, unit="s")


async def paying(settings: Settings) -> list[str]:
    """Firms that have paid for a month; returns what Stripe calls them."""
    by = Actor(name="benchmark")
    customers = []
    async with AsyncSloth(settings) as sloth, httpx.AsyncClient() as payer:
        await sloth.payments.price_sync.sync(dry_run=False)
        for number in range(FIRMS):
            firm = (await sloth.create_tenant(f"firm-{number}")).id
            page = await sloth.payments.subscribing.subscribe(
                firm, "starter", BillingCycle.MONTHLY, by=by
            )
            await payer.post(page.url, data={"press": "good"})
            account = await sloth.payments.payers.find(firm)
            assert account is not None
            assert account.customer is not None
            customers.append(account.customer)
    return customers


async def told(server: Program, customers: list[str]) -> tuple[list[float], int]:
    """Each at its moment, whether or not the answers keep up; from that moment it is measured."""
    seconds: list[float] = []
    refused = 0

    async def tell(client: httpx.AsyncClient, number: int, at: float) -> None:
        nonlocal refused
        body = event(number, customers[number % len(customers)])
        headers = {"Stripe-Signature": signature(body)}
        answer = await client.post(HOOK, content=body, headers=headers)
        seconds.append(time.monotonic() - at)
        refused += answer.status_code != 204

    async with server.client() as client, anyio.create_task_group() as tasks:
        begun = time.monotonic()
        for number in range(A_SECOND * SECONDS):
            at = begun + number / A_SECOND
            await anyio.sleep(max(0.0, at - time.monotonic()))
            tasks.start_soon(tell, client, number, at)
    return seconds, refused


def event(number: int, customer: str) -> bytes:
    about = {"id": f"in_{number}", "object": "invoice", "customer": customer}
    return json.dumps(
        {
            "id": f"evt_{number}",
            "object": "event",
            "type": "invoice.updated",
            "created": int(time.time()),
            "data": {"object": about},
        }
    ).encode()


def signature(body: bytes) -> str:
    moment = int(time.time())
    digest = hmac.new(SECRET.encode(), b"%d.%s" % (moment, body), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


async def seen_to(sloth: AsyncSloth) -> float:
    """How long background work takes until nothing waits any more."""
    begun = time.monotonic()
    while time.monotonic() - begun < SEEN_TO_SECONDS:
        kept, applied = await kept_events(sloth)
        if kept == applied:
            break
        await anyio.sleep(0.1)
    return time.monotonic() - begun


async def kept_events(sloth: AsyncSloth) -> tuple[int, int]:
    """How many were kept, and how many of them were applied."""
    async with sloth.services.databases.main.shared() as connection:
        found = await connection.execute(
            "select count(*), count(*) filter (where outcome = 'applied')"
            " from public.payment_events where id like 'evt\\_%%' and type = %s",
            ("invoice.updated",),
        )
        kept, applied = await found.fetchone() or (0, 0)
        return kept, applied
