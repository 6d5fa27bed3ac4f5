"""SIGKILL at random moments: the next run brings everything to where it would have been."""

import json
import os
import random
import signal
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from fakes.command import Sloth
from fakes.hashing_embedder import install_as_plugin
from sloth_agent import Settings
from sloth_agent import Sloth as Library
from sloth_agent.adapters.stores.postgres.database import Database

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX"),
]

SEED = random.randrange(10**6)
NOTES = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    write(folder, "first")
    return folder


@pytest.fixture
def chance() -> random.Random:
    print(f"seed {SEED}")  # noqa: T201 - pytest shows it where the test fails
    return random.Random(SEED)


def write(folder: Path, edition: str) -> None:
    for number in range(NOTES):
        lines = [f"Paragraph {n} of the {edition} note {number}.\n" for n in range(60)]
        (folder / f"{number}.md").write_text("\n".join([f"# Note {number}\n", *lines]))


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it was still at work."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


async def contents(database: Database, settings: Settings, slug: str) -> list[tuple[object, ...]]:
    with Library(settings) as sloth:
        schema = sloth.tenant(slug).organization.schema_name
    async with database.inside(schema) as connection:
        found = await connection.execute(
            "select title, digest, status, chunk_count, generation, position, start_offset,"
            " end_offset, place, chunks.text, terms::text"
            " from documents left join chunks on document_id = documents.id"
            " order by title, generation, position"
        )
        return await found.fetchall()


async def undisturbed(
    sloth: Sloth, folder: Path, database: Database, settings: Settings
) -> list[tuple[object, ...]]:
    other = replace(sloth, tenant=f"t-{uuid4().hex}")
    assert other("tenants", "create", other.tenant).rc == 0
    assert other("ingest", str(folder)).rc == 0
    return await contents(database, settings, other.tenant)


async def test_a_killed_ingest(
    sloth_cli: Sloth,
    folder: Path,
    database: Database,
    settings: Settings,
    chance: random.Random,
) -> None:
    started = time.monotonic()
    expected = await undisturbed(sloth_cli, folder, database, settings)
    usual = (time.monotonic() - started) / 2
    killed = 0
    for turn in range(6):
        if turn == 3:
            write(folder, "second")
            expected = await undisturbed(sloth_cli, folder, database, settings)
        process = sloth_cli.start("ingest", str(folder))
        killed += kill_after(process, 0.3 + chance.random() * usual)
        if turn in (2, 5):
            assert sloth_cli("ingest", str(folder)).rc == 0
            assert await contents(database, settings, sloth_cli.tenant) == expected
    assert killed >= 2
    assert sloth_cli("ingest", str(folder), "--json").json["skipped"] == NOTES
    index = sloth_cli("tenants", "show", sloth_cli.tenant, "--json").json["index"]
    assert index["chunks"] == len(expected)


def test_a_killed_rebuild(
    sloth_cli: Sloth, folder: Path, tmp_path: Path, chance: random.Random
) -> None:
    """Searches go on with the old index; the next run goes on where the killed one stopped."""
    assert sloth_cli("ingest", str(folder)).rc == 0
    sloth = sloth_cli.using(**install_as_plugin(tmp_path / "site"))
    command = ("tenants", "rebuild", "--chunk-size", "300", "--json")
    for _ in range(3):
        kill_after(sloth.start(*command), 0.6 + chance.random())
        for searcher in (sloth_cli, sloth):
            assert searcher("search", "paragraph 7", "--json").json["results"]
    rebuilt = sloth(*command).json
    assert (rebuilt["chunk_size"], rebuilt["embedding_model"]) == (300, "hashing/first/16")
    documents = sloth("documents", "list", "--json").json["items"]
    assert rebuilt["chunks"] == sum(document["chunks"] for document in documents)
    assert {document["status"] for document in documents} == {"completed"}


def test_a_killed_server(folder: Path, tmp_path: Path, chance: random.Random) -> None:
    """The embedded server dies under an ingest: it is started again, and nobody has to help."""
    with tempfile.TemporaryDirectory(prefix="sloth-") as home:
        sloth = Sloth(Path(home), tmp_path)
        assert sloth("search", "warm up", "--json").rc == 0
        for edition in ("first", "second"):
            write(folder, edition)
            process = sloth.start("ingest", str(folder), "--json")
            time.sleep(0.7 + chance.random() * 0.5)
            pid = sloth("db", "status", "--json").json["pid"]
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            stdout, stderr = process.communicate(timeout=60)
            assert b"Traceback" not in stderr
            assert process.returncode == 0, (_failures(stdout), stderr)
            found = sloth("search", f"paragraph of the {edition} note", "--json").json["results"]
            assert found
            assert edition in found[0]["text"]
        assert sloth("ingest", str(folder), "--json").json["skipped"] == NOTES
        sloth("db", "stop")


def _failures(report: bytes) -> list[object]:
    return [file["error"] for file in json.loads(report)["files"] if file["error"]]
