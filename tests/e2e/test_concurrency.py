"""Several processes and tasks on one knowledge at once."""

import itertools
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from fakes.command import Outcome as Ended
from fakes.command import Sloth
from fakes.hashing_embedder import HashingEmbedder, install_as_plugin
from sloth_agent import AsyncSloth, Settings
from sloth_agent.adapters.stores.postgres.database import Database
from sloth_agent.app.chosen_backends import Backends
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import Conflict
from sloth_agent.knowledge.intake import Outcome

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(40):
        write_note(folder, number, "first")
    return folder


@pytest.fixture
def new_home() -> Iterator[Path]:
    """With a short path, for the server's socket."""
    with tempfile.TemporaryDirectory(prefix="sloth-") as home:
        yield Path(home)


def write_note(folder: Path, number: int, edition: str) -> None:
    lines = [f"# Note {number}\n"]
    lines += [f"Paragraph {n} of the {edition} edition of note {number}.\n" for n in range(30)]
    (folder / f"note {number}.md").write_text("\n".join(lines))


def at_once(sloth: Sloth, commands: Sequence[Sequence[str]]) -> list[Ended]:
    with ThreadPoolExecutor(len(commands)) as threads:
        ended = [threads.submit(sloth, *command, timeout=90) for command in commands]
        return [each.result() for each in ended]


async def knowledge(database: Database, settings: Settings, slug: str) -> list[tuple[object, ...]]:
    """All that a search reads, without ids and times: what two runs can be compared by."""
    async with AsyncSloth(settings) as sloth:
        schema = (await sloth.tenant(slug)).organization.schema_name
    async with database.inside(schema) as connection:
        found = await connection.execute(
            "select title, status, generation, position, start_offset, end_offset, place, header,"
            " chunks.text, chunk_count = count(*) over (partition by documents.id, generation)"
            " from documents left join chunks on document_id = documents.id"
            " order by title, generation, position"
        )
        return await found.fetchall()


@pytest.mark.parametrize("edition", ["first", "second"])
async def test_two_ingest_one_folder(
    sloth_cli: Sloth, folder: Path, database: Database, settings: Settings, edition: str
) -> None:
    """Also when all files have changed: nobody fails, nothing is there twice."""
    if edition == "second":
        assert sloth_cli("ingest", str(folder)).rc == 0
        for number in range(40):
            write_note(folder, number, "second")
    first, second = at_once(sloth_cli, [("ingest", str(folder), "--json")] * 2)
    assert (first.rc, second.rc) == (0, 0), first.stderr + second.stderr
    alone = replace(sloth_cli, tenant=f"t-{uuid4().hex}")
    assert sloth_cli("tenants", "create", alone.tenant).rc == 0
    assert alone("ingest", str(folder)).rc == 0
    both = await knowledge(database, settings, sloth_cli.tenant)
    assert both == await knowledge(database, settings, alone.tenant)
    assert sloth_cli("ingest", str(folder), "--json").json["skipped"] == 40
    kept = [path for path in (settings.home / "files").rglob("*") if path.is_file()]
    assert len(kept) >= 80


async def test_one_tenant_made_by_eight_processes(sloth_cli: Sloth) -> None:
    slug = f"t-{uuid4().hex}"
    outcomes = at_once(sloth_cli, [("tenants", "create", slug, "--json")] * 8)
    # Whoever comes while it is half made helps to complete it, and succeeds too.
    assert Counter(outcome.rc for outcome in outcomes)[0] >= 1
    assert all("already" in outcome.error for outcome in outcomes if outcome.rc)
    items = sloth_cli("tenants", "list", "--json").json["items"]
    assert [item["slug"] for item in items].count(slug) == 1
    assert sloth_cli("search", "x", "--tenant", slug, "--json").rc == 0


async def test_the_default_tenant_is_made_by_whoever_comes_first(
    new_home: Path, tmp_path: Path
) -> None:
    """Eight first commands on a machine where nothing was, the server included."""
    sloth = Sloth(new_home, tmp_path)
    try:
        outcomes = at_once(sloth, [("search", "haircut", "--json")] * 8)
        assert [outcome.rc for outcome in outcomes] == [0] * 8, outcomes
        items = sloth("tenants", "list", "--json").json["items"]
        assert [item["slug"] for item in items] == ["default"]
        assert sloth("db", "status", "--json").json["running"] is False
    finally:
        sloth("db", "stop")


