"""`sloth worker` in processes of its own: work that is left to it is done, whoever is killed."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from fakes.command import Sloth
from sloth_agent import Settings
from sloth_agent import Sloth as Library

pytestmark = [
    pytest.mark.slow,
    # One board for each server: workers of one test would do the jobs of another.
    pytest.mark.xdist_group("jobs"),
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX"),
]

SEED = random.randrange(10**6)


@contextmanager
def working(sloth: Sloth, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    process = sloth.start("worker", "--queues", "documents", *options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def write(folder: Path, count: int) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        lines = [f"Paragraph {n} of note {number} costs {n} euro.\n" for n in range(60)]
        (folder / f"{number}.md").write_text("\n".join([f"# Note {number}\n", *lines]))


def unfinished(sloth: Sloth) -> list[dict[str, object]]:
    listed = sloth("jobs", "list", "--tenant", sloth.tenant, "--limit", "1000", "--json").json
    return [job for job in listed["items"] if job["kind"] == "ingest"]


def wait_until_done(sloth: Sloth, *, seconds: float) -> float:
    started = time.monotonic()
    while unfinished(sloth):
        assert time.monotonic() < started + seconds, unfinished(sloth)
        time.sleep(0.2)
    return time.monotonic() - started


def pieces(settings: Settings, slug: str) -> list[tuple[object, ...]]:
    """What the assistant knows, without ids."""
    with Library(settings) as sloth:
        tenant = sloth.tenant(slug)
        services, schema = tenant._tenant.services, tenant.organization.schema_name

        async def read(_: object) -> list[tuple[object, ...]]:
            async with services.home.inside(schema) as connection:
                found = await connection.execute(
                    "select title, digest, status, position, chunks.text, terms::text"
                    " from documents left join chunks on document_id = documents.id"
                    " order by title, position"
                )
                return await found.fetchall()

        return sloth.run(read)


def test_files_that_are_left_to_a_worker(sloth_cli: Sloth, tmp_path: Path) -> None:
    write(tmp_path / "notes", 3)
    (tmp_path / "notes" / "empty.md").write_bytes(b"")
    kept = sloth_cli("ingest", "--no-wait", "--json", str(tmp_path / "notes"))
    assert kept.rc == 0
    assert kept.json["pending"] == 4
    assert all(file["job_id"] for file in kept.json["files"])
    assert len(unfinished(sloth_cli)) == 4
    told = sloth_cli("chat", "What does paragraph 7 cost?")
    assert "Not read yet: " in told.stderr
    assert len(sloth_cli("chat", "And 8?", "--json").json["not_read"]) == 4
    with working(sloth_cli):
        deadline = time.monotonic() + 30
        while {job["status"] for job in unfinished(sloth_cli)} != {"failed"}:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    [failed] = unfinished(sloth_cli)
    shown = sloth_cli("jobs", "why", str(failed["id"]), "--json").json
    assert shown["error"]["code"] == "file_empty"
    found = sloth_cli("search", "note 2", "--json").json
    assert found["results"][0]["document"] == "2.md"
    assert found["not_read"] == []
    again = sloth_cli("ingest", "--no-wait", "--json", str(tmp_path / "notes")).json
    assert (again["skipped"], again["pending"]) == (3, 1)


def test_retry_and_cancel(sloth_cli: Sloth, tmp_path: Path) -> None:
    write(tmp_path / "notes", 1)
    kept = sloth_cli("ingest", "--no-wait", "--json", str(tmp_path / "notes")).json
    id = kept["files"][0]["job_id"]
    assert "pending" in sloth_cli("jobs", "retry", id).error
    assert sloth_cli("jobs", "cancel", id).rc == 0
    assert sloth_cli("jobs", "why", id, "--json").json["error"]["code"] == "cancelled"
    assert "failed" in sloth_cli("jobs", "cancel", id).error
    assert sloth_cli("jobs", "retry", id, "--json").json["status"] == "pending"
    with working(sloth_cli):
        wait_until_done(sloth_cli, seconds=30)
    assert "There is no job" in sloth_cli("jobs", "why", str(uuid4())).error
    assert sloth_cli("jobs", "list", "--status", "lost").rc == 2


def test_workers_that_are_killed_all_the_time(
    sloth_cli: Sloth, settings: Settings, tmp_path: Path
) -> None:
    """Nothing is lost, and nothing is there twice; who is left does the work of the others."""
    print(f"seed {SEED}")  # noqa: T201 - pytest shows it where the test fails
    chance = random.Random(SEED)
    folder = tmp_path / "notes"
    write(folder, 150)
    with Library(settings) as library:
        library.create_tenant(quiet := f"t-{uuid4().hex}")
        library.tenant(quiet).ingest(folder)
    kept = sloth_cli("ingest", "--no-wait", "--json", str(folder)).json
    assert kept["pending"] == 150
    killed = 0
    while unfinished(sloth_cli) and killed < 12:
        with working(sloth_cli) as process:
            time.sleep(0.5 + chance.random() * 1.2)
            killed += process.poll() is None
    with working(sloth_cli):
        took = wait_until_done(sloth_cli, seconds=60)
    print(f"{killed} killed, done {took:.1f} s after the last")  # noqa: T201
    assert killed >= 3
    assert pieces(settings, sloth_cli.tenant) == pieces(settings, quiet)


def test_a_worker_that_is_told_to_stop_ends_what_it_has_begun(
    sloth_cli: Sloth, tmp_path: Path
) -> None:
    write(tmp_path / "notes", 40)
    health = tmp_path / "health"
    sloth_cli("ingest", "--no-wait", str(tmp_path / "notes"))
    with working(sloth_cli, "--concurrency", "1", "--health-file", str(health)) as process:
        deadline = time.monotonic() + 30
        while len(unfinished(sloth_cli)) == 40:
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=40)
    assert process.returncode == 0, told
    assert health.exists()
    assert b"Traceback" not in told
    left = unfinished(sloth_cli)
    assert left
    assert {job["status"] for job in left} == {"pending"}
    assert not [job for job in left if job["error"]], json.dumps(left)
    with working(sloth_cli):
        wait_until_done(sloth_cli, seconds=60)


def test_a_rebuild_that_is_left_to_a_worker(sloth_cli: Sloth, tmp_path: Path) -> None:
    write(tmp_path / "notes", 5)
    sloth_cli("ingest", str(tmp_path / "notes"))
    asked = sloth_cli("tenants", "rebuild", "--chunk-size", "300", "--no-wait", "--json").json
    assert sloth_cli("tenants", "rebuild", "--chunk-size", "10", "--no-wait").rc == 1
    with working(sloth_cli):
        deadline = time.monotonic() + 30
        while sloth_cli("jobs", "why", asked["job_id"], "--json").json["status"] != "completed":
            assert time.monotonic() < deadline
            time.sleep(0.2)
    index = sloth_cli("tenants", "show", sloth_cli.tenant, "--json").json["index"]
    assert index["chunk_size"] == 300
