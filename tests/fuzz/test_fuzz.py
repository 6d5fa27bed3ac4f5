"""Whatever a program can think of sending, as everybody: nothing breaks, and no wall gives way.

`--requests` says how many as each of them; the session `fuzz` of nox sends 10,000.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fakes.api import serving
from fakes.roles import people_at
from sloth_agent import Settings

CONFIG = Path(__file__).with_name("schemathesis.toml")

OPERATIONS = 28
"""About as many does the description name."""

MANY = 1_000
"""From here on each kind of test has its turn, and not only the one that tries things out."""

A_ROUND = 2_000
"""Sessions end, and subscriptions are cancelled: then a new firm goes on."""

WITHOUT_END = str(10**9)


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    variables = {
        "SLOTH_HOME": str(settings.home),
        "SLOTH_EMBEDDER": "none",
        "SLOTH_CHAT": "extractive",
        "SLOTH_REQUESTS_PER_MINUTE": WITHOUT_END,
        "SLOTH_TENANT_REQUESTS_PER_MINUTE": WITHOUT_END,
        "SLOTH_ADDRESS_REQUESTS_PER_MINUTE": WITHOUT_END,
    }
    with serving(variables) as address:
        yield address


@pytest.mark.slow
@pytest.mark.parametrize("role", ["anonymous", "member", "owner", "superuser"])
def test_nothing_that_is_sent_breaks_it(
    pytestconfig: pytest.Config, settings: Settings, address: str, tmp_path: Path, role: str
) -> None:
    wanted: int = pytestconfig.getoption("--requests")
    begun_with = _answered(address)
    sent, seed = 0, 0
    while sent < wanted:
        headers: dict[str, str] = getattr(people_at(address, settings), role)
        seed += 1
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


def _answered(address: str) -> int:
    """How many requests the server has answered, by its own count."""
    lines = httpx.get(f"{address}/metrics").raise_for_status().text.splitlines()
    counts = [line.split() for line in lines if line.startswith("sloth_http_requests_total")]
    return sum(int(float(count[-1])) for count in counts)
