"""The photos of one tenant, and how they are counted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from sloth_agent.adapters.stores.postgres.photos import PostgresPhotos
from sloth_agent.adapters.stores.postgres.usage import PostgresUsage
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import EVER, Hold, Resource, Room, lasting_room
from sloth_agent.billing.models import NO_LIMITS
from sloth_agent.billing.usage_ports import Count
from sloth_agent.errors import Conflict, Problem, StorageLimitExceeded
from sloth_agent.ids import PhotoId, new_id
from sloth_agent.knowledge.models import Photo, PhotoStatus
from sloth_agent.knowledge.ports import PhotoStore

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
MONTH = Room(resource=Resource.PHOTOS, limit=None, since=NOW, resets_at=NOW + timedelta(days=31))
UNLIMITED = Hold(id=None, room=MONTH, amount=1)
BYTES = lasting_room(Resource.STORAGE_BYTES, NO_LIMITS)


@pytest.fixture
def store(tenant: AsyncTenant) -> PhotoStore:
    return PostgresPhotos(tenant.services.database, tenant.services.schema)


@pytest.fixture
def usage(tenant: AsyncTenant) -> PostgresUsage:
    return PostgresUsage(tenant.services.database, tenant.services.schema)


def new_photo(title: str = "door.jpg", *, size_bytes: int = 3_000_000_000) -> Photo:
    return Photo(
        id=PhotoId(new_id()),
        title=title,
        media_type="image/jpeg",
        size_bytes=size_bytes,
        width=4000,
        height=3000,
        created_at=NOW,
    )


async def test_everything_about_a_photo_comes_back(store: PhotoStore) -> None:
    looked_at = replace(
        new_photo("Двері 'x' %s.jpg"),
        status=PhotoStatus.COMPLETED,
        labels=("hair salon", "перукарня"),
        text="Відчинено 9-18",
        objects=("chair", "chair"),
        faces=0,
    )
    problem = Problem(code="model_unavailable", message="Nobody looked.")
    failed = replace(new_photo(), status=PhotoStatus.FAILED, problem=problem)
    for photo in (looked_at, failed):
        await store.add(photo, hold=UNLIMITED)
        assert await store.find(photo.id) == photo
    assert list(await store.all(limit=10)) == [looked_at, failed]
    assert await store.find(PhotoId(new_id())) is None


async def test_pages_follow_each_other_oldest_first(store: PhotoStore) -> None:
    photos = [new_photo(f"{number}.jpg") for number in range(7)]
    for photo in photos:
        await store.add(photo, hold=UNLIMITED)
    first = await store.all(limit=4)
    rest = await store.all(limit=4, after=first[-1].id)
    assert [*first, *rest] == photos
    assert list(await store.all(limit=4, after=rest[-1].id)) == []


async def test_what_is_deleted_gives_back_its_bytes_once(
    store: PhotoStore, usage: PostgresUsage
) -> None:
    photo = new_photo(size_bytes=700)
    for one in (photo, new_photo(size_bytes=30)):
        await store.add(one, hold=UNLIMITED)
    assert await usage.count(BYTES) == Count(used=730)
    gone: list[Photo | None] = []

    async def delete() -> None:
        gone.append(await store.delete(photo.id))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(delete)
    assert [found for found in gone if found] == [photo]
    assert await store.find(photo.id) is None
    assert await usage.count(BYTES) == Count(used=30)
    assert await usage.count(MONTH) == Count(used=2), "what was shown was shown"


async def test_a_place_becomes_a_photo_with_its_row(
    store: PhotoStore, usage: PostgresUsage
) -> None:
    hold = Hold(id=new_id(), room=replace(MONTH, limit=1), amount=1)
    assert await usage.reserve(hold, now=NOW, until=NOW + timedelta(minutes=1))
    limits = replace(NO_LIMITS, max_storage_mb=0)
    with pytest.raises(StorageLimitExceeded):
        await store.add(new_photo(), hold=hold, limits=limits)
    assert await store.all(limit=1) == []
    assert await usage.counts(month=NOW) == {Resource.PHOTOS: Count(reserved=1)}
    await store.add(new_photo(size_bytes=7), hold=hold)
    assert await usage.counts(month=NOW) == {
        Resource.PHOTOS: Count(used=1),
        Resource.STORAGE_BYTES: Count(used=7),
    }
    assert BYTES.since == EVER


async def test_a_place_that_was_given_away_leaves_nothing(
    store: PhotoStore, usage: PostgresUsage
) -> None:
    """Fails where the rows of `ending` are not looked at: the photo is there, and not counted."""
    hold = Hold(id=new_id(), room=replace(MONTH, limit=1), amount=1)
    assert await usage.reserve(hold, now=NOW, until=NOW)
    await usage.free_expired(now=NOW)
    with pytest.raises(Conflict):
        await store.add(new_photo(), hold=hold)
    assert await store.all(limit=1) == []
    assert set((await usage.counts(month=NOW)).values()) <= {Count()}
