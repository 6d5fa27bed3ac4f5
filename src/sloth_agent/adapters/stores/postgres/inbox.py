"""What came in by the channels of one tenant, and what goes out."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import LiteralString

import psycopg
from psycopg.types.json import Jsonb

from sloth_agent.adapters.stores.postgres.conversations import (
    appending,
    erased_meanwhile,
    starting,
    too_late,
)
from sloth_agent.adapters.stores.postgres.costs import charging
from sloth_agent.adapters.stores.postgres.database import (
    Row,
    Statement,
    TenantDatabase,
    rows_of_each,
)
from sloth_agent.adapters.stores.postgres.jobs import (
    WAKING,
    asking_unless_done_now,
    ending_or_again,
    hastening,
    holding,
    lost,
)
from sloth_agent.adapters.stores.postgres.usage import ending
from sloth_agent.agent.models import Conversation, Speaker
from sloth_agent.billing.allowance import Hold
from sloth_agent.billing.costs import NO_BILL, Bill
from sloth_agent.channels.chats import (
    Chat,
    ChatState,
    Event,
    EventOutcome,
    Outgoing,
    Standing,
    Step,
)
from sloth_agent.channels.inbox import reply_job
from sloth_agent.channels.messages import Button, KnownMessage, Original, Part
from sloth_agent.errors import ChatMoved, NotFound, Problem, RecipientGone
from sloth_agent.ids import ChatId, ConversationId, EventId, IntegrationId, JobId, OutgoingId
from sloth_agent.jobs.models import Claim, JobKind
from sloth_agent.language import Language

_CHAT: LiteralString = (
    "id, integration_id, external_id, customer, name, conversation_id, language, state, unanswered,"
    " is_gone, thread, album, last_heard_at, created_at"
)
_EVENT: LiteralString = (
    "id, integration_id, external_id, chat_id, reference, payload, received_at, handled_at, outcome"
)
_OUTGOING: LiteralString = (
    "id, chat_id, recipient, text, original, buttons, reply_to, thread, queued_at, about"
)

_HEARING: LiteralString = (
    f"insert into channel_chats as kept ({_CHAT})"
    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    " on conflict (id) do update set name = excluded.name,"
    " last_heard_at = greatest(kept.last_heard_at, excluded.last_heard_at)"
)
_TELLING: LiteralString = (
    f"insert into channel_events ({_EVENT}) values (%s, %s, %s, %s, %s, %s, %s, null, null)"
    " on conflict (integration_id, external_id) do nothing"
)
_COUNTING_IN: LiteralString = (
    "update integrations set messages_in = messages_in + 1, last_activity_at = %s"
    " where id = %s and exists (select from channel_events where channel_events.id = %s)"
)
_CHANGING: LiteralString = (
    "update channel_chats set language = %s, is_gone = %s, thread = %s, album = %s,"
    " unanswered = %s,"
    " state = case when %s::text is null then state else %s end"
    " where id = %s and coalesce(%s, state) = state returning 1"
)
_MOVING: LiteralString = (
    "update channel_chats set unanswered = %s, state = %s"
    " where id = %s and coalesce(%s, state) = state returning 1"
)
_HANDLING: LiteralString = (
    "update channel_events set handled_at = %s, outcome = %s"
    " where id = any(%s) and handled_at is null"
)
_QUEUEING: LiteralString = (
    f"insert into channel_outbox ({_OUTGOING}) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_FORGETTING: LiteralString = (
    "with emptied as (update channel_events set payload = '{}'"
    " where handled_at < %s and payload <> '{}' returning 1),"
    " removed as (delete from channel_outbox where ended_at < %s returning 1)"
    " select (select count(*) from emptied) + (select count(*) from removed)"
)
_NOT_OF_STAFF: LiteralString = (
    "not exists (select from integrations where integrations.id = integration_id"
    " and settings ->> 'staff_chat' = channel_chats.external_id)"
)
_IS_OF_STAFF: LiteralString = (
    "exists (select from integrations where id = %s and settings ->> 'staff_chat' = %s)"
)
_NEWEST: LiteralString = (
    f"select {_CHAT} from unnest(%s::text[]) as wanted (wanted),"
    " lateral (select * from channel_chats"
    " where state = wanted and (%s::uuid is null or (last_heard_at, id) <"
    " (select last_heard_at, id from channel_chats where id = %s))"
    f" and {_NOT_OF_STAFF} order by last_heard_at desc, id desc limit %s) as newest"
    " order by last_heard_at desc, id desc limit %s"
)
_UNSENT: LiteralString = "reference is null and ended_at is null"
"""The first by itself is true of what was given up, too; an index finds both."""

_MORE: LiteralString = (
    "select id from channel_events where chat_id = %s and handled_at is null"
    f" union all select id from channel_outbox where chat_id = %s and {_UNSENT}"
)
_WITH_MORE: LiteralString = (
    "select id from channel_chats where integration_id = %s and (exists (select from channel_events"
    " where chat_id = channel_chats.id and handled_at is null) or exists (select from"
    f" channel_outbox where chat_id = channel_chats.id and {_UNSENT})) order by id"
)
_TAKING_UNSENT: LiteralString = (
    "update channel_outbox as kept set begun = true from (select id, begun from channel_outbox"
    f" where chat_id = %s and {_UNSENT}) as found where kept.id = found.id"
    " returning kept.id, chat_id, recipient, text, original, buttons, reply_to, thread, queued_at,"
    " about, is_late, found.begun"
)
_REFUSED_AS_LATE: LiteralString = (
    "select channel_outbox.id, chat_id from channel_outbox join channel_chats"
    " on channel_chats.id = chat_id where integration_id = %s and reference = %s and not is_late"
)
_SENDING_LATE: LiteralString = (
    "update channel_outbox set is_late = true, begun = false, ended_at = null, reference = null"
    " where id = %s"
)
COUNTED = 1000
KNOWN_BEFORE, KNOWN_AFTER = 50, 1000
_IN_ACCOUNT: LiteralString = (
    "join channel_chats on channel_chats.id = chat_id where reference is not null"
    " and channel_chats.integration_id = (select integration_id from channel_chats where id = %s)"
)
_HEARD: LiteralString = (
    "select channel_chats.external_id, reference, received_at from channel_events"
    f" {_IN_ACCOUNT} and channel_events.id"
)
_SAID: LiteralString = (
    f"select recipient, reference, ended_at from channel_outbox {_IN_ACCOUNT} and channel_outbox.id"
)
_LOSING: LiteralString = (
    "select problem from channel_outbox join channel_chats on channel_chats.id = chat_id"
    " where integration_id = %s and ended_at >= %s and problem ->> 'code' <> %s"
    " order by ended_at desc"
)
_OPENING: LiteralString = (
    f"insert into channel_chats as kept ({_CHAT})"
    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    " on conflict (id) do update set last_heard_at = excluded.last_heard_at,"
    " conversation_id = coalesce(kept.conversation_id, excluded.conversation_id)"
    f" returning {_CHAT}"
)
_COUNTING_BOTH: LiteralString = (
    "update integrations set messages_in = messages_in + %s, messages_out = messages_out + %s,"
    " last_activity_at = %s where id = %s"
)
_COUNTING_OUT: LiteralString = (
    "update integrations set messages_out = messages_out + 1, last_activity_at = %s where id ="
    " (select integration_id from channel_chats where id = %s)"
)


@dataclass(frozen=True, slots=True)
class PostgresInbox:
    """`InboxStore` within one tenant's schema."""

    database: TenantDatabase
    schema: str

    async def receive(
        self, event: Event, chat: Chat, *, now: datetime, due: datetime
    ) -> JobId | None:
        # The job first: whoever answers holds it before anything else, too.
        asking, asked = asking_unless_done_now(self.schema, reply_job(chat.id), now=now, due=due)
        hastened, values = hastening(self.schema, JobKind.REPLY, chat.id, due=due)
        with _integration_is_there(chat.integration):
            [begun, brought] = await self.database.at_once(
                self.schema,
                f"{asking}; {hastened} and {_IS_OF_STAFF} returning id;"
                f" {_HEARING}; {_TELLING}; {_COUNTING_IN}; {WAKING}",
                (
                    *asked,
                    *(*values, chat.integration, chat.external_id),
                    *_chat_values(chat),
                    *(event.id, event.integration, event.external_id, event.chat),
                    event.reference,
                    *(Jsonb(event.payload), event.received_at),
                    *(now, event.integration, event.id),
                ),
            )
        found = begun or brought
        return JobId(found[0][0]) if found else None

    async def chat(self, id: ChatId) -> Chat | None:
        [rows] = await self.database.at_once(
            self.schema, f"select {_CHAT} from channel_chats where id = %s", (id,)
        )
        return _chat(rows[0]) if rows else None

    async def chats(
        self, states: Collection[ChatState], *, limit: int, before: ChatId | None = None
    ) -> Sequence[Chat]:
        [rows] = await self.database.at_once(
            self.schema,
            _NEWEST,
            (list(states), before, before, limit, limit),
        )
        return [_chat(row) for row in rows]

    async def told_of(self, staff_chat: ChatId, reference: str) -> Chat | None:
        [rows] = await self.database.at_once(
            self.schema,
            f"select {_CHAT} from channel_chats where id in"
            " (select about from channel_outbox where chat_id = %s and reference = %s)",
            (staff_chat, reference),
        )
        return _chat(rows[0]) if rows else None

    async def event(self, id: EventId) -> Event | None:
        [rows] = await self.database.at_once(
            self.schema, f"select {_EVENT} from channel_events where id = %s", (id,)
        )
        return _event(rows[0]) if rows else None

    async def events(self, *, limit: int, before: EventId | None = None) -> Sequence[Event]:
        [rows] = await self.database.at_once(
            self.schema,
            f"select {_EVENT} from channel_events where %s::uuid is null or id < %s"
            " order by id desc limit %s",
            (before, before, limit),
        )
        return [_event(row) for row in rows]

    async def standing(self, integration: IntegrationId, *, since: datetime) -> Standing:
        [
            [(waiting, came)],
            [(failed,)],
            [(unsent, queued)],
            [(chats, gone)],
            lost,
        ] = await self.database.at_once(
            self.schema,
            "select count(*), min(received_at) from channel_events"
            " where integration_id = %s and handled_at is null;"
            " select count(*) from channel_events"
            " where integration_id = %s and handled_at >= %s and outcome = %s;"
            " select count(*), min(queued_at) from channel_outbox join channel_chats"
            " on channel_chats.id = chat_id where integration_id = %s and ended_at is null;"
            " select count(*), count(*) filter (where is_gone) from channel_chats"
            f" where integration_id = %s; {_LOSING}",
            (
                integration,
                *(integration, since, EventOutcome.FAILED),
                integration,
                integration,
                *(integration, since, RecipientGone.code),
            ),
        )
        return Standing(
            waiting=waiting,
            unsent=unsent,
            oldest=min(filter(None, (came, queued)), default=None),
            failed=failed,
            chats=chats,
            gone=gone,
            lost=len(lost),
            problem=Problem(**lost[0][0]) if lost else None,
        )

    async def turns(self, chat: ChatId, *, since: datetime) -> int:
        # What was joined was handled at one moment.
        [[(count,)]] = await self.database.at_once(
            self.schema,
            "select count(distinct handled_at) from (select handled_at, received_at, outcome"
            " from channel_events where chat_id = %s and handled_at is not null"
            " order by handled_at desc, id desc limit %s) as lately"
            " where received_at > %s and outcome in ('answered', 'passed_on', 'done')",
            (chat, COUNTED, since),
        )
        return int(count)

    async def was_refused(self, chat: ChatId) -> bool:
        [rows] = await self.database.at_once(
            self.schema,
            "select outcome = 'refused' from channel_events"
            " where chat_id = %s and handled_at is not null"
            " order by handled_at desc, id desc limit 1",
            (chat,),
        )
        return bool(rows and rows[0][0])

    async def unhandled(self, chat: ChatId, *, limit: int) -> Sequence[Event]:
        [rows] = await self.database.at_once(
            self.schema,
            f"select {_EVENT} from channel_events where chat_id = %s and handled_at is null"
            " order by id limit %s",
            (chat, limit),
        )
        return [_event(row) for row in rows]

    async def begin_conversation(self, chat: Chat, conversation: Conversation) -> None:
        begun, values = starting(conversation)
        async with self.database.inside(self.schema) as connection:
            [found] = await rows_of_each(
                connection,
                f"{begun}; update channel_chats set conversation_id = %s where id = %s returning 1",
                (*values, conversation.id, chat.id),
            )
            if not found:
                raise _moved()

    async def open_chat(self, chat: Chat, conversation: Conversation) -> Chat:
        begun, values = starting(conversation)
        with _integration_is_there(chat.integration):
            [rows] = await self.database.at_once(
                self.schema, f"{begun}; {_OPENING}", (*values, *_chat_values(chat))
            )
        return _chat(rows[0])

    async def note(
        self, step: Step, *, now: datetime, hold: Hold | None = None, bill: Bill = NO_BILL
    ) -> Sequence[JobId]:
        asked = sum(message.speaker is Speaker.USER for message in step.said)
        counts = (asked, len(step.said) - asked, now, step.chat.integration)
        statements = [*_recording(step, now, _changing(step)), (_COUNTING_BOTH, counts)]
        if hold is not None:
            statements += [ending(self.schema, hold), charging(self.schema, bill)]
        statements += self._asking(_chats_of(step), now)
        async with self.database.inside(self.schema) as connection:
            with erased_meanwhile():
                [changed, *more] = await rows_of_each(connection, *_together(statements))
            if not changed:
                raise _moved()
            if hold is not None and not more.pop(0):
                raise too_late()
            return _jobs(more)

    async def record(
        self,
        step: Step,
        claim: Claim,
        *,
        now: datetime,
        hold: Hold | None = None,
        bill: Bill = NO_BILL,
    ) -> Sequence[JobId]:
        held, holder = holding(self.schema, claim)
        statements = [(held, holder), *_recording(step, now, _changing(step))]
        if hold is not None:
            statements += [ending(self.schema, hold), charging(self.schema, bill)]
        beside = self._asking(_chats_of(step) - {step.chat.id}, now)
        async with self.database.inside(self.schema) as connection:
            with erased_meanwhile():
                [claimed, changed, *more] = await rows_of_each(
                    connection, *_together([*statements, *beside])
                )
            if not claimed:
                raise lost()
            if not changed:
                raise _moved()
            if hold is not None and not more.pop(0):
                raise too_late()
            return _jobs(more)

    async def put_in(self, step: Step, *, now: datetime) -> Sequence[JobId]:
        asking = self._asking(_chats_of(step), now)
        statements = [*asking, *_recording(step, now, _moving(step))]
        if not step.queued:  # it is looked at where it stands, as on a web site
            counts = (0, len(step.said), now, step.chat.integration)
            statements += [(_COUNTING_BOTH, counts)] if step.said else []
        with suppress(psycopg.errors.UniqueViolation), erased_meanwhile():
            async with self.database.inside(self.schema) as connection:
                [*asked, changed] = await rows_of_each(connection, *_together(statements))
                if not changed:
                    raise _moved()
                return _jobs(asked)
        return ()

    async def forget(self, *, before: datetime) -> int:
        [[(count,)]] = await self.database.at_once(self.schema, _FORGETTING, (before, before))
        return int(count)

    def _asking(self, chats: Collection[ChatId], now: datetime) -> list[Statement]:
        """In one order, so that nobody waits for each other."""
        asking = [
            asking_unless_done_now(self.schema, reply_job(chat), now=now, due=now)
            for chat in sorted(chats)
        ]
        return [*asking, (WAKING, ())] if asking else []

    async def resume(self, integration: IntegrationId, *, now: datetime) -> Sequence[JobId]:
        async with self.database.inside(self.schema) as connection:
            found = await connection.execute(_WITH_MORE, (integration,))
            resumed: list[JobId] = []
            for (chat,) in await found.fetchall():
                job = reply_job(ChatId(chat))
                asking = asking_unless_done_now(self.schema, job, now=now, due=now)
                resumed += [
                    JobId(id) for (id,) in await (await connection.execute(*asking)).fetchall()
                ]
            await connection.execute(WAKING)
        return resumed

    async def hasten(self, chat: ChatId, *, due: datetime) -> None:
        statement, values = hastening(self.schema, JobKind.REPLY, chat, due=due)
        await self.database.at_once(
            self.schema,
            f"{statement} and exists (select from channel_events where chat_id = %s"
            f" and handled_at is null); {WAKING}",
            (*values, chat),
        )

    async def take_unsent(self, chat: ChatId) -> Sequence[Outgoing]:
        [rows] = await self.database.at_once(self.schema, _TAKING_UNSENT, (chat,))
        return sorted((_outgoing(row) for row in rows), key=lambda each: each.id)

    async def put_back(self, waiting: Sequence[Outgoing]) -> None:
        await self.database.at_once(
            self.schema,
            "update channel_outbox set begun = false where id = any(%s)",
            ([each.id for each in waiting],),
        )

    async def known_around(self, outgoing: Outgoing) -> Sequence[KnownMessage]:
        chat, id = outgoing.chat, outgoing.id
        [heard_before, heard_after, said_before, said_after] = await self.database.at_once(
            self.schema,
            f"{_HEARD} < %s order by channel_events.id desc limit %s;"
            f"{_HEARD} > %s order by channel_events.id limit %s;"
            f"{_SAID} < %s order by channel_outbox.id desc limit %s;"
            f"{_SAID} > %s order by channel_outbox.id limit %s",
            (chat, id, KNOWN_BEFORE, chat, id, KNOWN_AFTER) * 2,
        )
        return [
            KnownMessage(chat=external_id, reference=reference, known_at=at)
            for external_id, reference, at in (
                *heard_before,
                *heard_after,
                *said_before,
                *said_after,
            )
        ]

    async def sent(self, outgoing: Outgoing, reference: str, *, now: datetime) -> None:
        await self.database.at_once(
            self.schema,
            "update channel_outbox set ended_at = %s, reference = %s where id = %s;"
            f" {_COUNTING_OUT}",
            (now, reference, outgoing.id, now, outgoing.chat),
        )

    async def undelivered(
        self, integration: IntegrationId, reference: str, problem: Problem
    ) -> None:
        await self.database.at_once(
            self.schema,
            "update channel_outbox set problem = %s where reference = %s and chat_id in"
            " (select id from channel_chats where integration_id = %s)",
            (Jsonb(asdict(problem)), reference, integration),
        )

    async def send_late(
        self, integration: IntegrationId, reference: str, *, now: datetime
    ) -> Sequence[JobId]:
        async with self.database.inside(self.schema) as connection:
            found = await connection.execute(_REFUSED_AS_LATE, (integration, reference))
            late = await found.fetchone()
            if late is None:
                return ()
            id, chat = late
            statements = [*self._asking([ChatId(chat)], now), (_SENDING_LATE, (id,))]
            return _jobs(await rows_of_each(connection, *_together(statements)))

    async def given_up(self, outgoing: Outgoing, problem: Problem, *, now: datetime) -> None:
        await self.database.at_once(
            self.schema,
            "update channel_outbox set ended_at = %s, problem = %s where id = %s",
            (now, Jsonb(asdict(problem)), outgoing.id),
        )

    async def end(self, claim: Claim, chat: ChatId, *, now: datetime) -> bool:
        statements, values = ending_or_again(
            self.schema, claim, now=now, more=(_MORE, (chat, chat))
        )
        [held] = await self.database.at_once(self.schema, statements, values)
        return bool(held)


