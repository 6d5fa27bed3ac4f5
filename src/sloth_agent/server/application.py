"""The HTTP API as one ASGI application."""

from http import HTTPStatus
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from sloth_agent.errors import RateLimited, SlothError
from sloth_agent.server.access_log import AccessLog
from sloth_agent.server.addresses import TrustedProxies
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
    documents,
    health,
    links,
    referrals,
    subscriptions,
    users,
)
from sloth_agent.settings import Settings

ROUTERS = (
    auth.router,
    links.router,
    users.router,
    api_keys.router,
    subscriptions.router,
    admin.router,
    referrals.router,
    documents.router,
    agent.router,
    health.router,
)

CORS_SECONDS = 600


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
        title="sloth-agent",
        version=version("sloth-agent"),
        description="Assistants over the documents of many firms.",
        openapi_url="/api/schema/",
        docs_url=None,
        redoc_url=None,
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
            Middleware(RequestBodies, most_file_bytes=settings.max_upload_bytes),
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
    for router in ROUTERS:
        app.include_router(router)
    return app


def _cors(settings: Settings) -> list[Middleware]:
    """What pages of other origins may do; without any, browsers keep them out."""
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
            expose_headers=["X-Request-ID", "Retry-After", "RateLimit", "RateLimit-Policy"],
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
    if status_of(error) == HTTPStatus.INTERNAL_SERVER_ERROR:
        request.app.state.log.failed(error, about_request(request.scope))
    return problem_response(error, request_id=arrival.id)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return invalid_response(error, request_id=arrival_of(request.scope).id)


async def _frameworks(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return framework_response(error, request_id=arrival_of(request.scope).id)
