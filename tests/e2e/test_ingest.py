"""Files become knowledge: once each, whatever they are, and again only when they change."""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import anyio
import pytest

from fakes.hashing_embedder import HashingEmbedder
from sloth_agent import AsyncSloth, Settings
from sloth_agent.app.chosen_backends import Backends
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import Conflict, InvalidInput, NotFound, StorageUnavailable
from sloth_agent.knowledge.intake import FileOutcome, IngestReport, Outcome
from sloth_agent.knowledge.models import DocumentStatus
from sloth_agent.knowledge.ports import Embedder
from sloth_agent.tenants.audit import SYSTEM

pytestmark = pytest.mark.anyio

PRICES = "# Prices\n\nA haircut costs 40 euro.\n\nA manicure costs 25 euro.\n"
AS_ROOT = "root may read everything"


@dataclass(frozen=True)
class BackendsWith(Backends):
    """The backends of this process, with an embedder that a test can count."""

    chosen: Embedder | None = None

    @cached_property
    def embedder(self) -> Embedder | None:
        return self.chosen


def with_embedder(tenant: AsyncTenant, embedder: Embedder | None) -> AsyncTenant:
    services = tenant.services
    chosen = BackendsWith(services.backends.settings, services.backends.resources, chosen=embedder)
    return AsyncTenant(tenant.organization, replace(services, backends=chosen))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "прайс and more"
    folder.mkdir()
    (folder / "prices.md").write_text(PRICES)
    (folder / "години.txt").write_text("Ми працюємо з 9 до 18, у суботу до 15.")
    return folder


def states(report: IngestReport) -> dict[str, str]:
    return {Path(file.path).name: file.status.value for file in report.files}


def problems(report: IngestReport) -> dict[str, str]:
    return {Path(file.path).name: file.problem.code for file in report.files if file.problem}


async def texts(tenant: AsyncTenant, query: str) -> list[str]:
    return [passage.text for passage in (await tenant.search(query)).passages]


def stored_files(tenant: AsyncTenant, settings: Settings) -> list[str]:
    folder = settings.home / "files" / tenant.organization.schema_name
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_a_folder_is_learned_once(tenant: AsyncTenant, folder: Path) -> None:
    first = await tenant.ingest(folder)
    assert states(first) == {"prices.md": "completed", "години.txt": "completed"}
    assert all(file.document_id and file.chunks for file in first.files)
    second = await tenant.ingest(folder)
    assert states(second) == {"prices.md": "skipped", "години.txt": "skipped"}
    assert [file.document_id for file in second.files] == [file.document_id for file in first.files]
    assert "haircut costs 40" in (await texts(tenant, "haircut"))[0]
    assert "9 до 18" in (await texts(tenant, "коли працюєте"))[0]


async def test_a_changed_file_replaces_what_it_taught(
    tenant: AsyncTenant, folder: Path, settings: Settings
) -> None:
    [before] = (await tenant.ingest(folder / "prices.md")).files
    kept = stored_files(tenant, settings)
    (folder / "prices.md").write_text("A haircut costs 45 euro.")
    [after] = (await tenant.ingest(folder / "prices.md")).files
    assert (after.status, after.document_id) == (Outcome.COMPLETED, before.document_id)
    assert await texts(tenant, "manicure") == []
    assert await texts(tenant, "haircut") == ["A haircut costs 45 euro."]
    assert len(stored_files(tenant, settings)) == len(kept) == 1
    assert stored_files(tenant, settings) != kept


async def test_a_search_beside_a_change_finds_the_old_or_the_new(
    tenant: AsyncTenant, folder: Path
) -> None:
    path = folder / "prices.md"
    await tenant.ingest(path)
    seen: list[str] = []
    done = anyio.Event()

    async def search() -> None:
        while not done.is_set():
            found = await texts(tenant, "haircut")
            assert len(found) == 1, found
            seen.append(found[0])

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(search)
            for price in range(50, 70):
                path.write_text(f"A haircut costs {price} euro.")
                await tenant.ingest(path)
            done.set()
    assert len(seen) > 20


