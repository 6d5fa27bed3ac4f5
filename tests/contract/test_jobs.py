"""Jobs of tenants: claimed by one, in a fair order, and never ended by who lost them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import anyio
import pytest

from sloth_agent import AsyncSloth
from sloth_agent.adapters.stores.postgres.job_alarm import PostgresAlarm
from sloth_agent.adapters.stores.postgres.job_board import PostgresJobBoard
from sloth_agent.app.job_handlers import hands
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import ClaimLost, EmbedderUnavailable, FileDamaged, Problem
from sloth_agent.ids import DocumentId
from sloth_agent.jobs.models import (
    Claim,
    JobKind,
    JobStatus,
    NewJob,
    Priority,
    Progress,
    Queue,
    Report,
)
from sloth_agent.jobs.ports import JobStore
from sloth_agent.jobs.running import TELL_EVERY_SECONDS
from sloth_agent.jobs.trying import MOST_LOSSES
from sloth_agent.jobs.working import Prepared, Working

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("jobs")]  # one board for each server

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
LEASE = timedelta(seconds=30)
BROKEN = Problem(code="embedder_unavailable", message="It did not answer.")
QUEUES = (Queue.DOCUMENTS,)


def ingest(subject: UUID | None = None, priority: Priority = Priority.USUAL) -> NewJob:
    return NewJob(kind=JobKind.INGEST, subject=subject or uuid4(), priority=priority)


@dataclass(frozen=True, slots=True)
class Board:
    """What a worker sees, and nobody else's jobs."""

    jobs: PostgresJobBoard

    async def claim(
        self, *, worker: str = "worker", at: datetime = NOW, most: int | None = None
    ) -> tuple[str, Claim] | None:
        return await self.jobs.claim(QUEUES, worker=worker, now=at, until=at + LEASE, most=most)

    async def claimed(self, count: int) -> Sequence[tuple[str, Claim]]:
        """One after the other, each a moment later."""
        moments = [NOW + timedelta(milliseconds=number) for number in range(count)]
        found = [await self.claim(at=moment) for moment in moments]
        return [each for each in found if each is not None]

    async def emptied(self) -> None:
        """Return when nothing waits or is being done any more."""
        while True:
            if not await self.jobs.next_due(QUEUES) and not await self.jobs.workers():
                return
            await anyio.sleep(0.2)


@pytest.fixture
async def board(sloth: AsyncSloth) -> Board:
    databases = sloth.services.databases
    async with databases.main.owning() as connection:
        await connection.execute("truncate public.processing_jobs, public.job_turns")
    return Board(PostgresJobBoard(databases))


@pytest.fixture
def jobs(tenant: AsyncTenant) -> JobStore:
    return tenant.services.jobs


async def another(sloth: AsyncSloth) -> AsyncTenant:
    return await sloth.tenant(f"t-{uuid4().hex}", create=True)


async def test_a_job_is_claimed_once(board: Board, jobs: JobStore, tenant: AsyncTenant) -> None:
    subject = uuid4()
    await jobs.ask(ingest(subject), now=NOW)
    claimed = await board.claim()
    assert claimed == (
        tenant.services.schema,
        Claim(kind=JobKind.INGEST, subject=subject, token=2, tries=1, is_last=False),
    )
    assert await board.claim() is None
    found = await jobs.find(JobKind.INGEST, subject)
    assert found is not None
    assert (found.status, found.worker, found.attempts) == (JobStatus.PROCESSING, "worker", 1)


async def test_many_at_once_claim_each_job_once(board: Board, jobs: JobStore) -> None:
    """Fails where the claiming statement does not skip what is locked, or does not lock."""
    subjects = {uuid4() for _ in range(60)}
    for subject in subjects:
        await jobs.ask(ingest(subject), now=NOW)
    got: list[UUID] = []

    async def work(name: str) -> None:
        while claimed := await board.claim(worker=name):
            got.append(claimed[1].subject)

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(work, f"worker {number}")
    assert len(got) == 60
    assert set(got) == subjects


async def test_the_most_urgent_first_then_in_order(board: Board, jobs: JobStore) -> None:
    wanted = {name: ingest(priority=priority) for name, priority in [
        ("bulk", Priority.BULK), ("first", Priority.USUAL), ("second", Priority.USUAL),
        ("customer", Priority.CUSTOMER),
    ]}  # fmt: skip
    for number, job in enumerate(wanted.values()):
        await jobs.ask(job, now=NOW - timedelta(minutes=9 - number))
    subjects = [claim.subject for _, claim in await board.claimed(4)]
    order = ["customer", "first", "second", "bulk"]
    assert subjects == [wanted[name].subject for name in order]


