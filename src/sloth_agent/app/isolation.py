"""Tries to cross the walls between two tenants of a live install, in every way the library has.

The tenants are made for it and removed afterwards. One of them holds a canary: a text that exists
nowhere else. The other one asks for it, by its own services with the neighbour's ids and by raw
statements under its own role. A leak is the canary in whatever comes back, an error that differs
from that for an id which nobody has, or a change in the neighbour's rows and files.
"""

import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import uuid4

import psycopg
from psycopg import sql

from sloth_agent.adapters.stores.postgres.database import Connection, Database
from sloth_agent.agent.evaluation import KnownQuestion
from sloth_agent.agent.models import ConversationSource, Customer
from sloth_agent.app.sloth import AsyncSloth, AsyncTenant
from sloth_agent.channels.chat_files import chat_file_key
from sloth_agent.channels.chats import Chat, Event
from sloth_agent.channels.messages import Attachment
from sloth_agent.channels.models import Credentials, IntegrationType
from sloth_agent.errors import SlothError
from sloth_agent.ids import (
    ChatFileId,
    ChatId,
    ChunkId,
    ConversationId,
    DocumentId,
    EventId,
    IntegrationId,
    PhotoId,
    new_id,
)
from sloth_agent.tenants.audit import SYSTEM
from sloth_agent.tenants.models import MAIN_DATABASE

Call = Callable[[], Awaitable[object]]

PICTURE = base64.b64decode("R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=")
"""One pixel, black."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One way through the walls."""

    attempt: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What the attempts in one database came to."""

    database: str
    attempts: int
    leaks: tuple[Leak, ...]
    both_walls: bool  # False: the account may make no roles, and the search path stands alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the intruder knows, or guesses, of somebody: ids and a word of the documents."""

    document: DocumentId
    chunk: ChunkId
    photo: PhotoId
    integration: IntegrationId
    event: EventId
    chat: ChatId
    chat_file: ChatFileId
    conversation: ConversationId
    schema: str
    file_key: str
    photo_key: str
    word: str

    def unnamed(self, text: str) -> str:
        """What was asked for is repeated in answers, and tells nothing."""
        things = (self.document, self.chunk, self.photo, self.integration, self.event)
        ids = (*things, self.chat, self.chat_file, self.conversation)
        known = (*map(str, ids), self.schema, self.file_key, self.photo_key, self.word)
        return re.sub("|".join(map(re.escape, known)), "?", text)


NOBODY = Target(
    document=DocumentId(new_id()),
    chunk=ChunkId(new_id()),
    photo=PhotoId(new_id()),
    integration=IntegrationId(new_id()),
    event=EventId(new_id()),
    chat=ChatId(new_id()),
    chat_file=ChatFileId(new_id()),
    conversation=ConversationId(new_id()),
    schema="t_" + "0" * 32,
    file_key="0" * 32,
    photo_key="1" * 32,
    word="unheardof",
)


async def examine_isolation(sloth: AsyncSloth) -> list[Isolation]:
    """In each database make two tenants, try everything, remove them."""
    names = (MAIN_DATABASE, *sloth.settings.databases)
    return [await examine_isolation_in(name, sloth) for name in names]


async def examine_isolation_in(name: str, sloth: AsyncSloth) -> Isolation:
    """One database."""
    async with _throw_away(sloth, name) as intruder, _throw_away(sloth, name) as neighbour:
        canary = f"canary{uuid4().hex}"
        target = await _settled(neighbour, canary)
        before = await _fingerprint(neighbour, target)
        attempts = [
            *[attempt async for attempt in _by_the_library(intruder, target, canary)],
            *[attempt async for attempt in _by_statements(intruder, neighbour)],
            ("all of these", await _changed(neighbour, target, before)),
        ]
        return Isolation(
            database=name,
            attempts=len(attempts),
            leaks=tuple(Leak(attempt=name, what=what) for name, what in attempts if what),
            both_walls=intruder.services.database.walls is not None,
        )


@asynccontextmanager
async def _throw_away(sloth: AsyncSloth, database: str) -> AsyncIterator[AsyncTenant]:
    slug = f"isolation-{uuid4().hex}"
    try:
        await sloth.create_tenant(slug, database=database)
        yield await sloth.tenant(slug)
    finally:
        await sloth.delete_tenant(slug)


