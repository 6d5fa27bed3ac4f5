"""`sloth serve`: the HTTP API, with background jobs beside it."""

import os
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated

import typer

from sloth_agent.cli.output import note
from sloth_agent.cli.session import opened

if TYPE_CHECKING:
    from sloth_agent.app.sloth import AsyncSloth
    from sloth_agent.settings import Settings


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
    from sloth_agent.cli.listening import address_of, listening, listening_locally
    from sloth_agent.cli.serving import counting_together, run
    from sloth_agent.settings import Settings

    if reload and workers > 1:
        raise typer.BadParameter("--reload is for one process: leave --workers out.")
    settings = Settings.load()
    check_exposed(settings, host=host if uds is None else None)
    with ExitStack() as stack:
        if workers > 1:
            stack.enter_context(counting_together())
        listener = stack.enter_context(listening_locally(uds) if uds else listening(host, port))
        check(settings)
        if no_jobs:
            os.environ["SLOTH_SERVE_JOBS"] = "false"
        where = str(uds) if uds else address_of(listener)
        note(f"Serving at {where}; the API is described at /api/docs/. Ctrl-C stops.")
        run(listener, workers=workers, reload=reload)


def check(settings: "Settings") -> None:
    """Whatever keeps a server from starting is said here, in one line.

    Raises:
        SlothError: with what to do about it.
    """
    from sloth_agent.app.error_reports import reporting

    resolve_name("sloth_agent.server.application:create_app")(settings)
    with reporting(settings), opened() as sloth:
        sloth.run(_make_secrets)


async def _make_secrets(sloth: "AsyncSloth") -> None:
    sloth.services.backends.token_signer  # noqa: B018 - the first use of them all


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
