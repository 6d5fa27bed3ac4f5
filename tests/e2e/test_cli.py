"""The installed `sloth` command: what it prints, its exit codes, and what it survives."""

import json
import os
import pty
import select
import signal
import socket
import subprocess
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from fakes.command import Sloth
from fakes.incubator import SLOTH
from sloth_agent.adapters.stores.postgres.embedded import Attachment

NOBODY = "0197c3a2-0000-7000-8000-000000000000"  # fixed: parallel runners compare names of tests
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX")

COMMANDS = [
    (), ("demo",), ("ingest",), ("chat",), ("search",), ("eval",), ("doctor",), ("config",),
    ("documents",), ("documents", "list"), ("documents", "show"), ("documents", "delete"),
    ("photos",), ("photos", "add"), ("photos", "list"), ("photos", "show"), ("photos", "delete"),
    ("channels",), ("channels", "list"), ("channels", "disconnect"), ("channels", "files"),
    ("channels", "file"), ("channels", "files-kept"), ("channels", "delete-file"),
    ("keys",), ("keys", "rotate"),
    ("prompt",), ("prompt", "show"), ("prompt", "set"), ("prompt", "history"),
    ("prompt", "rollback"), ("customers",), ("customers", "export"),
    ("customers", "delete"), ("tenants",), ("tenants", "create"), ("tenants", "list"),
    ("tenants", "show"), ("tenants", "activate"), ("tenants", "deactivate"),
    ("tenants", "rebuild"), ("tenants", "update"), ("tenants", "profile"),
    ("tenants", "delete"), ("tenants", "export"), ("tenants", "import"), ("tenants", "move"),
    ("audit",), ("audit", "isolation"),
    ("backup",), ("backup", "create"), ("backup", "restore"), ("backup", "list"),
    ("tasks",), ("tasks", "list"), ("tasks", "run"),
    ("db",), ("db", "upgrade"), ("db", "status"), ("db", "stop"),
    ("admin",), ("admin", "audit"), ("admin", "audit", "list"),
    ("admin", "usage"), ("admin", "notices"), ("admin", "margin"), ("admin", "prices"),
    ("admin", "users"), ("admin", "users", "create"), ("admin", "users", "list"),
    ("admin", "users", "set-role"), ("admin", "users", "deactivate"),
    ("admin", "users", "activate"), ("admin", "users", "invite"),
    ("admin", "users", "reset-password"), ("admin", "users", "update"),
    ("admin", "users", "invitations"), ("admin", "users", "withdraw"),
    ("admin", "users", "accept"), ("admin", "users", "reset"),
    ("admin", "plans"), ("admin", "plans", "list"),
    ("admin", "plans", "load"), ("admin", "plans", "export"), ("admin", "subscriptions"),
    ("admin", "subscriptions", "activate"), ("admin", "subscriptions", "cancel"),
    ("admin", "subscriptions", "list"), ("admin", "codes"), ("admin", "codes", "generate"),
    ("admin", "codes", "list"), ("admin", "codes", "revoke"), ("admin", "codes", "redeem"),
    ("admin", "subscriptions", "list"), ("admin", "referrals"), ("admin", "referrals", "stats"),
    ("admin", "referrals", "list"), ("admin", "referrals", "rewards"),
]  # fmt: skip


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    docs = tmp_path / "docs with a space"
    docs.mkdir()
    (docs / "prices.md").write_text("# Prices\n\nA haircut costs 40 euro.\n")
    (docs / "hours.txt").write_text("We are open from 9 to 18.")
    return docs


@pytest.fixture
def taught(sloth_cli: Sloth, docs: Path) -> Sloth:
    assert sloth_cli("ingest", str(docs)).rc == 0
    return sloth_cli


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_has_an_example(command: tuple[str, ...], tmp_path: Path) -> None:
    shown = Sloth(tmp_path / "home", tmp_path)(*command, "--help")
    assert (shown.rc, shown.stderr) == (0, "")
    assert "Example: sloth" in shown.stdout
    assert not (tmp_path / "home").exists()


