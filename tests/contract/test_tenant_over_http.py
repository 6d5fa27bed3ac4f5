"""A tenant's methods behave the same in the library and over HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from fakes.channels import connected
from fakes.remote import over_http
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.agent.models import Answer, Speaker
from sloth_agent.agent.ports import Delta, Trial
from sloth_agent.app.tenant import AsyncTenant
from sloth_agent.billing.allowance import Resource, UsageReport
from sloth_agent.channels.models import IntegrationStatus
from sloth_agent.errors import (
    DocumentLimitExceeded,
    FileEmpty,
    InvalidInput,
    MessageLimitExceeded,
    NotFound,
    Problem,
    SlothError,
    SubscriptionExpired,
    UnsupportedFile,
)
from sloth_agent.ids import ConversationId, DocumentId, IntegrationId, new_id
from sloth_agent.jobs.models import Progress
from sloth_agent.knowledge.intake import Outcome
from sloth_agent.knowledge.models import DocumentStatus
from sloth_agent.language import Language

pytestmark = pytest.mark.anyio

PRICES = "service,price\nHaircut,40 euro\nManicure,25 euro\n"
QUESTION = "How much is a haircut?"

Opened = Callable[[], AbstractAsyncContextManager[AsyncTenant]]


@pytest.fixture
async def firm(sloth: AsyncSloth, slug: str) -> str:
    """The slug of a tenant whose plan has the API."""
    await sloth.create_tenant(slug, name="Salon «Лаванда»", plan="professional")
    return slug


@pytest.fixture(params=["in the library", "over HTTP"])
def opened(
    request: pytest.FixtureRequest, sloth: AsyncSloth, settings: Settings, firm: str
) -> Opened:
    if request.param == "over HTTP":
        return lambda: over_http(sloth, settings, firm)

    @asynccontextmanager
    async def in_the_library() -> AsyncIterator[AsyncTenant]:
        yield await sloth.tenant(firm)

    return in_the_library


@pytest.fixture
async def assistant(opened: Opened) -> AsyncIterator[AsyncTenant]:
    async with opened() as assistant:
        yield assistant


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "old").mkdir(parents=True)
    (tmp_path / "docs" / "ціни.csv").write_text(PRICES)
    (tmp_path / "docs" / "hours.md").write_text("# Hours\n\nWe are open from 9 to 18.\n")
    (tmp_path / "docs" / "old" / "hours.md").write_text("# Hours\n\nClosed on Sundays.\n")
    (tmp_path / "docs" / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    return tmp_path / "docs"


@pytest.fixture
def changed(server: Attachment, firm: str) -> Callable[[str], Awaitable[None]]:
    """Changes what the firm's subscription says."""

    async def change(assignment: str) -> None:
        async with await psycopg.AsyncConnection.connect(server.conninfo) as connection:
            await connection.execute(
                f"update public.subscriptions set {assignment} where organization_id ="
                " (select id from public.organizations where slug = %s)",
                [firm],
            )

    return change


def used(report: UsageReport, resource: Resource) -> int:
    [meter] = [meter for meter in report.meters if meter.room.resource is resource]
    return meter.used


async def test_it_knows_whose_it_is(assistant: AsyncTenant, firm: str) -> None:
    organization = assistant.organization
    assert (organization.slug, organization.name) == (firm, "Salon «Лаванда»")
    assert organization.schema_name == f"t_{organization.id.hex}"


async def test_a_folder_is_learned_and_told_of(assistant: AsyncTenant, docs: Path) -> None:
    found: list[int] = []
    told: list[str] = []
    report = await assistant.ingest(
        docs, on_found=found.append, on_outcome=lambda outcome: told.append(outcome.path)
    )
    assert found == [4]
    assert sorted(told) == sorted(outcome.path for outcome in report.files)
    outcomes = {Path(file.path).relative_to(docs).as_posix(): file for file in report.files}
    assert list(outcomes) == ["broken.pdf", "hours.md", "ціни.csv", "old/hours.md"]
    assert (report.count(Outcome.COMPLETED), report.count(Outcome.FAILED)) == (3, 1)
    assert outcomes["broken.pdf"].problem
    assert outcomes["broken.pdf"].problem.code == "file_damaged"
    titles = sorted(document.title for document in await assistant.documents())
    assert titles == ["broken.pdf", "hours.md", "hours.md", "ціни.csv"]

    again = await assistant.ingest(docs / "ціни.csv", docs)
    assert again.count(Outcome.COMPLETED) == 0
    assert again.count(Outcome.SKIPPED) >= 2


