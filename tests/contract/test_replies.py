"""Replies to requests that come again, on real PostgreSQL, by many at once."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import anyio
import pytest

from sloth_agent import AsyncSloth
from sloth_agent.access.models import Repeatable, Reply
from sloth_agent.access.replies import KEPT_FOR, LEASE, Held, Replies
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.errors import CredentialUnreadable, IdempotencyMismatch, InProgress

pytestmark = pytest.mark.anyio

REPLY = Reply(status=201, media_type="application/json", body=b'{"key": "a secret"}\n\n\0')


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replies(sloth: AsyncSloth, clock: Clock) -> Replies:
    return replace(sloth.services.replies, clock=clock)


@pytest.fixture
def request_() -> Repeatable:
    return Repeatable(
        caller=f"user:{uuid4()}", endpoint="POST /api/x/", key="k\ud800", fingerprint=b"f"
    )


async def held(replies: Replies, request: Repeatable) -> Held:
    begun = await replies.begin(request)
    assert isinstance(begun, Held)
    return begun


async def test_a_request_is_done_once_by_50_at_once(replies: Replies, request_: Repeatable) -> None:
    """Without the primary key, or reading before writing, several hold the place."""
    ends = Counter[str]()

    async def come() -> None:
        try:
            begun = await replies.begin(request_)
        except InProgress:
            ends["in progress"] += 1
        else:
            ends[type(begun).__name__] += 1

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(come)
    assert ends == {"Held": 1, "in progress": 49}


async def test_it_is_answered_the_same_for_a_day(
    replies: Replies, request_: Repeatable, clock: Clock
) -> None:
    place = await held(replies, request_)
    clock.now += timedelta(minutes=2)
    await place.keep(REPLY)
    clock.now += KEPT_FOR - timedelta(seconds=1)
    assert await replies.begin(request_) == REPLY
    clock.now += timedelta(seconds=2)
    assert isinstance(await replies.begin(request_), Held)


async def test_a_key_stands_for_one_request_of_one_caller(
    replies: Replies, request_: Repeatable
) -> None:
    await (await held(replies, request_)).keep(REPLY)
    with pytest.raises(IdempotencyMismatch):
        await replies.begin(replace(request_, fingerprint=b"another"))
    for other in (
        replace(request_, caller=f"user:{uuid4()}"),
        replace(request_, endpoint="POST /api/y/"),
        replace(request_, key="another"),
    ):
        assert isinstance(await replies.begin(other), Held)


async def test_what_failed_may_be_tried_again(replies: Replies, request_: Repeatable) -> None:
    await (await held(replies, request_)).release()
    await (await held(replies, request_)).keep(REPLY)
    assert await replies.begin(request_) == REPLY


async def test_the_place_of_who_died_is_free_after_three_minutes(
    replies: Replies, request_: Repeatable, clock: Clock
) -> None:
    dead = await held(replies, request_)
    clock.now += LEASE - timedelta(seconds=1)
    with pytest.raises(InProgress):
        await replies.begin(request_)
    clock.now += timedelta(seconds=2)
    living = await held(replies, request_)
    await dead.keep(replace(REPLY, body=b"too late"))
    await dead.release()
    with pytest.raises(InProgress):
        await replies.begin(request_)
    await living.keep(REPLY)
    assert await replies.begin(request_) == REPLY


async def test_what_is_kept_is_sealed_in_its_place(
    replies: Replies, request_: Repeatable, database: Database
) -> None:
    other = replace(request_, caller=f"user:{uuid4()}")
    for request in (request_, other):
        await (await held(replies, request)).keep(REPLY)
    async with database.shared() as connection:
        found = await connection.execute(
            "select sealed from public.replies where caller = %s", (request_.caller,)
        )
        [[sealed]] = await found.fetchall()
        assert b"a secret" not in sealed
        await connection.execute(
            "update public.replies set sealed = %s where caller = %s", (sealed, other.caller)
        )
    with pytest.raises(CredentialUnreadable):
        await replies.begin(other)


async def test_what_is_over_is_forgotten(
    replies: Replies, request_: Repeatable, clock: Clock, database: Database
) -> None:
    await (await held(replies, request_)).keep(REPLY)
    clock.now += KEPT_FOR + timedelta(seconds=1)
    young = replace(request_, key="young")
    await (await held(replies, young)).keep(REPLY)
    assert await replies.clean_up() >= 1
    async with database.shared() as connection:
        found = await connection.execute(
            "select key from public.replies where caller = %s", (request_.caller,)
        )
        assert await found.fetchall() == [(b"young",)]
