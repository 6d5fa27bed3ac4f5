"""Limits of a plan, with real processes against real PostgreSQL."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from fakes.subscriptions import limited
from sloth_agent import AsyncSloth, Settings
from sloth_agent.agent.ports import ChatRequest, Completion, Delta
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.billing.allowance import Resource
from sloth_agent.billing.models import BYTES_IN_MB
from sloth_agent.billing.states import SubscriptionStatus
from sloth_agent.billing.usage_ports import Count
from sloth_agent.errors import (
    DocumentLimitExceeded,
    MessageLimitExceeded,
    ModelUnavailable,
    NotFound,
    SlothError,
    StorageLimitExceeded,
    SubscriptionExpired,
)
from sloth_agent.ids import DocumentId
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.users import Role

pytestmark = pytest.mark.anyio


@dataclass
class CountingModel:
    """Says the same to everybody, or fails, and counts how often it was asked."""

    failing: int = 0  # how many of the first questions
    name: str = "counting"
    asked: int = 0
    waiting: anyio.Event = field(default_factory=anyio.Event)  # set: nobody waits

    async def answer(self, _request: ChatRequest) -> AsyncIterator[Delta | Completion]:
        self.asked += 1
        if self.asked <= self.failing:
            raise ModelUnavailable("The model is away.")
        yield Delta(text="40 ")
        await self.waiting.wait()
        yield Delta(text="euro")
        yield Completion(text="40 euro", quotes=())


def speaking(tenant: AsyncTenant, model: CountingModel) -> AsyncTenant:
    """The tenant with another chat model."""
    model.waiting.set()
    backends = replace(tenant.services.backends)
    backends.__dict__["chat_model"] = model
    return replace(tenant, services=replace(tenant.services, backends=backends))


async def messages_of(tenant: AsyncTenant) -> Count:
    metering = tenant.services.metering
    return await metering.store.count((await metering.allowance()).room(Resource.MESSAGES))


async def chat_many(tenant: AsyncTenant, times: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()

    async def chat() -> None:
        try:
            await tenant.chat("How much is a haircut?")
            outcomes["accepted"] += 1
        except SlothError as error:
            outcomes[error.code] += 1

    async with anyio.create_task_group() as group:
        for _ in range(times):
            group.start_soon(chat)
    return outcomes


async def chat_in_this_process(home: Path, slug: str) -> None:
    """What each of the two processes does, once both are ready."""
    model = CountingModel()
    async with AsyncSloth(Settings(home=home, embedder="none", database_url=None)) as sloth:
        tenant = limited(speaking(await sloth.tenant(slug), model), max_messages_per_month=100)
        await tenant.services.conversations.list()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await anyio.to_thread.run_sync(sys.stdin.readline)
        outcomes = await chat_many(tenant, 500)
    sys.stdout.write(json.dumps({**outcomes, "asked": model.asked}))


def in_two_processes(home: Path, slug: str) -> Counter[str]:
    """All outcomes of `chat_in_this_process` in two processes that begin together."""
    script = (
        "import anyio, sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        " from e2e.test_limits import chat_in_this_process;"
        " anyio.run(chat_in_this_process, Path(sys.argv[2]), sys.argv[3])"
    )
    tests = Path(__file__).parents[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tests), str(home), slug],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    ended = [process.communicate("go\n", timeout=120)[0] for process in processes]
    return sum((Counter(json.loads(printed)) for printed in ended), Counter[str]())


@pytest.mark.slow
async def test_a_thousand_chats_against_a_hundred(
    settings: Settings, tenant: AsyncTenant, slug: str
) -> None:
    """Without `where kept.used + kept.reserved + ... <= limit` all thousand are answered."""
    outcomes = await anyio.to_thread.run_sync(in_two_processes, settings.home, slug)
    assert outcomes == {"accepted": 100, "message_limit_exceeded": 900, "asked": 100}
    assert await messages_of(limited(tenant)) == Count(used=100)


async def test_what_the_model_did_not_answer_is_refunded(tenant: AsyncTenant) -> None:
    tenant = limited(tenant, max_messages_per_month=10)
    model = CountingModel(failing=60)
    outcomes = await chat_many(speaking(tenant, model), 60)
    assert set(outcomes) <= {"model_unavailable", "message_limit_exceeded"}
    assert await messages_of(tenant) == Count()
    assert (await chat_many(speaking(tenant, CountingModel()), 60))["accepted"] == 10
    assert await messages_of(tenant) == Count(used=10)


async def test_who_hangs_up_is_refunded(tenant: AsyncTenant) -> None:
    tenant = limited(tenant, max_messages_per_month=10)
    model = CountingModel()
    asked = speaking(tenant, model)
    model.waiting = anyio.Event()
    stream = asked.chat_stream("How much is a haircut?")
    assert isinstance(await anext(stream), Delta)
    assert await messages_of(tenant) == Count(reserved=1)
    await stream.aclose()  # type: ignore[attr-defined]  # a generator in all but name
    assert await messages_of(tenant) == Count()
    with anyio.move_on_after(0.2):
        await asked.chat("How much is a haircut?")
    assert await messages_of(tenant) == Count()


async def test_what_a_refusal_says(tenant: AsyncTenant) -> None:
    tenant = limited(tenant, max_messages_per_month=1)
    await tenant.chat("How much is a haircut?")
    with pytest.raises(MessageLimitExceeded) as raised:
        await tenant.chat("How much is a haircut?")
    month = (await tenant.services.metering.allowance()).month
    assert raised.value.details == {
        "resource": "messages", "used": 1, "limit": 1, "resets_at": month.end,
    }  # fmt: skip
    assert raised.value.hint is not None
    assert f"{month.end:%Y-%m-%d}" in raised.value.hint


async def test_nothing_is_answered_after_the_end(tenant: AsyncTenant) -> None:
    with pytest.raises(SubscriptionExpired):
        await limited(tenant, status=SubscriptionStatus.UNPAID).chat("How much is a haircut?")


async def test_without_a_subscription_nothing_is_limited_and_all_is_counted(
    tenant: AsyncTenant,
) -> None:
    assert (await chat_many(tenant, 20))["accepted"] == 20
    assert await messages_of(tenant) == Count(used=20)


async def test_evaluation_is_not_counted(tenant: AsyncTenant) -> None:
    from sloth_agent.agent.evaluation import KnownQuestion

    question = KnownQuestion(question="How much is a haircut?", answers=("40 euro",))
    await limited(tenant, max_messages_per_month=0).evaluate([question])
    assert await messages_of(tenant) == Count()


async def counts_of(tenant: AsyncTenant) -> tuple[int, int]:
    """Documents and bytes: as counted, and as they are."""
    metering = tenant.services.metering
    allowance = await metering.allowance()
    counted = [
        (await metering.store.count(allowance.room(resource))).used
        for resource in (Resource.DOCUMENTS, Resource.STORAGE_BYTES)
    ]
    documents = await tenant.documents()
    assert counted == [len(documents), sum(document.size_bytes for document in documents)]
    return counted[0], counted[1]


def sizes_of_files(tenant: AsyncTenant) -> list[int]:
    folder = tenant.services.backends.files(tenant.services.schema).folder
    return [file.stat().st_size for file in folder.rglob("*") if file.is_file()]


async def upload_many(tenant: AsyncTenant, files: dict[str, bytes]) -> Counter[str]:
    outcomes: Counter[str] = Counter()

    async def upload(name: str, content: bytes) -> None:
        try:
            await tenant.services.documents.upload(name, content)
            outcomes["kept"] += 1
        except SlothError as error:
            outcomes[error.code] += 1

    async with anyio.create_task_group() as group:
        for name, content in files.items():
            group.start_soon(upload, name, content)
    return outcomes


async def test_fifty_uploads_of_a_megabyte_into_ten(tenant: AsyncTenant) -> None:
    """Without `refused = ...` in the statement that adds all fifty are kept."""
    tenant = limited(tenant, max_storage_mb=10)
    files = {f"{number}.txt": bytes([65 + number]) * BYTES_IN_MB for number in range(50)}
    outcomes = await upload_many(tenant, files)
    assert outcomes == {"kept": 10, "storage_limit_exceeded": 40}
    assert await counts_of(tenant) == (10, 10 * BYTES_IN_MB)
    assert sizes_of_files(tenant) == [BYTES_IN_MB] * 10


async def test_fifty_documents_into_ten(tenant: AsyncTenant) -> None:
    """Without `refused = ...` in the statement that adds all fifty are kept."""
    tenant = limited(tenant, max_documents=10)
    outcomes = await upload_many(tenant, {f"{number}.txt": b"text" for number in range(50)})
    assert outcomes == {"kept": 10, "document_limit_exceeded": 40}
    assert await counts_of(tenant) == (10, 40)


async def test_what_is_deleted_makes_room(tenant: AsyncTenant) -> None:
    tenant = limited(tenant, max_documents=1, max_storage_mb=1)
    upload = tenant.services.documents.upload
    kept = await upload("a.txt", b"a" * BYTES_IN_MB)
    with pytest.raises(DocumentLimitExceeded) as raised:
        await upload("b.txt", b"b")
    assert raised.value.details == {
        "resource": "documents", "used": 1, "limit": 1, "resets_at": None,
    }  # fmt: skip
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(forgiving, tenant, kept.id)
    assert await counts_of(tenant) == (0, 0)
    await upload("b.txt", b"b")
    assert await counts_of(tenant) == (1, 1)


async def forgiving(tenant: AsyncTenant, id: DocumentId) -> None:
    with suppress(NotFound):
        await tenant.delete_document(id)


async def test_only_the_difference_of_a_new_version_is_counted(tenant: AsyncTenant) -> None:
    tenant = limited(tenant, max_documents=1, max_storage_mb=1)
    upload = tenant.services.documents.upload
    await upload("a.txt", b"a" * 600_000)
    await upload("a.txt", b"b" * 700_000)
    assert await counts_of(tenant) == (1, 700_000)
    with pytest.raises(StorageLimitExceeded):
        await upload("a.txt", b"c" * (BYTES_IN_MB + 1))
    assert await counts_of(tenant) == (1, 700_000)
    assert sizes_of_files(tenant) == [700_000]
    await upload("a.txt", b"a")
    assert await counts_of(tenant) == (1, 1)


async def test_versions_of_one_document_at_once(tenant: AsyncTenant) -> None:
    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(tenant.services.documents.upload, "a.txt", b"x" * number)
    counted = await counts_of(tenant)
    assert counted[0] == 1


async def test_a_file_that_cannot_be_read_is_kept_and_counted(tenant: AsyncTenant) -> None:
    tenant = limited(tenant, max_documents=5)
    assert (await tenant.ingest_content("a.pdf", b"no pdf")).status == "failed"
    assert await counts_of(tenant) == (1, 6)


async def test_a_folder_into_a_smaller_plan(tenant: AsyncTenant, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text(f"text {number}")
    report = await limited(tenant, max_documents=3).ingest(tmp_path)
    codes = Counter(file.problem.code if file.problem else "" for file in report.files)
    assert codes == {"": 3, "document_limit_exceeded": 2}
    assert await counts_of(tenant) == (3, 18)
    with pytest.raises(SubscriptionExpired):
        await limited(tenant, status=SubscriptionStatus.CANCELED).ingest(tmp_path)


async def test_a_report_of_everything(sloth: AsyncSloth, tenant: AsyncTenant) -> None:
    tenant = limited(tenant, max_users=3, max_messages_per_month=10)
    await tenant.ingest_content("a.txt", b"A haircut costs 40 euro.")
    await tenant.chat("How much is a haircut?")
    await sloth.accounts.create(
        f"anna@{tenant.organization.slug}.example",
        organization=tenant.organization.id,
        role=Role.OWNER,
        by=Actor(name="test"),
    )
    report = await tenant.usage()
    used = {meter.room.resource.value: (meter.used, meter.room.limit) for meter in report.meters}
    assert used == {
        "messages": (1, 10), "photos": (0, None), "documents": (1, None), "users": (1, 3),
        "storage_bytes": (24, None),
    }  # fmt: skip
    ended = limited(tenant, status=SubscriptionStatus.UNPAID)
    assert {meter.used for meter in (await ended.usage()).meters} == {0, 1, 24}