def test_a_day_with_json(sloth_cli: Sloth, docs: Path) -> None:
    """Every command that prints data prints one document that a script can read."""
    report = sloth_cli("ingest", str(docs), "--json").json
    assert set(report) == {"files", "completed", "skipped", "failed", "pending", "seconds"}
    assert (report["completed"], report["skipped"], report["failed"]) == (2, 0, 0)
    assert set(report["files"][0]) == {
        "path", "status", "document_id", "job_id", "pages", "chunks", "error", "unread",
    }  # fmt: skip
    assert sloth_cli("ingest", str(docs), "--json").json["skipped"] == 2

    found = sloth_cli("search", "haircut", "-k", "1", "--json").json
    assert set(found) == {"results", "timings_ms", "not_read", "by_vectors"}
    [result] = found["results"]
    assert {"document", "page", "section", "text", "score"} <= set(result)
    assert (result["document"], result["section"]) == ("prices.md", "Prices")

    answer = sloth_cli("chat", "How much is a haircut?", "--json").json
    assert {
        "answer", "grounded", "citations", "conversation_id", "message_id", "model", "usage",
        "timings_ms", "not_read",
    } == set(answer)  # fmt: skip
    assert answer["grounded"]
    assert "40" in answer["answer"]
    assert answer["citations"][0]["document"] == "prices.md"
    refusal = sloth_cli("chat", "Who wrote the moon landing opera?", "--json").json
    assert (refusal["grounded"], refusal["citations"]) == (False, [])
    assert refusal["answer"]

    questions = docs / "questions.jsonl"
    questions.write_text(
        '{"question": "How much is a haircut?", "answers": ["40 euro"],'
        ' "documents": ["prices.md"]}\n'
        '{"question": "Who wrote the moon landing opera?", "answers": [], "language": "en"}\n'
    )
    scores = sloth_cli("eval", str(questions), "--json").json
    assert scores["latency_ms_p95"] == round(scores["latency_ms_p95"], 1) > 0
    assert (scores["recall_at_k"], scores["answer_accuracy"]) == (1, 1)
    assert (scores["refusal_precision"], scores["refusal_recall"]) == (1, 1)
    assert set(scores["languages"]) == {"en"}

    items = sloth_cli("documents", "list", "--json").json["items"]
    assert {item["title"] for item in items} == {"prices.md", "hours.txt"}
    id = items[0]["id"]
    assert sloth_cli("documents", "show", id, "--json").json["id"] == id
    assert sloth_cli("documents", "delete", id, "--json").json == {"id": id, "deleted": True}
    assert sloth_cli("documents", "delete", id, "--json").rc == 1

    assert sloth_cli("prompt", "show", "--json").json["version"] == 0
    assert sloth_cli("prompt", "set", "--role", "You are Anna.", "--json").json["version"] == 1
    changed = sloth_cli("prompt", "set", "--context", "-", "--json", stdin="Їжак".encode()).json
    assert (changed["version"], changed["role"], changed["context"]) == (2, "You are Anna.", "Їжак")
    assert sloth_cli("prompt", "rollback", "1", "--json").json["context"] == ""
    history = sloth_cli("prompt", "history", "--json").json["items"]
    assert [(item["version"], item["active"]) for item in history] == [
        (3, True), (2, False), (1, False),
    ]  # fmt: skip


@pytest.mark.slow
def test_administration_with_json(sloth_cli: Sloth) -> None:
    other = f"t-{uuid4().hex}"
    created = sloth_cli("tenants", "create", other, "--name", "Салон Анна", "--json").json
    assert (created["slug"], created["name"]) == (other, "Салон Анна")
    slugs = [item["slug"] for item in sloth_cli("tenants", "list", "--json").json["items"]]
    assert other in slugs
    index = sloth_cli("tenants", "show", other, "--json").json["index"]
    assert index["chunks"] == 0
    assert datetime.fromisoformat(index["built_at"]) <= datetime.now(UTC)
    assert sloth_cli("tenants", "deactivate", other, "--json").json["is_active"] is False
    shut = sloth_cli("search", "haircut", "--tenant", other)
    assert shut.rc == 1
    assert "deactivated" in shut.error
    assert sloth_cli("tenants", "activate", other, "--json").json["is_active"] is True
    rebuilt = sloth_cli("tenants", "rebuild", other, "--chunk-size", "500", "--json").json
    assert rebuilt["chunk_size"] == 500
    assert sloth_cli("db", "upgrade", "--json").json == {
        "upgraded": 0, "failed": [], "unreached_databases": [],
    }  # fmt: skip
    status = sloth_cli("db", "status", "--json").json
    assert (status["kind"], status["running"]) == ("embedded", True)
    assert status["tenants"]["count"] >= 2
    assert status["tenants"]["behind"] == 0
    checks = sloth_cli("doctor", "--json").json["checks"]
    assert {check["status"] for check in checks} <= {"ok", "warning"}, checks
    settings = sloth_cli("config", "--json").json
    assert settings["SLOTH_TENANT"] == {"value": sloth_cli.tenant, "source": "environment"}


def test_usage_from_the_command_line(sloth_cli: Sloth, tmp_path: Path) -> None:
    usage = ("admin", "usage", sloth_cli.tenant)
    before = sloth_cli(*usage, "--json").json
    assert set(before) == {
        "period_start", "period_end", "messages", "photos", "documents", "users", "storage_bytes",
    }  # fmt: skip
    assert before["messages"] == {
        "limit": None, "used": 0, "reserved": 0, "resets_at": before["period_end"],
    }  # fmt: skip
    sloth_cli("admin", "subscriptions", "activate", sloth_cli.tenant, "--plan", "free")
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(21):
        (folder / f"{number}.txt").write_text("A haircut costs 40 euro.")
    report = sloth_cli("ingest", str(folder), "--json")
    assert (report.rc, report.json["completed"], report.json["failed"]) == (3, 20, 1)
    [code] = {file["error"]["code"] for file in report.json["files"] if file["error"]}
    assert code == "document_limit_exceeded"
    assert sloth_cli("chat", "How much is a haircut?").rc == 0
    after = sloth_cli(*usage, "--json").json
    assert after["messages"] == {
        "limit": 100, "used": 1, "reserved": 0, "resets_at": after["period_end"],
    }  # fmt: skip
    assert after["documents"] == {"limit": 20, "used": 20, "reserved": 0, "resets_at": None}
    assert after["storage_bytes"]["used"] == 20 * len("A haircut costs 40 euro.")
    assert "storage_bytes" in sloth_cli(*usage).stdout
    sloth_cli("admin", "subscriptions", "cancel", sloth_cli.tenant, "--now")
    refused = sloth_cli("chat", "How much is a haircut?")
    assert (refused.rc, "has ended" in refused.error) == (1, True)


