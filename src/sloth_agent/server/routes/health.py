"""For supervisors and for Prometheus."""

import hmac

import anyio
from anyio import to_thread
from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from sloth_agent.errors import DatabaseUnavailable, Forbidden
from sloth_agent.server.callers import CurrentPlatform, address_of, credentials_of
from sloth_agent.server.metrics import MEDIA_TYPE, Metrics
from sloth_agent.server.shapes import ok

router = APIRouter(tags=["operation"], include_in_schema=False)

LOCAL = {"127.0.0.1", "::1", "local"}

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
"""Who brings one of these speaks for somebody else, however near they are."""

PATIENCE_SECONDS = 3


@router.get("/healthz")
async def healthz() -> JSONResponse:
    """The process lives."""
    return ok({"status": "ok"})


@router.get("/readyz")
async def readyz(platform: CurrentPlatform) -> JSONResponse:
    """The database answers, and its tables are those of this release."""
    try:
        with anyio.fail_after(PATIENCE_SECONDS):
            await platform.services.plans.list()
    except TimeoutError as error:
        raise DatabaseUnavailable("The database did not answer.") from error
    return ok({"status": "ready"})


@router.get("/metrics")
async def metrics(request: Request, platform: CurrentPlatform) -> Response:
    """Numbers for Prometheus: from this machine, or with the token that is set for it."""
    token = platform.settings.metrics_token
    if token is not None:
        given, wanted = credentials_of(request), token.get_secret_value()
        allowed = hmac.compare_digest(given.encode(), wanted.encode())
    else:
        forwarded = any(name in request.headers for name in FORWARDED)
        allowed = address_of(request) in LOCAL and not forwarded
    if not allowed:
        raise Forbidden("Numbers are for who runs the platform.")
    found: Metrics = request.app.state.metrics
    waiting = await platform.waiting_jobs.by_queue()
    return Response(await to_thread.run_sync(found.text, waiting), media_type=MEDIA_TYPE)