async def test_a_missing_file_stops_no_other(assistant: AsyncTenant, docs: Path) -> None:
    report = await assistant.ingest(docs / "none.txt", docs / "hours.md")
    missing, hours = report.files
    assert (missing.status, hours.status) == (Outcome.FAILED, Outcome.COMPLETED)
    assert missing.problem
    assert missing.problem.code == "not_found"
    with pytest.raises(InvalidInput):
        await assistant.ingest("")


async def test_what_is_not_waited_for_is_read_later(assistant: AsyncTenant, docs: Path) -> None:
    [file] = (await assistant.ingest(docs / "hours.md", wait=False)).files
    assert (file.status, file.problem) == (Outcome.PENDING, None)
    assert file.document_id
    assert (await assistant.document(file.document_id)).title == "hours.md"


async def test_bytes_are_learned_and_replaced(assistant: AsyncTenant) -> None:
    first = await assistant.ingest_content("prices.csv", PRICES.encode())
    assert (first.path, first.status, first.problem) == ("prices.csv", Outcome.COMPLETED, None)
    assert first.chunks > 0
    same = await assistant.ingest_content("prices.csv", PRICES.encode())
    assert (same.status, same.document_id) == (Outcome.SKIPPED, first.document_id)
    empty = await assistant.ingest_content("prices.csv", b" \n")
    assert empty.problem
    assert empty.problem.code == FileEmpty.code
    dearer = await assistant.ingest_content("prices.csv", PRICES.replace("40", "45").encode())
    assert dearer.document_id == first.document_id
    assert "45" in (await assistant.chat(QUESTION)).text


async def test_a_kept_file_is_a_document(assistant: AsyncTenant) -> None:
    kept = await assistant.keep_document("prices.csv", PRICES.encode())
    assert (kept.title, kept.size_bytes) == ("prices.csv", len(PRICES.encode()))
    assert len(kept.digest) == 64
    assert kept.status is not DocumentStatus.FAILED
    with pytest.raises(UnsupportedFile):
        await assistant.keep_document("sound.mp3", b"ID3\x04\x00\x00\x00\x00\x00\x00" * 10)


async def test_an_answer_has_its_sources(assistant: AsyncTenant) -> None:
    await assistant.ingest_content("prices.csv", PRICES.encode())
    answer = await assistant.chat(QUESTION)
    assert answer.grounded
    assert "40 euro" in answer.text
    [citation, *_] = answer.citations
    assert citation.document == "prices.csv"
    assert "40 euro" in citation.snippet
    assert citation.chunk_id in answer.chunks_used
    assert answer.timings_ms["total"] > 0

    refusal = await assistant.chat("Чи ремонтуєте ви велосипеди?", language=Language.POLISH)
    assert (refusal.grounded, refusal.citations) == (False, ())
    assert used(await assistant.usage(), Resource.MESSAGES) == 2


async def test_a_stream_is_the_answer_piece_by_piece(assistant: AsyncTenant) -> None:
    await assistant.ingest_content("prices.csv", PRICES.encode())
    parts = [part async for part in assistant.chat_stream(QUESTION)]
    *deltas, answer = parts
    assert isinstance(answer, Answer)
    assert deltas
    texts = [delta.text for delta in deltas if isinstance(delta, Delta)]
    assert "".join(texts) == answer.text
    assert "40 euro" in answer.text


async def test_what_was_said_is_remembered(assistant: AsyncTenant) -> None:
    await assistant.ingest_content("prices.csv", PRICES.encode())
    first = await assistant.chat(QUESTION)
    second = await assistant.chat("And a manicure?", conversation=first.conversation_id)
    assert second.conversation_id == first.conversation_id
    other = await assistant.chat("Hello?")
    listed = await assistant.conversations()
    assert [one.id for one in listed] == [other.conversation_id, first.conversation_id]
    assert [one.messages for one in listed] == [2, 4]
    assert [one.id for one in await assistant.conversations(limit=1, before=listed[0].id)] == [
        first.conversation_id
    ]
    messages = await assistant.messages(first.conversation_id)
    speakers = [message.speaker for message in messages]
    assert speakers == [Speaker.USER, Speaker.ASSISTANT] * 2
    assert messages[0].text == QUESTION
    assert messages[1].id == first.message_id
    assert messages[1].citations == first.citations
    assert set(first.chunks_used) <= set(messages[1].chunks_used)
    last = await assistant.messages(first.conversation_id, last=1)
    assert [message.id for message in last] == [second.message_id]