async def test_a_moved_file_is_neither_read_nor_embedded_again(
    tenant: AsyncTenant, folder: Path
) -> None:
    embedder = HashingEmbedder()
    tenant = with_embedder(tenant, embedder)
    [before] = (await tenant.ingest(folder / "prices.md")).files
    embedded = len(embedder.seen)
    assert embedded
    (folder / "prices.md").rename(folder / "new prices.md")
    [after] = (await tenant.ingest(folder / "new prices.md")).files
    assert (after.document_id, after.chunks) == (before.document_id, before.chunks)
    assert len(embedder.seen) == embedded
    [document] = await tenant.documents()
    assert (document.title, document.source) == ("new prices.md", str(folder / "new prices.md"))
    [passage] = (await tenant.search("manicure", documents=["new prices.md"])).passages[:1]
    assert passage.document == "new prices.md"


async def test_a_file_is_one_document_whatever_way_leads_to_it(
    tenant: AsyncTenant, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "prices.md"
    (folder / "deeper").mkdir()
    link = folder.with_name("link")
    link.symlink_to(folder)
    monkeypatch.chdir(folder / "deeper")
    ways = (path, link / "prices.md", Path("../prices.md"), folder / "deeper" / ".." / "prices.md")
    for number, way in enumerate(ways):
        path.write_text(f"A haircut costs {number} euro.")
        [file] = (await tenant.ingest(way)).files
        assert (file.path, file.status) == (str(way), Outcome.COMPLETED)
        assert await texts(tenant, "haircut") == [f"A haircut costs {number} euro."]
    assert [file.path for file in (await tenant.ingest(*ways)).files] == [str(path)]
    [document] = await tenant.documents()
    assert document.source == str(path)


async def test_a_source_that_was_kept_as_it_was_spelled_moves(
    tenant: AsyncTenant, folder: Path
) -> None:
    """Earlier releases kept the way as it was typed."""
    (folder / "deeper").mkdir()
    documents, typed = tenant.services.documents, str(folder / "deeper" / ".." / "prices.md")
    old = await documents.upload("prices.md", PRICES.encode(), source=typed)
    await tenant.services.ingestion.ingest(old.id)
    [file] = (await tenant.ingest(folder / "prices.md")).files
    assert (file.status, file.document_id) == (Outcome.SKIPPED, old.id)
    [document] = await tenant.documents()
    assert document.source == str(folder / "prices.md")


async def test_a_file_moved_over_another_is_read_as_that_one(
    tenant: AsyncTenant, folder: Path
) -> None:
    before = {file.path: file.document_id for file in (await tenant.ingest(folder)).files}
    taken = folder / "години.txt"
    (folder / "prices.md").rename(taken)
    for _ in range(2):
        [after] = (await tenant.ingest(folder)).files
        assert (after.problem, after.document_id) == (None, before[str(taken)])
    assert "haircut costs 40" in (await texts(tenant, "haircut"))[0]
    assert await texts(tenant, "працюємо") == []


@pytest.mark.skipif(os.geteuid() == 0, reason=AS_ROOT)
async def test_a_twin_in_a_closed_folder_has_not_moved(tenant: AsyncTenant, folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir()
    (closed / "twin.md").write_text(PRICES)
    await tenant.ingest(closed)
    closed.chmod(0)
    try:
        report = await tenant.ingest(folder / "prices.md")
    finally:
        closed.chmod(0o700)
    assert states(report) == {"prices.md": "completed"}
    assert len(await tenant.documents()) == 2


async def test_a_copy_takes_the_vectors_of_its_twin(tenant: AsyncTenant, folder: Path) -> None:
    embedder = HashingEmbedder()
    tenant = with_embedder(tenant, embedder)
    await tenant.ingest(folder / "prices.md")
    embedded = len(embedder.seen)
    (folder / "copy.md").write_text(PRICES)
    await tenant.ingest(folder)
    assert [text for text in embedder.seen[embedded:] if "euro" in text] == []
    assert len(await tenant.documents()) == 3


async def test_only_changed_passages_are_embedded_again(tenant: AsyncTenant, folder: Path) -> None:
    embedder = HashingEmbedder()
    tenant = with_embedder(tenant, embedder)
    path = folder / "long.md"
    sections = [f"# Part {n}\n\n{'Some words about this. ' * 20}\n" for n in range(10)]
    path.write_text("\n".join(sections))
    await tenant.ingest(path)
    embedded = len(embedder.seen)
    sections[4] = "# Part 4\n\nA haircut costs 45 euro.\n"
    path.write_text("\n".join(sections))
    await tenant.ingest(path)
    assert len(embedder.seen) == embedded + 1
    assert any("45 euro" in text for text in await texts(tenant, "haircut"))


async def test_what_a_failed_file_taught_is_forgotten(tenant: AsyncTenant, folder: Path) -> None:
    await tenant.ingest(folder)
    (folder / "prices.md").write_bytes(b"%PDF-1.4 nothing more")
    report = await tenant.ingest(folder)
    assert states(report)["prices.md"] == "failed"
    assert await texts(tenant, "haircut manicure euro") == []
    assert "9 до 18" in (await texts(tenant, "працюємо"))[0]
    [document] = [d for d in await tenant.documents() if d.title == "prices.md"]
    assert document.status is DocumentStatus.FAILED
    assert document.problem
    assert document.problem.message.endswith("What it taught before is forgotten.")
    assert document.chunks == 0
    (folder / "prices.md").write_text(PRICES)
    assert states(await tenant.ingest(folder))["prices.md"] == "completed"
    assert await texts(tenant, "haircut")


async def test_a_deleted_document_is_gone_with_its_file(
    tenant: AsyncTenant, folder: Path, settings: Settings
) -> None:
    report = await tenant.ingest(folder / "prices.md")
    id = report.files[0].document_id
    assert id
    await tenant.delete_document(id)
    assert await texts(tenant, "haircut") == []
    assert stored_files(tenant, settings) == []
    assert await tenant.documents() == []
    with pytest.raises(NotFound):
        await tenant.delete_document(id)
    assert states(await tenant.ingest(folder / "prices.md")) == {"prices.md": "completed"}


@pytest.mark.parametrize("known", [False, True])
async def test_uploads_of_one_source_at_once_leave_one_file(
    tenant: AsyncTenant, settings: Settings, known: bool
) -> None:
    """Whoever comes last wins, and the file that is kept is the one that the record speaks of."""
    documents = tenant.services.documents
    if known:
        await tenant.ingest_content("prices.md", PRICES.encode())
    for round in range(5):
        async with anyio.create_task_group() as group:
            for number in range(6):
                content = f"In round {round} a haircut costs {number} euro.".encode()
                group.start_soon(documents.upload, "prices.md", content)
        [document] = await tenant.documents()
        assert stored_files(tenant, settings) == [document.file_key]
        if not known:
            await tenant.delete_document(document.id)
            assert stored_files(tenant, settings) == []


async def test_an_upload_beside_a_deletion_leaves_no_file(
    tenant: AsyncTenant, settings: Settings
) -> None:
    documents = tenant.services.documents

    async def upload(content: bytes) -> None:
        with suppress(NotFound):
            await documents.upload("prices.md", content)

    for round in range(5):
        document = await documents.upload("prices.md", PRICES.encode())
        async with anyio.create_task_group() as group:
            group.start_soon(upload, f"Round {round}.".encode())
            group.start_soon(documents.delete, document.id)
        kept = [document.file_key for document in await tenant.documents()]
        assert stored_files(tenant, settings) == kept
        for left in await tenant.documents():
            await documents.delete(left.id)


async def test_names_do_not_matter_but_places_do(tenant: AsyncTenant, folder: Path) -> None:
    for name in ("north", "south"):
        (folder / name).mkdir()
        (folder / name / "hours.txt").write_text(f"The {name} salon opens at nine.")
    await tenant.ingest(folder)
    assert len(await texts(tenant, "salon opens")) == 2


async def test_uploads_are_known_by_their_name(tenant: AsyncTenant) -> None:
    first = await tenant.ingest_content("prices.md", PRICES.encode())
    again = await tenant.ingest_content("prices.md", PRICES.encode())
    changed = await tenant.ingest_content("prices.md", b"A haircut costs 45 euro.")
    assert [o.status.value for o in (first, again, changed)] == [
        "completed",
        "skipped",
        "completed",
    ]
    assert {o.document_id for o in (first, again, changed)} == {first.document_id}
    assert await texts(tenant, "manicure") == []


@pytest.mark.parametrize(
    "name", ["", "\0", "a\0b.txt", "../../etc/passwd", "x" * 5000, "\ud800.txt"]
)
async def test_odd_names_of_uploads(tenant: AsyncTenant, settings: Settings, name: str) -> None:
    outcome = await tenant.ingest_content(name, b"A haircut costs 45 euro.")
    assert outcome.status is Outcome.COMPLETED
    assert await texts(tenant, "haircut") == ["A haircut costs 45 euro."]
    assert len(stored_files(tenant, settings)) == 1
    assert (
        await tenant.ingest_content(name, b"A haircut costs 45 euro.")
    ).status is Outcome.SKIPPED


async def test_an_empty_folder_has_nothing_to_say(tenant: AsyncTenant, tmp_path: Path) -> None:
    assert (await tenant.ingest(tmp_path)).files == ()


async def test_hidden_files_and_links_below_a_folder_are_left_out(
    tenant: AsyncTenant, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("The password is swordfish.")
    (folder / ".hidden.txt").write_text("The password is swordfish.")
    (folder / ".git").mkdir()
    (folder / ".git" / "config.txt").write_text("The password is swordfish.")
    (folder / "link.txt").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "broken.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe")
    report = await tenant.ingest(folder)
    assert set(states(report)) == {"prices.md", "години.txt"}
    assert await texts(tenant, "password swordfish") == []
    assert states(await tenant.ingest(folder / "link.txt")) == {"link.txt": "completed"}


async def test_what_the_install_keeps_teaches_nobody(folder: Path, settings: Settings) -> None:
    """Walked into, named, matched or linked to: no tenant learns what another one has."""
    home = folder / "install"
    disk = folder / "other disk"
    disk.mkdir()
    home.mkdir()
    (home / "files").symlink_to(disk)
    async with AsyncSloth(settings.model_copy(update={"home": home})) as sloth:
        other, tenant = [await sloth.tenant(name, create=True) for name in ("other", "curious")]
        await other.ingest_content("secret.txt", b"The password is swordfish.")
        [original] = (path for path in disk.rglob("*") if path.is_file())
        assert states(await tenant.ingest(folder)).keys() == {"prices.md", "години.txt"}
        link = folder.with_name("link")
        link.symlink_to(home)
        (folder / "link.txt").symlink_to(original)
        for named in (
            *(home, disk, original, home / "postgres", original.parent, folder / "link.txt"),
            *(home / "files" / original.relative_to(disk), f"{home}/files/*/*", f"{folder}/in*"),
            *(link, f"{link}/files/**/*", folder / "nowhere" / ".." / "install" / "files"),
        ):
            report = await tenant.ingest(named)
            assert [file.problem and file.problem.code for file in report.files] == ["forbidden"]
        everything = await tenant.ingest(f"{folder}/**/*")
        assert set(problems(everything)) == {"install"}
        assert await texts(tenant, "password swordfish") == []


async def test_what_cannot_be_read_stops_nothing_else(
    tenant: AsyncTenant, folder: Path, tmp_path: Path
) -> None:
    pipe, gone = tmp_path / "pipe", tmp_path / "gone.txt"
    os.mkfifo(pipe)
    dangling = tmp_path / "dangling"
    dangling.symlink_to(gone)
    with anyio.fail_after(20):
        report = await tenant.ingest(gone, pipe, dangling, "/dev/null", "x" * 5000, folder)
    assert report.count(Outcome.COMPLETED) == 2
    assert report.count(Outcome.FAILED) == 5
    found = problems(report)
    assert found["gone.txt"] == found["dangling"] == "not_found"
    assert found["pipe"] == found["null"] == "unreadable_file"
    assert {file.document_id for file in report.files if file.problem} == {None}
    assert len(await tenant.documents()) == 2
    assert found["x" * 5000] == "unreadable_file"
    assert all(file.problem.message for file in report.files if file.problem)


@pytest.mark.skipif(os.geteuid() == 0, reason=AS_ROOT)
async def test_what_may_not_be_read_is_named(tenant: AsyncTenant, folder: Path) -> None:
    (folder / "prices.md").chmod(0)
    closed = folder / "closed"
    closed.mkdir(mode=stat.S_IWUSR)
    try:
        report = await tenant.ingest(folder)
    finally:
        closed.chmod(stat.S_IRWXU)
    assert problems(report) == {"prices.md": "unreadable_file", "closed": "unreadable_file"}


async def test_patterns_and_repeated_paths(tenant: AsyncTenant, folder: Path) -> None:
    report = await tenant.ingest(f"{folder}/*.md", folder / "prices.md", f"{folder}/**/*.md")
    assert [Path(file.path).name for file in report.files] == ["prices.md"]
    nothing = await tenant.ingest(f"{folder}/*.pdf")
    assert problems(nothing) == {"*.pdf": "not_found"}


async def test_names_that_are_not_text(tenant: AsyncTenant, folder: Path) -> None:
    try:
        (folder / os.fsdecode(b"caf\xe9.txt")).write_text("Coffee costs 3 euro.")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (folder / "a\x1b[31mred\nline.txt").write_text("Tea costs 2 euro.")
    report = await tenant.ingest(folder)
    assert report.count(Outcome.COMPLETED) == 4, problems(report)
    assert (await tenant.ingest(folder)).count(Outcome.SKIPPED) == 4
    assert await texts(tenant, "coffee") == ["Coffee costs 3 euro."]


async def test_a_file_over_the_limit_is_refused(
    slug: str, folder: Path, settings: Settings
) -> None:
    (folder / "large.txt").write_bytes(b"word " * 300_000)
    async with AsyncSloth(settings.model_copy(update={"max_upload_mb": 1})) as small:
        tenant = await small.tenant(slug, create=True)
        report = await tenant.ingest(folder)
    assert problems(report) == {"large.txt": "file_too_large"}
    assert report.count(Outcome.COMPLETED) == 2


async def test_files_that_vanish_and_change_meanwhile(tenant: AsyncTenant, folder: Path) -> None:
    for number in range(40):
        (folder / f"{number:02}.txt").write_text(f"Note number {number}.")
    new = folder.with_name("new.txt")

    def disturb(_: FileOutcome) -> None:
        for number in range(20, 40, 2):
            (folder / f"{number:02}.txt").unlink(missing_ok=True)
            new.write_text(f"Changed number {number + 1}.")
            new.replace(folder / f"{number + 1:02}.txt")  # never seen empty, half written

    report = await tenant.ingest(folder, on_outcome=disturb)
    assert set(problems(report).values()) <= {"not_found"}
    assert all(file.status is Outcome.COMPLETED or file.problem for file in report.files)
    again = await tenant.ingest(folder)
    assert again.count(Outcome.FAILED) == 0
    assert await texts(tenant, "changed number 39") != []


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
async def test_nobody_else_may_look_into_a_home_that_we_make(
    folder: Path, tmp_path: Path, settings: Settings
) -> None:
    home = tmp_path / "new" / "home"
    async with AsyncSloth(settings.model_copy(update={"home": home})) as sloth:
        tenant = await sloth.tenant("default")
        assert (await tenant.ingest(folder)).count(Outcome.COMPLETED) == 2
        await sloth.backups.create(by=SYSTEM)
        kept = [home, *home.rglob("*")]
        assert {"data", "files", "backups"} <= {path.name for path in kept}
        assert [path for path in kept if path.stat().st_mode & 0o077] == []


async def test_a_store_that_cannot_be_written_is_one_error(
    tenant: AsyncTenant, folder: Path, settings: Settings
) -> None:
    place = settings.home / "files" / tenant.organization.schema_name
    place.parent.mkdir(exist_ok=True)
    place.write_text("in the way")
    with pytest.raises(StorageUnavailable):
        await tenant.ingest(folder)
    place.unlink()
    assert (await tenant.ingest(folder)).count(Outcome.COMPLETED) == 2


@pytest.mark.parametrize("question", ["", " \n\t", "\0", "\0\0", "x" * 1_000_000])
async def test_questions_without_sense_are_refused(tenant: AsyncTenant, question: str) -> None:
    with pytest.raises(InvalidInput):
        await tenant.search(question)
    with pytest.raises(InvalidInput):
        await tenant.chat(question)


@pytest.mark.parametrize(
    "question",
    [
        "\ud800 haircut",
        "hair\0cut haircut",
        "haircut & | ! <-> :* ' \" \\",
        "' or 1=1; --",
        "?",
        "a " * 9999,
    ],
)
async def test_odd_questions_are_answered(tenant: AsyncTenant, folder: Path, question: str) -> None:
    await tenant.ingest(folder)
    await tenant.search(question)
    answer = await tenant.chat(question)
    assert answer.text
    messages = await tenant.messages(answer.conversation_id)
    assert [message.speaker.value for message in messages] == ["user", "assistant"]


async def test_another_embedder_waits_for_a_rebuild(tenant: AsyncTenant, folder: Path) -> None:
    first = with_embedder(tenant, HashingEmbedder())
    await first.ingest(folder / "prices.md")
    second = with_embedder(tenant, HashingEmbedder("second"))
    await second.ingest(folder)
    assert (await second.index()).space == "hashing/first/16"
    assert await texts(second, "haircut")
    assert await texts(second, "суботу")
    rebuilt = await second.rebuild()
    assert rebuilt.space == "hashing/second/16"
    found = await second.search("haircut")
    assert found.passages
    plain = await with_embedder(tenant, None).rebuild()
    assert plain.space is None
    assert await texts(tenant, "haircut")


async def test_the_wall_between_two_tenants(sloth: AsyncSloth, slug: str, folder: Path) -> None:
    anna, berta = [await sloth.tenant(f"{slug[:40]}-{n}", create=True) for n in "ab"]
    (folder / "prices.md").write_text("CANARY-A haircut 40 euro")
    await anna.ingest(folder / "prices.md")
    (folder / "prices.md").write_text("CANARY-B haircut 40 euro")
    await berta.ingest(folder / "prices.md")

    async def ask(tenant: AsyncTenant, own: str, foreign: str) -> None:
        for _ in range(30):
            shown = str(await tenant.search("haircut CANARY euro"))
            assert own in shown
            assert foreign not in shown
            assert foreign not in str(await tenant.chat("How much is a haircut?"))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(ask, anna, "CANARY-A", "CANARY-B")
            group.start_soon(ask, berta, "CANARY-B", "CANARY-A")
    [document] = await anna.documents()
    with pytest.raises(NotFound):
        await berta.document(document.id)
    with pytest.raises(NotFound):
        await berta.delete_document(document.id)
    [conversation] = (await anna.conversations())[:1]
    with pytest.raises(NotFound):
        await berta.messages(conversation.id)
    with pytest.raises(NotFound):
        await berta.chat("How much is a haircut?", conversation=conversation.id)


async def test_a_deactivated_tenant_is_shut(sloth: AsyncSloth, slug: str) -> None:
    await sloth.tenant(slug, create=True)
    await sloth.set_tenant_active(slug, active=False)
    with pytest.raises(Conflict, match="deactivated"):
        await sloth.tenant(slug, create=True)
    await sloth.set_tenant_active(slug, active=True)
    await sloth.tenant(slug)


@pytest.mark.slow
async def test_a_folder_of_all_kinds_and_all_damages(
    tenant: AsyncTenant, shared_data: Path, settings: Settings
) -> None:
    """Every file ends as learned, or as failed with a reason; all that is learned is found."""
    report = await tenant.ingest(shared_data / "documents")
    assert report.count(Outcome.COMPLETED) > 200
    for file in report.files:
        if file.status is Outcome.FAILED:
            assert file.problem, file
            assert file.problem.code != "error", file
            assert file.problem.message.endswith((".", "?", "!", ")")), file
        else:
            assert file.chunks, file
    database = tenant.services.database
    async with database.inside(tenant.services.schema) as connection:
        found = await connection.execute(
            "select title, max(chunks.text) from documents"
            " join chunks on document_id = documents.id where cardinality(terms) > 0 group by title"
        )
        samples = await found.fetchall()
    assert len(samples) > 150
    lost = [
        title
        for title, text in samples
        if not (await tenant.search(text[:300], documents=[title])).passages
    ]
    assert lost == []
    again = await tenant.ingest(shared_data / "documents")
    assert again.count(Outcome.COMPLETED) == 0
    assert len(stored_files(tenant, settings)) == len(await tenant.documents())
