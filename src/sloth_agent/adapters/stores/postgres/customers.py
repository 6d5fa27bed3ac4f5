"""What one tenant holds about the people who ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from sloth_agent.adapters.stores.postgres.conversations import (
    CONVERSATION,
    MESSAGE,
    conversation_of,
    message_of,
)
from sloth_agent.adapters.stores.postgres.database import Row, TenantDatabase, rows_of_each
from sloth_agent.adapters.stores.postgres.table_copies import ONE_MOMENT
from sloth_agent.agent.models import Customer, Message
from sloth_agent.agent.ports import ChatTrace, Held, SentByChannel, ToldByChannel, Transcript
from sloth_agent.ids import PhotoId

_OF: LiteralString = "source = %s and external_id = %s"
_CHATS_OF: LiteralString = (
    "channel_chats.customer = %s and channel_chats.integration_id in"
    " (select integrations.id from integrations where type = %s)"
)
_CHAT_IDS: LiteralString = f"select id from channel_chats where {_CHATS_OF}"
_IN_CHATS: LiteralString = f"chat_id in ({_CHAT_IDS})"


@dataclass(frozen=True, slots=True)
class PostgresCustomers:
    """`CustomerStore` within one tenant's schema."""

    database: TenantDatabase
    schema: str

    async def transcripts(self, customer: Customer) -> Sequence[Transcript]:
        async with self.database.inside(self.schema, settings=ONE_MOMENT) as connection:
            found = await connection.execute(
                f"select {CONVERSATION} from conversations where {_OF} order by id",
                (customer.source, customer.external_id),
            )
            conversations = [conversation_of(row) for row in await found.fetchall()]
            found = await connection.execute(
                f"select conversation_id, {MESSAGE} from messages"
                " where conversation_id = any(%s) order by id",
                ([conversation.id for conversation in conversations],),
            )
            messages: dict[UUID, list[Message]] = {}
            for id, *row in await found.fetchall():
                messages.setdefault(id, []).append(message_of(tuple(row)))
        return [
            Transcript(conversation=conversation, messages=messages.get(conversation.id, []))
            for conversation in conversations
        ]

    async def chats(self, customer: Customer) -> Sequence[ChatTrace]:
        who = (customer.external_id, customer.source)
        async with self.database.inside(self.schema, settings=ONE_MOMENT) as connection:
            chats, told, sent, photos = await rows_of_each(
                connection,
                "select id, name, state, language, created_at, last_heard_at from channel_chats"
                f" where {_CHATS_OF} order by created_at, id;"
                f" select chat_id, received_at, payload from channel_events where {_IN_CHATS}"
                " order by channel_events.id;"
                " select coalesce(about, chat_id), queued_at, ended_at, text from channel_outbox"
                f" where coalesce(about, chat_id) in ({_CHAT_IDS})"
                " order by channel_outbox.id;"
                " select chat_id, photos.id from channel_events join photos using (id)"
                f" where {_IN_CHATS} order by photos.id",
                who * 4,
            )
        return [_trace(chat, _by_chat(told), _by_chat(sent), _by_chat(photos)) for chat in chats]

    async def held(self, customer: Customer) -> Held:
        return await self._counted(
            customer,
            f"select message_count from conversations where {_OF};"
            f" select id from channel_chats where {_CHATS_OF}",
        )

    async def erase(self, customer: Customer) -> Held:
        # In the order of whoever answers a chat: the conversation first.
        return await self._counted(
            customer,
            f"delete from conversations where {_OF} returning message_count;"
            f" delete from channel_chats where {_CHATS_OF} returning id",
        )

    async def _counted(self, customer: Customer, statements: LiteralString) -> Held:
        source, id = customer.source, customer.external_id
        counts, chats = await self.database.at_once(
            self.schema, statements, (source, id, id, source)
        )
        return Held(
            conversations=len(counts), messages=sum(count for (count,) in counts), chats=len(chats)
        )


def _by_chat(rows: Sequence[Row]) -> Mapping[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = {}
    for chat, *values in rows:
        found.setdefault(chat, []).append(tuple(values))
    return found


def _trace(
    chat: Row,
    told: Mapping[UUID, list[Row]],
    sent: Mapping[UUID, list[Row]],
    photos: Mapping[UUID, list[Row]],
) -> ChatTrace:
    id, name, state, language, created_at, last_heard_at = chat
    return ChatTrace(
        id=id,
        name=name,
        state=state,
        language=language,
        first_heard_at=created_at,
        last_heard_at=last_heard_at,
        told=[ToldByChannel(received_at=at, payload=what) for at, what in told.get(id, ())],
        sent=[
            SentByChannel(queued_at=at, ended_at=ended, text=text)
            for at, ended, text in sent.get(id, ())
        ],
        photos=[PhotoId(photo) for (photo,) in photos.get(id, ())],
    )
