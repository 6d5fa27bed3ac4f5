"""Tries every configured backend, and says what to do about each that fails."""

import platform
import shutil
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from sloth_agent.adapters.stores.postgres.databases import Databases, two_names_of_one
from sloth_agent.adapters.stores.postgres.organizations import PostgresOrganizations
from sloth_agent.adapters.stores.postgres.readiness import server_version
from sloth_agent.agent.ports import ChatRequest, Completion
from sloth_agent.app.choices import (
    NONE,
    VECTORS_ARE_OFF,
    chat_choice,
    embedder_choice,
    refuses_webhooks,
)
from sloth_agent.app.chosen_backends import Backends
from sloth_agent.app.connecting import open_databases
from sloth_agent.app.error_reports import reporting
from sloth_agent.errors import SlothError
from sloth_agent.ids import ChunkId, DocumentId, new_id
from sloth_agent.knowledge.models import Passage
from sloth_agent.language import Language
from sloth_agent.settings import Settings
from sloth_agent.tenants.models import MAIN_DATABASE

LITTLE_DISK_BYTES = 1024**3
SAMPLE = b"Opening hours: 9 to 18"


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
    """Check the machine, the database and every chosen backend, in this order.

    One that fails keeps none of the others from being checked.
    """
    async with AsyncExitStack() as resources:
        backends = Backends(settings, resources)
        return [
            _machine(),
            _disk(settings),
            *await _databases(settings, resources),
            await _secret(settings, backends),
            _server(settings),
            await _tried("error reports", lambda: _reports(settings)),
            await _tried("prices", lambda: _prices(backends)),
            await _paying(settings, backends),
            await _tried("file store", lambda: _files(backends)),
            await _tried("reading files", lambda: _reads(backends)),
            await _tried("background work", lambda: _engine(backends)),
            await _embedder(settings, backends),
            await _tried("reranker", lambda: _reranker(settings, backends)),
            await _tried("answers", lambda: _answers(settings, backends)),
        ]


def _machine() -> Finding:
    python, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    return _ok("machine", f"Python {python} on {system}")


def _disk(settings: Settings) -> Finding:
    try:
        free = _free_bytes(settings.home.absolute())
    except OSError as error:
        return _failed(
            "disk",
            f"{settings.home} cannot be looked at: {error.strerror}",
            "Check SLOTH_HOME, and the rights of the folders above it.",
        )
    message = f"{settings.home} has {free / 1024**3:.1f} GiB free"
    if free < LITTLE_DISK_BYTES:
        return Finding(
            name="disk",
            health=Health.WARNING,
            message=message,
            hint="Free some space, or set SLOTH_HOME to a larger disk.",
        )
    return _ok("disk", message)


def _free_bytes(folder: Path) -> int:
    """Of the disk where a folder is, or will be made."""
    try:
        return shutil.disk_usage(folder).free
    except FileNotFoundError:
        return _free_bytes(folder.parent)


async def _databases(settings: Settings, resources: AsyncExitStack) -> list[Finding]:
    """Each database, the main one first, and whether tenants have both walls in it."""
    try:
        databases = await open_databases(settings, resources)
    except SlothError as error:
        return [_failed("database", error.message, error.hint)]
    kind = "your own server" if settings.database_url else "embedded"
    kinds = dict.fromkeys(databases.names, "your own server") | {MAIN_DATABASE: kind}
    return [
        *[
            finding
            for name in databases.names
            for finding in await _database(databases, name, kinds[name])
        ],
        *await _unnamed(databases),
    ]


async def _unnamed(databases: Databases) -> list[Finding]:
    """Databases where tenants live, and to which no setting leads."""
    try:
        lived_in = await PostgresOrganizations(databases.main).tenants_by_database()
    except SlothError:  # the main one does not answer, as was found before
        return []
    return [
        _failed(
            f"database {name}",
            f"{lived_in[name]} tenants live in it, and SLOTH_DATABASES does not name it",
            "Name it there again; take a database out when its tenants have moved.",
        )
        for name in sorted(lived_in.keys() - set(databases.names))
    ]


async def _database(databases: Databases, name: str, kind: str) -> list[Finding]:
    title = "database" if name == MAIN_DATABASE else f"database {name}"

    async def answers() -> str:
        async with (await databases.get(name)).shared() as connection:
            version = await server_version(connection)
        if (twin := await databases.twin_of(name)) is not None:
            raise two_names_of_one(twin, name)
        return f"PostgreSQL {version} with pgvector, {kind}"

    found = await _tried(title, answers)
    if found.health is Health.OK and (await databases.get(name)).walls is None:
        return [found, _one_wall(title)]
    return [found]


