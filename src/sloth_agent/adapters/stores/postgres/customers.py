"""What one tenant holds about the people who ask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from sloth_agent.adapters.stores.postgres.conversations import (
    CONVERSATION,
    MESSAGE,
    conversation_of,
    message_of,
)
from sloth_agent.adapters.stores.postgres.database import Row, TenantDatabase, rows_of_each
from sloth_agent.adapters.stores.postgres.table_copies import ONE_MOMENT
from sloth_agent.adapters.stores.postgres.usage import changing
from sloth_agent.agent.models import Customer, Message
from sloth_agent.agent.ports import (
    ChatTrace,
    Held,
    SentByChannel,
    SentFile,
    SentFiles,
    ToldByChannel,
    Transcript,
)
from sloth_agent.billing.allowance import Resource, lasting_room
from sloth_agent.billing.models import NO_LIMITS
from sloth_agent.channels.chat_files import chat_file_key
from sloth_agent.knowledge.models import photo_key

_OF: LiteralString = "source = %s and external_id = %s"
_CHATS_OF: LiteralString = (
    "channel_chats.customer = %s and channel_chats.integration_id in"
    " (select integrations.id from integrations where type = %s)"
)
_CHAT_IDS: LiteralString = f"select id from channel_chats where {_CHATS_OF}"
_IN_CHATS: LiteralString = f"chat_id in ({_CHAT_IDS})"

# A release of before names nobody with a photo: it is known by its event, which has the same id.
_UNNAMED: LiteralString = (
    "photos.external_id is null and photos.id in"
    f" (select channel_events.id from channel_events where {_IN_CHATS})"
)
_PHOTOS_OF: LiteralString = f"{_OF} or {_UNNAMED}"
_NAMING: LiteralString = f"update photos set source = %s, external_id = %s where {_UNNAMED}"
_BYTES_FREED: LiteralString = (
    "select -coalesce(sum(size_bytes), 0)::bigint as change from"
    f" (select size_bytes from photos where {_OF}"
    f" union all select size_bytes from chat_files where {_OF}) as gone"
)


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
            chats, told, sent = await rows_of_each(
                connection,
                "select id, name, state, language, created_at, last_heard_at from channel_chats"
                f" where {_CHATS_OF} order by created_at, id;"
                f" select chat_id, received_at, payload from channel_events where {_IN_CHATS}"
                " order by channel_events.id;"
                " select coalesce(about, chat_id), queued_at, ended_at, text from channel_outbox"
                f" where coalesce(about, chat_id) in ({_CHAT_IDS})"
                " order by channel_outbox.id",
                who * 3,
            )
        return [_trace(chat, _by_chat(told), _by_chat(sent)) for chat in chats]

    async def files(self, customer: Customer) -> SentFiles:
        source, id = customer.source, customer.external_id
        photos, documents = await self.database.at_once(
            self.schema,
            "select id, title, media_type, size_bytes, created_at from photos"
            f" where {_PHOTOS_OF} order by id;"
            " select id, name, media_type, size_bytes, created_at from chat_files"
            f" where {_OF} order by id",
            (source, id, id, source, source, id),
        )
        return SentFiles(
            photos=[_sent(row, photo_key) for row in photos],
            documents=[_sent(row, chat_file_key) for row in documents],
        )

    async def held(self, customer: Customer) -> Held:
        source, id = customer.source, customer.external_id
        counts, chats, photos, documents = await self.database.at_once(
            self.schema,
            f"select message_count from conversations where {_OF};"
            f" select id from channel_chats where {_CHATS_OF};"
            f" select id from photos where {_PHOTOS_OF};"
            f" select id from chat_files where {_OF}",
            (source, id, id, source, source, id, id, source, source, id),
        )
        return _held(counts, chats, photos, documents)

    async def erase(self, customer: Customer) -> tuple[Held, Sequence[str]]:
        # In the order of whoever answers a chat: the conversation first, what came by it once the
        # chat is gone, and nobody adds to it any more; the counters last.
        source, id = customer.source, customer.external_id
        freed, counted = changing(
            _BYTES_FREED, self.schema, lasting_room(Resource.STORAGE_BYTES, NO_LIMITS)
        )
        counts, chats, photos, documents = await self.database.at_once(
            self.schema,
            f"{_NAMING}; delete from conversations where {_OF} returning message_count;"
            f" delete from channel_chats where {_CHATS_OF} returning id;"
            f" select id from photos where {_OF} for update;"
            f" select id from chat_files where {_OF} for update; {freed};"
            f" delete from photos where {_OF}; delete from chat_files where {_OF}",
            (
                *(source, id, id, source),
                *(source, id, id, source),
                *(source, id, source, id),
                *(source, id, source, id, *counted),
                *(source, id, source, id),
            ),
        )
        keys = [photo_key(id) for (id,) in photos] + [chat_file_key(id) for (id,) in documents]
        return _held(counts, chats, photos, documents), keys


def _held(
    counts: Sequence[Row], chats: Sequence[Row], photos: Sequence[Row], documents: Sequence[Row]
) -> Held:
    return Held(
        conversations=len(counts),
        messages=sum(count for (count,) in counts),
        chats=len(chats),
        photos=len(photos),
        documents=len(documents),
    )


def _sent(row: Row, file_key: Callable[[Any], str]) -> SentFile:
    id, name, media_type, size_bytes, created_at = row
    return SentFile(
        id=id,
        name=name,
        media_type=media_type,
        size_bytes=size_bytes,
        created_at=created_at,
        file_key=file_key(id),
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
    )