async def test_a_prompt_has_versions(assistant: AsyncTenant) -> None:
    assert (await assistant.prompt()).version == 0
    assert list(await assistant.prompt_history()) == []
    pirate = await assistant.set_prompt(role="You are a pirate.", temperature=0.2)
    assert (pirate.version, pirate.role, pirate.temperature) == (1, "You are a pirate.", 0.2)
    await assistant.set_prompt(role="You are a poet.")
    back = await assistant.rollback_prompt(1)
    assert (back.version, back.role, back.active) == (3, "You are a pirate.", True)
    assert [prompt.version for prompt in await assistant.prompt_history()] == [3, 2, 1]
    assert await assistant.prompt() == back
    with pytest.raises(NotFound):
        await assistant.rollback_prompt(9)
    with pytest.raises(InvalidInput):
        await assistant.set_prompt(temperature=3)


async def test_a_trial_leaves_no_trace(assistant: AsyncTenant) -> None:
    await assistant.ingest_content("prices.csv", PRICES.encode())
    draft = await assistant.set_prompt(role="You are a pirate.", instructions="Sing.", context="")
    parts = [part async for part in assistant.try_stream(QUESTION, prompt=draft)]
    trial = parts[-1]
    assert isinstance(trial, Trial)
    assert "40 euro" in trial.reply.text
    assert "".join(part.text for part in parts if isinstance(part, Delta)) == trial.reply.text
    request = trial.request
    assert (request.question, request.language) == (QUESTION, Language.ENGLISH)
    assert request.instructions == "You are a pirate.\n\nSing."
    assert "40 euro" in request.passages[0].readable_text
    assert trial.reply.chunks_used == tuple(each.chunk_id for each in request.passages)
    assert list(await assistant.conversations()) == []
    assert used(await assistant.usage(), Resource.MESSAGES) == 0


async def test_a_search_finds_passages(assistant: AsyncTenant, docs: Path) -> None:
    await assistant.ingest(docs)
    found = await assistant.search("haircut price", limit=2)
    best = found.passages[0]
    assert (best.cited_document, found.by_vectors) == ("ціни.csv", False)
    assert "40 euro" in best.readable_text
    assert best.place.row
    documents = {document.id for document in await assistant.documents()}
    assert best.document_id in documents
    only = await assistant.search("open closed", documents=["hours.md"])
    assert {passage.document for passage in only.passages} == {"hours.md"}
    assert only.passages[0].place.headings == ("Hours",)


async def test_documents_are_listed_and_deleted(assistant: AsyncTenant) -> None:
    for number in range(3):
        await assistant.ingest_content(f"{number}.txt", f"Note number {number}.".encode())
    first, *others = await assistant.documents()
    assert [document.title for document in others] == ["1.txt", "2.txt"]
    assert await assistant.documents(limit=1) == [first]
    assert await assistant.documents(after=first.id) == others
    shown = await assistant.document(first.id)
    assert (shown, shown.status) == (first, DocumentStatus.COMPLETED)
    assert shown.processed_at
    await assistant.delete_document(first.id)
    assert await assistant.documents() == others
    with pytest.raises(NotFound):
        await assistant.document(first.id)
    with pytest.raises(NotFound):
        await assistant.delete_document(first.id)


async def test_a_list_may_be_longer_than_a_page(
    sloth: AsyncSloth, firm: str, assistant: AsyncTenant
) -> None:
    there = await sloth.tenant(firm)
    for number in range(105):
        await there.keep_document(f"{number}.txt", f"Note number {number}.".encode())
    titles = [document.title for document in await assistant.documents()]
    assert titles == [f"{number}.txt" for number in range(105)]
    assert len(await assistant.documents(limit=101)) == 101


async def test_usage_tells_of_limits(assistant: AsyncTenant) -> None:
    await assistant.ingest_content("prices.csv", PRICES.encode())
    report = await assistant.usage()
    assert {meter.room.resource for meter in report.meters} == set(Resource)
    assert report.month.start < report.month.end
    meters = {meter.room.resource: meter for meter in report.meters}
    assert (meters[Resource.MESSAGES].room.limit, meters[Resource.DOCUMENTS].used) == (10000, 1)
    assert meters[Resource.MESSAGES].room.resets_at == report.month.end
    assert meters[Resource.STORAGE_BYTES].room.resets_at is None


