"""The conversations and prompts of one tenant."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.costs import charging
from sloth_agent.adapters.stores.postgres.database import (
    Statement,
    TenantDatabase,
    rows_of_each,
)
from sloth_agent.adapters.stores.postgres.usage import ending
from sloth_agent.agent.models import (
    Citation,
    Conversation,
    ConversationSource,
    Message,
    Prompt,
    Speaker,
    Usage,
)
from sloth_agent.billing.allowance import Hold
from sloth_agent.billing.costs import NO_BILL, Bill
from sloth_agent.errors import Conflict
from sloth_agent.ids import ChunkId, ConversationId, MessageId

CONVERSATION: LiteralString = (
    "id, source, external_id, created_at, message_count,"
    " (select left(text, 80) from messages"
    " where conversation_id = conversations.id and speaker = 'user' order by id limit 1),"
    " (select created_at from messages"
    " where conversation_id = conversations.id order by id desc limit 1)"
)
_NEW: LiteralString = "id, source, external_id, created_at"
MESSAGE: LiteralString = (
    "id, speaker, text, created_at, citations, chunks_used, input_tokens, output_tokens,"
    " processing_ms"
)
_ADDING: LiteralString = (
    f"insert into messages (conversation_id, {MESSAGE})"
    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_PROMPT: LiteralString = (
    "version, role, instructions, context, temperature, max_tokens, active, created_at"
)


def starting(conversation: Conversation) -> Statement:
    return (
        f"insert into conversations ({_NEW}) values (%s, %s, %s, %s) on conflict (id) do nothing",
        (
            conversation.id,
            conversation.source,
            conversation.external_id,
            conversation.created_at,
        ),
    )


def appending(id: ConversationId, messages: Sequence[Message]) -> Statement:
    """Add messages to a conversation within a transaction that has more to do.

    The conversation first: who writes and who erases take turns at its row.
    """
    adding: LiteralString = "; ".join(
        [
            "update conversations set message_count = message_count + %s where id = %s",
            *[_ADDING] * len(messages),
        ]
    )
    added = (value for message in messages for value in (id, *_values(message)))
    return adding, (len(messages), id, *added)


@contextmanager
def erased_meanwhile() -> Iterator[None]:
    """What is added to something that was erased is refused in our words."""
    try:
        yield
    except psycopg.errors.ForeignKeyViolation as error:
        raise Conflict(
            "The conversation was erased while it was answered.", hint="Start a new one."
        ) from error


def too_late() -> Conflict:
    return Conflict("The answer came so late that its place was given away.")


@dataclass(frozen=True, slots=True)
class PostgresConversations:
    """`ConversationStore` within one tenant's schema."""

    database: TenantDatabase
    schema: str

    async def start(self, conversation: Conversation) -> None:
        async with self.database.inside(self.schema) as connection:
            await connection.execute(*starting(conversation))

    async def find(self, id: ConversationId) -> Conversation | None:
        async with self.database.inside(self.schema) as connection:
            found = await connection.execute(
                f"select {CONVERSATION} from conversations where id = %s", (id,)
            )
            row = await found.fetchone()
        return conversation_of(row) if row else None

    async def all(self, *, limit: int, before: ConversationId | None = None) -> list[Conversation]:
        async with self.database.inside(self.schema) as connection:
            found = await connection.execute(
                f"select {CONVERSATION} from conversations where %s::uuid is null or id < %s"
                " order by id desc limit %s",
                (before, before, limit),
            )
            return [conversation_of(row) for row in await found.fetchall()]

    async def messages(
        self, id: ConversationId, *, last: int, after: MessageId | None = None
    ) -> list[Message]:
        async with self.database.inside(self.schema) as connection:
            found = await connection.execute(
                f"select {MESSAGE} from messages where conversation_id = %s"
                " and (%s::uuid is null or id > %s) order by id desc limit %s",
                (id, after, after, last),
            )
            return [message_of(row) for row in reversed(await found.fetchall())]

    async def append(
        self,
        id: ConversationId,
        messages: Sequence[Message],
        *,
        hold: Hold,
        bill: Bill = NO_BILL,
    ) -> None:
        adding, added = appending(id, messages)
        counting, counted = ending(self.schema, hold)
        costing, costs = charging(self.schema, bill)
        async with self.database.inside(self.schema) as connection:
            with erased_meanwhile():
                [done] = await rows_of_each(
                    connection, f"{adding}; {counting}; {costing}", (*added, *counted, *costs)
                )
            if not done:
                raise too_late()


@dataclass(frozen=True, slots=True)
class PostgresPrompts:
    """`PromptStore` within one tenant's schema."""

    database: TenantDatabase
    schema: str

    async def active(self) -> Prompt | None:
        async with self.database.inside(self.schema) as connection:
            found = await connection.execute(f"select {_PROMPT} from prompts where active")
            row = await found.fetchone()
        return _prompt(row) if row else None

    async def all(self) -> Sequence[Prompt]:
        async with self.database.inside(self.schema) as connection:
            found = await connection.execute(f"select {_PROMPT} from prompts order by version desc")
            return [_prompt(row) for row in await found.fetchall()]

    async def add(self, prompt: Prompt) -> Prompt:
        async with self.database.inside(self.schema) as connection:
            # Two changes at once get two versions, one after the other.
            await connection.execute("lock table prompts in share row exclusive mode")
            await connection.execute("update prompts set active = false where active")
            found = await connection.execute(
                "with newest as (select coalesce(max(version), 0) as version from prompts)"
                f" insert into prompts ({_PROMPT})"
                " select version + 1, %s, %s, %s, %s, %s, true, %s from newest"
                f" returning {_PROMPT}",
                (
                    prompt.role,
                    prompt.instructions,
                    prompt.context,
                    prompt.temperature,
                    prompt.max_tokens,
                    prompt.created_at,
                ),
            )
            row = await found.fetchone()
        assert row is not None
        return _prompt(row)


def conversation_of(row: tuple[Any, ...]) -> Conversation:
    id, source, external_id, created_at, messages, title, last_message_at = row
    return Conversation(
        id=ConversationId(id),
        source=ConversationSource(source),
        external_id=external_id,
        created_at=created_at,
        messages=messages,
        title=title,
        last_message_at=last_message_at,
    )


def _values(message: Message) -> tuple[object, ...]:
    return (
        message.id,
        message.speaker,
        message.text,
        message.created_at,
        Jsonb([{**asdict(cited), "chunk_id": str(cited.chunk_id)} for cited in message.citations]),
        list(message.chunks_used),
        message.usage.input_tokens,
        message.usage.output_tokens,
        message.processing_ms,
    )


def message_of(row: tuple[Any, ...]) -> Message:
    id, speaker, text, created_at, citations, chunks_used, read, written, processing_ms = row
    return Message(
        id=MessageId(id),
        speaker=Speaker(speaker),
        text=text,
        created_at=created_at,
        citations=tuple(
            Citation(**{**cited, "chunk_id": ChunkId(UUID(cited["chunk_id"]))})
            for cited in citations
        ),
        chunks_used=tuple(ChunkId(chunk) for chunk in chunks_used),
        usage=Usage(input_tokens=read, output_tokens=written),
        processing_ms=processing_ms,
    )


def _prompt(row: tuple[Any, ...]) -> Prompt:
    version, role, instructions, context, temperature, max_tokens, active, created_at = row
    return Prompt(
        version=version,
        role=role,
        instructions=instructions,
        context=context,
        temperature=temperature,
        max_tokens=max_tokens,
        active=active,
        created_at=created_at,
    )
