"""Opens the databases that the settings name."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import anyio.to_thread

from sloth_agent.adapters.stores.postgres.database import Database, Walls, open_pool
from sloth_agent.adapters.stores.postgres.databases import Databases
from sloth_agent.adapters.stores.postgres.embedded import attach
from sloth_agent.adapters.stores.postgres.readiness import make_ready
from sloth_agent.settings import Settings

Address = Callable[[], Awaitable[str]]


async def open_databases(settings: Settings, resources: AsyncExitStack) -> Databases:
    """Connect to the configured server, or start the embedded one, and make it ready."""
    where = await main_address(settings, resources)
    walls = await make_ready(await where(), ("control", "working"))
    main = await _pooled(where, walls, resources)
    others = {
        name: partial(_other, name, url.get_secret_value(), resources)
        for name, url in settings.databases.items()
    }
    return Databases(main, others)


async def _other(name: str, url: str, resources: AsyncExitStack) -> Database:
    walls = await make_ready(url, ("working",), setting=setting_of(name))
    return await _pooled(always(url), walls, resources)


async def _pooled(where: Address, walls: Walls | None, resources: AsyncExitStack) -> Database:
    database = await open_pool(where, walls)
    resources.push_async_callback(database.close)
    return database


async def main_address(settings: Settings, resources: AsyncExitStack) -> Address:
    """Where the main database is; the embedded one runs for as long as the resources last."""
    if settings.database_url is not None:
        return always(settings.database_url.get_secret_value())

    attachment = await anyio.to_thread.run_sync(attach, settings.home)
    resources.push_async_callback(anyio.to_thread.run_sync, attachment.release)

    async def embedded() -> str:
        return await anyio.to_thread.run_sync(attachment.revive)

    return embedded


def setting_of(name: str) -> str:
    """What an operator knows the address of a database by, beside the main one."""
    return f"{name!r} in SLOTH_DATABASES"


def always(url: str) -> Address:
    async def configured() -> str:
        return url

    return configured
