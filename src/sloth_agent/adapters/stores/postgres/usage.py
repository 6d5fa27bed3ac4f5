"""Counters and reservations of one tenant, in the database where it lives."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import psycopg

from sloth_agent.adapters.stores.postgres.database import Statement, TenantDatabase
from sloth_agent.billing.allowance import EVER, Hold, Resource, Room, lasting_room
from sloth_agent.billing.models import Limits
from sloth_agent.billing.usage import limit_reached
from sloth_agent.billing.usage_ports import Count

_NO_ROOM = "no_room_for_"
"""How the constraints begin that a count beyond its limit breaks."""

_KEY: LiteralString = "kept.schema_name = %s and kept.resource = %s and kept.since = %s"

_COUNTER: LiteralString = (
    "insert into public.usage as kept (schema_name, resource, since, used, refused)"
)
# The first of a period makes the counter.
_TOGETHER: LiteralString = (
    " on conflict (schema_name, resource, since) do update set used = kept.used + excluded.used,"
    " refused = coalesce(kept.used + kept.reserved + excluded.used > %s, false)"
)
_ADDING: LiteralString = f"{_COUNTER} values (%s, %s, %s, %s, %s){_TOGETHER}"
_ADDING_IF: LiteralString = f"{_COUNTER} select %s, %s, %s, %s, %s from counted{_TOGETHER}"
_CHANGING: LiteralString = (
    " update public.usage as kept set used = kept.used + counted.change,"
    " refused = counted.change > 0"
    " and coalesce(kept.used + kept.reserved + counted.change > %s, false)"
    f" from counted where counted.change <> 0 and {_KEY}"
)
_RESERVING: LiteralString = (
    "with taken as (insert into public.usage as kept (schema_name, resource, since, reserved)"
    " select %s, %s, %s, %s where %s <= %s"
    " on conflict (schema_name, resource, since) do update"
    " set reserved = kept.reserved + excluded.reserved"
    " where kept.used + kept.reserved + excluded.reserved <= %s returning kept.since)"
    " insert into public.reservations (id, schema_name, resource, since, amount, expires_at)"
    " select %s, %s, %s, %s, %s, %s from taken returning id"
)
_ENDED: LiteralString = (
    "with ended as (delete from public.reservations where id = %s returning amount)"
    " update public.usage as kept set reserved = kept.reserved - ended.amount"
)
# What somebody else is ending right now is left to them.
_FREEING: LiteralString = (
    "with expired as (delete from public.reservations where id in"
    " (select id from public.reservations where schema_name = %s and expires_at <= %s"
    " for update skip locked) returning resource, since, amount),"
    " freed as (select resource, since, sum(amount) as amount from expired"
    " group by resource, since)"
    " update public.usage as kept set reserved = kept.reserved - freed.amount from freed"
    " where kept.schema_name = %s and kept.resource = freed.resource and kept.since = freed.since"
)


def adding(schema: str, room: Room, amount: int) -> Statement:
    """Count more of something; more than there is room for breaks a constraint."""
    return _ADDING, _added(schema, room, amount)


def adding_if(counted: LiteralString, schema: str, room: Room, amount: int) -> Statement:
    """Like `adding`, but only where a query, whose own values come first, finds a row."""
    return f"with counted as ({counted}) {_ADDING_IF}", _added(schema, room, amount)


def changing(counted: LiteralString, schema: str, room: Room) -> Statement:
    """Count as much more, or less, as a query finds as `change`; its own values come first."""
    return f"with counted as ({counted}) {_CHANGING}", (room.limit, *_key(schema, room))


def ending(schema: str, hold: Hold) -> Statement:
    """Count what a place was kept for; no row where it was kept beyond its time."""
    if hold.id is None:
        statement, values = adding(schema, hold.room, hold.amount)
        return f"{statement} returning used", values
    return (
        f"{_ENDED}, used = kept.used + ended.amount from ended where {_KEY} returning kept.used",
        (hold.id, *_key(schema, hold.room)),
    )


@dataclass(frozen=True, slots=True)
class PostgresUsage:
    """`UsageStore` on the working tables."""

    database: TenantDatabase
    schema: str

    async def reserve(self, hold: Hold, *, now: datetime, until: datetime) -> bool:
        key, amount, limit = _key(self.schema, hold.room), hold.amount, hold.room.limit
        [taken] = await self.database.at_once(
            self.schema,
            f"{_FREEING}; {_RESERVING}",
            (
                *(self.schema, now, self.schema),
                *(*key, amount, amount, limit, limit),
                *(hold.id, *key, amount, until),
            ),
        )
        return bool(taken)

    async def commit(self, hold: Hold) -> bool:
        statement, values = ending(self.schema, hold)
        [counted] = await self.database.at_once(self.schema, statement, values)
        return bool(counted)

    async def refund(self, hold: Hold) -> None:
        await self.database.at_once(
            self.schema,
            f"{_ENDED} from ended where {_KEY}",
            (hold.id, *_key(self.schema, hold.room)),
        )

    async def free_expired(self, *, now: datetime) -> None:
        await self.database.at_once(self.schema, _FREEING, (self.schema, now, self.schema))

    async def count(self, room: Room) -> Count:
        [rows] = await self.database.at_once(
            self.schema,
            f"select used, reserved from public.usage as kept where {_KEY}",
            _key(self.schema, room),
        )
        return Count(used=rows[0][0], reserved=rows[0][1]) if rows else Count()

    async def counts(self, *, month: datetime) -> Mapping[Resource, Count]:
        [rows] = await self.database.at_once(
            self.schema,
            "select resource, used, reserved from public.usage"
            " where schema_name = %s and since in (%s, %s)",
            (self.schema, month, EVER),
        )
        return {
            Resource(resource): Count(used=used, reserved=reserved)
            for resource, used, reserved in rows
        }

    @asynccontextmanager
    async def within(self, limits: Limits) -> AsyncIterator[None]:
        """A transaction that counts what no new month takes away.

        What would be too much is refused by the counters, and nothing is stored.
        """
        try:
            yield
        except psycopg.errors.CheckViolation as error:
            resource = _refused_resource(error)
            if resource is None:
                raise
            room = lasting_room(resource, limits)
            count = await self.count(room)
            raise limit_reached(room, used=count.used) from error


def _refused_resource(error: psycopg.errors.CheckViolation) -> Resource | None:
    """Of what there would have been too much; None: something else was wrong."""
    constraint = error.diag.constraint_name or ""
    return Resource(constraint.removeprefix(_NO_ROOM)) if constraint.startswith(_NO_ROOM) else None


def _added(schema: str, room: Room, amount: int) -> tuple[object, ...]:
    beyond = room.limit is not None and amount > room.limit
    return *_key(schema, room), amount, beyond, room.limit


def _key(schema: str, room: Room) -> tuple[object, ...]:
    return schema, room.resource, room.since