@pytest.mark.parametrize("question", ["", "  \n"])
async def test_nothing_cannot_be_asked(assistant: AsyncTenant, question: str) -> None:
    with pytest.raises(InvalidInput):
        await assistant.chat(question)
    with pytest.raises(InvalidInput):
        await anext(aiter(assistant.chat_stream(question)))
    with pytest.raises(InvalidInput):
        await assistant.search(question)
    assert used(await assistant.usage(), Resource.MESSAGES) == 0


async def test_what_is_not_there_is_not_found(assistant: AsyncTenant) -> None:
    unknown = uuid4()
    with pytest.raises(NotFound):
        await assistant.document(DocumentId(unknown))
    with pytest.raises(NotFound):
        await assistant.messages(ConversationId(unknown))
    with pytest.raises(NotFound):
        await assistant.chat(QUESTION, conversation=ConversationId(unknown))
    with pytest.raises(NotFound):
        await anext(aiter(assistant.chat_stream(QUESTION, conversation=ConversationId(unknown))))


async def test_a_used_up_plan_says_so(
    opened: Opened, changed: Callable[[str], Awaitable[None]], docs: Path
) -> None:
    limits = '\'{"max_messages_per_month": 1, "max_documents": 1}\''
    await changed(f"terms = jsonb_set(terms, '{{limits}}', terms->'limits' || {limits})")
    async with opened() as assistant:
        await assistant.chat(QUESTION)
        with pytest.raises(MessageLimitExceeded):
            await anext(aiter(assistant.chat_stream(QUESTION)))
        with pytest.raises(MessageLimitExceeded) as refused:
            await assistant.chat(QUESTION)
        details = refused.value.details
        assert (details["resource"], details["limit"], details["used"]) == ("messages", 1, 1)
        assert details["resets_at"] == (await assistant.usage()).month.end

        await assistant.keep_document("1.txt", b"One.")
        with pytest.raises(DocumentLimitExceeded):
            await assistant.keep_document("2.txt", b"Two.")
        [file] = (await assistant.ingest(docs / "hours.md")).files
        assert file.problem
        assert file.problem.code == "document_limit_exceeded"


async def test_an_ended_subscription_stops_everything(
    opened: Opened, changed: Callable[[str], Awaitable[None]]
) -> None:
    await changed("status = 'canceled', current_period_end = now()")
    with pytest.raises(SubscriptionExpired):
        async with opened() as assistant:
            await assistant.chat(QUESTION)


async def test_channels_are_seen_and_disconnected(
    assistant: AsyncTenant, sloth: AsyncSloth, firm: str
) -> None:
    tenant = await sloth.tenant(firm)
    bots = [await connected(tenant, settings={"username": f"bot_{n}"}) for n in range(3)]
    problem = Problem(code="token_invalid", message="The vendor refuses it.")
    odd = replace(
        bots[0],
        id=IntegrationId(new_id()),
        status=IntegrationStatus.ERROR,
        messages_in=3,
        last_activity_at=bots[0].created_at,
        problem=problem,
    )
    await tenant.services.integration_store.add(odd, b"sealed")
    assert list(await assistant.integrations()) == [*bots, odd]
    assert list(await assistant.integrations(limit=1, after=bots[0].id)) == [bots[1]]
    await assistant.disconnect(bots[1].id)
    assert list(await assistant.integrations()) == [bots[0], bots[2], odd]
    with pytest.raises(NotFound, match=f"no integration {bots[1].id}"):
        await assistant.disconnect(bots[1].id)


async def test_progress_is_told(assistant: AsyncTenant, tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_text("\n\n".join(f"Paragraph {n} tells of things." * 20 for n in range(2000)))
    heard: list[tuple[str, Progress]] = []
    report = await assistant.ingest(file, on_progress=lambda *told: heard.append(told))
    assert report.count(Outcome.COMPLETED) == 1
    assert {path for path, _ in heard} == {str(file)}
    assert all(0 <= (progress.percent or 0) <= 100 for _, progress in heard)


async def test_errors_are_the_same_in_words(assistant: AsyncTenant) -> None:
    id = DocumentId(uuid4())
    with pytest.raises(SlothError) as raised:
        await assistant.document(id)
    assert raised.value.message == f"There is no document {id}."