def _moved() -> ChatMoved:
    return ChatMoved("The chat was handed over meanwhile, or erased.", hint="Look at it again.")


def _changing(step: Step) -> Statement:
    chat, only_from = step.chat, step.only_from
    state = (only_from, chat.state, chat.id, only_from)
    return _CHANGING, (
        chat.language,
        chat.is_gone,
        chat.thread,
        chat.album,
        chat.unanswered,
        *state,
    )


def _moving(step: Step) -> Statement:
    """What else is known of the chat is for whoever answers it to change."""
    chat = step.chat
    return _MOVING, (chat.unanswered, chat.state, chat.id, step.only_from)


def _chats_of(step: Step) -> set[ChatId]:
    return {outgoing.chat for outgoing in step.queued}


def _jobs(asked: Sequence[Sequence[Row]]) -> Sequence[JobId]:
    return [JobId(id) for rows in asked for (id,) in rows]


def _recording(step: Step, now: datetime, changing: Statement) -> list[Statement]:
    """The conversation first: who writes and who erases take turns at its row."""
    chat = step.chat
    said = [appending(chat.conversation, step.said)] if chat.conversation and step.said else []
    return [
        *said,
        changing,
        (_HANDLING, (now, step.outcome, list(step.handled))),
        *((_QUEUEING, _outgoing_values(each)) for each in step.queued),
    ]