def _one_wall(title: str) -> Finding:
    return Finding(
        name=f"{title} walls",
        health=Health.WARNING,
        message="its user may not make roles: the search path alone keeps tenants apart",
        hint="Run ALTER ROLE user CREATEROLE as a superuser, then `sloth db upgrade`.",
    )


async def _secret(settings: Settings, backends: Backends) -> Finding:
    """Where what signs and seals comes from, and whether other servers have the same."""

    async def usable() -> str:
        count = len(backends.secret_keys.secrets)
        if settings.secret_key is None:
            return f"one of this machine's own, kept in {settings.home}"
        return f"{count} in SECRET_KEY; the first is used, all are known"

    found = await _tried("secret key", usable)
    if found.health is Health.OK and settings.secret_key is None and settings.database_url:
        hint = "Set the same SECRET_KEY for all servers of this database, and keep a copy of it."
        return replace(found, health=Health.WARNING, hint=hint)
    return found


def _server(settings: Settings) -> Finding:
    """Who may reach `sloth serve`, as far as settings say so."""
    names = ", ".join(settings.allowed_hosts) or "any name"
    origins = ", ".join(settings.cors_origins) or "no other origin"
    proxies = ", ".join(settings.trusted_proxies) or "no proxy"
    found = _ok("server", f"answers to {names}; lets in pages of {origins}; believes {proxies}")
    if "*" in settings.cors_origins:
        hint = "CORS_ORIGINS lets any page in: name those that are yours."
        return replace(found, health=Health.WARNING, hint=hint)
    if settings.public_url and not settings.allowed_hosts:
        hint = "Set ALLOWED_HOSTS to the name in PUBLIC_URL, and to others that it is reached by."
        return replace(found, health=Health.WARNING, hint=hint)
    return found


async def _reports(settings: Settings) -> str:
    with reporting(settings):
        return "in the log" if settings.sentry_dsn is None else "in the log, and in Sentry"


async def _prices(backends: Backends) -> str:
    prices = backends.prices
    count = sum(len(known) for known in prices.prices.values())
    return f"{count} prices in {prices.currency}"


async def _files(backends: Backends) -> str:
    files, key = backends.files("doctor"), new_id().hex  # a second doctor has another key
    await files.write(key, SAMPLE)
    await files.read(key)
    await files.delete(key)
    return "files can be kept, read and deleted"


async def _reads(backends: Backends) -> str:
    await backends.reader.read(SAMPLE, name="check.txt")
    return "the reading process works"


async def _paying(settings: Settings, backends: Backends) -> Finding:
    """Who takes the money, and whether what it tells can be believed."""
    found = await _tried("payments", lambda: _payments(backends))
    if found.health is Health.OK and refuses_webhooks(settings):
        hint = (
            "Set STRIPE_WEBHOOK_SECRET to that of the webhook: without it all of them are refused."
        )
        return replace(found, health=Health.WARNING, hint=hint)
    return found


async def _payments(backends: Backends) -> str:
    if backends.payments is None:
        return "nobody takes any: codes and operators activate plans"
    return await backends.payments.check()


async def _engine(backends: Backends) -> str:
    return await backends.engine.check()


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


async def _reranker(settings: Settings, backends: Backends) -> str:
    if backends.reranker is None:
        return "none; the order is that of the search"
    passage = Passage(
        chunk_id=ChunkId(new_id()),
        document_id=DocumentId(new_id()),
        document="check.txt",
        text=SAMPLE.decode(),
        score=1.0,
    )
    await backends.reranker.scores("When are you open?", [passage])
    return f"{settings.reranker} (SLOTH_RERANKER says so)"


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
        return _failed(name, error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - another package's backend may raise anything
        return _failed(
            name,
            f"unexpected {type(error).__name__}: {error}",
            "This is a bug, of sloth-agent or of the package that the backend comes from.",
        )


def _ok(name: str, message: str) -> Finding:
    return Finding(name=name, health=Health.OK, message=message)


def _failed(name: str, message: str, hint: str | None) -> Finding:
    return Finding(name=name, health=Health.FAILED, message=message, hint=hint)
