"""Whatever a program can think of sending, as everybody: nothing breaks, and no wall gives way.

`--requests` says how many as each of them; the session `fuzz` of nox sends 10,000.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from fakes.api import serving
from fakes.roles import people_at
from fakes.telegram_server.server import TelegramServer
from fakes.twilio_server.server import TwilioServer
from sloth_agent import Settings
from sloth_agent.adapters.stores.postgres.embedded import Attachment

CONFIG = Path(__file__).with_name("schemathesis.toml")

OPERATIONS = 28
"""About as many does the description name."""

MANY = 1_000
"""From here on each kind of test has its turn, and not only the one that tries things out."""

A_ROUND = 2_000
"""Sessions end, and subscriptions are cancelled: then a new firm goes on."""

WITHOUT_END = str(10**9)


@pytest.fixture(scope="module")
def install(server: Attachment) -> Settings:
    return Settings(home=server.home, embedder="none", chat="extractive", database_url=None)


@pytest.fixture(scope="module")
def address(install: Settings) -> Iterator[str]:
    variables = {
        "SLOTH_HOME": str(install.home),
        "SLOTH_EMBEDDER": "none",
        "SLOTH_CHAT": "extractive",
        "TRUSTED_PROXIES": "127.0.0.1",
        "SLOTH_REQUESTS_PER_MINUTE": WITHOUT_END,
        "SLOTH_TENANT_REQUESTS_PER_MINUTE": WITHOUT_END,
        "SLOTH_ADDRESS_REQUESTS_PER_MINUTE": WITHOUT_END,
    }
    with TelegramServer() as telegram, TwilioServer() as twilio:
        messengers = {"TELEGRAM_API_BASE": telegram.url, "TWILIO_API_BASE": twilio.url}
        with serving({**variables, **messengers}) as address:
            yield address


@pytest.mark.slow
@pytest.mark.parametrize("role", ["anonymous", "member", "owner", "superuser"])
def test_nothing_that_is_sent_breaks_it(
    pytestconfig: pytest.Config, install: Settings, address: str, tmp_path: Path, role: str
) -> None:
    wanted: int = pytestconfig.getoption("--requests")
    begun_with = _answered(address)
    sent, seed = 0, 0
    while sent < wanted:
        seed += 1
        place = _somewhere()
        headers = place | getattr(people_at(address, install, place), role)
        run = _fuzz(address, headers, min(wanted - sent, A_ROUND), seed=seed, folder=tmp_path)
        assert run.returncode == 0, run.stdout
        sent = _answered(address) - begun_with
    print(f"{sent:,} requests as {role}, in {seed} rounds")  # noqa: T201 - `-rP` shows it


def _fuzz(
    address: str, headers: dict[str, str], requests: int, *, seed: int, folder: Path
) -> subprocess.CompletedProcess[str]:
    phases = "examples,coverage,fuzzing,stateful" if requests >= MANY else "fuzzing,stateful"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"),
        f"{address}/api/schema/",
        *(f"--header={name}: {value}" for name, value in headers.items()),
        "--checks=all",
        f"--phases={phases}",
        f"--max-examples={max(1, requests // OPERATIONS // 2)}",
        f"--seed={seed}",
        *("--continue-on-failure", "--no-shrink", "--no-color", "--warnings=off"),
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def _somewhere() -> dict[str, str]:
    """As from an address of its own: each may sign in so many times."""
    number = uuid4().int
    return {"X-Forwarded-For": f"10.{number % 250}.{number // 250 % 250}.{number // 62_500 % 250}"}


def _answered(address: str) -> int:
    """How many requests the server has answered, by its own count."""
    lines = httpx.get(f"{address}/metrics").raise_for_status().text.splitlines()
    counts = [line.split() for line in lines if line.startswith("sloth_http_requests_total")]
    return sum(int(float(count[-1])) for count in counts)
