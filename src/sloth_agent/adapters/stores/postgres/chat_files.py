"""The documents that customers of one tenant sent."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import LiteralString

import psycopg

from sloth_agent.adapters.stores.postgres.database import Connection, Row, TenantDatabase
from sloth_agent.adapters.stores.postgres.usage import PostgresUsage, adding_if, changing
from sloth_agent.agent.models import ConversationSource, Customer
from sloth_agent.billing.allowance import Resource, lasting_room
from sloth_agent.billing.models import NO_LIMITS, Limits
from sloth_agent.channels.chat_files import ChatFile, chat_file_key
from sloth_agent.errors import ChatMoved
from sloth_agent.ids import ChatFileId, ChatId

_COLUMNS: LiteralString = (
    "id, chat_id, source, external_id, name, media_type, size_bytes, created_at"
)

# First of all: whoever erases a chat waits until what came by it is recorded, and then finds it.
CHAT_HELD: LiteralString = "select 1 from channel_chats where id = %s for key share"

_RECORDED: LiteralString = (
    f"insert into chat_files ({_COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s)"
    " on conflict (id) do nothing returning 1"
)

# Its row is held already: who counts takes the counters last.
_FREED: LiteralString = "select -size_bytes as change from chat_files where id = %s"


@dataclass(frozen=True, slots=True)
class PostgresChatFiles:
    """`ChatFileStore` within one tenant's schema."""

    database: TenantDatabase
    schema: str

    async def add(self, file: ChatFile, *, limits: Limits = NO_LIMITS) -> None:
        recording, counted = adding_if(
            _RECORDED, self.schema, lasting_room(Resource.STORAGE_BYTES, limits), file.size_bytes
        )
        try:
            async with PostgresUsage(self.database, self.schema).within(limits):
                await self.database.at_once(
                    self.schema,
                    f"{CHAT_HELD}; {recording}",
                    (file.chat, *_values(file), *counted),
                )
        except psycopg.errors.ForeignKeyViolation as error:
            raise erased_meanwhile() from error

    async def find(self, id: ChatFileId) -> ChatFile | None:
        [rows] = await self.database.at_once(
            self.schema, f"select {_COLUMNS} from chat_files where id = %s", (id,)
        )
        return _only(rows)

    async def all(
        self, *, chat: ChatId | None = None, limit: int, after: ChatFileId | None = None
    ) -> Sequence[ChatFile]:
        [rows] = await self.database.at_once(
            self.schema,
            f"select {_COLUMNS} from chat_files where (%s::uuid is null or chat_id = %s)"
            " and (%s::uuid is null or id > %s) order by id limit %s",
            (chat, chat, after, after, limit),
        )
        return [_file(row) for row in rows]

    async def delete(self, id: ChatFileId) -> ChatFile | None:
        size, size_counted = changing(
            _FREED, self.schema, lasting_room(Resource.STORAGE_BYTES, NO_LIMITS)
        )
        [gone] = await self.database.at_once(
            self.schema,
            f"select {_COLUMNS} from chat_files where id = %s for update; {size};"
            " delete from chat_files where id = %s",
            (id, id, *size_counted, id),
        )
        return _only(gone)

    async def file_keys(self) -> Collection[str]:
        async with self.database.inside(self.schema) as connection:
            return await files_of_chats(connection)


def erased_meanwhile() -> ChatMoved:
    return ChatMoved("The chat was erased meanwhile.", hint="Look at it again.")


async def files_of_chats(connection: Connection) -> list[str]:
    """Keys of all that customers sent."""
    found = await connection.execute("select id from chat_files order by id")
    return [chat_file_key(id) for (id,) in await found.fetchall()]


def _values(file: ChatFile) -> tuple[object, ...]:
    return (
        file.id,
        file.chat,
        file.customer.source,
        file.customer.external_id,
        file.name,
        file.media_type,
        file.size_bytes,
        file.created_at,
    )


def _only(rows: Sequence[Row]) -> ChatFile | None:
    return _file(rows[0]) if rows else None


def _file(row: Row) -> ChatFile:
    id, chat, source, external_id, name, media_type, size_bytes, created_at = row
    return ChatFile(
        id=ChatFileId(id),
        chat=ChatId(chat) if chat else None,
        customer=Customer(source=ConversationSource(source), external_id=external_id),
        name=name,
        media_type=media_type,
        size_bytes=size_bytes,
        created_at=created_at,
    )