async def _told(tenant: AsyncTenant, integration: IntegrationId, canary: str) -> Event:
    """Somebody wrote, and nobody answers for as long as this lasts."""
    now = tenant.services.backends.clock()
    chat = Chat.new(integration, canary, customer=canary, name=canary, now=now)
    event = Event(
        id=EventId(new_id()),
        integration=integration,
        external_id=canary,
        chat=chat.id,
        payload={"text": canary},
        received_at=now,
    )
    await tenant.services.inbox_store.receive(event, chat, now=now, due=now + timedelta(days=1))
    return event


async def _settled(tenant: AsyncTenant, canary: str) -> Target:
    """Give a tenant words wherever it keeps some; the canary is in all, and nobody is told it."""
    word = f"word{uuid4().hex}"
    text = f"The {word} costs 40 euro, says {canary}."
    outcome = await tenant.ingest_content(f"{word} {canary}.md", text.encode())
    assert outcome.document_id is not None, "a text can be read"
    photo = await tenant.add_photo(f"{word} {canary}.gif", PICTURE)
    integration = await tenant.services.integrations.add(
        IntegrationType.TELEGRAM,
        Credentials({"token": canary}),
        settings={"username": canary},
        by=SYSTEM,
    )
    answer = await tenant.chat(f"How much is the {word}, {canary}?", external_id=word)
    await tenant.set_prompt(instructions=f"Say {canary}.")
    await tenant.change_profile(business_name=canary)
    await tenant.change_hours(away_text=canary)
    told = await _told(tenant, integration.id, canary)
    file = await tenant.services.chat_files.keep(
        Attachment(key=canary, name=f"{canary}.pdf", media_type="application/pdf"),
        canary.encode(),
        id=ChatFileId(new_id()),
        chat=told.chat,
        customer=Customer(source=ConversationSource.TELEGRAM, external_id=canary),
    )
    return Target(
        document=outcome.document_id,
        chunk=answer.chunks_used[0],
        photo=photo.id,
        integration=integration.id,
        event=told.id,
        chat=told.chat,
        chat_file=file.id,
        conversation=answer.conversation_id,
        schema=tenant.services.schema,
        file_key=(await tenant.document(outcome.document_id)).file_key,
        photo_key=photo.file_key,
        word=word,
    )


async def _by_the_library(
    tenant: AsyncTenant, target: Target, canary: str
) -> AsyncIterator[tuple[str, str | None]]:
    """Each call, and what it lets through."""
    blind = library_calls(tenant, NOBODY)
    for name, call in library_calls(tenant, target).items():
        there, nowhere = await _outcome(call), await _outcome(blind[name])
        if canary in there:
            yield name, "shows the neighbour's words"
        elif _errors_differ(target.unnamed(there), NOBODY.unnamed(nowhere)):
            yield name, "tells that the neighbour has something"
        else:
            yield name, None


