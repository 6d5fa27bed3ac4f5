"""The HTTP API as one ASGI application."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from sloth_agent.errors import PaymentUnavailable, RateLimited, SlothError
from sloth_agent.server.access_log import AccessLog
from sloth_agent.server.addresses import TrustedProxies
from sloth_agent.server.console_origins import CORS_SECONDS, EXPOSED, ConsoleOrigins
from sloth_agent.server.edge import Edge, about_request, arrival_of
from sloth_agent.server.limiting import Left
from sloth_agent.server.living import Living
from sloth_agent.server.metrics import Metrics
from sloth_agent.server.platform import Door
from sloth_agent.server.problems import (
    framework_response,
    invalid_response,
    problem_response,
    status_of,
)
from sloth_agent.server.request_bodies import RequestBodies
from sloth_agent.server.routes import (
    admin,
    agent,
    api_keys,
    auth,
    channel_webhooks,
    documents,
    health,
    history,
    inbox,
    integrations,
    links,
    payments,
    photos,
    prompt,
    referrals,
    subscriptions,
    users,
    widget,
    widget_files,
)
from sloth_agent.server.routes.description import describing
from sloth_agent.settings import Settings

_log = logging.getLogger(__name__)

ROUTERS = (
    auth.router,
    links.router,
    users.router,
    api_keys.router,
    subscriptions.router,
    payments.router,
    channel_webhooks.router,
    admin.router,
    referrals.router,
    documents.router,
    photos.router,
    integrations.router,
    inbox.router,
    agent.router,
    prompt.router,
    history.router,
    widget.router,
    widget_files.router,
    health.router,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application, not yet connected to anything: that happens when it is started.

    Mounted into another program, whose start it does not hear of, it connects with the first
    request.

    Raises:
        ConfigurationError: settings that cannot be used.
    """
    settings = settings or Settings.load()
    metrics = Metrics()
    door = Door(settings, metrics.observers)
    log = AccessLog()
    app = FastAPI(
        openapi_url=None,  # ours tells more
        redirect_slashes=False,
        middleware=[
            Middleware(Living, door=door),
            Middleware(
                Edge,
                hosts=settings.allowed_hosts,
                proxies=TrustedProxies.named(settings.trusted_proxies),
                log=log,
                metrics=metrics,
            ),
            *_cors(settings),
            Middleware(
                RequestBodies,
                most_file_bytes=settings.max_upload_bytes,
                longest_seconds=settings.request_seconds,
            ),
        ],
        exception_handlers={
            SlothError: _ours,
            RequestValidationError: _invalid,
            HTTPException: _frameworks,
        },
    )
    app.state.door = door
    app.state.metrics = metrics
    app.state.log = log
    for router in (*ROUTERS, describing(ROUTERS, settings)):
        app.router.routes.extend(router.routes)  # included, each request would be matched twice
    return app


def _cors(settings: Settings) -> list[Middleware]:
    """What pages of other origins may do; without any, browsers keep them out."""
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            ConsoleOrigins,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
            expose_headers=EXPOSED,
            max_age=CORS_SECONDS,
        )
    ]


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, SlothError)
    arrival = arrival_of(request.scope)
    left = error.details.get("left")
    if isinstance(left, Left):
        arrival.headers.update(left.headers)
    if isinstance(error, RateLimited):
        name = left.rate.name if isinstance(left, Left) else "codes"
        request.app.state.metrics.rate_limited(name)
    if status_of(type(error)) == HTTPStatus.INTERNAL_SERVER_ERROR:
        request.app.state.log.failed(error, about_request(request.scope))
    if isinstance(error, PaymentUnavailable) and error.hint:
        _log.error("%s %s", error.message, error.hint)  # for the operator: nobody else can mend it
    return problem_response(error, request_id=arrival.id)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return invalid_response(error, request_id=arrival_of(request.scope).id)


async def _frameworks(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        error.headers = {"Allow": ", ".join(_methods_at(_path_within(request)))}
    return framework_response(error, request_id=arrival_of(request.scope).id)


def _methods_at(path: str) -> list[str]:
    """What may be done at a path; the framework names what the first of its routes does."""
    routes = [each for router in ROUTERS for each in router.routes if isinstance(each, Route)]
    return sorted({m for each in routes if each.path_regex.match(path) for m in each.methods or ()})


def _path_within(request: Request) -> str:
    """Below where this application is mounted."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))
