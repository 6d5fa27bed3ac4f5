"""What comes in by channels is kept once, answered in order, and never forgotten."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import cast

import anyio
import pytest

from fakes.channels import connected
from sloth_agent.adapters.stores.postgres.database import Row, TenantDatabase
from sloth_agent.adapters.stores.postgres.inbox import PostgresInbox
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.chats import Chat, ChatState, Event, EventOutcome, Step
from sloth_agent.channels.inbox import reply_job
from sloth_agent.channels.inbox_ports import InboxStore
from sloth_agent.errors import ChannelUnavailable, ClaimLost, NotFound, Problem, RateLimited
from sloth_agent.ids import EventId, IntegrationId, new_id
from sloth_agent.jobs.models import Claim, JobKind, JobStatus

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(tenant: AsyncTenant) -> InboxStore:
    return tenant.services.inbox_store


@pytest.fixture
async def chat(tenant: AsyncTenant) -> Chat:
    integration = await connected(tenant)
    return Chat.new(
        integration.id,
        "chat-1",
        customer="person-1",
        name="Anna",
        now=tenant.services.backends.clock(),
    )


def event(chat: Chat, id: str) -> Event:
    return Event(
        id=EventId(new_id()),
        integration=chat.integration,
        external_id=id,
        chat=chat.id,
        payload={"text": id},
        received_at=chat.created_at,
    )


async def claim_of(tenant: AsyncTenant, chat: Chat) -> Claim:
    now = tenant.services.backends.clock()
    claim = await tenant.services.jobs.take(
        reply_job(chat.id), worker="tests", now=now, until=now + timedelta(minutes=1)
    )
    assert claim is not None
    return claim


async def test_an_event_is_kept_once_and_its_chat_stays_what_it_is(
    tenant: AsyncTenant, store: InboxStore, chat: Chat
) -> None:
    now = chat.created_at
    for _ in range(3):
        await store.receive(event(chat, "1"), chat, now=now, due=now)
    await store.receive(event(chat, "2"), chat, now=now, due=now)
    assert [each.external_id for each in await store.unhandled(chat.id, limit=9)] == ["1", "2"]
    [integration] = await tenant.integrations()
    assert integration.messages_in == 2
    stranger = Chat.new(IntegrationId(new_id()), "chat-1", customer="x", name="", now=now)
    with pytest.raises(NotFound):
        await store.receive(event(stranger, "3"), stranger, now=now, due=now)


async def test_who_has_lost_the_chat_writes_nothing(
    tenant: AsyncTenant, store: InboxStore, chat: Chat
) -> None:
    now = chat.created_at
    await store.receive(event(chat, "1"), chat, now=now, due=now)
    stale = await claim_of(tenant, chat)
    await tenant.services.jobs.put_off(
        stale, until=now, problem=Problem.of(ClaimLost("It is away."))
    )
    fresh = await claim_of(tenant, chat)
    [waiting] = await store.unhandled(chat.id, limit=9)
    step = Step(chat=chat, handled=(waiting.id,), outcome=EventOutcome.IGNORED)
    with pytest.raises(ClaimLost):
        await store.record(step, stale, now=now)
    assert len(await store.unhandled(chat.id, limit=9)) == 1
    await store.record(step, fresh, now=now)
    assert await store.unhandled(chat.id, limit=9) == []
    assert not await store.end(stale, chat.id, now=now)
    assert await store.end(fresh, chat.id, now=now)


async def test_what_comes_at_the_last_moment_is_not_left(
    tenant: AsyncTenant, store: InboxStore, chat: Chat
) -> None:
    """Without the lock before the last look, a job ends beside an event that nobody sees to."""
    clock = tenant.services.backends.clock
    await store.receive(event(chat, "first"), chat, now=clock(), due=clock())
    for number in range(60):
        claim = await claim_of(tenant, chat)
        waiting = await store.unhandled(chat.id, limit=9)
        ids = tuple(each.id for each in waiting)
        step = Step(chat=chat, handled=ids, outcome=EventOutcome.IGNORED)
        await store.record(step, claim, now=clock())
        late = event(chat, str(number))
        async with anyio.create_task_group() as group:
            group.start_soon(partial(store.receive, late, chat, now=clock(), due=clock()))
            await anyio.sleep(number % 20 / 10_000)
            await store.end(claim, chat.id, now=clock())
        assert await job_of(tenant, chat) is JobStatus.PENDING, number


async def test_what_begins_once_more_has_all_its_tries(
    tenant: AsyncTenant, store: InboxStore, chat: Chat
) -> None:
    """A person who goes on writing must not use up the patience with a model that is away."""
    now = tenant.services.backends.clock()
    await store.receive(event(chat, "1"), chat, now=now, due=now)
    assert await store.end(await claim_of(tenant, chat), chat.id, now=now)
    job = await tenant.services.jobs.find(JobKind.REPLY, chat.id)
    assert job is not None
    assert (job.status, job.attempts) == (JobStatus.PENDING, 0)


async def test_who_writes_again_does_not_shorten_what_the_vendor_asked_for(
    tenant: AsyncTenant, store: InboxStore, chat: Chat
) -> None:
    now = tenant.services.backends.clock()
    soon, later = now + timedelta(seconds=1), now + timedelta(minutes=1)
    limited = Problem.of(RateLimited("Wait.", retry_after_seconds=60))
    away = Problem.of(ChannelUnavailable("It is away."))
    await store.receive(event(chat, "1"), chat, now=now, due=now)
    await tenant.services.jobs.put_off(await claim_of(tenant, chat), until=later, problem=limited)
    for id in ("2", "3"):
        assert await store.receive(event(chat, id), chat, now=now, due=soon) is None
        assert await due_of(tenant, chat) == later
    await store.hasten(chat.id, due=now)
    assert await due_of(tenant, chat) == now
    await tenant.services.jobs.put_off(await claim_of(tenant, chat), until=later, problem=away)
    assert await store.receive(event(chat, "4"), chat, now=now, due=soon) is not None
    assert await due_of(tenant, chat) == soon


async def test_looking_at_a_chat_costs_the_same_however_much_was_said(
    tenant: AsyncTenant, store: InboxStore, chat: Chat
) -> None:
    now = tenant.services.backends.clock()
    await store.receive(event(chat, "new"), chat, now=now, due=now)
    async with tenant.services.home.owning(tenant.services.schema) as connection:
        await connection.execute(MUCH.format(integration=chat.integration, chat=chat.id))
    explaining = Explaining(tenant.services.home)
    store = PostgresInbox(cast("TenantDatabase", explaining), tenant.services.schema)
    problem = Problem.of(ChannelUnavailable("It is away."))
    await store.unhandled(chat.id, limit=9)
    await store.turns(chat.id, since=now)
    await store.was_refused(chat.id)
    await store.take_unsent(chat.id)
    await store.told_of(chat.id, "7")
    await store.undelivered(chat.integration, "7", problem)
    await store.chats([ChatState.WAITING, ChatState.PERSON], limit=9)
    await store.chats(list(ChatState), limit=9)
    for plan, (index, condition) in zip(explaining.plans, FOUND_BY, strict=True):
        assert re.search(rf"{index} .*\n *Index Cond: .*{condition}", plan), plan
        assert "Seq Scan on channel_" not in plan, plan


MUCH = """
insert into channel_chats (id, integration_id, external_id, customer, last_heard_at, created_at)
select gen_random_uuid(), '{integration}', number, number, now(), now()
from generate_series(1, 3000) as number;
insert into channel_events
(id, integration_id, external_id, chat_id, payload, received_at, handled_at, outcome)
select gen_random_uuid(), '{integration}', number, '{chat}', '{{}}', now(), now(), 'done'
from generate_series(1, 10000) as number;
insert into channel_outbox
(id, chat_id, recipient, text, queued_at, ended_at, reference, about)
select gen_random_uuid(), '{chat}', 'chat-1', 'Yes.', now(), now(), number, '{chat}'
from generate_series(1, 10000) as number;
analyze channel_chats, channel_events, channel_outbox
"""
FOUND_BY = (
    ("channel_events_handled", "handled_at IS NULL"),
    ("channel_events_handled", "handled_at IS NOT NULL"),
    ("channel_events_handled", "handled_at IS NOT NULL"),
    ("channel_outbox_reference", "reference IS NULL"),
    ("channel_outbox_reference", "reference = '7'"),
    ("channel_outbox_reference", "reference = '7'"),
    ("channel_chats_state", "state ="),
    ("channel_chats_state", "state ="),
)


@dataclass(frozen=True)
class Explaining:
    """A database that tells how it looks for what it is asked."""

    database: TenantDatabase
    plans: list[str] = field(default_factory=list)

    async def at_once(
        self, schema: str, statements: str, parameters: Sequence[object] = ()
    ) -> list[list[Row]]:
        [plan] = await self.database.at_once(schema, f"explain {statements}", parameters)
        self.plans.append("\n".join(line for (line,) in plan))
        return await self.database.at_once(schema, statements, parameters)


async def due_of(tenant: AsyncTenant, chat: Chat) -> datetime:
    job = await tenant.services.jobs.find(JobKind.REPLY, chat.id)
    assert job is not None
    return job.due_at


async def job_of(tenant: AsyncTenant, chat: Chat) -> JobStatus:
    job = await tenant.services.jobs.find(JobKind.REPLY, chat.id)
    assert job is not None
    return job.status