async def test_a_rebuild_under_searches(tenant: AsyncTenant, folder: Path) -> None:
    """Another embedder and other sizes: no search is empty, none fails, no spaces are mixed."""
    await tenant.ingest(folder)
    backends = tenant.services.backends

    class Chosen(Backends):
        embedder = HashingEmbedder("second")

    chosen = Chosen(backends.settings, backends.resources)
    other = AsyncTenant(tenant.organization, replace(tenant.services, backends=chosen))
    counted: Counter[str] = Counter()
    done = anyio.Event()

    async def search(assistant: AsyncTenant, name: str) -> None:
        chance = random.Random(name)
        while not done.is_set() or counted[name] < 100:
            found = await assistant.search(f"paragraph of note {chance.randrange(40)}")
            assert found.passages
            counted[name] += 1

    with anyio.fail_after(120):
        async with anyio.create_task_group() as group:
            group.start_soon(search, tenant, "words")
            group.start_soon(search, other, "vectors")
            for size in (300, 600, 250):
                rebuilt = await other.rebuild(chunk_size=size, chunk_overlap=0)
                assert (rebuilt.chunk_size, rebuilt.space) == (size, "hashing/second/16")
            done.set()
    assert sum(counted.values()) >= 200


async def test_an_ingest_during_rebuilds(tenant: AsyncTenant, folder: Path) -> None:
    """What is learned while the index is swapped is in the new one."""
    await tenant.ingest(folder)
    done = anyio.Event()

    async def rebuild() -> None:
        sizes = itertools.cycle(range(300, 1000, 100))
        while not done.is_set():
            await tenant.rebuild(chunk_size=next(sizes))

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(rebuild)
            for edition in range(8):
                for number in range(0, 40, 8):
                    write_note(folder, number, f"zq{edition}")
                report = await tenant.ingest(folder)
                assert report.count(Outcome.FAILED) == 0, report
            done.set()
    index = await tenant.index()
    documents = await tenant.documents()
    assert index.chunks == sum(document.chunks for document in documents)
    assert {document.status.value for document in documents} == {"completed"}
    found = await tenant.search("paragraph of the zq7 edition")
    assert "zq7" in found.passages[0].text


async def test_two_rebuilds_at_once(tenant: AsyncTenant, folder: Path) -> None:
    """Of the same kind they share the work; of two kinds one wins. There is always an index."""
    await tenant.ingest(folder)
    refused = 0

    async def rebuild(size: int) -> None:
        nonlocal refused
        try:
            await tenant.rebuild(chunk_size=size)
        except Conflict:
            refused += 1

    for sizes in ((300, 300, 300), (400, 500, 600), (700, 700, 800)):
        async with anyio.create_task_group() as group:
            for size in sizes:
                group.start_soon(rebuild, size)
        index = await tenant.index()
        assert index.chunk_size in sizes
        assert index.chunks == sum(document.chunks for document in await tenant.documents())
        assert (await tenant.search("paragraph of note 7")).passages
    assert refused <= 5


async def test_deleting_while_ingesting(tenant: AsyncTenant, folder: Path) -> None:
    done = anyio.Event()

    async def delete() -> None:
        while not done.is_set():
            for document in list(await tenant.documents())[::3]:
                await tenant.delete_document(document.id)
            await anyio.sleep(0.01)

    async with anyio.create_task_group() as group:
        group.start_soon(delete)
        for _ in range(3):
            report = await tenant.ingest(folder)
            codes = {file.problem.code for file in report.files if file.problem}
            assert codes <= {"not_found"}
        done.set()
    report = await tenant.ingest(folder)
    assert report.count(Outcome.FAILED) == 0
    assert len(await tenant.documents()) == 40
    index = await tenant.index()
    assert index.chunks == sum(document.chunks for document in await tenant.documents())


async def test_a_plugin_embedder_on_the_command_line(
    sloth_cli: Sloth, folder: Path, tmp_path: Path
) -> None:
    plain = json.loads(sloth_cli("ingest", str(folder), "--json").stdout)
    assert plain["completed"] == 40
    sloth = sloth_cli.using(**install_as_plugin(tmp_path / "site"))
    asked = sloth("ingest", str(folder))
    assert "sloth tenants rebuild" in asked.stderr
    rebuilt = sloth("tenants", "rebuild", "--json").json
    assert rebuilt["embedding_model"] == "hashing/first/16"
    assert sloth("search", "paragraph 7", "--json").json["results"]
    changed = sloth.using(SLOTH_EMBEDDING_MODEL="second")
    assert "sloth tenants rebuild" in changed("ingest", str(folder)).stderr
    assert changed("search", "paragraph 7", "--json").json["results"]
