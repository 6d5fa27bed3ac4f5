"""The importable application: under other servers, and inside of other programs."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from fakes.api import PASSWORD
from fakes.command import Sloth
from fakes.server import free_port, until
from sloth_agent import Settings
from sloth_agent.server.application import create_app

APP = "sloth_agent.server.asgi:app"
EXAMPLE = Path(__file__).parents[2] / "examples" / "django_project"

COMMANDS = {
    "uvicorn": ["uvicorn", APP, "--port={port}", "--log-level=warning", "--no-access-log"],
    "hypercorn": ["hypercorn", "--bind=127.0.0.1:{port}", APP],
    "gunicorn": ["gunicorn", "--bind=127.0.0.1:{port}", "--worker-class=WORKER", APP],
}


def _worker_class() -> str:
    """Of gunicorn; uvicorn has handed its own on to a package."""
    if find_spec("uvicorn_worker"):
        return "uvicorn_worker.UvicornWorker"
    return "uvicorn.workers.UvicornWorker"


@contextmanager
def served_by(sloth: Sloth, *command: str) -> Iterator[tuple[httpx.Client, Path]]:
    program = Path(sys.executable).with_name(command[0])
    if not program.exists():
        pytest.skip(f"{command[0]} is not installed")
    port = free_port()
    words = [part.format(port=port).replace("WORKER", _worker_class()) for part in command[1:]]
    log = sloth.folder / "log"
    with (
        log.open("wb") as told,
        subprocess.Popen(
            [program, *words],
            cwd=sloth.folder,
            env=sloth.environment,
            stdout=told,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        try:

            def answers() -> bool:
                assert process.poll() is None, log.read_text()
                with suppress(httpx.TransportError):
                    return client.get("/").status_code > 0
                return False

            until(answers, seconds=60)
            yield client, log
            process.terminate()
            assert process.wait(timeout=30) in (0, -signal.SIGTERM), log.read_text()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def sloth(sloth_cli: Sloth) -> Sloth:
    return sloth_cli.using(SLOTH_EMBEDDER="none", SLOTH_CHAT="extractive")


@pytest.mark.parametrize("program", COMMANDS)
def test_other_servers(sloth: Sloth, program: str) -> None:
    with served_by(sloth, *COMMANDS[program]) as (client, log):
        assert client.get("/readyz").json() == {"status": "ready"}
        assert client.get("/api/auth/me/").json()["code"] == "not_signed_in"
    assert "Traceback" not in log.read_text()


def test_inside_of_a_django_project(sloth: Sloth) -> None:
    pytest.importorskip("django")
    inside = sloth.using(PYTHONPATH=str(EXAMPLE))
    words = ["uvicorn", "asgi:application", "--port={port}", "--log-level=warning"]
    with served_by(inside, *words) as (client, log):
        assert client.get("/").text == "Django is at home."
        assert client.get("/assistants/readyz").json() == {"status": "ready"}
        schema = client.get("/assistants/api/schema/").json()
        assert schema["servers"] == [{"url": "/assistants"}]
        email = f"{uuid4().hex}@example.com"
        body = {"email": email, "password": PASSWORD, "organization": "Salon"}
        made = client.post("/assistants/api/auth/register/", json=body)
        headers = {"Authorization": f"Bearer {made.json()['access']}"}
        me = client.get("/assistants/api/auth/me/", headers=headers)
        assert me.json()["email"] == email
        assert client.get("/api/auth/me/").status_code == 404
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"SECRET_KEY": "short"}, "fewer than 32 characters"),
        ({"SLOTH_REQUESTS_PER_MINUTE": "many"}, "SLOTH_REQUESTS_PER_MINUTE must be"),
    ],
)
def test_what_keeps_it_from_starting_is_a_line(
    sloth: Sloth, variables: dict[str, str], says: str
) -> None:
    told = subprocess.run(
        [Path(sys.executable).with_name("uvicorn"), APP, f"--port={free_port()}"],
        cwd=sloth.folder,
        env=sloth.using(**variables).environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told.returncode != 0
    assert says in told.stderr
    assert "Traceback" not in told.stderr


def test_what_is_down_for_the_moment_keeps_it_from_nothing(sloth: Sloth) -> None:
    away = sloth.using(DATABASE_URL="postgresql://nobody@127.0.0.1:1/x")
    with served_by(away, *COMMANDS["uvicorn"]) as (client, log):
        assert client.get("/healthz").status_code == 200
        refused = client.get("/readyz")
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert "Traceback" not in log.read_text()


@pytest.fixture
async def mounted(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody tells it of a start."""
    inner = create_app(settings.model_copy(update={"serve_jobs": False}))
    outer = Starlette(routes=[Mount("/assistants", app=inner)])
    transport = httpx.ASGITransport(app=outer)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client
    await inner.state.door.close()


@pytest.mark.anyio
async def test_it_opens_with_the_first_request(mounted: httpx.AsyncClient) -> None:
    assert (await mounted.get("/assistants/readyz")).json() == {"status": "ready"}
    schema = (await mounted.get("/assistants/api/schema/")).json()
    assert schema["servers"] == [{"url": "/assistants"}]
    assert "/api/auth/login/" in schema["paths"]
    unknown = await mounted.get("/assistants/nothing/")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    counted = (await mounted.get("/assistants/metrics")).text
    assert 'sloth_http_requests_total{method="GET",route="/readyz",status="200"} 1.0' in counted
