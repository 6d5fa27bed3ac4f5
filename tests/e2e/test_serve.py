"""`sloth serve`: how it starts, what it refuses, how it ends."""

import os
import signal
import socket
import stat
import time
from pathlib import Path

import httpx
import pytest

from fakes.command import Sloth
from fakes.openai_server import OpenAIServer, saying
from fakes.server import SECRET, Server, free_port, running, serving, until

ELSEWHERE = "--host=0.0.0.0"


@pytest.fixture
def sloth(sloth_cli: Sloth) -> Sloth:
    return sloth_cli.using(SLOTH_EMBEDDER="none", SLOTH_CHAT="extractive")


@pytest.fixture
def with_model(sloth: Sloth, openai_server: OpenAIServer) -> Sloth:
    """Answers come slowly, word by word: three seconds in all."""
    openai_server.reply = saying("one two three four five six seven eight")
    openai_server.seconds_between_pieces = 0.25
    return sloth.using(
        SLOTH_CHAT="openai",
        SLOTH_CHAT_MODEL="gpt-5-mini",
        OPENAI_BASE_URL=openai_server.url,
        OPENAI_API_KEY="sk-test",
    )


def test_any_port_that_is_free_is_named(sloth: Sloth, tmp_path: Path) -> None:
    with running(sloth, tmp_path, "--port=0") as (_, log):
        until(lambda: b"Serving at" in log.read_bytes(), seconds=60)
        address = log.read_text().split()[2].rstrip(";")
        assert httpx.get(f"{address}/readyz", timeout=30).json() == {"status": "ready"}


def test_a_local_socket(sloth: Sloth, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with running(sloth, tmp_path, f"--uds={path}") as (process, log):
        until(lambda: b"Serving at" in log.read_bytes(), seconds=60)
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, base_url="http://sloth", timeout=30) as client:
            assert client.get("/readyz").json() == {"status": "ready"}
            assert client.get("/metrics").status_code == 200
            theirs = {"X-Forwarded-For": "127.0.0.1"}
            assert client.get("/metrics", headers=theirs).status_code == 403
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
        assert f"A server listens at {path} already." in sloth("serve", f"--uds={path}").error
        process.terminate()
        assert process.wait(timeout=40) == 0
    assert not path.exists()


def test_a_port_in_use(sloth: Sloth) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        refused = sloth("serve", f"--port={other.getsockname()[1]}", "--workers=2")
    assert refused.rc == 1
    assert "Address already in use" in refused.error
    assert "--port" in refused.error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host=no-such-host.invalid"], "There is no host no-such-host.invalid."),
        (["--host=192.0.2.1"], "Cannot assign requested address"),
        (["--uds=/" + "long" * 50], "There can be no socket"),
        (["--uds=/dev/null"], "is there already, and no socket"),
        (["--uds=/nowhere/at/all"], "No such file or directory"),
    ],
)
def test_where_nobody_can_listen(sloth: Sloth, arguments: list[str], says: str) -> None:
    secret = sloth.using(SECRET_KEY=SECRET)
    refused = secret("serve", *arguments)
    assert refused.rc == 1
    assert says in refused.error


def test_a_port_for_root(sloth: Sloth) -> None:
    try:
        with socket.create_server(("127.0.0.1", 81)):
            pytest.skip("whoever runs the tests may listen there")
    except PermissionError:
        assert "--port" in sloth("serve", "--port=81").error


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "without a SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "fewer than 32 characters"),
        ({"SECRET_KEY": "a" * 64}, "the same again"),
        ({"SECRET_KEY": SECRET, "CORS_ORIGINS": "*"}, "CORS_ORIGINS lets any page in."),
        (
            {"SECRET_KEY": SECRET, "CORS_ORIGINS": "https://a.example,*"},
            "CORS_ORIGINS lets any page in.",
        ),
    ],
)
def test_what_is_refused_outside_of_this_machine(
    sloth: Sloth, variables: dict[str, str], says: str
) -> None:
    refused = sloth.using(**variables)("serve", ELSEWHERE, f"--port={free_port()}")
    assert refused.rc == 1
    assert says in refused.error
    assert "Serving at" not in refused.stderr


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"SLOTH_REQUESTS_PER_MINUTE": "many"}, "SLOTH_REQUESTS_PER_MINUTE must be"),
        ({"TRUSTED_PROXIES": "nonsense"}, "TRUSTED_PROXIES cannot be used"),
        ({"SECRET_KEY": "short"}, "fewer than 32 characters"),
        ({"SENTRY_DSN": "nonsense"}, "SENTRY_DSN cannot be used."),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, "cannot be reached"),
    ],
)
def test_what_keeps_it_from_starting(sloth: Sloth, variables: dict[str, str], says: str) -> None:
    refused = sloth.using(**variables)("serve", f"--port={free_port()}", "--workers=2")
    assert refused.rc == 1
    assert says in refused.error
    assert len(refused.stderr.splitlines()) == 1


def test_two_options_that_do_not_go_together(sloth: Sloth) -> None:
    assert sloth("serve", "--reload", "--workers=2").rc == 2


