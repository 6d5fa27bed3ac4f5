"""The embedded PostgreSQL: started by the first process that needs it, stopped by the last."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from sloth_agent.adapters.stores.postgres import embedded_cluster
from sloth_agent.adapters.stores.postgres.embedded_locks import acquire, exclusively
from sloth_agent.adapters.stores.postgres.embedded_process import (
    Server,
    account_for,
    end_orphans,
    find_server,
)
from sloth_agent.adapters.stores.postgres.embedded_programs import programs
from sloth_agent.errors import DatabaseUnavailable

_PATIENCE_SECONDS = 180


@dataclass(slots=True)
class Attachment:
    """One user of the server. Blocking; for a worker thread."""

    home: Path
    conninfo: str
    _client: int | None = field(repr=False)

    def release(self) -> None:
        """Leave; the last one out stops the server. Doing it twice is harmless."""
        if self._client is None:
            return
        folder = self.home / "postgres"
        with exclusively(folder / "server.lock", patience_seconds=_PATIENCE_SECONDS):
            os.close(self._client)
            self._client = None
            alone = acquire(folder / "clients.lock", exclusive=True)
            if alone is not None:
                _stop(folder)
                os.close(alone)


def attach(home: Path) -> Attachment:
    """Start the server of this home if need be, and hold it until `release`."""
    folder = home / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    with exclusively(folder / "server.lock", patience_seconds=_PATIENCE_SECONDS):
        client = acquire(folder / "clients.lock", exclusive=False)
        server = _running(folder / "data")
    return Attachment(home, _conninfo(server), client)


def _running(data: Path) -> Server:
    account = account_for(data if data.exists() else data.parent)
    bin_folder = programs(account)
    if not data.exists():
        embedded_cluster.create(data, programs=bin_folder, account=account)
    server = find_server(data)
    if server is None:
        end_orphans(data)
        embedded_cluster.start(data, programs=bin_folder, account=account)
        server = find_server(data)
    if server is None:
        raise DatabaseUnavailable("The embedded PostgreSQL ended at once.", backend="postgresql")
    return server


def _stop(folder: Path) -> bool:
    data = folder / "data"
    if find_server(data) is None:
        return False
    account = account_for(data)
    embedded_cluster.stop(data, programs=programs(account), account=account)
    return True


def _conninfo(server: Server) -> str:
    host = str(server.socket_folder or "127.0.0.1").replace("\\", "\\\\").replace("'", "\\'")
    return f"host='{host}' port={server.port} user=sloth dbname=sloth"