def _together(statements: Sequence[Statement]) -> tuple[str, tuple[object, ...]]:
    """As one message to the server."""
    texts = "; ".join(text for text, _ in statements if text)
    return texts, tuple(value for _, values in statements for value in values)


@contextmanager
def _integration_is_there(id: IntegrationId) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.ForeignKeyViolation as error:
        raise NotFound(f"There is no integration {id}.") from error


def _chat_values(chat: Chat) -> tuple[object, ...]:
    return (
        chat.id,
        chat.integration,
        chat.external_id,
        chat.customer,
        chat.name,
        chat.conversation,
        chat.language,
        chat.state,
        chat.unanswered,
        chat.is_gone,
        chat.thread,
        chat.album,
        chat.last_heard_at,
        chat.created_at,
    )


def _chat(row: Row) -> Chat:
    (id, integration, external_id, customer, name, conversation, language, state, unanswered,
     is_gone, thread, album, last_heard_at, created_at) = row  # fmt: skip
    return Chat(
        id=ChatId(id),
        integration=IntegrationId(integration),
        external_id=external_id,
        customer=customer,
        name=name,
        conversation=ConversationId(conversation) if conversation else None,
        language=Language(language) if language else None,
        state=ChatState(state),
        unanswered=unanswered,
        is_gone=is_gone,
        thread=thread,
        album=album,
        last_heard_at=last_heard_at,
        created_at=created_at,
    )