async def test_a_firm_with_many_jobs_holds_up_no_other(
    board: Board, sloth: AsyncSloth, tenant: AsyncTenant
) -> None:
    for _ in range(50):
        await tenant.services.jobs.ask(ingest(), now=NOW - timedelta(hours=1))
    others = [await another(sloth) for _ in range(3)]
    for other in others:
        for _ in range(2):
            await other.services.jobs.ask(ingest(), now=NOW)
    served = [schema for schema, _ in await board.claimed(9)]
    for other in others:
        assert served.index(other.services.schema) < 4
        assert other.services.schema in served[4:8]
    assert served.count(tenant.services.schema) == 3


async def test_a_firm_has_only_so_many_places_of_a_worker(
    board: Board, sloth: AsyncSloth, jobs: JobStore
) -> None:
    other = await another(sloth)
    for _ in range(4):
        await jobs.ask(ingest(), now=NOW - timedelta(hours=1))
    await other.services.jobs.ask(ingest(), now=NOW)
    claimed = [await board.claim(most=2) for _ in range(4)]
    assert [each and each[0] for each in claimed].count(other.services.schema) == 1
    assert claimed[3] is None
    assert await board.claim(worker="another", most=2) is not None


async def test_what_only_had_to_wait_was_no_try(board: Board, jobs: JobStore) -> None:
    await jobs.ask(ingest(), now=NOW)
    for is_try, tries in ((False, 1), (True, 1), (True, 2), (False, 3)):
        _, claim = await board.claim() or pytest.fail("it waits")
        assert claim.tries == tries
        await jobs.put_off(claim, until=NOW, problem=BROKEN, is_try=is_try)


async def test_what_is_due_later_waits(board: Board, jobs: JobStore) -> None:
    later = NOW + timedelta(minutes=1)
    await jobs.ask(ingest(), now=later)
    assert await board.claim() is None
    assert await board.jobs.next_due(QUEUES) == later
    assert await board.claim(at=later) is not None


async def test_a_claim_that_ran_out_goes_to_others(board: Board, jobs: JobStore) -> None:
    job = ingest()
    await jobs.ask(job, now=NOW)
    _, first = await board.claim() or pytest.fail("there is a job")
    assert await jobs.extend(first, until=NOW + 2 * LEASE)
    assert await board.jobs.release_overdue(now=NOW + LEASE) == 0
    after = NOW + 2 * LEASE
    assert await board.jobs.release_overdue(now=after) == 1
    _, second = await board.claim(at=after) or pytest.fail("it was released")
    assert second.token == first.token + 1
    assert not await jobs.extend(first, until=after + LEASE)
    assert not await jobs.end(first, now=after)
    await jobs.put_off(first, until=after, problem=BROKEN)
    assert await jobs.end(second, now=after)
    found = await jobs.find(job.kind, job.subject)
    assert found is not None
    assert (found.status, found.problem) == (JobStatus.COMPLETED, None)


async def test_what_kills_its_workers_fails_in_the_end(board: Board, jobs: JobStore) -> None:
    job = ingest()
    await jobs.ask(job, now=NOW)
    moment = NOW
    for tries in range(1, MOST_LOSSES + 1):
        _, claim = await board.claim(at=moment) or pytest.fail(f"try {tries}")
        assert claim.tries == tries
        moment += LEASE
        await board.jobs.release_overdue(now=moment)
    assert await board.claim(at=moment) is None
    found = await jobs.find(job.kind, job.subject)
    assert found is not None
    assert found.problem is not None
    assert (found.status, found.problem.code) == (JobStatus.FAILED, "worker_lost")


async def test_the_jobs_of_a_gone_worker(board: Board, jobs: JobStore) -> None:
    for _ in range(3):
        await jobs.ask(ingest(), now=NOW)
    await board.claim(worker="gone")
    await board.claim(worker="gone")
    await board.claim(worker="here")
    assert await board.jobs.workers() == ["gone", "here"]
    assert await board.jobs.release_all_of("gone", lost=True, now=NOW) == 2
    assert len(await board.claimed(3)) == 2


async def test_work_that_is_done_at_once_is_held_like_any_other(
    board: Board, jobs: JobStore
) -> None:
    job = ingest()
    taken = await jobs.take(job, worker="me", now=NOW, until=NOW + LEASE)
    assert taken is not None
    assert taken.is_last
    assert await jobs.take(job, worker="you", now=NOW, until=NOW + LEASE) is None
    assert await board.claim() is None
    await jobs.release(job.kind, job.subject, worker="somebody else", now=NOW)
    assert await board.claim() is None
    await jobs.release(job.kind, job.subject, worker="me", now=NOW)
    assert await board.claim() is not None


