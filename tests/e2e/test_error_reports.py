"""What Sentry hears of errors that nobody expected: where they were, and nothing of anybody."""

import logging
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import SecretStr

from fakes.sentry import Sentry
from sloth_agent import Settings
from sloth_agent.app.error_reports import reporting
from sloth_agent.errors import ConfigurationError, NotFound
from sloth_agent.server.application import create_app

pytestmark = pytest.mark.anyio

CANARIES = {
    name: f"c4n4ry-{number:02}-{name}"
    for number, name in enumerate(
        [
            "message", "file-name", "document-text", "password", "refresh-token", "api-key",
            "cookie", "query", "header", "openai-key", "database-url",
            "a-secret-key-that-is-long-enough", "metrics-token", "email", "local-variable", "cause",
        ]
    )
}  # fmt: skip


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with Sentry() as sentry:
        yield sentry


@pytest.fixture
def told(settings: Settings, sentry: Sentry) -> Settings:
    """Everything that is secret is a canary."""
    return settings.model_copy(
        update={
            "sentry_dsn": SecretStr(sentry.dsn),
            "secret_key": SecretStr(CANARIES["a-secret-key-that-is-long-enough"]),
            "openai_api_key": SecretStr(CANARIES["openai-key"]),
            "metrics_token": SecretStr(CANARIES["metrics-token"]),
        }
    )


class Bug(Exception):
    """Says more than it should, as errors of libraries do."""


def _break(request: Request, body: bytes) -> None:
    secret = CANARIES["local-variable"]
    cause = ValueError(f"{CANARIES['cause']} {secret}")
    everything = " ".join(CANARIES.values())
    raise Bug(f"{everything} {request.headers} {request.url} {body!r}") from cause


async def _broken(request: Request) -> None:
    await request.app.state.door.platform()
    _break(request, await request.body())


async def _provoked(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    app.add_api_route("/api/broken/{id}/", _broken, methods=["POST"])
    return await client.post(
        "/api/broken/7/",
        params={"q": CANARIES["query"]},
        headers={
            "Authorization": f"Bearer {CANARIES['api-key']}",
            "X-Own": CANARIES["header"],
            "Cookie": f"session={CANARIES['cookie']}",
        },
        json={
            "message": CANARIES["message"],
            "password": CANARIES["password"],
            "email": CANARIES["email"],
            "file": {"name": CANARIES["file-name"], "text": CANARIES["document-text"]},
            "refresh": CANARIES["refresh-token"],
            "database": f"postgresql://sloth:{CANARIES['database-url']}@db/sloth",
        },
    )


async def test_nothing_that_anybody_wrote_arrives(told: Settings, sentry: Sentry) -> None:
    app = create_app(told)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        failed = await _provoked(app, client)
        refused = await client.get("/api/auth/me/")
        await app.state.door.close()
    assert (failed.status_code, refused.status_code) == (500, 401)
    assert len(sentry.received) == 1
    everything = b"".join(sentry.received).decode()
    assert [canary for canary in CANARIES.values() if canary in everything] == []
    assert "testserver" not in everything
    [event] = sentry.events
    cause, bug = event["exception"]["values"]
    assert (cause["type"], bug["type"]) == ("ValueError", "Bug")
    assert bug["stacktrace"]["frames"][-1]["function"] == "_break"
    assert event["tags"]["request_id"] == failed.headers["X-Request-ID"]
    assert (event["tags"]["method"], event["tags"]["route"]) == ("POST", "/api/broken/{id}/")
    assert event["release"].startswith("sloth-agent@")
    assert {"request", "user", "breadcrumbs", "contexts", "server_name"}.isdisjoint(event)


async def test_what_only_an_operator_can_mend_is_written_down(
    told: Settings, sentry: Sentry, caplog: pytest.LogCaptureFixture
) -> None:
    """Callers learn nothing of it but the request's id; it is no bug, and no news for Sentry."""
    app = create_app(told)

    async def misconfigured() -> None:
        await app.state.door.platform()
        raise ConfigurationError("The prices cannot be read.", hint="Mend the file.")

    app.add_api_route("/api/misconfigured/", misconfigured)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        failed = await client.get("/api/misconfigured/")
        await app.state.door.close()
    assert (failed.status_code, failed.json()["code"]) == (500, "unexpected")
    assert "prices" not in failed.text
    [record] = [each for each in caplog.records if each.message == "A request failed."]
    assert record.__dict__["request_id"] == failed.headers["X-Request-ID"]
    assert "The prices cannot be read." in caplog.text
    assert sentry.received == []


def test_people_are_ids_and_our_own_errors_are_none(told: Settings, sentry: Sentry) -> None:
    log = logging.getLogger("sloth_agent.jobs.running")
    about = {"request_id": "r1", "tenant": "t1", "user": "u1"}
    with reporting(told):
        log.error("A file was not found.", exc_info=NotFound("There is no such document."))
        log.warning("A model is slow: %s", CANARIES["message"])
        log.error("A job failed: %s", CANARIES["file-name"], exc_info=Bug(), extra=about)
    log.error("Nobody listens any more.", exc_info=Bug())
    [event] = sentry.events
    assert event["user"] == {"id": "u1"}
    assert event["tags"] == {"logger": log.name, "request_id": "r1", "tenant": "t1"}
    assert "c4n4ry" not in b"".join(sentry.received).decode()


def test_a_sentry_that_is_away_holds_nobody_up(told: Settings) -> None:
    away = told.model_copy(update={"sentry_dsn": SecretStr("http://key@127.0.0.1:1/1")})
    with reporting(away):
        logging.getLogger("sloth_agent").error("A job failed.", exc_info=Bug())
