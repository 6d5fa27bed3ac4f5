"""`sloth worker` in processes of its own: work that is left to it is done, whoever is killed."""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

import pytest

from fakes.command import Sloth
from fakes.redis_server import redis_server
from fakes.workers import pieces, unfinished, wait_until_done, working, write_notes
from sloth_agent import Settings
from sloth_agent import Sloth as Library

pytestmark = [
    pytest.mark.slow,
    # One board for each server: workers of one test would do the jobs of another.
    pytest.mark.xdist_group("jobs"),
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX"),
]

SEED = random.randrange(10**6)


@pytest.fixture(params=["embedded", "celery"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What makes a command use it."""
    if request.param == "embedded":
        yield {"SLOTH_JOBS": "embedded"}
    else:
        with redis_server(tmp_path) as address:
            yield {"REDIS_URL": address}


@pytest.fixture
def sloth(sloth_cli: Sloth, engine: dict[str, str]) -> Sloth:
    return sloth_cli.using(**engine, SLOTH_JOB_LEASE_SECONDS="10")


def test_files_that_are_left_to_a_worker(sloth: Sloth, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 3)
    (tmp_path / "notes" / "empty.md").write_bytes(b"")
    kept = sloth("ingest", "--no-wait", "--json", str(tmp_path / "notes"))
    assert kept.rc == 0
    assert kept.json["pending"] == 4
    assert all(file["job_id"] for file in kept.json["files"])
    assert len(unfinished(sloth)) == 4
    told = sloth("chat", "What does paragraph 7 cost?")
    assert "Not read yet: " in told.stderr
    assert len(sloth("chat", "And 8?", "--json").json["not_read"]) == 4
    with working(sloth):
        deadline = time.monotonic() + 30
        while {job["status"] for job in unfinished(sloth)} != {"failed"}:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    [failed] = unfinished(sloth)
    shown = sloth("jobs", "why", str(failed["id"]), "--json").json
    assert shown["error"]["code"] == "file_empty"
    found = sloth("search", "note 2", "--json").json
    assert found["results"][0]["document"] == "2.md"
    assert found["not_read"] == []
    again = sloth("ingest", "--no-wait", "--json", str(tmp_path / "notes")).json
    assert (again["skipped"], again["pending"]) == (3, 1)


def test_retry_and_cancel(sloth: Sloth, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 1)
    kept = sloth("ingest", "--no-wait", "--json", str(tmp_path / "notes")).json
    id = kept["files"][0]["job_id"]
    assert "pending" in sloth("jobs", "retry", id).error
    assert sloth("jobs", "cancel", id).rc == 0
    assert sloth("jobs", "why", id, "--json").json["error"]["code"] == "cancelled"
    assert "failed" in sloth("jobs", "cancel", id).error
    assert sloth("jobs", "retry", id, "--json").json["status"] == "pending"
    with working(sloth):
        wait_until_done(sloth, seconds=30)
    assert "There is no job" in sloth("jobs", "why", str(uuid4())).error
    assert sloth("jobs", "list", "--status", "lost").rc == 2
    written = sloth("admin", "audit", "list", "--action", "job.*", "--json").json["items"]
    assert [(row["action"], row["tenant"]) for row in written if row["subject"] == id] == [
        ("job.retried", sloth.tenant),
        ("job.cancelled", sloth.tenant),
    ]


def test_workers_that_are_killed_all_the_time(
    sloth: Sloth, settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Nothing is lost, and nothing is there twice; who is left does the work of the others."""
    print(f"seed {SEED}")  # noqa: T201 - pytest shows it where the test fails
    chance = random.Random(SEED)
    folder = tmp_path / "notes"
    wanted = max(request.config.getoption("--kills"), 4)
    killed = edition = 0
    starting = 2.5 if "REDIS_URL" in sloth.variables else 0.5  # Celery is a large library
    while killed < wanted:
        write_notes(folder, 80, edition=edition)
        edition += 1
        kept = sloth("ingest", "--no-wait", "--json", str(folder)).json
        assert kept["pending"] == 80
        while unfinished(sloth) and killed < wanted:
            with working(sloth) as process:
                time.sleep(starting + chance.random() * 1.2)
                killed += process.poll() is None
    with working(sloth):
        took = wait_until_done(sloth, seconds=60)
    print(f"{killed} killed, done {took:.1f} s after the last")  # noqa: T201
    with Library(settings) as library:
        library.create_tenant(quiet := f"t-{uuid4().hex}")
        library.tenant(quiet).ingest(folder)
    assert pieces(settings, sloth.tenant) == pieces(settings, quiet)


def test_a_worker_that_is_told_to_stop_ends_what_it_has_begun(sloth: Sloth, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 120)
    health = tmp_path / "health"
    sloth("ingest", "--no-wait", str(tmp_path / "notes"))
    options = ("--concurrency", "1", "--health-file", str(health))
    with TemporaryFile() as log, working(sloth, *options, told=log) as process:
        deadline = time.monotonic() + 30
        while len(unfinished(sloth)) == 120 or not health.exists():
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)
        log.seek(0)
        told = log.read()
    assert process.returncode == 0, told
    assert b"Traceback" not in told
    left = unfinished(sloth)
    assert left
    assert {job["status"] for job in left} == {"pending"}
    assert not [job for job in left if job["error"]], json.dumps(left)
    with working(sloth):
        wait_until_done(sloth, seconds=60)


def test_a_rebuild_that_is_left_to_a_worker(sloth: Sloth, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 5)
    sloth.using(SLOTH_JOBS="embedded")("ingest", str(tmp_path / "notes"))
    asked = sloth("tenants", "rebuild", "--chunk-size", "300", "--no-wait", "--json").json
    assert sloth("tenants", "rebuild", "--chunk-size", "10", "--no-wait").rc == 2
    with working(sloth):
        deadline = time.monotonic() + 30
        while sloth("jobs", "why", asked["job_id"], "--json").json["status"] != "completed":
            assert time.monotonic() < deadline
            time.sleep(0.2)
    index = sloth("tenants", "show", sloth.tenant, "--json").json["index"]
    assert index["chunk_size"] == 300
