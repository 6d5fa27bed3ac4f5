"""Photos through the library and the installed command: kept, counted, walled off, deleted."""

import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from fakes.command import Sloth as SlothCommand
from fakes.pictures import gif, jpeg, png, webp
from fakes.subscriptions import limited
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.files.local import LocalFiles
from sloth_agent.app.bodies.photos import photo_analysis_body
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import Resource
from sloth_agent.billing.models import BYTES_IN_MB
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.errors import (
    DiskFull,
    FileDamaged,
    FileTooLarge,
    Forbidden,
    NotFound,
    PhotoLimitExceeded,
    SlothError,
    StorageLimitExceeded,
    SubscriptionExpired,
    UnreadableFile,
    UnsupportedFile,
)
from sloth_agent.ids import PhotoId, new_id
from sloth_agent.tenants.audit import Actor

pytestmark = pytest.mark.anyio

BY = Actor(name="test")


def a_megabyte() -> bytes:
    return png(comment=bytes(BYTES_IN_MB - len(png())))


def stored(tenant: AsyncTenant) -> dict[str, bytes]:
    folder = tenant.services.backends.files(tenant.services.schema).folder
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def counts_of(tenant: AsyncTenant) -> tuple[int, int]:
    """Photos of the month and bytes, as counted; the bytes are those of rows and files, too."""
    used = {meter.room.resource: meter.used for meter in (await tenant.usage()).meters}
    assert all(meter.reserved == 0 for meter in (await tenant.usage()).meters)
    photos = await tenant.photos()
    assert used[Resource.STORAGE_BYTES] == sum(photo.size_bytes for photo in photos)
    assert {photo.file_key: photo.size_bytes for photo in photos} == {
        key: len(content) for key, content in stored(tenant).items()
    }
    return used[Resource.PHOTOS], used[Resource.STORAGE_BYTES]


async def add_many(tenant: AsyncTenant, content: bytes, times: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()

    async def add() -> None:
        try:
            await tenant.add_photo("door.png", content)
            outcomes["kept"] += 1
        except SlothError as error:
            outcomes[error.code] += 1

    async with anyio.create_task_group() as group:
        for _ in range(times):
            group.start_soon(add)
    return outcomes


async def test_a_photo_is_kept_as_it_is(tenant: AsyncTenant) -> None:
    for content, kind in (
        (png(6, 5), "image/png"),
        (jpeg(6, 5), "image/jpeg"),
        (gif(6, 5), "image/gif"),
        (webp(b"VP8X", 6, 5), "image/webp"),
    ):
        photo = await tenant.add_photo("../../Двері\0.exe", content)
        assert (photo.title, photo.media_type) == ("Двері\\0.exe", kind)
        assert (photo.width, photo.height, photo.size_bytes) == (6, 5, len(content))
        assert await tenant.photo(photo.id) == photo
        assert stored(tenant)[photo.file_key] == content
        assert photo_analysis_body(photo) == {
            "id": str(photo.id), "status": "pending", "labels": [], "text": None, "objects": [],
            "faces": None, "error": None,
        }  # fmt: skip
    assert len({photo.id for photo in await tenant.photos()}) == 4


async def test_the_same_picture_twice_is_two_photos(tenant: AsyncTenant) -> None:
    one, other = [await tenant.add_photo("a.png", png()) for _ in range(2)]
    assert list(await tenant.photos()) == [one, other]
    await tenant.delete_photo(one.id)
    assert stored(tenant) == {other.file_key: png()}
    assert await counts_of(tenant) == (2, len(png()))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"A text.", UnsupportedFile),
        (png()[:-1], FileDamaged),
        (png(20_000, 20_000), FileTooLarge),
        (png(comment=bytes(20 * BYTES_IN_MB)), FileTooLarge),
    ],
    ids=["no picture", "cut off", "too many pixels", "too many bytes"],
)
async def test_what_is_refused_leaves_nothing(
    tenant: AsyncTenant, content: bytes, error: type[SlothError]
) -> None:
    with pytest.raises(error) as raised:
        await tenant.add_photo("door.png", content)
    assert raised.value.hint
    assert await counts_of(tenant) == (0, 0)