async def test_a_job_that_is_asked_for_again_begins_anew(board: Board, jobs: JobStore) -> None:
    job = ingest()
    id = await jobs.ask(job, now=NOW)
    _, claim = await board.claim() or pytest.fail("there is a job")
    await jobs.extend(claim, until=NOW + LEASE, progress=Progress(stage="reading"))
    assert await jobs.ask(job, now=NOW) == id
    assert not await jobs.end(claim, now=NOW)
    found = await jobs.find(job.kind, job.subject)
    assert found is not None
    assert (found.status, found.attempts, found.progress) == (JobStatus.PENDING, 0, None)


async def test_retry_and_cancel(board: Board, jobs: JobStore) -> None:
    id = await jobs.ask(ingest(), now=NOW)
    cancelled = Problem(code="cancelled", message="Somebody wanted it so.")
    assert await board.jobs.retry(id, now=NOW) is None
    _, claim = await board.claim() or pytest.fail("there is a job")
    stopped = await board.jobs.cancel(id, now=NOW, problem=cancelled)
    assert stopped is not None
    assert (stopped.status, stopped.problem) == (JobStatus.FAILED, cancelled)
    assert not await jobs.end(claim, now=NOW)
    assert await board.jobs.cancel(id, now=NOW, problem=cancelled) is None
    [dead] = await board.jobs.all(schema_name=None, statuses=[JobStatus.FAILED], limit=9)
    assert dead == await board.jobs.find(id)
    again = await board.jobs.retry(id, now=NOW)
    assert again is not None
    assert (again.status, again.attempts, again.problem) == (JobStatus.PENDING, 0, None)
    assert await board.claim() is not None


async def test_completed_jobs_are_forgotten_after_a_while(board: Board, jobs: JobStore) -> None:
    done, waiting = ingest(), ingest()
    await jobs.ask(done, now=NOW)
    _, claim = await board.claim() or pytest.fail("there is a job")
    await jobs.end(claim, now=NOW)
    await jobs.ask(waiting, now=NOW)
    assert await board.jobs.forget_completed(before=NOW) == 0
    assert await board.jobs.forget_completed(before=NOW + LEASE) == 1
    assert await jobs.find(done.kind, done.subject) is None
    assert await jobs.find(waiting.kind, waiting.subject) is not None


async def test_a_tenant_sees_its_own_jobs_alone(jobs: JobStore, sloth: AsyncSloth) -> None:
    """The second wall: fails without the row policy."""
    job = ingest()
    await jobs.ask(job, now=NOW)
    neighbour = await another(sloth)
    async with neighbour.services.home.inside(neighbour.services.schema) as connection:
        found = await connection.execute("select count(*) from public.processing_jobs")
        assert await found.fetchone() == (0,)
        changed = await connection.execute("update public.processing_jobs set token = 9")
        assert changed.rowcount == 0


async def test_results_of_a_lost_claim_are_not_stored(
    board: Board, tenant: AsyncTenant, jobs: JobStore
) -> None:
    """Fails where publishing does not hold the claim."""
    document = await tenant.services.documents.upload("prices.md", b"A haircut costs 40 euro.")
    job = ingest(document.id)
    await jobs.ask(job, now=NOW)
    _, lost = await board.claim() or pytest.fail("there is a job")
    after = NOW + LEASE
    await board.jobs.release_overdue(now=after)
    _, held = await board.claim(at=after) or pytest.fail("it was released")
    with pytest.raises(ClaimLost):
        await tenant.services.ingestion.ingest(document.id, claim=lost)
    assert (await tenant.index()).chunks == 0
    await tenant.services.ingestion.ingest(document.id, claim=held)
    assert (await tenant.index()).chunks == 1
    found = await jobs.find(job.kind, job.subject)
    assert found is not None
    assert found.status is JobStatus.COMPLETED


async def test_an_unreadable_file_ends_its_job_as_it_ends_its_document(
    tenant: AsyncTenant, jobs: JobStore
) -> None:
    outcome = await tenant.ingest_content("broken.pdf", b"%PDF-1.4 nothing more")
    assert outcome.document_id is not None
    found = await jobs.find(JobKind.INGEST, outcome.document_id)
    assert found is not None
    assert found.problem == outcome.problem
    assert found.status is JobStatus.FAILED


async def test_a_deleted_document_takes_its_job_along(tenant: AsyncTenant, jobs: JobStore) -> None:
    document = await tenant.services.documents.upload("prices.md", b"A haircut costs 40 euro.")
    job = ingest(document.id)
    claim = await jobs.take(job, worker="me", now=NOW, until=NOW + LEASE)
    assert claim is not None
    await tenant.delete_document(DocumentId(document.id))
    assert await jobs.find(job.kind, job.subject) is None
    assert not await jobs.extend(claim, until=NOW + LEASE)


