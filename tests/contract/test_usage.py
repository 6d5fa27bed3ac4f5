"""Counters of one tenant: never beyond the limit, whatever is done at once."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as search
from hypothesis import strategies as st

from sloth_agent import AsyncSloth
from sloth_agent.adapters.stores.postgres.usage import PostgresUsage
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import Hold, Resource, Room
from sloth_agent.billing.usage_ports import Count
from sloth_agent.errors import Forbidden
from sloth_agent.ids import new_id

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMIT = 7


def room(*, month: int = 0, limit: int | None = LIMIT) -> Room:
    since = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=month)
    return Room(
        resource=Resource.MESSAGES, limit=limit, since=since, resets_at=since + timedelta(days=1)
    )


def place(of: Room, amount: int = 1) -> Hold:
    return Hold(id=new_id(), room=of, amount=amount)


@pytest.fixture
def store(tenant: AsyncTenant) -> PostgresUsage:
    return PostgresUsage(tenant.services.database, tenant.services.schema)


async def kept(store: PostgresUsage, hold: Hold, *, now: datetime = NOW) -> bool:
    return await store.reserve(hold, now=now, until=now + MINUTE)


@dataclass
class Model:
    """What must be true, in the simplest words."""

    used: int = 0
    places: dict[int, tuple[Hold, datetime]] = field(default_factory=dict)
    now: datetime = NOW

    @property
    def reserved(self) -> int:
        return sum(hold.amount for hold, _ in self.places.values())

    def free_expired(self) -> None:
        self.places = {
            number: (hold, until)
            for number, (hold, until) in self.places.items()
            if until > self.now
        }


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(1, 9)),
        st.tuples(st.sampled_from(["commit", "refund"]), st.integers(0, 20)),
        st.tuples(st.just("wait"), st.integers(1, 90)),
        st.tuples(st.just("free"), st.just(0)),
    ),
    max_size=25,
)
months = iter(range(1_000_000))


@given(steps=STEPS)
@search(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_order_of_steps_keeps_the_counters_right(
    store: PostgresUsage, steps: list[tuple[str, int]]
) -> None:
    """Reserve, commit, refund and expiry in any order: 0 <= used + reserved <= limit, and used
    is what was committed."""
    await store.free_expired(now=NOW + timedelta(days=1))  # what the last example left
    model, of, made = Model(), room(month=next(months)), list[Hold]()
    for step, number in steps:
        if step == "reserve":
            hold = place(of, number)
            model.free_expired()
            fits = model.used + model.reserved + number <= LIMIT
            assert await kept(store, hold, now=model.now) == fits
            if fits:
                model.places[len(made)] = hold, model.now + MINUTE
                made.append(hold)
        elif step == "wait":
            model.now += timedelta(seconds=number)
        elif step == "free":
            await store.free_expired(now=model.now)
            model.free_expired()
        elif number < len(made):
            there = number in model.places
            if step == "commit":
                assert await store.commit(made[number]) == there
                model.used += made[number].amount if there else 0
            else:
                await store.refund(made[number])
            model.places.pop(number, None)
        assert await store.count(of) == Count(used=model.used, reserved=model.reserved)
        assert 0 <= model.used + model.reserved <= LIMIT


async def test_a_hundred_at_once_get_what_there_is(store: PostgresUsage) -> None:
    """Reserved without `where kept.used + kept.reserved + ... <= limit`: 100 of 7."""
    got: list[bool] = []
    of = room()

    async def ask() -> None:
        hold = place(of)
        got.append(await kept(store, hold))
        if got[-1]:
            await store.commit(hold)

    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(ask)
    assert got.count(True) == LIMIT
    assert await store.count(of) == Count(used=LIMIT)


async def test_a_dead_process_gives_its_places_back(store: PostgresUsage) -> None:
    of = room(limit=1)
    lost = place(of)
    assert await kept(store, lost)
    assert not await kept(store, place(of))
    assert await kept(store, place(of), now=NOW + MINUTE)
    assert not await store.commit(lost)
    assert await store.count(of) == Count(reserved=1)


async def test_many_free_the_same_places_at_once(store: PostgresUsage) -> None:
    of = room()
    for _ in range(LIMIT):
        assert await kept(store, place(of))
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(partial(store.free_expired, now=NOW + MINUTE))
    assert await store.count(of) == Count()


async def test_each_month_begins_with_nothing(store: PostgresUsage) -> None:
    for month in (1, 2):
        hold = place(room(month=month, limit=1))
        assert await kept(store, hold)
        assert await store.commit(hold)
        assert not await kept(store, place(room(month=month, limit=1)))
    counts = await store.counts(month=room(month=2).since)
    assert counts == {Resource.MESSAGES: Count(used=1)}


async def test_a_place_is_counted_in_the_month_in_which_it_was_kept(store: PostgresUsage) -> None:
    hold = place(room(month=1))
    assert await kept(store, hold)
    assert await store.commit(hold)
    assert await store.count(room(month=2)) == Count()


async def test_a_tenant_sees_and_changes_its_own_rows_alone(
    sloth: AsyncSloth, slug: str, tenant: AsyncTenant
) -> None:
    neighbour = (await sloth.tenant(f"n{slug[1:]}", create=True)).services
    theirs = PostgresUsage(neighbour.database, neighbour.schema)
    hold = place(room())
    assert await kept(theirs, hold)
    ours = partial(neighbour.database.at_once, tenant.services.schema)
    for statement in (
        "select 1 from public.usage",
        "select 1 from public.reservations",
        "update public.usage set used = 0, reserved = 0 returning 1",
        "delete from public.reservations returning 1",
    ):
        assert await ours(statement) == [[]]
    with pytest.raises(Forbidden):
        await ours(
            "insert into public.usage (schema_name, resource, since) values (%s, 'photos', %s)",
            (neighbour.schema, NOW),
        )
    assert await theirs.count(hold.room) == Count(reserved=1)
