"""What links in mails are for: to join an organization, to set a new password."""

import logging
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse

from sloth_agent.app.bodies.access import me_body, token_body
from sloth_agent.errors import BackendUnavailable, Conflict, LinkInvalid, NotSetUp
from sloth_agent.language import Language
from sloth_agent.server.callers import Anybody, CurrentPlatform, counted_as, stranger_of
from sloth_agent.server.described_problems import problems
from sloth_agent.server.limiting import LINKS, SIGN_INS
from sloth_agent.server.platform import Platform
from sloth_agent.server.repeating import Repeating
from sloth_agent.server.routes.auth import (
    Email,
    Password,
    SignedIn,
    account_name,
)
from sloth_agent.server.shapes import Asked, Shown, ok
from sloth_agent.tenants.audit import Actor

router = APIRouter(prefix="/api/auth", tags=["auth"], route_class=Repeating)

A_LINK_END = "vJtTzA7fH3wLrEo9uSdPiGbNcVsmYx0c1n5q0yB8Qk2"
LinkToken = Annotated[
    str, Field(max_length=1000, description="What the link ends with.", examples=[A_LINK_END])
]
ON_ITS_WAY = "If somebody has this address, a link is on its way to it."


_log = logging.getLogger(__name__)


class Accept(Asked):
    token: LinkToken
    password: Password
    language: Language = Language.ENGLISH


class ForgottenPassword(Asked):
    email: Email


class Requested(Shown):
    message: str = Field(examples=[ON_ITS_WAY])


class NewPassword(Asked):
    token: LinkToken
    password: Password


@router.post(
    "/invitations/accept/",
    status_code=201,
    response_model=SignedIn,
    responses=problems(Conflict, LinkInvalid),
    dependencies=[Anybody],
)
async def accept(body: Accept, request: Request, platform: CurrentPlatform) -> JSONResponse:
    """Join the organization that sent an invitation."""
    await platform.limiter.count(SIGN_INS, counted_as(request))
    services = platform.services
    user = await services.invitations.accept(
        body.token, body.password, language=body.language, by=stranger_of(request, "invited")
    )
    tokens = await services.sessions.begin(user)
    caller = await services.recognising.caller(tokens.access)
    return ok({**token_body(tokens), "user": me_body(user, caller.organization)}, 201)


@router.post(
    "/password-reset/",
    status_code=202,
    response_model=Requested,
    responses=problems(NotSetUp),
    dependencies=[Anybody],
)
async def request_reset(
    body: ForgottenPassword, request: Request, platform: CurrentPlatform
) -> JSONResponse:
    """Ask for a new password.

    A link is sent. The answer is the same, whoever has the address.
    """
    platform.services.password_resets.require_mail()
    await platform.limiter.count(LINKS, f"reset {account_name(body.email)}")
    # Afterwards, so that the time tells no more than the words.
    sending = BackgroundTask(_send_reset, platform, body.email, stranger_of(request))
    return JSONResponse({"message": ON_ITS_WAY}, 202, background=sending)


@router.post(
    "/password-reset/confirm/",
    status_code=204,
    responses=problems(LinkInvalid),
    dependencies=[Anybody],
)
async def reset(body: NewPassword, request: Request, platform: CurrentPlatform) -> Response:
    """Set a new password by a link.

    Once; all sessions end.
    """
    await platform.limiter.count(SIGN_INS, counted_as(request))
    await platform.services.password_resets.reset(
        body.token, body.password, by=stranger_of(request, "link")
    )
    return Response(status_code=204)


async def _send_reset(platform: Platform, email: str, by: Actor) -> None:
    try:
        await platform.services.password_resets.request(email, by=by)
    except BackendUnavailable as error:
        _log.warning("A link for a new password was not sent. %s", error.message)