def test_users_from_the_command_line(sloth_cli: Sloth) -> None:
    slug = sloth_cli.tenant
    owner, member = f"anna@{slug}.example", f"ben@{slug}.example"
    create = ("admin", "users", "create")
    made = sloth_cli(*create, owner, "--tenant", slug, "--role", "owner", "--json").json
    assert (made["email"], made["role"], made["sent"]) == (owner, "owner", False)
    assert made["link"].startswith("http://localhost:8000/reset/")
    shown = sloth_cli(*create, member, "--tenant", slug, "--password", "-", "--json",
                      stdin=b"four words in a row\n")  # fmt: skip
    assert "link" not in shown.json
    refused = sloth_cli(*create, f"c@{slug}.example", "--tenant", slug, "--password", "secret-4711")
    assert refused.rc == 2
    assert "secret-4711" not in refused.stderr
    assert (
        sloth_cli("admin", "users", "set-role", member, "admin", "--json").json["role"] == "admin"
    )
    last = sloth_cli("admin", "users", "deactivate", owner)
    assert (last.rc, "active owner" in last.error) == (1, True)
    assert sloth_cli("admin", "users", "deactivate", member, "--json").json["is_active"] is False
    link = sloth_cli("admin", "users", "invite", f"d@{slug}.example", "--tenant", slug).stdout
    assert "http://localhost:8000/invitations/" in link
    listed = sloth_cli("admin", "users", "list", "--tenant", slug, "--json").json["items"]
    assert [(user["email"], user["role"]) for user in listed] == [
        (owner, "owner"), (member, "admin")]  # fmt: skip
    events = sloth_cli("admin", "audit", "list", "--tenant", slug, "--json").json["items"]
    assert [event["action"] for event in events] == [
        "user.invited", "user.deactivated", "user.role_changed", "user.created",
        "user.password_reset_requested", "user.created", "tenant.created"]  # fmt: skip
    assert {event["actor"].split(":")[0] for event in events[:-1]} == {"cli"}


def test_referrals_from_the_command_line(sloth_cli: Sloth) -> None:
    slug, brought = sloth_cli.tenant, f"t-{uuid4().hex}"
    owner, password = ("--role", "owner"), ("--password", "-")
    create = ("admin", "users", "create")
    typed = b"four words in a row\n"
    anna = sloth_cli(*create, f"anna@{slug}.example", "--tenant", slug, *owner, *password, "--json",
                     stdin=typed).json  # fmt: skip
    sloth_cli("tenants", "create", brought, "--plan", "starter")
    ben = (*create, f"ben@{slug}.example", "--tenant", brought, *owner, *password)
    refused = sloth_cli(*ben, "--referral-code", "HELLO", stdin=typed)
    assert (refused.rc, "no such referral code" in refused.error) == (2, True)
    assert sloth_cli(*ben, "--referral-code", anna["referral_code"].lower(), stdin=typed).rc == 0
    assert sloth_cli("admin", "referrals", "stats", anna["email"], "--json").json == {
        "code": anna["referral_code"], "signups": 1, "pending": 1, "active": 0, "inactive": 0,
        "rewards": 0, "next_reward_at": 50,
    }  # fmt: skip
    sloth_cli("admin", "subscriptions", "activate", brought, "--plan", "starter")
    assert sloth_cli("tasks", "run", "referral-statistics", "--json").json["outcome"]["referrals"]
    [item] = sloth_cli("admin", "referrals", "list", anna["email"], "--json").json["items"]
    assert (item["tenant"], item["status"]) == (brought, "active")
    assert brought in sloth_cli("admin", "referrals", "list", anna["email"]).stdout
    rewards = sloth_cli("admin", "referrals", "rewards", anna["email"], "--json").json
    assert rewards == {"items": [], "next_cursor": None}


