"""Where the database is and whether it runs, looked at from outside."""

from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from sloth_agent.adapters.stores.postgres.embedded import status, stop
from sloth_agent.adapters.stores.postgres.readiness import not_an_address
from sloth_agent.errors import ConfigurationError
from sloth_agent.settings import Settings


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
