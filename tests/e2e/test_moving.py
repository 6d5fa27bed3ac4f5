"""Tenants that move to another database while others use them, and while the mover is killed."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from fakes import dying
from fakes.command import Sloth as Command
from fakes.hashing_embedder import HashingEmbedder
from fakes.traffic import Acknowledged, traffic
from sloth_agent import Settings, Sloth
from sloth_agent.adapters.stores.postgres.embedded import Attachment
from sloth_agent.billing.allowance import Resource
from sloth_agent.tenants.audit import Actor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX"),
]

SEED = random.randrange(10**6)
BY = Actor(name="test")
LAST_STEPS = 45
"""Exchanges with the databases from the shutting of the door to the end."""


@pytest.fixture
def settings(server: Attachment, tmp_path: Path) -> Settings:
    urls = {}
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        for name in ("main", "eu"):
            database = f"{name}_{uuid4().hex[:16]}"
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
            urls[name] = SecretStr(make_conninfo(server.conninfo, dbname=database))
    return Settings(
        home=tmp_path,
        embedder="none",
        chat="extractive",
        database_url=urls["main"],
        databases={"eu": urls["eu"]},
    )


@pytest.fixture
def sloth(settings: Settings) -> Iterator[Sloth]:
    with Sloth(settings) as sloth:
        sloth.create_tenant("anna")
        tenant = sloth.tenant("anna")
        tenant._tenant.services.backends.__dict__["embedder"] = HashingEmbedder()
        tenant.ingest_content("prices.md", b"A haircut costs 40 euro.")
        yield sloth


def move(sloth: Sloth, to: str) -> None:
    sloth.run(lambda sloth: sloth.moving.move("anna", to=to, by=BY))


@pytest.fixture
def history() -> Acknowledged:
    return Acknowledged()


@pytest.fixture
def command(settings: Settings, tmp_path: Path) -> Command:
    """A `sloth` that can be killed at a chosen moment."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("from fakes import dying; dying.begin()\n")
    assert settings.database_url is not None
    return Command(settings.home, tmp_path).using(
        PYTHONPATH=f"{site}:{Path(dying.__file__).parents[1]}",
        DATABASE_URL=settings.database_url.get_secret_value(),
        SLOTH_DATABASES=f"eu={settings.databases['eu'].get_secret_value()}",
        SLOTH_EMBEDDER="none",
    )


@contextmanager
def under_traffic(settings: Settings, sloth: Sloth, history: Acknowledged) -> Iterator[None]:
    """Afterwards all that was acknowledged is there, once, and in one database."""
    with traffic(settings, "anna", history):
        yield
    assert history.problems == []
    history.documents["prices.md"] = ""
    assert_whole(settings, sloth, history)


def assert_whole(settings: Settings, sloth: Sloth, history: Acknowledged) -> None:
    tenant = sloth.tenant("anna")
    documents = tenant.documents()
    digests = {document.title: document.digest for document in documents}
    assert digests == {**history.documents, "prices.md": digests["prices.md"]}
    assert {document.status for document in documents} == {"completed"}
    used = {meter.room.resource: meter.used for meter in tenant.usage().meters}
    assert used[Resource.MESSAGES] == history.answers
    assert used[Resource.DOCUMENTS] == len(documents)
    assert used[Resource.STORAGE_BYTES] == sum(document.size_bytes for document in documents)
    home = sloth.show_tenant("anna")
    urls = {"main": settings.database_url, **settings.databases}
    for name, url in urls.items():
        assert url is not None
        with psycopg.connect(url.get_secret_value()) as connection:
            if name == home.database:
                assert_consistent(connection, home.schema_name, history)
            else:
                assert_nothing(connection, home.schema_name)


def assert_consistent(connection: psycopg.Connection, schema: str, history: Acknowledged) -> None:
    """Chunks, vectors and counts tell of the same, and every message is there once."""
    connection.execute(sql.SQL("set search_path to {}, public").format(sql.Identifier(schema)))
    counts = connection.execute(
        "select (select sum(chunk_count) from documents), (select count(*) from chunks),"
        " (select count(*) from chunks join vectors_1 on chunk_id = chunks.id),"
        " (select count(*) from vectors_1)"
    ).fetchone()
    assert counts is not None
    assert len(set(counts)) == 1, counts
    miscounted = connection.execute(
        "select * from (select term, count(*) as chunks from chunks,"
        " unnest(terms) as term group by term) as real full join"
        " (select term, chunks from term_counts where chunks <> 0) as kept using (term)"
        " where real.chunks is distinct from kept.chunks"
    ).fetchall()
    assert miscounted == []
    asked = connection.execute(
        "select count(*), (select sum(message_count) from conversations) from messages"
    ).fetchone()
    assert asked == (2 * history.answers, 2 * history.answers)


def assert_nothing(connection: psycopg.Connection, schema: str) -> None:
    left = connection.execute(
        "select (select count(*) from pg_namespace where nspname = %(schema)s),"
        " (select count(*) from public.tenant_versions where schema_name = %(schema)s),"
        " (select count(*) from public.usage where schema_name = %(schema)s)",
        {"schema": schema},
    ).fetchone()
    assert left == (0, 0, 0)


def test_there_and_back_under_traffic(
    settings: Settings, sloth: Sloth, history: Acknowledged
) -> None:
    """Fails at once where a transaction does not look at the door when it begins: what was written
    between the last look at the rows and the end of the move is missing."""
    move(sloth, "main")
    with under_traffic(settings, sloth, history):
        for place in ("eu", "main", "eu"):
            move(sloth, place)
            assert sloth.show_tenant("anna").database == place
    assert history.answers > 0
    assert len(history.documents) > 1


def test_killed(
    settings: Settings,
    sloth: Sloth,
    history: Acknowledged,
    command: Command,
    tmp_path: Path,
    pytestconfig: pytest.Config,
) -> None:
    """At any moment, most often near the end. Nobody notices, and the same command ends it."""
    chance = random.Random(SEED)
    count = tmp_path / "moments"
    counting = command.using(**dying.counting_into(count))
    assert counting("tenants", "move", "anna", "--to", "eu").rc == 0
    moments = int(count.read_text())
    print(f"seed {SEED}, {moments} moments")  # noqa: T201 - shown where the test fails
    places = ["main", "eu"]
    killed = 0
    with under_traffic(settings, sloth, history):
        for number in range(2 * pytestconfig.getoption("--kills")):
            first = moments - LAST_STEPS if number % 3 else 1
            death = dying.dying_at(chance.randint(first, moments), "client", seconds_later=0)
            to = places[0]
            killed += command.using(**death)("tenants", "move", "anna", "--to", to).rc != 0
            if chance.random() < 0.3:
                to = places[1]
            assert command("tenants", "move", "anna", "--to", to).rc == 0
            assert sloth.show_tenant("anna").database == to
            if to == places[0]:
                places.reverse()
    assert killed
    moved = sloth.run(lambda sloth: sloth.audit.list(action="tenant.moved"))
    assert len(moved) == sloth.show_tenant("anna").moves
