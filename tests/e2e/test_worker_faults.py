"""What workers need goes away under them: everything that was acknowledged is done all the same."""

import os
import random
import signal
import time
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from fakes.command import Sloth
from fakes.redis_server import redis_server
from fakes.server import until
from fakes.workers import pieces, unfinished, wait_until_done, working, write_notes
from sloth_agent import Settings
from sloth_agent import Sloth as Library

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("jobs"),
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX"),
]

SEED = random.randrange(10**6)


def test_a_redis_that_forgets_all(sloth_cli: Sloth, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 60)
    with redis_server(tmp_path) as address:
        sloth = sloth_cli.using(REDIS_URL=address)
        assert sloth("ingest", "--no-wait", "--json", str(tmp_path / "notes")).json["pending"] == 60
        redis.Redis.from_url(address).flushall()
        with working(sloth):
            took = wait_until_done(sloth, seconds=120)
    print(f"done {took:.1f} s after the flush")  # noqa: T201 - pytest shows it where the test fails
    index = sloth_cli("tenants", "show", sloth_cli.tenant, "--json").json["index"]
    assert index["chunks"] == sum(
        file["chunks"] for file in sloth_cli("documents", "list", "--json").json["items"]
    )


def test_a_redis_that_is_away_loses_no_upload(sloth_cli: Sloth, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 3)
    away = sloth_cli.using(REDIS_URL="redis://127.0.0.1:9/0")
    kept = away("ingest", "--no-wait", "--json", str(tmp_path / "notes"))
    assert (kept.rc, kept.json["pending"]) == (0, 3)
    assert "Workers hear of a job later" in kept.stderr
    with working(sloth_cli):
        wait_until_done(sloth_cli, seconds=30)


def test_a_database_that_is_killed_under_a_worker(own_home: Path, tmp_path: Path) -> None:
    print(f"seed {SEED}")  # noqa: T201 - pytest shows it where the test fails
    chance = random.Random(SEED)
    settings = Settings(home=own_home, embedder="none", chat="extractive", database_url=None)
    folder = tmp_path / "notes"
    write_notes(folder, 100)
    with Library(settings) as library:
        for slug in (quiet := f"t-{uuid4().hex}", busy := f"t-{uuid4().hex}"):
            library.create_tenant(slug)
        library.tenant(quiet).ingest(folder)
        sloth = Sloth(own_home, tmp_path, busy)
        assert sloth("ingest", "--no-wait", "--json", str(folder)).json["pending"] == 100
        log = tmp_path / "log"
        with log.open("wb") as told, working(sloth, told=told):
            until(lambda: b"Waiting for jobs" in log.read_bytes())  # one that only begins gives up
            for _ in range(3):
                time.sleep(0.5 + chance.random())
                described = own_home / "postgres" / "data" / "postmaster.pid"
                os.kill(int(described.read_text().split()[0]), signal.SIGKILL)
                unfinished(sloth)  # the next command starts it again
            wait_until_done(sloth, seconds=60)
    assert pieces(settings, busy) == pieces(settings, quiet)
