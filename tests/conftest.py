"""What every kind of test shares."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.openai_server import OpenAIServer

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def _shared() -> Path:
    return Path(os.environ.get("SLOTH_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of fetched documents and contracts, which the project does not carry."""
    folder = _shared()
    if not folder.is_dir():
        pytest.skip(f"needs the shared test material; {folder} is absent (set SLOTH_SHARED)")
    return folder


@pytest.fixture(scope="session")
def shared_data(shared: Path) -> Path:
    return shared / "data"


@pytest.fixture(scope="session")
def contracts(shared: Path) -> Path:
    return shared / "contracts"


@pytest.fixture
def openai_server() -> Iterator[OpenAIServer]:
    """OpenAI on loopback. Where the contracts are at hand, each request must keep to them."""
    contracts = _shared() / "contracts"
    with OpenAIServer(contracts if contracts.is_dir() else None) as server:
        yield server
    assert server.violations == []
