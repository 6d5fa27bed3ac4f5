"""Periodic tasks on real PostgreSQL: claimed once, recorded, and harmless when run again."""

import os
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import anyio
import pytest

from sloth_agent import AsyncSloth, Settings
from sloth_agent.access.models import Repeatable, Reply
from sloth_agent.access.replies import Held
from sloth_agent.adapters.files.local import LocalFiles
from sloth_agent.adapters.stores.postgres.audit import record
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.adapters.stores.postgres.organizations import PostgresOrganizations
from sloth_agent.adapters.stores.postgres.task_runs import PostgresTaskRuns
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.ids import TenantId, new_id
from sloth_agent.tasks.models import Done, PeriodicTask, TaskRun
from sloth_agent.tasks.running import TAKEN_OVER_AFTER, Tasks
from sloth_agent.tasks.schedules import HOURLY
from sloth_agent.tenants.audit import Actor, AuditEvent
from sloth_agent.tenants.models import MAIN_DATABASE, Organization, schema_name

pytestmark = pytest.mark.anyio

BY = Actor(name="test")
NOON = datetime(2026, 7, 29, 12, tzinfo=UTC)


class Install:
    """A task of its own, and a clock that is moved by hand."""

    def __init__(self, database: Database) -> None:
        self.now = NOON + timedelta(minutes=5)
        self.seen: list[datetime] = []
        self.broken: Exception | None = None
        self.name = f"task-{uuid4().hex}"
        task = PeriodicTask(name=self.name, schedule=HOURLY, does="counts", work=self._work)
        self.tasks = Tasks([task], PostgresTaskRuns(database), lambda: self.now)

    async def _work(self, clock: Clock) -> Done:
        await anyio.sleep(0.001)
        self.seen.append(clock())
        if self.broken:
            raise self.broken
        return Done({"runs": len(self.seen)})


@pytest.fixture
def install(database: Database) -> Install:
    return Install(database)


async def test_a_due_moment_is_one_run_for_50_at_once(install: Install) -> None:
    """Without the condition in `claim` each of the 50 runs the task."""
    for passed in (timedelta(0), timedelta(hours=1), timedelta(hours=70)):
        install.now = NOON + passed + timedelta(minutes=5)
        install.seen.clear()
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(install.tasks.run_due)
        assert install.seen == [install.now]
        [state] = await install.tasks.list()
        assert state.next_due == NOON + passed + timedelta(hours=1)


async def test_what_failed_or_was_killed_is_taken_over_later(install: Install) -> None:
    install.broken = RuntimeError("a password")
    [failed] = await install.tasks.run_due()
    assert failed.problem == "unexpected RuntimeError"
    install.broken = Conflict("Another one.")
    assert await install.tasks.run_due() == []
    [state] = await install.tasks.list()
    assert state.next_due == install.now + TAKEN_OVER_AFTER
    install.now += TAKEN_OVER_AFTER + timedelta(seconds=1)
    [failed] = await install.tasks.run_due()
    assert failed.problem == "Another one."
    install.broken = None
    install.now += TAKEN_OVER_AFTER + timedelta(seconds=1)
    [done] = await install.tasks.run_due()
    assert (done.outcome, done.problem) == ({"runs": 3}, None)
    install.now += TAKEN_OVER_AFTER + timedelta(seconds=1)
    assert await install.tasks.run_due() == []


async def test_by_hand_it_runs_at_once_at_any_time(install: Install, sloth: AsyncSloth) -> None:
    assert (await install.tasks.run(install.name, by=BY)).outcome == {"runs": 1}
    done = await install.tasks.run(install.name, at=NOON + timedelta(days=400), by=BY)
    assert install.seen == [install.now, NOON + timedelta(days=400)]
    assert (done.started_at, done.done_at) == (install.now, install.now)
    [state] = await install.tasks.list()
    assert state.last_run == done
    assert state.next_due == NOON + timedelta(hours=1), "its own clock moves no schedule"
    events = await sloth.audit.list(action="task.run", limit=2)
    assert [event.details["clock"] for event in events] == ["2027-09-02T12:00:00+00:00", None]
    with pytest.raises(NotFound, match="no task"):
        await install.tasks.run("nothing", by=BY)
    install.broken = Conflict("Not now.")
    with pytest.raises(Conflict):
        await install.tasks.run(install.name, by=BY)
    [state] = await install.tasks.list()
    assert state.last_run is not None
    assert state.last_run.problem == "Not now."


