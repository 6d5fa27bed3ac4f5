"""Runs the HTTP API on uvicorn: one process, several, or one that starts again on changes."""

import multiprocessing
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from sloth_agent.errors import ConfigurationError, MissingExtra

try:
    from uvicorn import Config, Server
    from uvicorn.config import STARTUP_FAILURE
    from uvicorn.supervisors import ChangeReload, Multiprocess
except ModuleNotFoundError as error:
    raise MissingExtra.named("server", needed_for="`sloth serve`") from error

APP = "sloth_agent.server.asgi:app"

DRAIN_SECONDS = 20
"""How long requests that are being answered may go on; jobs have a few seconds more."""

KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep a connection: who hangs up first may lose a request on its way."""

LOOK_EVERY_SECONDS = 3
"""How soon a process hears that the one that started it was killed."""

LOGS: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "sloth_agent.server.json_lines.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"psycopg": {"level": "ERROR"}},  # of what it warns we hear ourselves
}
"""A line of JSON each, as the access log has them; of other libraries, too."""


def run(listener: socket.socket, *, workers: int, reload: bool) -> None:
    """Serve until SIGTERM or Ctrl-C; what has begun by then is ended first.

    Raises:
        ConfigurationError: it could not start.
    """
    config = Config(
        APP,
        workers=workers,
        reload=reload,
        log_config=LOGS,
        access_log=False,  # ours is richer
        proxy_headers=False,  # ours believes only who is trusted
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        lifespan="on",
        callback_notify=_end_with_parent,
        timeout_notify=LOOK_EVERY_SECONDS,
    )
    listener.set_inheritable(True)
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, _heeded)  # uvicorn sends it once more when all is done
    if reload:
        ChangeReload(config, target=Server(config).run, sockets=[listener]).run()
    elif workers > 1:
        _run_several(config, listener)
    else:
        _run_one(config, listener)


@contextmanager
def counting_together() -> Iterator[None]:
    """Let all processes count in one folder; to be entered before anything counts."""
    with TemporaryDirectory(prefix="sloth-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _run_one(config: Config, listener: socket.socket) -> None:
    try:
        Server(config).run(sockets=[listener])
    except SystemExit as error:
        raise _not_started() from error


def _run_several(config: Config, listener: socket.socket) -> None:
    supervisor = Multiprocess(config, sockets=[listener])
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise _not_started()


def _not_started() -> ConfigurationError:
    return ConfigurationError(
        "The server could not start.", hint="The line of its log before this one says why."
    )


async def _end_with_parent() -> None:
    """Nobody is left to stop this process, or to replace it; and it keeps the port."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        signal.raise_signal(signal.SIGTERM)


def _heeded(*_: object) -> None:
    """The signal was for the server, which has ended by now."""