def library_calls(tenant: AsyncTenant, target: Target) -> dict[str, Call]:
    """Every method of a tenant, aimed at what is somebody else's; the name of the method first."""
    files = tenant.services.documents.files
    outside = f"../{target.schema}/{target.file_key}"
    word = target.word

    async def chat_stream() -> object:
        parts = tenant.chat_stream(f"How much is the {word}?", conversation=target.conversation)
        return [part async for part in parts]

    async def credentials() -> object:
        return (await tenant.services.integrations.credentials(target.integration)).values

    async def try_stream() -> object:
        return [part async for part in tenant.try_stream(f"How much is the {word}?")]

    return {
        "search": lambda: tenant.search(word),
        "search within the document": lambda: tenant.search("euro", documents=[f"{word}*"]),
        "chat": lambda: tenant.chat(f"How much is the {word}?"),
        "chat in the conversation": lambda: tenant.chat(
            f"How much is the {word}?", conversation=target.conversation
        ),
        "chat_stream": chat_stream,
        "try_stream": try_stream,
        "passages": lambda: tenant.passages([target.chunk]),
        "evaluate": lambda: tenant.evaluate([KnownQuestion(question=word, answers=("40",))]),
        "documents": tenant.documents,
        "documents after it": lambda: tenant.documents(after=target.document),
        "document": lambda: tenant.document(target.document),
        "delete_document": lambda: tenant.delete_document(target.document),
        "photos": tenant.photos,
        "photos after it": lambda: tenant.photos(after=target.photo),
        "photo": lambda: tenant.photo(target.photo),
        "delete_photo": lambda: tenant.delete_photo(target.photo),
        "add_photo": lambda: tenant.add_photo(f"{word}.gif", PICTURE),
        "add_photo_file": lambda: tenant.add_photo_file(outside),
        "integrations": tenant.integrations,
        "integrations after it": lambda: tenant.integrations(after=target.integration),
        "credentials of the integration": credentials,
        "connect": lambda: tenant.connect(IntegrationType.GOOGLE_CALENDAR, {"token": word}),
        "connect_web": lambda: tenant.connect_web([f"https://{word}.example"]),
        "disconnect": lambda: tenant.disconnect(target.integration),
        "check_integration": lambda: tenant.check_integration(target.integration),
        "channel_events": tenant.channel_events,
        "channel_events before it": lambda: tenant.channel_events(before=target.event),
        "replay": lambda: tenant.replay(target.event),
        "staff_code": lambda: tenant.staff_code(target.integration),
        "set_hand_over_words": lambda: tenant.set_hand_over_words(target.integration, [word]),
        "chats": tenant.chats,
        "chats before it": lambda: tenant.chats(before=target.chat),
        "show_chat": lambda: tenant.show_chat(target.chat),
        "answer_chat": lambda: tenant.answer_chat(target.chat, word),
        "take_chat": lambda: tenant.take_chat(target.chat),
        "give_back_chat": lambda: tenant.give_back_chat(target.chat),
        "set_files_kept": lambda: tenant.set_files_kept(target.integration, True),
        "chat_files": tenant.chat_files,
        "chat_files of the chat": lambda: tenant.chat_files(target.chat),
        "chat_files after it": lambda: tenant.chat_files(after=target.chat_file),
        "chat_file": lambda: tenant.chat_file(target.chat_file),
        "chat_file_content": lambda: tenant.chat_file_content(target.chat_file),
        "delete_chat_file": lambda: tenant.delete_chat_file(target.chat_file),
        "conversations": tenant.conversations,
        "conversations before it": lambda: tenant.conversations(before=target.conversation),
        "messages": lambda: tenant.messages(target.conversation),
        "export_customer": lambda: tenant.export_customer(f"api:{word}"),
        "delete_customer": lambda: tenant.delete_customer(f"api:{word}"),
        "prompt": tenant.prompt,
        "prompt_history": tenant.prompt_history,
        "rollback_prompt": lambda: tenant.rollback_prompt(1),
        "set_prompt": lambda: tenant.set_prompt(role="I answer."),
        "profile": tenant.profile,
        "change_profile": lambda: tenant.change_profile(timezone="UTC"),
        "change_hours": lambda: tenant.change_hours(away_text=word),
        "usage": tenant.usage,
        "limit_notices": tenant.limit_notices,
        "index": tenant.index,
        "advice": tenant.advice,
        "rebuild": tenant.rebuild,
        "ask_for_rebuild": tenant.ask_for_rebuild,
        "ingest": lambda: tenant.ingest(outside),
        "keep_document": lambda: tenant.keep_document(f"{word}.md", b"Nothing of interest."),
        "reading_of": lambda: tenant.reading_of(target.document),
        "ingest_content": lambda: tenant.ingest_content(f"{word}.md", b"Nothing of interest."),
        "the file": lambda: files.read(target.file_key),
        "the file by a way out": lambda: files.read(outside),
        "the photo's file": lambda: files.read(target.photo_key),
        "deleting the file": lambda: files.delete(target.file_key),
        "deleting the file by a way out": lambda: files.delete(outside),
        "the chat file's bytes": lambda: files.read(chat_file_key(target.chat_file)),
        "deleting the chat file's bytes": lambda: files.delete(chat_file_key(target.chat_file)),
        "deleting the photo's file": lambda: files.delete(target.photo_key),
        "writing the file by a way out": lambda: files.write(outside, b"planted"),
    }


async def _outcome(call: Call) -> str:
    """All that comes back, in letters."""
    try:
        return f"answer {await call()!r}"
    except (SlothError, ValueError) as error:
        return f"error {type(error).__name__}: {error}"


def _errors_differ(one: str, other: str) -> bool:
    """Answers hold times and new ids; errors are to be the same, and both or none."""
    if one.startswith("answer") and other.startswith("answer"):
        return False
    return one != other


