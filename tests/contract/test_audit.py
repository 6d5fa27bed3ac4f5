"""The audit log: added to, read, and by the application never changed."""

from datetime import UTC, datetime

import pytest

from fakes.pictures import png
from sloth_agent import AsyncSloth
from sloth_agent.adapters.stores.postgres.audit import PostgresAudit
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import Forbidden, InvalidInput, NotFound
from sloth_agent.tenants.audit import Actor, Audit, AuditEvent

pytestmark = pytest.mark.anyio

ANNA = Actor(name="anna@example.com", address="192.0.2.7", request_id="r-1")


@pytest.fixture
def audit(database: Database) -> Audit:
    return Audit(PostgresAudit(database))


async def test_events_come_back_newest_first(audit: Audit, sloth: AsyncSloth, slug: str) -> None:
    organization = (await sloth.create_tenant(slug)).id
    events = [
        AuditEvent.of(
            action,
            by=ANNA,
            at=datetime.now(UTC),
            organization=organization,
            subject="starter",
            step=number,
        )
        for number, action in enumerate(("code.made", "code.redeemed", "codex.read"))
    ]
    for event in events:
        await audit.store.add(event)
    found = await audit.list(organization=organization)
    assert list(found[:3]) == events[::-1]
    assert list(await audit.list(organization=organization, action="code.*")) == events[1::-1]
    page = await audit.list(organization=organization, before=events[2].id, limit=1)
    assert list(page) == [events[1]]
    with pytest.raises(InvalidInput):
        await audit.list(limit=0)


async def test_changes_of_a_tenant_are_written_down(sloth: AsyncSloth, tenant: AsyncTenant) -> None:
    outcome = await tenant.ingest_content("prices.md", b"A haircut costs 40 euro.")
    assert outcome.document_id is not None
    await tenant.change_profile(business_name="Anna", timezone="UTC", by=ANNA)
    await tenant.change_profile(business_name="Anna", by=ANNA)  # changes nothing
    await tenant.set_prompt(role="I answer.", by=ANNA)
    await tenant.rollback_prompt(0, by=ANNA)
    photo = await tenant.add_photo("door.png", png())
    await tenant.delete_photo(photo.id, by=ANNA)
    await tenant.delete_document(outcome.document_id, by=ANNA)
    with pytest.raises(NotFound):
        await tenant.delete_document(outcome.document_id, by=ANNA)
    events = await sloth.audit.list(organization=tenant.organization.id)
    by_anna = [event for event in events if event.by == ANNA]
    assert [(event.action, event.subject, event.details) for event in by_anna] == [
        ("document.deleted", str(outcome.document_id), {}),
        ("photo.deleted", str(photo.id), {}),
        ("prompt.rolled_back", "2", {"to": 0}),
        ("prompt.changed", "1", {}),
        ("profile.changed", None, {"fields": ["business_name"]}),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "update public.audit_log set actor = 'nobody'",
        "delete from public.audit_log",
        "truncate public.audit_log",
    ],
)
async def test_the_application_may_only_add(database: Database, statement: str) -> None:
    with pytest.raises(Forbidden):
        async with database.shared() as connection:
            await connection.execute(statement.encode())