def test_periodic_tasks_from_the_command_line(sloth_cli: Sloth) -> None:
    listed = sloth_cli("tasks", "list", "--json").json["items"]
    assert {"name", "does", "schedule", "next_due", "last_run"} == set(listed[0])
    assert "Sundays 03:00" in sloth_cli("tasks", "list").stdout
    done = sloth_cli("tasks", "run", "clean-up", "--at", "2020-01-01", "--json").json
    assert (done["task"], done["problem"]) == ("clean-up", None)
    assert set(done["outcome"]) == {
        *("channel_records", "files", "folders", "jobs", "vacant_spaces"),
        "failed_tenants",
    }
    assert sloth_cli("tasks", "run", "clean-up").stdout.startswith("clean-up: files ")
    assert sloth_cli("tasks", "run", "--due").rc == 0
    assert sloth_cli("tasks", "run", "--due", "--json").json == {"runs": []}
    for words in (("nothing",), ("clean-up", "--due"), ("--due", "--at", "2026-01-01"), ()):
        assert sloth_cli("tasks", "run", *words).rc == (1 if words == ("nothing",) else 2)
    for moment in ("tomorrow", "0001-01-01", "9999-12-31T23:59-12:00"):
        refused = sloth_cli("tasks", "run", "clean-up", "--at", moment)
        assert (refused.rc, "2026-12-31" in refused.error) == (2, True)


