"""What owners hear of trials and payments: in their language, in time, and once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from uuid import uuid4

import anyio
import pytest

from fakes.paying import BY, paying_now, selling, services_now, subscribed
from fakes.smtp_server import SmtpServer
from fakes.stripe_server.server import StripeServer
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.mail.smtp import SmtpMailer
from sloth_agent.clock import SetClock
from sloth_agent.ids import TenantId
from sloth_agent.language import Language
from sloth_agent.payments.reminding import MAILING_TIME
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


@pytest.fixture
async def sloth(settings: Settings, stripe_server: StripeServer) -> AsyncIterator[AsyncSloth]:
    async with selling(settings, stripe_server) as sloth:
        yield sloth


class Owner:
    """The owner of a firm that begins with a trial, and what comes into their mailbox."""

    def __init__(self, sloth: AsyncSloth, firm: TenantId, email: str) -> None:
        self.sloth, self.firm, self.email = sloth, firm, email

    @classmethod
    async def of(cls, sloth: AsyncSloth, slug: str, now: datetime, language: Language) -> "Owner":
        services = sloth.services.at(SetClock(now))
        firm = (await services.organizations_on("starter", by=BY).create(slug)).id
        email = f"{uuid4().hex}@example.com"
        await services.accounts.create(
            email, organization=firm, role=Role.OWNER, language=language, by=BY
        )
        return cls(sloth, firm, email)

    async def hears(self, now: datetime, *, at_once: int = 1) -> list[EmailMessage]:
        """The mails that this owner gets when somebody looks at this moment."""
        with SmtpServer() as server:
            await self.looked_at(now, server, at_once=at_once)
        return [each for each in server.messages if each["To"] == self.email]

    async def looked_at(self, now: datetime, server: SmtpServer, *, at_once: int = 1) -> None:
        mailer = SmtpMailer(
            "127.0.0.1", server.port, user=None, password=None, sender="sloth@example.com"
        )
        reminding = replace(self.sloth.services.at(SetClock(now)).reminding, mailer=mailer)
        async with anyio.create_task_group() as tasks:
            for _ in range(at_once):
                tasks.start_soon(reminding.remind)


@pytest.fixture
async def owner(sloth: AsyncSloth, stripe_server: StripeServer, slug: str) -> Owner:
    return await Owner.of(sloth, slug, stripe_server.now, Language.GERMAN)


async def test_the_end_of_a_trial_is_told_three_days_before(
    owner: Owner, stripe_server: StripeServer, slug: str
) -> None:
    began = stripe_server.now
    assert [m["Subject"] for m in await owner.hears(began + 10 * DAY)] == []
    (message,) = await owner.hears(began + 11 * DAY, at_once=10)
    assert message["Subject"] == f"Ihre Testzeit endet am {(began + 14 * DAY).date()}"
    assert f"Testzeit von {slug} im Tarif Starter" in message.get_content()
    assert "/billing" in message.get_content()
    assert await owner.hears(began + 12 * DAY) == []
    (message,) = await owner.hears(began + 14 * DAY)
    assert message["Subject"] == "Ihr Assistent antwortet nicht mehr"
    assert await owner.hears(began + 15 * DAY) == []


async def test_who_is_about_to_pay_is_told_how_much(
    owner: Owner, sloth: AsyncSloth, stripe_server: StripeServer
) -> None:
    began = stripe_server.now
    await subscribed(sloth, stripe_server, owner.firm)
    (message,) = await owner.hears(began + 12 * DAY)
    assert "29.00 EUR im Monat" in message.get_content()


async def test_a_payment_that_failed_is_told(
    owner: Owner, sloth: AsyncSloth, stripe_server: StripeServer
) -> None:
    await subscribed(sloth, stripe_server, owner.firm)
    stripe_server.set_card(stripe_server.customers()[0]["id"], "declines")
    stripe_server.advance(stripe_server.now + 15 * DAY)
    failed = await paying_now(sloth, stripe_server).desk.refresh(owner.firm)
    assert failed is not None
    assert failed.follow_up_at is not None
    (message,) = await owner.hears(stripe_server.now)
    assert message["Subject"] == "Eine Zahlung ist fehlgeschlagen"
    assert f"antwortet bis {failed.follow_up_at.date()}" in message.get_content()
    (message,) = await owner.hears(failed.follow_up_at)
    assert message["Subject"] == "Ihr Assistent antwortet nicht mehr"


async def test_who_has_more_after_the_trial_is_not_told(
    owner: Owner, sloth: AsyncSloth, stripe_server: StripeServer
) -> None:
    services = services_now(sloth, stripe_server)
    await services.subscriptions.activate(owner.firm, "free", days=0, by=BY)
    assert await owner.hears(stripe_server.now + 12 * DAY) == []


@pytest.mark.parametrize("language", Language)
async def test_in_the_owners_language(
    sloth: AsyncSloth, stripe_server: StripeServer, slug: str, language: Language
) -> None:
    owner = await Owner.of(sloth, slug, stripe_server.now, language)
    (before,) = await owner.hears(stripe_server.now + 12 * DAY)
    (after,) = await owner.hears(stripe_server.now + 14 * DAY)
    texts = {before.get_content(), after.get_content()}
    assert all(slug in text and "{" not in text for text in texts)


async def test_what_the_mail_server_refuses_waits(
    owner: Owner, stripe_server: StripeServer
) -> None:
    told_at = stripe_server.now + 12 * DAY
    with SmtpServer(refuses=True) as away:
        await owner.looked_at(told_at, away)
    assert await owner.hears(told_at) == []  # whoever tried may still be at it
    assert len(await owner.hears(told_at + MAILING_TIME)) == 1