@pytest.mark.parametrize(
    ("workers", "how"),
    [
        ("--workers=1", signal.SIGTERM),
        ("--workers=1", signal.SIGINT),
        pytest.param("--workers=2", signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_running_answer_ends_before_the_server_does(
    with_model: Sloth, workers: str, how: signal.Signals
) -> None:
    with serving(with_model, workers) as server:
        owner = server.signed_up()
        server.taught(owner, "Count from one to eight.")
        headers = {**owner, "Accept": "text/event-stream"}
        asked = {"message": "Count to eight."}
        with server.client.stream(
            "POST", "/api/agent/chat/", json=asked, headers=headers
        ) as answer:
            parts = answer.iter_text()
            told = next(parts)
            before = len(server.lines)
            server.process.send_signal(how)
            asked_at = time.monotonic()
            told += "".join(parts)
        assert time.monotonic() - asked_at > 1, "the answer had not ended when the signal came"
        assert told.rstrip().split("\n\n")[-1].startswith("event: done")
        assert server.process.wait(timeout=30) == 0
        assert {line["level"] for line in server.lines[before:]} == {"info"}


@pytest.mark.slow
def test_a_killed_process_is_replaced(sloth: Sloth) -> None:
    with serving(sloth, "--workers=2") as server:
        until(lambda: len(server.children) == 2)
        before = server.children
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(set(server.children) - {before[0]}) == 2)
        until(lambda: _answers(server))
        assert server.stop() == 0


@pytest.mark.slow
def test_none_is_left_when_the_first_process_is_killed(sloth: Sloth, tmp_path: Path) -> None:
    with serving(sloth.using(TMPDIR=str(tmp_path)), "--workers=2") as server:
        until(lambda: len(server.children) == 2)
        left = server.children
        server.process.kill()
        until(lambda: not any(Path(f"/proc/{id}").exists() for id in left))
        with pytest.raises(httpx.ConnectError):
            server.client.get("/healthz")


@pytest.mark.slow
def test_changed_code_is_loaded_again(sloth: Sloth, tmp_path: Path) -> None:
    with serving(sloth, "--reload") as server:
        until(lambda: len(server.children) == 1)
        [before] = server.children
        (tmp_path / "changed.py").write_text("answer = 42\n")
        until(lambda: server.children not in ([before], []), seconds=30)
        until(lambda: _answers(server))
        assert server.stop() == 0


def _answers(server: Server) -> bool:
    try:
        return server.client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(("options", "jobs"), [([], True), (["--no-jobs"], False)])
def test_who_reads_what_is_uploaded(sloth: Sloth, options: list[str], *, jobs: bool) -> None:
    with serving(sloth, *options) as server:
        headers = server.signed_up()
        if jobs:
            server.taught(headers, "A haircut costs 40 euro.")
        else:
            status = server.uploaded(headers, "A haircut costs 40 euro.")
            time.sleep(2)
            assert status() == "pending"


def test_the_log_is_json_and_tells_no_secrets(sloth: Sloth) -> None:
    canaries = ["c4n4ry-pass-1", "c4n4ry-message", "c4n4ry-query", "c4n4ry.token", "c4n4ry-file"]
    with serving(sloth) as server:
        headers = server.signed_up()
        wrong = {"email": "anna@example.com", "password": canaries[0]}
        server.client.post("/api/auth/login/", json=wrong)
        server.client.post("/api/agent/chat/", json={"message": canaries[1]}, headers=headers)
        server.client.get("/api/auth/me/", params={"token": canaries[2]})
        server.client.get("/api/auth/me/", headers={"Authorization": f"Bearer {canaries[3]}"})
        files = {"file": (f"{canaries[4]}.txt", b"x")}
        server.client.post("/api/documents/upload/", headers=headers, files=files)
        server.client.post("/api/auth/refresh/", content=f'{{"refresh": "{canaries[3]}"'.encode())
        assert server.stop() == 0
        log = server.log.read_text()
        requests = [line for line in server.lines if line["event"] == "request"]
    assert [canary for canary in canaries if canary in log] == []
    assert headers["Authorization"].removeprefix("Bearer ") not in log
    assert "anna@example.com" not in log
    told = [(line["method"], line["path"], line["status"]) for line in requests]
    assert ("POST", "/api/auth/login/", 401) in told
    assert len(told) >= 7
    assert all(line["request_id"] and line["address"] == "127.0.0.1" for line in requests)


def test_without_the_extra_it_is_named(sloth: Sloth, tmp_path: Path) -> None:
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError(name='uvicorn')")
    refused = sloth.using(PYTHONPATH=str(tmp_path)).anew("serve")
    assert refused.rc == 1
    assert 'pip install "sloth-agent[server]"' in refused.error


def test_reports_without_their_extra(sloth: Sloth, tmp_path: Path) -> None:
    (tmp_path / "sentry_sdk.py").write_text("raise ModuleNotFoundError(name='sentry_sdk')")
    reporting = sloth.using(PYTHONPATH=str(tmp_path), SENTRY_DSN="http://key@127.0.0.1:1/1")
    refused = reporting.anew("serve", f"--port={free_port()}")
    assert refused.rc == 1
    assert 'pip install "sloth-agent[observability]"' in refused.error
