"""DATABASE_URL: a server of one's own, the same code. The embedded server plays it."""

from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fakes.command import Sloth
from sloth_agent.adapters.stores.postgres.embedded import Attachment


@pytest.fixture
def address(server: Attachment) -> str:
    return _empty(server)


def _empty(server: Attachment) -> str:
    """A database of its own on the shared server."""
    name = f"own_{uuid4().hex}"
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return make_conninfo(server.conninfo, dbname=name)


@pytest.fixture
def sloth(address: str, tmp_path: Path) -> Sloth:
    return Sloth(tmp_path / "home", tmp_path).using(DATABASE_URL=address)


def test_all_of_it_on_ones_own_server(sloth: Sloth, tmp_path: Path) -> None:
    (tmp_path / "prices.md").write_text("A haircut costs 40 euro.")
    assert sloth("ingest", str(tmp_path / "prices.md")).rc == 0
    assert "40" in sloth("chat", "How much is a haircut?").stdout
    assert sloth("tenants", "create", "anna").rc == 0
    assert sloth("search", "haircut", "--tenant", "anna", "--json").json["results"] == []
    status = sloth("db", "status", "--json").json
    assert status["kind"] == "external"
    assert not (tmp_path / "home" / "postgres").exists()
    assert "not ours to stop" in sloth("db", "stop").error
    checks = {check["name"]: check for check in sloth("doctor", "--json").json["checks"]}
    assert "your own server" in checks["database"]["message"]


def test_an_address_as_people_write_it(address: str, tmp_path: Path) -> None:
    sloth = Sloth(tmp_path / "home", tmp_path).using(DATABASE_URL=_url(address))
    assert sloth("tenants", "list", "--json").json == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dbname": "nowhere"}, "does not exist"),
        ({"user": "nobody"}, "refused the user"),
        ({"host": "/nowhere"}, "cannot be reached"),
        ({"port": "1"}, "cannot be reached"),
    ],
)
def test_what_is_wrong_is_one_line(
    address: str, tmp_path: Path, change: dict[str, str], says: str
) -> None:
    sloth = Sloth(tmp_path / "home", tmp_path).using(DATABASE_URL=make_conninfo(address, **change))
    shown = sloth("search", "haircut")
    assert (shown.rc, shown.stdout) == (1, "")
    assert says in shown.error
    assert "(" in shown.error, "a hint says what to do"


@pytest.mark.parametrize("granted", ["usage on schema public", "create on schema public"])
def test_a_user_who_may_make_nothing(address: str, tmp_path: Path, granted: str) -> None:
    user = f"weak_{uuid4().hex}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("create extension if not exists vector schema public")
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(user)))
        connection.execute(sql.SQL(f"grant {granted} to {{}}").format(sql.Identifier(user)))
    weak = make_conninfo(address, user=user)
    shown = Sloth(tmp_path / "home", tmp_path).using(DATABASE_URL=weak)("search", "haircut")
    assert (shown.rc, shown.stdout) == (1, "")
    assert "may not make" in shown.error
    assert "Grant" in shown.error


def test_a_password_is_shown_nowhere(address: str, tmp_path: Path) -> None:
    secret = make_conninfo(address, password="canary-4711", user="nobody")
    sloth = Sloth(tmp_path / "home", tmp_path).using(DATABASE_URL=secret)
    mistyped = sloth.using(DATABASE_URL="postgresql//nobody:canary-4711@localhost/sloth")
    for command in (("search", "x"), ("--debug", "search", "x"), ("config",), ("config", "--json"),
                    ("db", "status", "--json"), ("doctor",)):  # fmt: skip
        for shown in (sloth(*command), mistyped(*command)):
            assert "canary-4711" not in shown.stdout + shown.stderr, command


def test_doctor_tells_an_account_that_may_make_no_roles(
    server: Attachment, address: str, tmp_path: Path
) -> None:
    user = f"plain_{uuid4().hex}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("create extension if not exists vector schema public")
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(user)))
        for right in ("create on schema public", f"create on database {connection.info.dbname}"):
            connection.execute(sql.SQL(f"grant {right} to {{}}").format(sql.Identifier(user)))
    sloth = Sloth(tmp_path / "home", tmp_path).using(
        DATABASE_URL=make_conninfo(address, user=user),
        SLOTH_DATABASES=f"eu={_url(_empty(server))}",
    )
    checks = {check["name"]: check for check in sloth("doctor", "--json").json["checks"]}
    assert checks["database"]["status"] == checks["database eu"]["status"] == "ok"
    assert checks["database walls"]["status"] == "warning"
    assert "CREATEROLE" in checks["database walls"]["hint"]
    assert "database eu walls" not in checks


def test_a_database_that_is_not_named_any_more(
    server: Attachment, address: str, tmp_path: Path
) -> None:
    alone = Sloth(tmp_path / "home", tmp_path).using(DATABASE_URL=address)
    eu = _url(_empty(server))
    for slug in ("anna", "ben"):
        assert alone.using(SLOTH_DATABASES=f"eu={eu}")("tenants", "create", slug).rc == 0

    upgraded = alone("db", "upgrade")
    assert (upgraded.rc, upgraded.stdout) == (3, "0 tenants upgraded, 1 failed.\n")
    assert "error: database eu: There is no database 'eu'." in upgraded.stderr
    assert "error: ben: " in upgraded.stderr
    assert [failure["slug"] for failure in alone("db", "upgrade", "--json").json["failed"]] == [
        "ben"
    ]
    status = alone("db", "status", "--json").json["tenants"]
    assert (status["count"], status["unseen"]) == (2, 1)
    assert status["databases"][1] == {
        "name": "eu",
        "versions": {},
        "unseen": 1,
        "problem": "SLOTH_DATABASES does not name it.",
    }
    doctor = alone("doctor")
    assert (doctor.rc, "✗ database eu: 1 tenants live in it" in doctor.stdout) == (1, True)
    margin = alone("admin", "margin")
    assert "costs of tenants in eu are unknown" in margin.stderr
    assert "unknown" in next(line for line in margin.stdout.splitlines() if "ben" in line)

    away = alone.using(SLOTH_DATABASES="eu=postgresql://nobody@127.0.0.1:1/x")
    upgraded = away("db", "upgrade")
    assert upgraded.rc == 3
    assert "error: database eu: PostgreSQL of 'eu' in SLOTH_DATABASES cannot be" in upgraded.stderr
    assert away("tenants", "create", "cleo", "--json").json["database"] == "main"


def _url(address: str) -> str:
    parts = conninfo_to_dict(address)
    socket = quote(str(parts["host"]), safe="")
    url = f"postgresql://{parts['user']}@/{parts['dbname']}?host={socket}"
    return url + "".join(
        f"&{name}={quote(str(parts[name]), safe='')}"
        for name in ("port", "passfile")
        if name in parts
    )