async def test_who_was_overtaken_does_not_write_over_the_later_run(database: Database) -> None:
    store, name = PostgresTaskRuns(database), f"task-{uuid4().hex}"
    early = TaskRun(task=name, id=new_id(), started_at=NOON)
    later = TaskRun(task=name, id=new_id(), started_at=NOON + timedelta(hours=1))
    assert await store.claim(early, due=NOON, abandoned=NOON)
    assert await store.claim(later, due=later.started_at, abandoned=NOON)
    await store.end(TaskRun(task=name, id=early.id, started_at=NOON, done_at=NOON, outcome={}))
    assert later in await store.all()


async def test_a_trial_that_is_over_ends_once(sloth: AsyncSloth, slug: str) -> None:
    firm = (await sloth.create_tenant(slug, plan="starter", by=BY)).id
    in_two_weeks = datetime.now(UTC) + timedelta(days=14, minutes=1)
    for _ in range(2):
        await twice_at_once(sloth, "trial-expirations", in_two_weeks)
    events = await sloth.audit.list(organization=firm)
    actions = [event.action for event in events]
    assert actions == ["subscription.advanced", "subscription.began", "tenant.created"]
    assert events[0].details["status"] == "unpaid"
    assert abs(events[0].at - datetime.now(UTC)) < timedelta(minutes=1), "the log has no other time"
    assert events[0].details["clock"] == in_two_weeks.isoformat()
    assert "clock" not in events[1].details


@pytest.fixture
async def taught(tenant: AsyncTenant) -> AsyncTenant:
    await tenant.ingest_content("prices.md", b"A haircut costs 40 euro.")
    return tenant


def files_of(tenant: AsyncTenant, settings: Settings) -> LocalFiles:
    return LocalFiles(settings.home / "files" / tenant.services.schema, settings.home)


def stored(files: LocalFiles) -> set[str]:
    return {path.name for path in files.folder.glob("*/*")}


async def test_clean_up_removes_what_no_document_names(
    sloth: AsyncSloth, taught: AsyncTenant, settings: Settings
) -> None:
    files = files_of(taught, settings)
    [kept] = stored(files)
    await files.write("ab12", b"left behind")
    twin = files.folder / "ab" / ".ab12.4711.01234567"
    twin.write_bytes(b"half writ")
    await sloth.tasks.run("clean-up", by=BY)
    assert stored(files) == {kept, "ab12", twin.name}, "younger than a day"
    tomorrow = datetime.now(UTC) + timedelta(days=1, minutes=1)
    await twice_at_once(sloth, "clean-up", tomorrow)
    assert stored(files) == {kept}
    assert (await taught.chat("How much is a haircut?")).grounded


async def test_sign_ins_and_replies_that_are_over_are_forgotten(
    sloth: AsyncSloth, database: Database
) -> None:
    user = await sloth.accounts.create(f"{uuid4().hex}@example.com", is_superuser=True, by=BY)
    await sloth.services.sessions.begin(user)
    request = Repeatable(caller=f"user:{user.id}", endpoint="POST /", key="k", fingerprint=b"f")
    place = await sloth.services.replies.begin(request)
    assert isinstance(place, Held)
    await place.keep(Reply(status=204, media_type="", body=b""))

    async def kept() -> tuple[int, int] | None:
        async with database.shared() as connection:
            found = await connection.execute(
                "select (select count(*) from public.sessions where user_id = %s),"
                " (select count(*) from public.replies where caller = %s)",
                (user.id, request.caller),
            )
            return await found.fetchone()

    now = datetime.now(UTC)
    for days, left in ((0, (1, 1)), (2, (1, 0)), (31, (0, 0))):
        await twice_at_once(sloth, "access-expirations", now + timedelta(days=days))
        assert await kept() == left


