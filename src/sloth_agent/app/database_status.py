"""Where the database is and whether it runs, looked at from outside."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from sloth_agent.adapters.stores.postgres.embedded import status, stop
from sloth_agent.adapters.stores.postgres.migrations.history import head
from sloth_agent.adapters.stores.postgres.readiness import (
    not_an_address,
    tenant_versions,
    tenants_by_database,
)
from sloth_agent.app.connecting import main_address, setting_of
from sloth_agent.errors import ConfigurationError, SlothError
from sloth_agent.settings import Settings
from sloth_agent.tenants.models import MAIN_DATABASE
from sloth_agent.tenants.ports import SpaceVersions

NOT_NAMED = "SLOTH_DATABASES does not name it."


def database_status(settings: Settings) -> dict[str, Any]:
    """Starts and changes nothing; passwords are left out.

    Raises:
        ConfigurationError: DATABASE_URL is no address.
    """
    if settings.database_url is not None:
        return {"kind": "external", **_address(settings.database_url.get_secret_value())}
    found = status(settings.home)
    return {
        "kind": "embedded",
        "running": found.running,
        "in_use": found.in_use,
        "pid": found.pid,
        "version": found.version,
        "data_directory": str(found.data_directory),
        "size_bytes": found.size_bytes,
    }


async def recorded_versions(settings: Settings) -> Sequence[SpaceVersions]:
    """How far the tenants of each database are; migrates nothing.

    Databases that do not answer are told with the reason, and those where tenants live that no
    setting names.

    Raises:
        ConfigurationError, DatabaseUnavailable: about the main one, with what to do about it.
    """
    async with AsyncExitStack() as resources:
        main = await (await main_address(settings, resources))()
        lived_in = await tenants_by_database(main)
        return [
            _versions(MAIN_DATABASE, await tenant_versions(main)),
            *[
                await _recorded(name, url.get_secret_value(), lived_in.get(name, 0))
                for name, url in settings.databases.items()
            ],
            *[
                _unseen(name, lived_in[name], NOT_NAMED)
                for name in sorted(lived_in.keys() - {MAIN_DATABASE, *settings.databases})
            ],
        ]


async def _recorded(name: str, url: str, lived_in: int) -> SpaceVersions:
    try:
        return _versions(name, await tenant_versions(url, setting=setting_of(name)))
    except SlothError as error:
        return _unseen(name, lived_in, error.message)


def _versions(name: str, tenants: Mapping[int, int]) -> SpaceVersions:
    return SpaceVersions(database=name, head=head("tenant"), tenants=tenants)


def _unseen(name: str, tenants: int, problem: str) -> SpaceVersions:
    return SpaceVersions(database=name, head=head("tenant"), unseen=tenants, problem=problem)


def stop_embedded(settings: Settings) -> bool:
    """False if it was not running.

    Raises:
        ConfigurationError: the database is not ours to stop.
    """
    if settings.database_url is not None:
        raise ConfigurationError(
            "DATABASE_URL names a server of your own; it is not ours to stop.",
            hint="Unset DATABASE_URL to speak of the embedded server.",
        )
    return stop(settings.home)


def _address(url: str) -> dict[str, Any]:
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        raise not_an_address() from None
    return {name: parts.get(name) for name in ("host", "port", "dbname", "user")}
