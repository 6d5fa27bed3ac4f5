"""`sloth serve`: the HTTP API, with background jobs beside it."""

import os
from ipaddress import ip_address
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated

import typer

from sloth_agent.cli.output import note
from sloth_agent.cli.session import opened

if TYPE_CHECKING:
    from sloth_agent.settings import Settings

APP = "sloth_agent.server.asgi:app"

DRAIN_SECONDS = 30

KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep a connection: who hangs up first may lose a request on its way."""


def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any that is free.")] = 8000,
    uds: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Listen at a local socket instead.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many processes.")] = 1,
    no_jobs: Annotated[
        bool, typer.Option("--no-jobs", help="Leave background jobs to `sloth worker`.")
    ] = False,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start again whenever the code changes.")
    ] = False,
) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C."""
    from sloth_agent.cli.logged import show_warnings
    from sloth_agent.errors import MissingExtra
    from sloth_agent.settings import Settings

    show_warnings()
    try:
        import uvicorn

        create_app = resolve_name("sloth_agent.server.application:create_app")
    except ModuleNotFoundError as error:
        raise MissingExtra.named("server", needed_for="`sloth serve`") from error

    settings = Settings.load()
    check_exposed(settings, host=host if uds is None else None)
    create_app(settings)
    with opened():  # whatever is wrong is said here, in one line
        pass
    if no_jobs:
        os.environ["SLOTH_SERVE_JOBS"] = "false"
    where = str(uds) if uds else f"http://{host}:{port}"
    note(f"Serving at {where}; the API is described at /api/docs/. Ctrl-C stops.")
    uvicorn.run(
        APP,
        host=host,
        port=port,
        uds=str(uds) if uds else None,
        workers=workers,
        reload=reload,
        log_level="warning",
        access_log=False,  # ours is richer
        proxy_headers=False,  # ours believes only who is trusted
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        lifespan="on",
    )


def check_exposed(settings: "Settings", *, host: str | None) -> None:
    """Refuse to be reached from elsewhere with what is only good enough for this machine.

    Raises:
        ConfigurationError: with what to set.
    """
    from sloth_agent.errors import ConfigurationError

    if host is None or _is_loopback(host):
        return
    if settings.secret_key is None:
        raise ConfigurationError(
            "The server would be reached from elsewhere without a SECRET_KEY.",
            hint="Set it: python -c 'import secrets; print(secrets.token_urlsafe(48))'",
        )
    if "*" in settings.cors_origins:
        raise ConfigurationError(
            "CORS_ORIGINS lets any page in.", hint="Name the pages: https://console.example.com"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