def _event(row: Row) -> Event:
    id, integration, external_id, chat, reference, payload, received_at, handled_at, outcome = row
    return Event(
        id=EventId(id),
        integration=IntegrationId(integration),
        external_id=external_id,
        chat=ChatId(chat),
        reference=reference,
        payload=payload,
        received_at=received_at,
        handled_at=handled_at,
        outcome=EventOutcome(outcome) if outcome else None,
    )


def _outgoing_values(outgoing: Outgoing) -> tuple[object, ...]:
    part = outgoing.part
    buttons = Jsonb([asdict(button) for button in part.buttons])
    return (
        outgoing.id,
        outgoing.chat,
        outgoing.recipient,
        part.text,
        Jsonb(asdict(part.original)) if part.original else None,
        buttons,
        part.reply_to,
        part.thread,
        outgoing.queued_at,
        outgoing.about,
    )


def _outgoing(row: Row) -> Outgoing:
    (
        id,
        chat,
        recipient,
        text,
        original,
        buttons,
        reply_to,
        thread,
        queued_at,
        about,
        is_late,
        begun,
    ) = row
    return Outgoing(
        id=OutgoingId(id),
        chat=ChatId(chat),
        recipient=recipient,
        part=Part(
            text=text,
            original=Original(**original) if original else None,
            buttons=tuple(Button(**button) for button in buttons),
            reply_to=reply_to,
            thread=thread,
        ),
        queued_at=queued_at,
        begun=begun,
        is_late=is_late,
        about=ChatId(about) if about else None,
    )
