"""Firms that pay through the simulation of Stripe."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from fakes.stripe_server.server import StripeServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.app.paying import Paying
from sloth_agent.app.wiring import Services
from sloth_agent.billing.models import Subscription
from sloth_agent.billing.states import BillingCycle
from sloth_agent.clock import SetClock
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import Actor

BY = Actor(name="owner")
MONTHLY, YEARLY = BillingCycle


def paid_through(settings: Settings, stripe_server: StripeServer) -> Settings:
    """With the simulation as the one that takes the payments."""
    paid = {
        "stripe_secret_key": SecretStr(stripe_server.key),
        "stripe_api_base": stripe_server.url,
        "stripe_webhook_secret": SecretStr(stripe_server.secrets[0]),
    }
    return settings.model_copy(update=paid)


@asynccontextmanager
async def selling(settings: Settings, stripe_server: StripeServer) -> AsyncIterator[AsyncSloth]:
    """An install whose plans can be bought."""
    async with AsyncSloth(paid_through(settings, stripe_server)) as sloth:
        await sloth.payments.price_sync.sync(dry_run=False)
        yield sloth


def services_now(sloth: AsyncSloth, stripe_server: StripeServer) -> Services:
    """As they are at the simulation's moment."""
    return sloth.services.at(SetClock(stripe_server.now))


def paying_now(sloth: AsyncSloth, stripe_server: StripeServer) -> Paying:
    return services_now(sloth, stripe_server).paying


async def subscribed(
    sloth: AsyncSloth, stripe_server: StripeServer, firm: TenantId, plan: str = "starter"
) -> Subscription:
    """Once the firm has paid for its first month."""
    paying = paying_now(sloth, stripe_server)
    page = await paying.subscribing.subscribe(firm, plan, MONTHLY, by=BY)
    stripe_server.pay_checkout(page.id)
    found = await paying.desk.refresh(firm)
    assert found is not None
    return found