async def test_clean_up_waits_a_day_for_files_written_again(
    sloth: AsyncSloth, tenant: AsyncTenant, settings: Settings
) -> None:
    files = files_of(tenant, settings)
    await files.write("ab12", b"old")
    old = datetime.now(UTC).timestamp() - 2 * 24 * 3600
    os.utime(files.folder / "ab" / "ab12", (old, old))
    await files.write("ab12", b"new")
    await sloth.tasks.run("clean-up", by=BY)
    assert stored(files) == {"ab12"}


def half_made(*, database: str = MAIN_DATABASE) -> Organization:
    """One whose making was cut short has no tables; it comes before all others."""
    id = TenantId(UUID(int=uuid4().int >> 8))
    return Organization(
        id=id,
        slug=f"t-{id.hex}",
        name="Half",
        schema_name=schema_name(id),
        database=database,
        created_at=NOON,
    )


async def test_a_tenant_whose_making_was_cut_short_is_completed(
    sloth: AsyncSloth, database: Database
) -> None:
    found = half_made()
    assert await PostgresOrganizations(database).add(found)
    done = await sloth.tasks.run("usage-limits", by=BY)
    assert found.slug not in done.failed
    assert not await sloth.services.spaces.ensure(found)
    await sloth.delete_tenant(found.slug)


async def test_a_tenant_that_fails_stops_no_other(
    sloth: AsyncSloth, taught: AsyncTenant, settings: Settings, database: Database
) -> None:
    lost = half_made(database="nowhere")
    assert await PostgresOrganizations(database).add(lost)
    files = files_of(taught, settings)
    await files.write("ab12", b"left behind")
    tomorrow = datetime.now(UTC) + timedelta(days=1, minutes=1)
    done = await sloth.tasks.run("clean-up", at=tomorrow, by=BY)
    assert done.outcome is not None
    assert done.outcome["failed_tenants"] == len(done.failed)
    assert done.failed[lost.slug].startswith("There is no database 'nowhere'")
    assert "ab12" not in stored(files)
    async with database.shared() as connection:
        await connection.execute("delete from public.organizations where id = %s", (lost.id,))


@pytest.fixture
def folders(settings: Settings) -> dict[str, TenantId]:
    """One of a tenant that was here, one of a tenant of somebody else."""
    tenants = {"gone": TenantId(new_id()), "foreign": TenantId(new_id())}
    for tenant in tenants.values():
        (settings.home / "files" / schema_name(tenant) / "ab").mkdir(parents=True)
    return tenants


async def test_clean_up_removes_folders_of_tenants_that_were_deleted_here(
    sloth: AsyncSloth, folders: dict[str, TenantId], taught: AsyncTenant, settings: Settings,
    database: Database,
) -> None:  # fmt: skip
    event = AuditEvent.of("tenant.known", by=BY, at=NOON, organization=folders["gone"])
    async with database.shared() as connection:
        await record(connection, event)
    (settings.home / "files" / "notes of mine").mkdir()
    await sloth.tasks.run("clean-up", by=BY)
    assert (settings.home / "files" / schema_name(folders["gone"])).is_dir(), "younger than a day"
    tomorrow = datetime.now(UTC) + timedelta(days=1, minutes=1)
    done = await sloth.tasks.run("clean-up", at=tomorrow, by=BY)
    assert done.outcome is not None
    assert done.outcome["folders"] == 1
    left = {path.name for path in (settings.home / "files").iterdir()}
    assert schema_name(folders["gone"]) not in left
    assert {schema_name(folders["foreign"]), "notes of mine", taught.services.schema} <= left


async def twice_at_once(sloth: AsyncSloth, task: str, at: datetime) -> None:
    async def once() -> None:
        await sloth.tasks.run(task, at=at, by=BY)

    async with anyio.create_task_group() as group:
        group.start_soon(once)
        group.start_soon(once)
