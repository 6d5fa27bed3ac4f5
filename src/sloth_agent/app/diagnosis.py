"""Tries every configured backend, and says what to do about each that fails."""

import platform
import shutil
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum

from sloth_agent.adapters.stores.postgres.readiness import server_version
from sloth_agent.agent.models import Language
from sloth_agent.agent.ports import ChatRequest, Completion
from sloth_agent.app.choices import NONE, VECTORS_ARE_OFF, chat_choice, embedder_choice
from sloth_agent.app.wiring import Backends, open_database
from sloth_agent.errors import SlothError
from sloth_agent.settings import Settings

LITTLE_DISK_BYTES = 1024**3


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, but could be better
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found; the hint is what to do about it."""

    name: str
    health: Health
    message: str
    hint: str | None = None


async def examine(settings: Settings) -> list[Finding]:
    """Check the machine, the database and every chosen backend, in this order."""
    findings = [_machine(), _disk(settings)]
    async with AsyncExitStack() as resources:
        try:
            database = await open_database(settings, resources)
        except SlothError as error:
            return [*findings, _failed("database", error)]
        backends = Backends(settings, database, resources)
        async with database.shared() as connection:
            version = await server_version(connection)
        kind = "your own server" if settings.database_url else "embedded"
        findings.append(_ok("database", f"PostgreSQL {version} with pgvector, {kind}"))
        findings.append(await _tried("reading files", lambda: _reads(backends)))
        findings.append(await _embedder(settings, backends))
        findings.append(await _tried("answers", lambda: _answers(settings, backends)))
    return findings


def _machine() -> Finding:
    python, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    return _ok("machine", f"Python {python} on {system}")


def _disk(settings: Settings) -> Finding:
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    message = f"{settings.home} has {free / 1024**3:.1f} GiB free"
    if free < LITTLE_DISK_BYTES:
        return Finding(
            name="disk",
            health=Health.WARNING,
            message=message,
            hint="Free some space, or set SLOTH_HOME to a larger disk.",
        )
    return _ok("disk", message)


async def _reads(backends: Backends) -> str:
    await backends.reader.read(b"Opening hours: 9 to 18", name="check.txt")
    return "the reading process works"


async def _embedder(settings: Settings, backends: Backends) -> Finding:
    choice = embedder_choice(settings)
    if choice.name == NONE:
        return Finding(
            name="vectors", health=Health.WARNING, message=choice.reason, hint=VECTORS_ARE_OFF
        )

    async def embeds() -> str:
        embedder = backends.embedder
        assert embedder is not None
        await embedder.prepare()
        await embedder.embed(["opening hours"])
        return f"{embedder.space}, {embedder.dimensions} dimensions ({choice.reason})"

    return await _tried("vectors", embeds)


async def _answers(settings: Settings, backends: Backends) -> str:
    choice = chat_choice(settings)
    request = ChatRequest(
        question="Are you there?",
        language=Language.ENGLISH,
        passages=(),
        instructions="Answer with one word.",
        max_tokens=16,
    )
    async for part in backends.chat_model.answer(request):
        if isinstance(part, Completion):
            break
    return f"{backends.chat_model.name} ({choice.reason})"


async def _tried(name: str, check: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return _ok(name, await check())
    except SlothError as error:
        return _failed(name, error)


def _ok(name: str, message: str) -> Finding:
    return Finding(name=name, health=Health.OK, message=message)


def _failed(name: str, error: SlothError) -> Finding:
    return Finding(name=name, health=Health.FAILED, message=error.message, hint=error.hint)