async def test_how_far_a_file_is(tenant: AsyncTenant, tmp_path: Path) -> None:
    (tmp_path / "prices.md").write_text("A haircut costs 40 euro.")
    heard: list[tuple[str, str]] = []
    await tenant.ingest(tmp_path, on_progress=lambda path, p: heard.append((path, p.stage)))
    path = str(tmp_path / "prices.md")
    assert heard == [(path, "reading"), (path, "storing")]


async def test_others_see_how_far_a_job_is(tenant: AsyncTenant, jobs: JobStore) -> None:
    job = ingest()
    seen: list[Progress | None] = []

    async def work(_claim: Claim, report: Report) -> bool:
        report(Progress(stage="embedding", done=1, total=4))
        await anyio.sleep(2 * TELL_EVERY_SECONDS)
        found = await jobs.find(job.kind, job.subject)
        seen.append(found.progress if found else None)
        return False

    assert await tenant.services.work.do(job, work)
    assert seen == [Progress(stage="embedding", done=1, total=4)]
    assert seen[0] is not None
    assert seen[0].percent == 25


async def test_who_asks_for_what_is_being_done_waits_for_it(tenant: AsyncTenant) -> None:
    job = ingest()
    work = tenant.services.work
    done: list[str] = []
    begun = anyio.Event()

    async def slow(_claim: Claim, _report: Report) -> bool:
        begun.set()
        await anyio.sleep(0.5)
        done.append("once")
        return False

    async def wait() -> None:
        await begun.wait()
        assert not await work.do(job, slow)
        assert done == ["once"]

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        assert await work.do(job, slow)


async def test_a_job_whose_claim_is_lost_is_cut_off(tenant: AsyncTenant, jobs: JobStore) -> None:
    """Fails where nobody extends the claim, or minds that it could not be."""
    job = ingest()
    running = replace(tenant.services.backends.running, lease=timedelta(seconds=0.3))
    cut_off = anyio.Event()

    async def work(_claim: Claim, _report: Report) -> bool:
        await jobs.ask(job, now=NOW)  # as if the file were uploaded again
        try:
            await anyio.sleep(30)
        finally:
            cut_off.set()
        return False

    now = running.clock()
    claim = await jobs.take(job, worker="me", now=now, until=now + running.lease)
    assert claim is not None
    with anyio.fail_after(5):
        failure = await running.try_once(jobs, claim, work)
    assert isinstance(failure, ClaimLost)
    assert cut_off.is_set()


@pytest.mark.parametrize(
    ("error", "last", "status"),
    [
        (EmbedderUnavailable("It is away."), False, JobStatus.PENDING),
        (EmbedderUnavailable("It is away."), True, JobStatus.FAILED),
        (RuntimeError("A bug."), False, JobStatus.PENDING),
        (FileDamaged("It is broken."), False, JobStatus.FAILED),
    ],
)
async def test_what_failures_lead_to(
    tenant: AsyncTenant, jobs: JobStore, error: Exception, last: bool, status: JobStatus
) -> None:
    job = ingest()
    running = tenant.services.backends.running

    async def work(_claim: Claim, _report: Report) -> bool:
        raise error

    now = running.clock()
    claim = await jobs.take(job, worker="me", now=now, until=now + running.lease)
    assert claim is not None
    assert await running.try_once(jobs, replace(claim, is_last=last), work) is error
    found = await jobs.find(job.kind, job.subject)
    assert found is not None
    assert found.status is status
    assert found.problem is not None
    if status is JobStatus.PENDING:
        assert now < found.due_at <= running.clock() + timedelta(seconds=2)


@pytest.mark.slow
async def test_a_few_poisonous_jobs_hold_up_no_other(
    board: Board, sloth: AsyncSloth, jobs: JobStore
) -> None:
    taken = hands(sloth.services)
    asked = [ingest() for _ in range(100)]
    poisonous = {job.subject for job in asked[10:60:10]}

    async def work(claim: Claim, _report: Report) -> bool:
        if claim.subject in poisonous:
            raise RuntimeError("poison")
        return False

    async def prepare(_schema: str, _claim: Claim) -> Prepared:
        return jobs, work

    for job in asked:
        await jobs.ask(job, now=sloth.services.backends.clock())
    async with PostgresAlarm.listening(sloth.services.databases) as alarm:
        worker = Working(hands=replace(taken, prepare=prepare), alarm=alarm.ear())
        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(worker.work)
                await board.emptied()
                worker.stop()
    dead = await board.jobs.all(schema_name=None, statuses=[JobStatus.FAILED], limit=1000)
    done = await board.jobs.all(schema_name=None, statuses=[JobStatus.COMPLETED], limit=1000)
    assert {job.subject for job in dead} == poisonous
    assert len(done) == 95