@pytest.mark.slow
def test_words_for_people(taught: Sloth) -> None:
    """The same without --json: results on stdout, everything else on stderr."""
    for command in (
        ("chat", "How much is a haircut?"),
        ("chat", "How much is a haircut?", "--no-stream"),
        ("search", "haircut"),
        ("documents", "list"),
        ("prompt", "show"),
        ("tenants", "show", taught.tenant),
        ("db", "status"),
        ("config",),
    ):
        shown = taught(*command)
        assert (shown.rc, shown.stderr) == (0, ""), command
        assert shown.stdout.strip()
    assert "prices.md" in taught("chat", "How much is a haircut?").stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("nonsense",), ("ingest",), ("search",), ("search", "x", "-k", "0"),
        ("search", "x", "-k", "many"), ("chat", "--json"), ("chat", "x", "--language", "xx"),
        ("chat", "x", "--conversation", "7"), ("documents", "show", "7"), ("prompt", "rollback"),
        ("prompt", "rollback", "one"), ("prompt", "set"), ("tenants", "create"), ("--nonsense",),
        ("eval", "q.jsonl", "--min-recall", "2"), ("search", "x", "--nonsense"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_2(command: tuple[str, ...], tmp_path: Path) -> None:
    shown = Sloth(tmp_path / "home", tmp_path)(*command)
    assert (shown.rc, shown.stdout) == (2, "")
    assert "--help" in shown.error
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (("search", "x", "-k", "0"), "'-k': must be 1 or more."),
        (("search", "x", "-k", "many"), "'-k': must be a whole number."),
        (("eval", "q.jsonl", "--min-recall", "2"), "'--min-recall': must be 1 or less."),
        (("documents", "show", "7"), "'ID': must be an id as it is shown elsewhere."),
        (("prompt", "set", "--temperature", "warm"), "'--temperature': must be a number."),
        (("chat", "x", "--language", "xx"), "--language: Known: en, uk, pl, de."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_says_what_is_allowed(
    command: tuple[str, ...], wanted: str, tmp_path: Path
) -> None:
    shown = Sloth(tmp_path / "home", tmp_path)(*command)
    assert shown.error.partition(" (see")[0] == f"error: Invalid value for {wanted}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("chat", ""), ("search", " "), ("chat", "x" * 100_000), ("tenants", "create", "Салон"),
        ("prompt", "set", "--temperature", "3"), ("prompt", "set", "--temperature", "nan"),
        ("prompt", "set", "--max-tokens", "-1"), ("prompt", "set", "--role", "x" * 9000),
        ("tenants", "create", "a/b"), ("tenants", "create", ""), ("tenants", "create", "-a"),
        ("tenants", "create", "x" * 64), ("tenants", "create", "a;drop table x"),
        ("tenants", "rebuild", "--chunk-size", "10"), ("search", "x", "--tenant", "Bad Slug"),
    ],
    ids=lambda command: " ".join(command)[:40],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_2_and_one_line(
    command: tuple[str, ...], sloth_cli: Sloth
) -> None:
    shown = sloth_cli(*command)
    assert (shown.rc, shown.stdout) == (2, ""), shown
    assert shown.error


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("ingest", "nowhere.txt"), ("eval", "nowhere.jsonl"), ("documents", "show", NOBODY),
        ("documents", "delete", NOBODY), ("photos", "show", NOBODY), ("photos", "delete", NOBODY),
        ("channels", "disconnect", NOBODY, "--yes"), ("channels", "files", NOBODY),
        ("channels", "file", NOBODY, "--output", "x"), ("channels", "delete-file", NOBODY),
        ("channels", "files-kept", NOBODY, "on"), ("prompt", "rollback", "99"),
        ("tenants", "show", "nobody"), ("search", "x", "--tenant", "nobody"),
        ("chat", "x", "--conversation", NOBODY),
    ],
    ids=lambda command: " ".join(command)[:40],
)  # fmt: skip
def test_what_fails_is_1_and_one_line(command: tuple[str, ...], sloth_cli: Sloth) -> None:
    shown = sloth_cli(*command)
    assert shown.rc == 1, shown
    if command[0] == "ingest":
        assert "nowhere.txt" in shown.stderr
        assert "Traceback" not in shown.stderr
        return
    assert shown.error
    assert shown.stdout == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "named"),
    [
        (("tenants", "create", "раypal"), "cannot name a tenant"),
        (("tenants", "create", "x", "--name", "a\nb"), "name"),
        (("tenants", "create", "x", "--domain", "a'; drop table users; --"), "domain name"),
        (("tenants", "create", "x", "--domain", "a" * 64 + ".pl"), "domain name"),
        (("tenants", "create", "x", "--plan", ""), "plan"),
        (("tenants", "profile", "default", "--timezone", "localtime"), "time zone"),
        (("admin", "users", "create", "аnna@example.com", "--superuser"), "e-mail address"),
        (("admin", "users", "create", 'a"; --@example.com', "--superuser"), "e-mail address"),
        (("admin", "codes", "generate", "--plan", "'; --", "--days", "1"), "plan"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_what_cannot_be_a_name_is_named(
    command: tuple[str, ...], named: str, sloth_cli: Sloth
) -> None:
    shown = sloth_cli(*command)
    assert (shown.rc, shown.stdout) == (1 if named == "plan" else 2, "")
    assert named in shown.error


def test_some_failed_is_3(sloth_cli: Sloth, docs: Path) -> None:
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 nothing more")
    shown = sloth_cli("ingest", str(docs), "--json")
    assert shown.rc == 3
    [failed] = [file for file in shown.json["files"] if file["status"] == "failed"]
    assert set(failed["error"]) == {"code", "message"}
    assert "broken.pdf" in sloth_cli("ingest", str(docs)).stderr
    assert sloth_cli("ingest", str(docs / "broken.pdf")).rc == 1


def test_a_long_list_is_whole(sloth_cli: Sloth, server: Attachment) -> None:
    schema = sloth_cli("tenants", "show", sloth_cli.tenant, "--json").json["schema_name"]
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(
            f"insert into {schema}.documents (id, title, source, digest, size_bytes, status,"
            " created_at) select gen_random_uuid(), n::text, n::text, 'aa', 1, 'pending', now()"
            " from generate_series(1, 2100) as n"
        )
    items = sloth_cli("documents", "list", "--json").json["items"]
    assert sorted(int(item["title"]) for item in items) == list(range(1, 2101))


def test_an_empty_folder(sloth_cli: Sloth, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    shown = sloth_cli("ingest", str(tmp_path / "empty"))
    assert (shown.rc, shown.stdout) == (0, "")
    assert "no files" in shown.stderr


@pytest.mark.usefixtures("docs")
@pytest.mark.parametrize("command", ["ingest", "eval", "admin plans load"])
def test_a_variable_that_is_unset_names_nothing(command: str, sloth_cli: Sloth) -> None:
    shown = sloth_cli(*command.split(), "")
    assert (shown.rc, shown.stdout) == (2, "")
    assert "empty. (Is a variable unset?" in shown.error
    assert sloth_cli("documents", "list", "--json").json["items"] == []


def test_questions_that_are_not_there(sloth_cli: Sloth, docs: Path) -> None:
    folder = sloth_cli("eval", str(docs))
    assert (folder.rc, folder.error) == (2, f"error: {docs} is a folder. (Name a file in it.)")
    absent = sloth_cli("eval", "/nope.jsonl")
    assert (absent.rc, absent.error) == (
        1,
        "error: There is no file /nope.jsonl. (Check the path.)",
    )


def test_a_file_that_failed_says_what_to_do(sloth_cli: Sloth, docs: Path) -> None:
    (docs / "large.txt").write_bytes(b"word " * 300_000)
    small = sloth_cli.using(SLOTH_MAX_UPLOAD_MB="1")
    assert "raise SLOTH_MAX_UPLOAD_MB. [file_too_large]" in small("ingest", str(docs)).stderr
    assert "Check the path. [not_found]" in sloth_cli("ingest", "nowhere.txt").stderr


def test_documents_of_one_title_are_told_apart(sloth_cli: Sloth, docs: Path) -> None:
    assert "source" not in sloth_cli("documents", "list").stdout
    (docs / "en").mkdir()
    (docs / "en" / "prices.md").write_text("A shave costs 15 euro.")
    assert sloth_cli("ingest", str(docs)).rc == 0
    lines = sloth_cli("documents", "list").stdout.splitlines()
    assert next(line.split()[-1] for line in lines if "title" in line) == "source"
    sources = [line.split()[-1] for line in lines if "prices.md" in line]
    assert sorted(sources) == ["en/prices.md", "prices.md"]
    [hours] = [line for line in lines if "hours.txt" in line]
    assert str(docs) not in hours


def test_a_file_that_was_read_in_part_is_named_again(sloth_cli: Sloth, tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("broken.pdf", "%PDF-1.4 nothing more")
        archive.writestr("note.txt", "A haircut costs 40 euro.")
    for status in ("completed", "skipped"):
        [file] = sloth_cli("ingest", str(path), "--json").json["files"]
        assert (file["status"], file["error"]) == (status, None)
        [part] = file["unread"]
        assert (part["part"], part["code"]) == ("broken.pdf", "file_damaged")
    again = sloth_cli("ingest", str(path))
    assert (again.rc, "partly read" in again.stderr) == (0, True)
    assert "partly read" in sloth_cli("documents", "list").stdout


def test_a_tenant_twice(sloth_cli: Sloth) -> None:
    shown = sloth_cli("tenants", "create", sloth_cli.tenant)
    assert shown.rc == 1
    assert "already" in shown.error


def test_stdin(sloth_cli: Sloth) -> None:
    report = sloth_cli("ingest", "-", "--json", stdin=b"A haircut costs 40 euro.").json
    assert report["completed"] == 1
    assert "40" in sloth_cli("chat", "-", stdin=b"How much is a haircut?\n").stdout
    assert sloth_cli("search", "-", "--json", stdin=b"haircut").json["results"]
    line = b'{"question": "How much is a haircut?", "answers": ["40 euro"]}\n'
    assert sloth_cli("eval", "-", "--json", stdin=line).json["questions"] == 1
    assert sloth_cli("eval", "-", stdin=b"{}\n").rc == 2
    for odd in (b"hair\0cut", b"\xff\xfe haircut", b"haircut " * 1000):
        assert sloth_cli("search", "-", "--json", stdin=odd).rc == 0, odd[:20]
    assert sloth_cli("chat", "-", stdin=b"").error
    assert sloth_cli("chat", "-", stdin=b"x" * 1_000_000).error


@pytest.mark.parametrize("nothing", [b"", b" \n"])
def test_an_empty_stdin_forgets_nothing(sloth_cli: Sloth, nothing: bytes) -> None:
    assert sloth_cli("ingest", "-", stdin=b"A haircut costs 40 euro.").rc == 0
    shown = sloth_cli("ingest", "-", "--json", stdin=nothing)
    [file] = shown.json["files"]
    assert (shown.rc, file["path"], file["error"]["code"]) == (1, "stdin", "file_empty")
    [document] = sloth_cli("documents", "list", "--json").json["items"]
    assert (document["title"], document["status"]) == ("stdin", "completed")
    assert "40" in sloth_cli("chat", "How much is a haircut?").stdout


def test_texts_from_stdin_have_names(sloth_cli: Sloth) -> None:
    for name, price in (("hair.md", "40"), ("nails.md", "25"), ("hair.md", "45")):
        content = f"# Prices\n\nIt costs {price} euro.\n".encode()
        assert sloth_cli("ingest", "-", "--name", name, stdin=content).rc == 0
    items = sloth_cli("documents", "list", "--json").json["items"]
    assert [(item["title"], item["type"]) for item in items] == [
        ("hair.md", "text/markdown"), ("nails.md", "text/markdown")]  # fmt: skip
    found = sloth_cli("search", "costs euro", "--document", "hair.md", "--json").json["results"]
    assert "45" in found[0]["text"]
    for words in (("-", "--name", ""), (".", "--name", "hair.md")):
        assert sloth_cli("ingest", *words, stdin=b"x").rc == 2


def test_floors_of_eval(taught: Sloth, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "How much is a haircut?", "answers": ["41 dollars"]}')
    assert taught("eval", str(questions)).rc == 0
    assert taught("eval", str(questions), "--min-answer", "0.5").rc == 1
    assert "answer accuracy" in taught("eval", str(questions), "--min-answer", "0.5").error


def test_a_conversation_goes_on(taught: Sloth) -> None:
    first = taught("chat", "How much is a haircut?", "--json").json
    id = first["conversation_id"]
    second = taught("chat", "When are you open?", "--conversation", id, "--json").json
    assert second["conversation_id"] == id
    assert taught("chat", "x?", "--json").json["conversation_id"] != id


def test_an_interactive_chat(taught: Sloth) -> None:
    shown = taught("chat", stdin="How much is a haircut?\n\nКоли відкрито?\n".encode())
    assert (shown.rc, shown.stderr) == (0, "")
    assert "40" in shown.stdout


@pytest.mark.parametrize("word", ["exit", "QUIT ", "/exit", "/quit"])
def test_a_word_that_ends_a_conversation(taught: Sloth, word: str) -> None:
    shown = taught("chat", stdin=f"{word}\nHow much is a haircut?\n".encode())
    assert (shown.rc, shown.stdout, shown.stderr) == (0, "", "")


def test_a_no_changes_nothing(sloth_cli: Sloth) -> None:
    master, slave = pty.openpty()
    command = ("tenants", "delete", sloth_cli.tenant)
    with sloth_cli.start(*command, stdin=slave) as process:
        os.close(slave)
        os.write(master, b"n\n")
        stdout, stderr = process.communicate(timeout=30)
    os.close(master)
    assert (process.returncode, stdout.strip()) == (1, b"")
    assert stderr.decode().endswith("Nothing was changed.\n")
    assert sloth_cli("tenants", "show", sloth_cli.tenant).rc == 0


def test_debug_shows_where_it_happened(sloth_cli: Sloth) -> None:
    shown = sloth_cli("--debug", "tenants", "show", "nobody")
    assert shown.rc == 1
    assert "Traceback" in shown.stderr
    assert "error: " in shown.stderr
    assert "Traceback" in sloth_cli("tenants", "show", "nobody", "--debug").stderr
    assert "'--debug' cannot name a tenant" in sloth_cli("tenants", "show", "--", "--debug").error


BUGGY_PLUGIN = """
class Buggy:
    space, dimensions = "buggy", 4
    async def prepare(self): pass
    async def embed(self, texts):
        if any("nails" in text for text in texts):
            raise KeyError("a bug")
        return [[1.0, 0.0, 0.0, 0.0] for _ in texts]

def from_settings(settings):
    return Buggy()
"""


def test_a_bug_costs_one_file_and_debug_shows_where(sloth_cli: Sloth, tmp_path: Path) -> None:
    registered = tmp_path / "plugins" / "buggy-1.dist-info"
    registered.mkdir(parents=True)
    (registered / "METADATA").write_text("Metadata-Version: 2.1\nName: buggy\nVersion: 1\n")
    (registered / "entry_points.txt").write_text(
        "[sloth_agent.embedders]\nbuggy = buggy:from_settings\n"
    )
    (registered.parent / "buggy.py").write_text(BUGGY_PLUGIN)
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("hair", "nails", "skin"):
        (folder / f"{name}.txt").write_text(f"We look after {name}.")
    sloth = sloth_cli.using(PYTHONPATH=str(registered.parent), SLOTH_EMBEDDER="buggy")

    shown = sloth("ingest", str(folder), "--json")
    assert shown.rc == 3
    states = {Path(file["path"]).stem: file for file in shown.json["files"]}
    assert {name: file["status"] for name, file in states.items()} == {
        "hair": "completed", "nails": "failed", "skin": "completed",
    }  # fmt: skip
    assert states["nails"]["error"]["code"] == "unexpected"
    assert "KeyError" in states["nails"]["error"]["message"]
    assert "Traceback" not in shown.stderr
    assert "in embed" in sloth("--debug", "ingest", str(folder)).stderr


def test_completion_is_installable(tmp_path: Path) -> None:
    sloth = Sloth(tmp_path / "home", tmp_path).using(SHELL="/bin/bash")
    shown = sloth("--show-completion", "bash")
    assert shown.rc == 0
    assert "_SLOTH_COMPLETE" in shown.stdout
    words = sloth.using(_SLOTH_COMPLETE="complete_bash", COMP_WORDS="sloth te", COMP_CWORD="1")()
    assert "tenants" in words.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("tenants", "list", "--json"),
        ("search", "haircut"),
        ("chat", "haircut"),
        ("config",),
        ("--help",),
    ],
    ids=" ".join,
)
def test_nobody_reads(taught: Sloth, command: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with taught.start(*command, stdout=writer) as process:
        os.close(writer)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode in (0, 1)
    assert stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize(
    "command",
    ["search haircut", "chat haircut", "documents list", "tenants list --json", "--help",
     "admin prices", "search --help", "--version", "ingest ."],
)  # fmt: skip
def test_stdout_cannot_be_written(taught: Sloth, command: str) -> None:
    with (
        Path("/dev/full").open("wb") as full,
        taught.start(*command.split(), stdout=full) as process,
    ):
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    last = "error: The output cannot be written: No space left on device."
    assert stderr.decode().splitlines() == [last]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["search haircut", "tenants list --json", "--help", "nonsense"])
def test_stdout_is_closed(taught: Sloth, command: str) -> None:
    shown = subprocess.run(
        ["sh", "-c", f"exec {SLOTH} {command} >&-"],
        env=taught.environment,
        cwd=taught.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert shown.returncode in (0, 1, 2)
    assert "Traceback" not in shown.stderr
    assert "unexpected" not in shown.stderr


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.6, 0.9, 1.5])
def test_ctrl_c(sloth_cli: Sloth, docs: Path, seconds: float) -> None:
    for number in range(300):
        (docs / f"{number}.md").write_text(f"# Note {number}\n\n" + "Some words to read. " * 200)
    process = sloth_cli.start("ingest", str(docs))
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    text = stderr.decode()
    assert "Traceback" not in text, text
    if process.returncode != 0:
        assert (process.returncode, text) == (1, "error: interrupted\n")
        assert stdout == b""
    again = sloth_cli("ingest", str(docs), "--json")
    assert again.rc == 0
    assert again.json["completed"] + again.json["skipped"] == 302


def test_ctrl_c_in_a_conversation(taught: Sloth) -> None:
    master, slave = pty.openpty()
    process = taught.start("chat", stdin=slave, stdout=slave, stderr=subprocess.PIPE)
    os.close(slave)
    deadline = time.monotonic() + 20
    while b"> " not in _read(master):
        assert time.monotonic() < deadline
    time.sleep(0.5)  # between its prompt and its waiting for keys, readline loses signals
    process.send_signal(signal.SIGINT)
    try:
        _, stderr = process.communicate(timeout=20)
    finally:
        process.kill()
        os.close(master)
    assert process.returncode == 1
    assert b"Traceback" not in stderr


def _read(terminal: int) -> bytes:
    ready, _, _ = select.select([terminal], [], [], 0.2)
    return os.read(terminal, 4096) if ready else b""


@pytest.mark.slow
def test_names_and_texts_cannot_steer_a_terminal(sloth_cli: Sloth, docs: Path) -> None:
    evil = "\x1b[31m\x9b2J\x07\r"
    (docs / f"a{evil}.txt").write_text(f"The canary {evil}\u202e sings at nine {evil}.")
    (docs / f"b{evil}.pdf").write_bytes(b"%PDF-1.4 nothing more")
    printed = ""
    for command in (
        ("ingest", str(docs)),
        ("ingest", str(docs), "--json"),
        ("documents", "list"),
        ("documents", "list", "--json"),
        ("search", "canary"),
        ("search", "canary", "--json"),
        ("chat", "When does the canary sing?"),
        ("chat", f"canary {evil}", "--json"),
        ("chat", f"canary{evil}", "--language", evil),
        ("tenants", "show", evil),
    ):
        shown = sloth_cli(*command)
        printed += shown.stdout + shown.stderr
    assert "canary" in printed
    assert not set("\x1b\x9b\x07\r\u202e") & set(printed)


@pytest.mark.slow
def test_output_that_is_not_unicode(sloth_cli: Sloth, docs: Path) -> None:
    (docs / "ціни.txt").write_text("Стрижка коштує 650 грн.")
    narrow = sloth_cli.using(PYTHONIOENCODING="ascii")
    assert narrow("ingest", str(docs)).rc == 0
    assert narrow("search", "стрижка", "--json").json["results"][0]["document"] == "ціни.txt"
    for command in (
        ("search", "стрижка"),
        ("chat", "Скільки коштує стрижка?"),
        ("documents", "list"),
    ):
        shown = narrow(*command)
        assert (shown.rc, shown.stderr) == (0, ""), shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://sloth:wrong@{host}:{port}/sloth", "cannot be reached"),
        ("postgresql://nobody.invalid:5432/sloth", "cannot be reached"),
        ("mysql://localhost/x", "not a PostgreSQL address"),
        ("postgresql://localhost:notaport/x", ""),
        ("not an address", ""),
    ],
)
def test_a_database_that_is_not_there(sloth_cli: Sloth, url: str, says: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host, port = closed.getsockname()
    sloth = sloth_cli.using(DATABASE_URL=url.format(host=host, port=port))
    for command in (("search", "x"), ("tenants", "list", "--json")):
        shown = sloth(*command)
        assert (shown.rc, shown.stdout) == (1, "")
        assert says in shown.error
        assert "wrong" not in shown.stderr
    status = sloth("db", "status", "--json")
    assert status.rc == 1
    if says == "cannot be reached":  # an address at least
        assert (status.json["kind"], status.json["tenants"]) == ("external", None)
    doctor = sloth("doctor", "--json")
    assert doctor.rc == 1
    checks = {check["name"]: check["status"] for check in doctor.json["checks"]}
    assert (checks["database"], checks["answers"]) == ("failed", "ok")


@pytest.mark.slow
@pytest.mark.parametrize("place", ["a file", "/proc/nowhere", "read-only"])
def test_a_home_that_cannot_be_used(tmp_path: Path, place: str) -> None:
    home = Path(place)
    if place == "a file":
        home = tmp_path / "file"
        home.write_text("in the way")
    elif place == "read-only":
        if os.geteuid() == 0:
            pytest.skip("root may write everywhere")
        home = tmp_path / "closed" / "home"
        home.parent.mkdir(mode=0o500)
    sloth = Sloth(home, tmp_path)
    for command in (("search", "x"), ("ingest", "."), ("tenants", "list")):
        shown = sloth(*command)
        assert (shown.rc, shown.stdout) == (1, "")
        assert "unexpected" not in shown.error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLOTH_MAX_UPLOAD_MB", "many"),
        ("SLOTH_MAX_UPLOAD_MB", "0"),
        ("SLOTH_EMBEDDER", "nonsense"),
        ("SLOTH_CHAT", "nonsense"),
        ("SLOTH_TENANT", "no such tenant"),
        ("SLOTH_EMBEDDING_DIMENSIONS", "-1"),
    ],
)
def test_settings_that_cannot_be_used(sloth_cli: Sloth, name: str, value: str) -> None:
    shown = sloth_cli.using(**{name: value})("chat", "How much is a haircut?")
    assert (shown.rc, shown.stdout) == (1, "")
    assert "unexpected" not in shown.error
    assert name in shown.error or value in shown.error


@pytest.mark.slow
def test_secrets_are_masked(sloth_cli: Sloth) -> None:
    canary = "sk-canary-0123456789"
    sloth = sloth_cli.using(OPENAI_API_KEY=canary, SLOTH_CHAT="extractive", SLOTH_EMBEDDER="none")
    for command in (("config",), ("config", "--json"), ("doctor",), ("--debug", "chat", "")):
        shown = sloth(*command)
        assert canary not in shown.stdout + shown.stderr
    assert json.loads(sloth("config", "--json").stdout)["OPENAI_API_KEY"]["source"] == "environment"