async def test_fifty_photos_into_ten(tenant: AsyncTenant) -> None:
    """Without `where kept.used + kept.reserved + ... <= limit` all fifty are kept."""
    tenant = limited(tenant, max_photos_per_month=10)
    outcomes = await add_many(tenant, png(), 50)
    assert outcomes == {"kept": 10, "photo_limit_exceeded": 40}
    assert await counts_of(tenant) == (10, 10 * len(png()))


async def test_fifty_photos_of_a_megabyte_into_ten(tenant: AsyncTenant) -> None:
    """Without `refused = ...` in the statement that adds all fifty are kept."""
    tenant = limited(tenant, max_storage_mb=10, max_photos_per_month=50)
    outcomes = await add_many(tenant, a_megabyte(), 50)
    assert outcomes == {"kept": 10, "storage_limit_exceeded": 40}
    assert await counts_of(tenant) == (10, 10 * BYTES_IN_MB)


async def test_documents_and_photos_share_one_storage(tenant: AsyncTenant) -> None:
    tenant = limited(tenant, max_storage_mb=1)
    kept = await tenant.add_photo("door.png", a_megabyte())
    with pytest.raises(StorageLimitExceeded):
        await tenant.services.documents.upload("a.txt", b"a")
    await tenant.delete_photo(kept.id)
    await tenant.services.documents.upload("a.txt", b"a" * BYTES_IN_MB)
    with pytest.raises(StorageLimitExceeded) as raised:
        await tenant.add_photo("door.png", png())
    assert raised.value.details["used"] == BYTES_IN_MB


async def test_what_is_deleted_makes_room_for_bytes_alone(tenant: AsyncTenant) -> None:
    tenant = limited(tenant, max_photos_per_month=1)
    photo = await tenant.add_photo("door.png", png())
    await tenant.delete_photo(photo.id)
    assert await counts_of(tenant) == (1, 0)
    with pytest.raises(PhotoLimitExceeded) as raised:
        await tenant.add_photo("door.png", png())
    month = (await tenant.services.metering.allowance()).month
    assert raised.value.details == {
        "resource": "photos", "used": 1, "limit": 1, "resets_at": month.end,
    }  # fmt: skip
    for missing in (tenant.photo, tenant.delete_photo):
        with pytest.raises(NotFound, match="no photo"):
            await missing(photo.id)


async def test_nothing_is_kept_after_the_end(tenant: AsyncTenant) -> None:
    ended = limited(tenant, status=SubscriptionStatus.UNPAID)
    with pytest.raises(SubscriptionExpired):
        await ended.add_photo("door.png", png())
    assert await counts_of(tenant) == (0, 0)


