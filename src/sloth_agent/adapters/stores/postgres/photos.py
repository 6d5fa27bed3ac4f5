"""The photos of one tenant."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import LiteralString

from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.chat_files import CHAT_HELD, erased_meanwhile
from sloth_agent.adapters.stores.postgres.database import (
    Connection,
    Row,
    TenantDatabase,
    rows_of_each,
)
from sloth_agent.adapters.stores.postgres.usage import PostgresUsage, adding, changing, ending
from sloth_agent.billing.allowance import Hold, Resource, lasting_room
from sloth_agent.billing.models import NO_LIMITS, Limits
from sloth_agent.errors import Conflict, Problem
from sloth_agent.ids import ChatId, PhotoId
from sloth_agent.knowledge.models import Photo, PhotoStatus, Sender, photo_key

_COLUMNS: LiteralString = (
    "id, title, media_type, size_bytes, width, height, created_at, status, labels, text, objects,"
    " faces, problem, source, external_id"
)

# Its row is held already: who counts takes the counters last.
_FREED: LiteralString = "select -size_bytes as change from photos where id = %s"


@dataclass(frozen=True, slots=True)
class PostgresPhotos:
    """`PhotoStore` within one tenant's schema."""

    database: TenantDatabase
    schema: str

    async def add(
        self,
        photo: Photo,
        *,
        hold: Hold,
        limits: Limits = NO_LIMITS,
        chat: ChatId | None = None,
    ) -> None:
        one, one_counted = ending(self.schema, hold)
        size, size_counted = adding(
            self.schema, lasting_room(Resource.STORAGE_BYTES, limits), photo.size_bytes
        )
        recording = (
            f"{CHAT_HELD}; insert into photos ({_COLUMNS})"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s);"
            f" {one}; {size}"
        )
        usage = PostgresUsage(self.database, self.schema)
        async with usage.within(limits), self.database.inside(self.schema) as connection:
            [held, counted] = await rows_of_each(
                connection, recording, (chat, *_values(photo), *one_counted, *size_counted)
            )
            if chat is not None and not held:
                raise erased_meanwhile()
            if not counted:
                raise Conflict(
                    "The photo came so late that its place was given away.", hint="Add it again."
                )

    async def find(self, id: PhotoId) -> Photo | None:
        [rows] = await self.database.at_once(
            self.schema, f"select {_COLUMNS} from photos where id = %s", (id,)
        )
        return _only(rows)

    async def all(self, *, limit: int, after: PhotoId | None = None) -> Sequence[Photo]:
        [rows] = await self.database.at_once(
            self.schema,
            f"select {_COLUMNS} from photos where %s::uuid is null or id > %s order by id limit %s",
            (after, after, limit),
        )
        return [_photo(row) for row in rows]

    async def delete(self, id: PhotoId) -> Photo | None:
        size, size_counted = changing(
            _FREED, self.schema, lasting_room(Resource.STORAGE_BYTES, NO_LIMITS)
        )
        [gone] = await self.database.at_once(
            self.schema,
            f"select {_COLUMNS} from photos where id = %s for update; {size};"
            " delete from photos where id = %s",
            (id, id, *size_counted, id),
        )
        return _only(gone)

    async def file_keys(self) -> Collection[str]:
        async with self.database.inside(self.schema) as connection:
            return await photo_files(connection)


async def photo_files(connection: Connection) -> list[str]:
    """Keys of the original files of all photos."""
    found = await connection.execute("select id from photos order by id")
    return [photo_key(id) for (id,) in await found.fetchall()]


def _values(photo: Photo) -> tuple[object, ...]:
    return (
        photo.id,
        photo.title,
        photo.media_type,
        photo.size_bytes,
        photo.width,
        photo.height,
        photo.created_at,
        photo.status,
        Jsonb(photo.labels),
        photo.text,
        Jsonb(photo.objects),
        photo.faces,
        Jsonb(asdict(photo.problem)) if photo.problem else None,
        photo.sender.source if photo.sender else None,
        photo.sender.external_id if photo.sender else None,
    )


def _only(rows: Sequence[Row]) -> Photo | None:
    return _photo(rows[0]) if rows else None


def _photo(row: Row) -> Photo:
    (id, title, media_type, size_bytes, width, height, created_at, status, labels, text, objects,
     faces, problem, source, external_id) = row  # fmt: skip
    return Photo(
        id=PhotoId(id),
        title=title,
        media_type=media_type,
        size_bytes=size_bytes,
        width=width,
        height=height,
        created_at=created_at,
        status=PhotoStatus(status),
        labels=tuple(labels),
        text=text,
        objects=tuple(objects),
        faces=faces,
        problem=Problem(**problem) if problem else None,
        sender=Sender(source=source, external_id=external_id) if external_id else None,
    )
