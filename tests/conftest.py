"""What every kind of test shares."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest

from fakes.command import Sloth as SlothCommand
from fakes.openai_server import OpenAIServer
from fakes.stripe_server.server import StripeServer
from fakes.telegram_server.server import TelegramServer
from fakes.twilio_server.server import TwilioServer
from sloth_agent import AsyncSloth, Settings, Sloth
from sloth_agent.adapters.stores.postgres.database import Database, open_pool
from sloth_agent.adapters.stores.postgres.embedded import Attachment, attach
from sloth_agent.adapters.stores.postgres.readiness import make_ready
from sloth_agent.app.sloth import AsyncTenant

NOWHERE = "http://127.0.0.1:9"
"""Where nobody answers: no test asks the outside."""

ROOT = Path(__file__).parents[1]

# A busy machine makes no example wrong.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=2, help="how often each command is killed")
    parser.addoption("--updates", type=int, default=25, help="how many people write to a bot")
    parser.addoption("--lives", type=int, default=40, help="how many firms pay")
    parser.addoption("--firms", type=int, default=10, help="how many have a year's payments")
    parser.addoption("--life", type=int, help="only the one with this number")
    parser.addoption("--requests", type=int, default=100, help="how many are sent as each role")
    parser.addoption("--crowd", type=int, default=250, help="how many ask for what is for few")
    parser.addoption("--away", type=float, default=12, help="for how many seconds Redis is away")


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


@pytest.fixture
def stripe_server() -> Iterator[StripeServer]:
    """Stripe on loopback, held to the same."""
    contracts = _shared() / "contracts"
    with StripeServer(contracts if contracts.is_dir() else None) as server:
        yield server
    assert server.contract_problems == []
    assert server.crashes == []


@pytest.fixture
def twilio_server() -> Iterator[TwilioServer]:
    """Twilio's WhatsApp on loopback, held to the same."""
    contracts = _shared() / "contracts"
    with TwilioServer(contracts if contracts.is_dir() else None) as server:
        yield server
    assert server.contract_problems == []
    assert server.crashes == []


@pytest.fixture(autouse=True)
def _spans_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the library for Telegram will have them; until then it warns."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
def telegram_server() -> Iterator[TelegramServer]:
    """Telegram on loopback, held to the same."""
    contracts = _shared() / "contracts"
    with TelegramServer(contracts if contracts.is_dir() else None) as server:
        yield server
    assert server.contract_problems == []
    assert server.crashes == []


@pytest.fixture(scope="session")
def server() -> Iterator[Attachment]:
    """One embedded PostgreSQL for all tests of this process, in a home with a short path."""
    home = Path(tempfile.mkdtemp(prefix="sloth-"))
    attachment = attach(home)
    yield attachment
    attachment.release()
    shutil.rmtree(home)


@pytest.fixture
def settings(server: Attachment) -> Settings:
    """Everything on this machine, whatever keys the environment holds."""
    return Settings(
        home=server.home,
        embedder="none",
        chat="extractive",
        database_url=None,
        telegram_api_base=NOWHERE,
        twilio_api_base=NOWHERE,
    )


@pytest.fixture
def own_home() -> Iterator[Path]:
    """Of a database that nobody else needs: it may be killed, and counted."""
    home = Path(tempfile.mkdtemp(prefix="sloth-"))
    yield home
    shutil.rmtree(home)


@pytest.fixture
def own_settings(own_home: Path) -> Settings:
    return Settings(home=own_home, embedder="none", chat="extractive", database_url=None)


@pytest.fixture
async def database(server: Attachment) -> AsyncIterator[Database]:
    async def where() -> str:
        return server.conninfo

    walls = await make_ready(server.conninfo)
    database = await open_pool(where, walls)
    yield database
    await database.close()


@pytest.fixture
async def sloth(settings: Settings) -> AsyncIterator[AsyncSloth]:
    async with AsyncSloth(settings) as sloth:
        yield sloth


@pytest.fixture
def slug() -> str:
    """A tenant that nobody else has."""
    return f"t-{uuid4().hex}"


@pytest.fixture
async def tenant(sloth: AsyncSloth, slug: str) -> AsyncTenant:
    return await sloth.tenant(slug, create=True)


@pytest.fixture
def sloth_cli(settings: Settings, slug: str, tmp_path: Path) -> SlothCommand:
    """The installed command, for a fresh tenant on the shared server."""
    with Sloth(settings) as sloth:
        sloth.create_tenant(slug)
    return SlothCommand(settings.home, tmp_path, slug)
