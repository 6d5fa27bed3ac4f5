"""Conversations and prompts of one tenant."""

from functools import partial

import anyio
import pytest

from sloth_agent.adapters.stores.postgres.conversations import (
    PostgresConversations,
    PostgresPrompts,
)
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.agent.conversations import Conversations
from sloth_agent.agent.models import Citation, ConversationSource, Message, Speaker, Usage
from sloth_agent.agent.prompts import Prompts
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import Hold, Resource, allowance_of
from sloth_agent.clock import system_clock
from sloth_agent.errors import InvalidInput, NotFound
from sloth_agent.ids import ChunkId, ConversationId, MessageId, new_id

pytestmark = pytest.mark.anyio

UNLIMITED = Hold(id=None, room=allowance_of(None, system_clock()).room(Resource.MESSAGES), amount=1)


@pytest.fixture
def conversations(database: Database, tenant: AsyncTenant) -> Conversations:
    store = PostgresConversations(database, tenant.organization.schema_name)
    return Conversations(store, system_clock)


@pytest.fixture
def prompts(database: Database, tenant: AsyncTenant) -> Prompts:
    return Prompts(PostgresPrompts(database, tenant.organization.schema_name), system_clock)


def said(text: str, speaker: Speaker = Speaker.USER) -> Message:
    return Message(id=MessageId(new_id()), speaker=speaker, text=text, created_at=system_clock())


def answered(text: str) -> Message:
    chunk = ChunkId(new_id())
    return Message(
        id=MessageId(new_id()),
        speaker=Speaker.ASSISTANT,
        text=text,
        created_at=system_clock(),
        citations=(
            Citation(
                chunk_id=chunk, document="Прайс.xlsx", snippet="40 €", score=0.5, page=2,
                section="Hair", sheet="Hair", row=7,
            ),
        ),
        chunks_used=(chunk, ChunkId(new_id())),
        usage=Usage(input_tokens=120, output_tokens=12),
        processing_ms=41.5,
    )  # fmt: skip


async def test_everything_that_was_said_comes_back_in_order(conversations: Conversations) -> None:
    started = await conversations.start(ConversationSource.CLI)
    messages = [message for n in range(20) for message in (said(f"{n}?"), answered(f"{n}!"))]
    for question, answer in zip(messages[::2], messages[1::2], strict=True):
        await conversations.store.append(started.id, [question, answer], hold=UNLIMITED)
    assert list(await conversations.messages(started.id)) == messages
    assert list(await conversations.messages(started.id, last=3)) == messages[-3:]
    shown = await conversations.show(started.id)
    assert (shown.messages, shown.source) == (40, ConversationSource.CLI)


async def test_conversations_are_listed_newest_first(conversations: Conversations) -> None:
    started = [await conversations.start(ConversationSource.API) for _ in range(5)]
    first = await conversations.list(limit=3)
    rest = await conversations.list(limit=3, before=first[-1].id)
    assert [*first, *rest] == started[::-1]


async def test_a_conversation_is_told_by_its_first_question(conversations: Conversations) -> None:
    silent = await conversations.start(ConversationSource.API)
    spoken = await conversations.start(ConversationSource.API)
    asked, last = [said("Стрижка? " * 20), answered("40 €")], [said("And then?"), answered("50 €")]
    for pair in (asked, last):
        await conversations.store.append(spoken.id, pair, hold=UNLIMITED)
    shown, silent = await conversations.list()
    assert (shown.title, shown.last_message_at) == (asked[0].text[:80], last[1].created_at)
    assert (silent.title, silent.last_message_at) == (None, None)


async def test_an_unknown_conversation(conversations: Conversations) -> None:
    with pytest.raises(NotFound):
        await conversations.messages(ConversationId(new_id()))


async def test_many_speak_at_once(conversations: Conversations) -> None:
    started = await conversations.start(ConversationSource.WEB)
    async with anyio.create_task_group() as group:
        for number in range(30):
            pair = [said(f"{number}?"), answered(f"{number}!")]
            append = partial(conversations.store.append, hold=UNLIMITED)
            group.start_soon(append, started.id, pair)
    assert (await conversations.show(started.id)).messages == 60
    assert len(await conversations.messages(started.id)) == 60


async def test_every_change_of_a_prompt_is_a_version(prompts: Prompts) -> None:
    assert (await prompts.show()).version == 0
    assert await prompts.history() == []
    first = await prompts.set(role="You are Anna.", temperature=0.1)
    second = await prompts.set(context="Closed on Sundays.")
    assert (second.version, second.role, second.temperature) == (2, "You are Anna.", 0.1)
    assert await prompts.show() == second
    back = await prompts.rollback(1)
    assert (back.version, back.context) == (3, "")
    assert back.role == first.role
    assert [(p.version, p.active) for p in await prompts.history()] == [
        (3, True), (2, False), (1, False),
    ]  # fmt: skip
    assert (await prompts.rollback(0)).role != "You are Anna."
    with pytest.raises(NotFound):
        await prompts.rollback(99)


async def test_two_changes_at_once_are_two_versions(prompts: Prompts) -> None:
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(partial(prompts.set, role=f"Role {number}"))
    history = await prompts.history()
    assert [prompt.version for prompt in history] == list(range(20, 0, -1))
    assert [prompt.active for prompt in history].count(True) == 1
    assert {prompt.role for prompt in history} == {f"Role {n}" for n in range(20)}


@pytest.mark.parametrize(
    "change",
    [{"role": "x" * 8001}, {"temperature": -0.1}, {"temperature": 2.1}, {"max_tokens": 0},
     {"temperature": float("nan")}],
)  # fmt: skip
async def test_prompts_that_cannot_be_used(prompts: Prompts, change: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        await prompts.set(**change)  # type: ignore[arg-type]  # one field by name
    assert await prompts.history() == []


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_odd_characters_in_a_prompt(prompts: Prompts, text: str) -> None:
    with pytest.raises(InvalidInput):
        await prompts.set(context=text)
    assert await prompts.history() == []