async def _by_statements(
    intruder: AsyncTenant, neighbour: AsyncTenant
) -> AsyncIterator[tuple[str, str | None]]:
    """Each statement, under the intruder's role and under none, and what it lets through.

    Those that name the neighbour's schema are left out where there are no roles: only the second
    wall stands in their way.
    """
    database = intruder.services.database
    schema = neighbour.services.schema
    tables = [(schema, table) for table in await _tables(neighbour.services.database, schema)]
    for _, table in tables:
        forgotten = sql.SQL("select from {}").format(sql.Identifier(table))
        yield f"read {table}, the tenant forgotten", await _reached(database, None, forgotten)
    if database.walls is None:
        return
    shared = [("public", table) for table in await _tables(database, "public")]
    for place, table in [*tables, *shared]:
        for kind, statement in _reaching(place, table, schema).items():
            reached = await _reached(database, intruder.services.schema, statement)
            yield f"{kind} {'the shared' if place == 'public' else 'its'} {table}", reached
    for kind, statement in _reaching_schema(schema).items():
        yield kind, await _reached(database, intruder.services.schema, statement)
    for place, table in tables:
        statement = sql.SQL("select from {}").format(sql.Identifier(place, table))
        yield f"read its {table} without a tenant", await _reached(database, None, statement)


def _reaching(place: str, table: str, schema: str) -> dict[str, sql.Composed]:
    """Of a shared table, the rows that are the intruder's own do not count."""
    known = {"table": sql.Identifier(place, table), "schema": sql.Literal(schema)}
    others = sql.SQL(" as kept where to_jsonb(kept)::text ~ {schema}").format(**known)
    whose = sql.SQL("") if place == schema else others
    kinds = {
        "read": sql.SQL("select from {table}{whose}"),
        "lock": sql.SQL("select from {table}{whose} for update"),
        "delete from": sql.SQL("delete from {table}{whose}"),
        "truncate": sql.SQL("truncate {table}"),
        "change": sql.SQL("alter table {table} add column planted integer"),
        "drop": sql.SQL("drop table {table} cascade"),
    }
    return {kind: text.format(whose=whose, **known) for kind, text in kinds.items()}


def _reaching_schema(schema: str) -> dict[str, sql.Composed]:
    name = sql.Identifier(schema)
    return {
        "plant a table": sql.SQL("create table {}.planted (id integer)").format(name),
        "rename the schema": sql.SQL("alter schema {} rename to planted").format(name),
        "drop the schema": sql.SQL("drop schema {} cascade").format(name),
        "grant oneself the schema": sql.SQL("grant all on schema {} to public").format(name),
    }


async def _reached(database: Database, schema: str | None, statement: sql.Composed) -> str | None:
    """What a statement does to others; taken back in any case."""
    entered = database.shared() if schema is None else database.inside(schema)
    try:
        async with entered as connection, connection.transaction(force_rollback=True):
            done = await connection.execute(statement)
    except (SlothError, psycopg.Error):
        return None
    # -1 for statements that are not about rows.
    return None if done.rowcount == 0 else "is not refused by the database"


async def _tables(database: Database, schema: str) -> list[str]:
    async with database.owning() as connection:
        found = await connection.execute(
            "select tablename from pg_tables where schemaname = %s order by tablename", (schema,)
        )
        return [table for (table,) in await found.fetchall()]


async def _changed(neighbour: AsyncTenant, target: Target, before: str) -> str | None:
    after = await _fingerprint(neighbour, target)
    return None if after == before else "changed what the neighbour has"


async def _fingerprint(tenant: AsyncTenant, target: Target) -> str:
    """Of all rows and of the files."""
    database, schema = tenant.services.database, tenant.services.schema
    tables = await _tables(database, schema)
    async with database.inside(schema) as connection:
        rows = [await _digest(connection, table) for table in tables]
    read = tenant.services.documents.files.read
    keys = (target.file_key, target.photo_key, chat_file_key(target.chat_file))
    files = [await _outcome(partial(read, key)) for key in keys]
    return repr((rows, files))


async def _digest(connection: Connection, table: str) -> str:
    found = await connection.execute(
        sql.SQL(
            "select md5(coalesce(string_agg(kept::text, ' ' order by kept::text), ''))"
            " from {} as kept"
        ).format(sql.Identifier(table))
    )
    return str((await found.fetchone() or ("",))[0])