async def test_a_file_store_that_is_full_is_not_counted(
    tenant: AsyncTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise DiskFull("The disk is full.")

    tenant = limited(tenant, max_photos_per_month=5)
    with monkeypatch.context() as patch:
        patch.setattr(LocalFiles, "write", full)
        with pytest.raises(DiskFull):
            await tenant.add_photo("door.png", png())
    assert await counts_of(tenant) == (0, 0)


async def test_files_of_this_machine(
    tenant: AsyncTenant, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "door.jpg"
    path.write_bytes(png())
    photo = await tenant.add_photo_file(path)
    assert (photo.title, photo.media_type) == ("door.jpg", "image/png")
    kept = settings.home / "files" / tenant.services.schema / photo.file_key[:2] / photo.file_key
    with pytest.raises(Forbidden):
        await tenant.add_photo_file(kept)
    with pytest.raises(NotFound):
        await tenant.add_photo_file(tmp_path / "nowhere.jpg")
    for odd in (tmp_path, os.devnull, "a\0b", "x" * 5000):
        with pytest.raises(UnreadableFile):
            await tenant.add_photo_file(odd)


async def test_a_neighbour_finds_nothing(sloth: AsyncSloth, tenant: AsyncTenant) -> None:
    photo = await tenant.add_photo("door.png", png())
    neighbour = await sloth.tenant(f"n-{uuid4().hex}", create=True)
    nowhere = PhotoId(new_id())
    for method in (neighbour.photo, neighbour.delete_photo):
        for id in (photo.id, nowhere):
            with pytest.raises(NotFound, match=f"no photo {id}"):
                await method(id)
    assert await neighbour.photos() == []
    with pytest.raises(NotFound):
        await neighbour.services.photos.files.read(photo.file_key)
    assert await tenant.photo(photo.id) == photo


async def test_clean_up_keeps_what_a_photo_names(sloth: AsyncSloth, tenant: AsyncTenant) -> None:
    photo = await tenant.add_photo("door.png", png())
    await tenant.services.photos.files.write("ab12", b"left behind")
    tomorrow = datetime.now(UTC) + timedelta(days=1, minutes=1)
    await sloth.tasks.run("clean-up", at=tomorrow, by=BY)
    assert stored(tenant) == {photo.file_key: png()}


def test_the_command(sloth_cli: SlothCommand) -> None:
    folder = sloth_cli.folder
    (folder / "door.png").write_bytes(png(640, 480))
    (folder / "broken.jpg").write_bytes(jpeg()[:-2])
    added = sloth_cli("photos", "add", "door.png", "broken.jpg", "nowhere.gif", "--json")
    assert (added.rc, added.json["added"], added.json["failed"]) == (3, 1, 2)
    door, broken, nowhere = added.json["files"]
    assert set(door["photo"]) == {
        "id", "title", "type", "size", "width", "height", "status", "created_at",
    }  # fmt: skip
    assert (door["path"], door["error"], door["photo"]["type"]) == ("door.png", None, "image/png")
    assert (broken["photo"], broken["error"]["code"]) == (None, "file_damaged")
    assert nowhere["error"]["code"] == "not_found"

    listed = sloth_cli("photos", "list", "--json").json
    assert listed == {"items": [door["photo"]], "next_cursor": None}
    shown = sloth_cli("photos", "show", door["photo"]["id"], "--json").json
    assert shown == {
        **door["photo"], "labels": [], "text": None, "objects": [], "faces": None, "error": None,
    }  # fmt: skip
    assert "door.png" in sloth_cli("photos", "list").stdout
    assert "width: 640" in sloth_cli("photos", "show", shown["id"]).stdout

    deleted = sloth_cli("photos", "delete", shown["id"], "--json")
    assert deleted.json == {"id": shown["id"], "deleted": True}
    again = sloth_cli("photos", "delete", shown["id"])
    assert (again.rc, "no photo" in again.error, again.stdout) == (1, True, "")
    tenant = ("--tenant", sloth_cli.tenant)
    [event] = sloth_cli("admin", "audit", "list", *tenant, "--json").json["items"][:1]
    assert (event["action"], event["subject"]) == ("photo.deleted", shown["id"])
    assert event["actor"].startswith("cli:")


def test_what_the_command_says_of_files(sloth_cli: SlothCommand) -> None:
    (sloth_cli.folder / "door.png").write_bytes(png())
    both = sloth_cli("photos", "add", "door.png", ".")
    assert (both.rc, both.stdout) == (3, "1 added, 1 failed.\n")
    assert "failed: .: . is a folder. Name the photos that are in it. [unreadable_file]" in (
        both.stderr
    )
    failed = sloth_cli("photos", "add", "nowhere.png")
    assert (failed.rc, failed.stdout) == (1, "0 added, 1 failed.\n")
    typed = sloth_cli("photos", "add", "-", "--name", "door.png", stdin=png())
    assert (typed.rc, typed.stderr) == (0, "")
    titles = [
        item["title"] for item in json.loads(sloth_cli("photos", "list", "--json").stdout)["items"]
    ]
    assert titles == ["door.png", "door.png"]
    for wrong in (("",), ("door.png", "--name", "a"), ()):
        assert sloth_cli("photos", "add", *wrong).rc == 2
