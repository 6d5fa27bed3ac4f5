"""Notices about limits: once in each period, mailed once, whoever runs beside."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import anyio
import pytest

from fakes.smtp_server import SmtpServer
from sloth_agent import AsyncSloth
from sloth_agent.adapters.mail.smtp import SmtpMailer
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import Resource
from sloth_agent.billing.notices import LimitNotices
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio

BY = Actor(name="test")


@pytest.fixture
async def firm(sloth: AsyncSloth, slug: str) -> AsyncTenant:
    """On a plan with few documents."""
    tenant = await sloth.tenant(slug, create=True)
    await sloth.subscriptions.activate(tenant.organization.id, "free", days=0, by=BY)
    return await sloth.tenant(slug)


@pytest.fixture
async def fill(firm: AsyncTenant) -> Callable[[int], object]:
    async def to(count: int) -> None:
        for number in range(len(await firm.documents()), count):
            await firm.ingest_content(f"{number}.md", f"Note {number}.".encode())

    return to


async def limit_of(firm: AsyncTenant) -> int:
    report = await firm.usage()
    (meter,) = [meter for meter in report.meters if meter.room.resource is Resource.DOCUMENTS]
    assert meter.room.limit is not None
    return meter.room.limit


async def told(firm: AsyncTenant) -> list[tuple[str, int]]:
    return sorted((one.resource.value, one.percent) for one in await firm.limit_notices())


async def test_each_limit_is_told_once(firm: AsyncTenant, fill: Callable[[int], object]) -> None:
    notices = firm.services.notices
    limit = await limit_of(firm)
    assert await notices.give() == 0
    await fill(-(-limit * 80 // 100))  # type: ignore[misc]  # a coroutine
    assert [await notices.give(), await notices.give()] == [1, 0]
    assert await told(firm) == [("documents", 80)]
    await fill(limit)  # type: ignore[misc]
    given = [0] * 20

    async def give(number: int) -> None:
        given[number] = await notices.give()

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(give, number)
    assert sum(given) == 1, "without the key on the period each of them would tell it"
    assert await told(firm) == [("documents", 80), ("documents", 100)]


async def test_mails_go_to_the_owner_once(
    sloth: AsyncSloth, firm: AsyncTenant, fill: Callable[[int], object]
) -> None:
    owner = f"{uuid4().hex}@example.com"
    await sloth.accounts.create(owner, organization=firm.organization.id, role=Role.OWNER, by=BY)
    await fill(await limit_of(firm))  # type: ignore[misc]
    with SmtpServer(refuses=True) as away:
        assert await by_mail(firm, away).give() == 1
    assert away.messages == []
    with SmtpServer() as server:
        later = replace(
            by_mail(firm, server), clock=lambda: datetime.now(UTC).replace(microsecond=0)
        )
        assert await later.give() == 0, "told already, but not by mail: claimed for minutes"
        assert server.messages == []
    with SmtpServer() as server:
        async with firm.services.database.owning() as connection:
            await connection.execute(
                "update public.limit_notices set mailing_until = null where schema_name = %s",
                (firm.services.schema,),
            )
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(by_mail(firm, server).give)
    (message,) = server.messages
    assert message["To"] == owner
    assert "documents are used" in message.get_content()


def by_mail(firm: AsyncTenant, server: SmtpServer) -> LimitNotices:
    mailer = SmtpMailer(
        "127.0.0.1", server.port, user=None, password=None, sender="sloth@example.com"
    )
    return replace(firm.services.notices, mailer=mailer)


async def test_who_has_no_limits_is_told_nothing(tenant: AsyncTenant) -> None:
    await tenant.ingest_content("a.md", b"A note.")
    assert await tenant.services.notices.give() == 0
