"""Signing up, in and out; who one is."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.access.models import Scope
from sloth_agent.app.bodies.access import me_body, own_key_body, token_body
from sloth_agent.billing.models import BYTES_IN_MB
from sloth_agent.errors import Conflict, InvalidInput, NotSignedIn, TokenInvalid, TokenReused
from sloth_agent.language import Language
from sloth_agent.server.callers import (
    Anybody,
    CurrentActor,
    CurrentCaller,
    CurrentKey,
    CurrentPlatform,
    CurrentUser,
    counted_as,
    credentials_of,
    stranger_of,
)
from sloth_agent.server.described_problems import problems
from sloth_agent.server.limiting import SIGN_INS, WRONG_PASSWORDS
from sloth_agent.server.metrics import Metrics
from sloth_agent.server.repeating import Repeating
from sloth_agent.server.shapes import Asked, Id, Shown, kept_to, ok
from sloth_agent.tenants.users import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    Role,
    normalised_email,
)

router = APIRouter(prefix="/api/auth", tags=["auth"], route_class=Repeating)

A_PICTURE = "https://example.com/anna.png"

Email = Annotated[str, Field(max_length=254, examples=["anna@example.com"])]
NewEmail = Annotated[Email, kept_to(normalised_email)]
Password = Annotated[
    str,
    Field(
        min_length=SHORTEST_PASSWORD,
        max_length=LONGEST_PASSWORD,
        examples=["correct horse battery"],
    ),
]
TypedPassword = Annotated[str, Field(max_length=1000, examples=["correct horse battery"])]
A_REFRESH = "mYx0c1n5q0yB8Qk2vJtTzA7fH3wLrEo9uSdPiGbNcVs"
RefreshToken = Annotated[str, Field(max_length=1000, examples=[A_REFRESH])]


class Register(Asked):
    email: NewEmail
    password: Password
    organization: str = Field(min_length=1, max_length=200, examples=["Salon Lavanda"])
    language: Language = Language.ENGLISH
    referral_code: str | None = Field(default=None, max_length=100)


class Login(Asked):
    email: Email
    password: TypedPassword


class Refresh(Asked):
    refresh: RefreshToken


class ProfileChange(Asked):
    """What is left out stays as it is; an empty phone or avatar is taken away."""

    language: Language | None = None
    phone: str | None = Field(default=None, max_length=50, examples=["+48123456789"])
    avatar: str | None = Field(default=None, max_length=2000, examples=[A_PICTURE])
    old_password: TypedPassword | None = Field(default=None, description="Needed for a new one.")
    new_password: Password | None = Field(
        default=None, description="Ends all sessions, this one too: sign in again."
    )


class TokenPair(Shown):
    access: str = Field(
        description="For 15 minutes: `Authorization: Bearer ...`.",
        examples=["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMWEyMiJ9.bWFkZSB1cA"],
    )
    refresh: str = Field(description="For new tokens, once, within 30 days.", examples=[A_REFRESH])


class OrganizationShown(Shown):
    slug: str = Field(examples=["salon-lavanda"])
    name: str = Field(examples=["Salon Lavanda"])
    is_active: bool


class Me(Shown):
    id: Id
    email: str = Field(examples=["anna@example.com"])
    role: Role | None = Field(description="Null: an operator who belongs to no organization.")
    is_superuser: bool = Field(description="Runs the platform.", examples=[False])
    language: Language
    phone: str | None = Field(examples=["+48123456789"])
    avatar: str | None = Field(examples=[A_PICTURE])
    organization: OrganizationShown | None
    referral_code: str = Field(examples=["7KQ2M9RWXA"])


class KeyOrganization(OrganizationShown):
    id: Id
    domain: str | None = Field(examples=["lavanda.example.com"])
    created_at: datetime


class OwnKey(Shown):
    name: str = Field(examples=["Booking page"])
    scopes: list[Scope]
    expires_at: datetime | None = Field(description="Null: never.", examples=[None])
    organization: KeyOrganization
    max_upload_bytes: int = Field(description="Of one file.", examples=[20 * BYTES_IN_MB])


class SignedIn(TokenPair):
    """Tokens, and whose they are."""

    user: Me


@router.get("/me/", response_model=Me)
async def me(caller: CurrentCaller) -> JSONResponse:
    """Who signed in."""
    return ok(me_body(caller.require_person(), caller.organization))


@router.post(
    "/register/",
    status_code=201,
    response_model=SignedIn,
    responses=problems(Conflict),
    dependencies=[Anybody],
)
async def register(body: Register, request: Request, platform: CurrentPlatform) -> JSONResponse:
    """Sign up.

    Makes an organization with its owner; it begins with the trial of a plan.
    """
    await platform.limiter.count(SIGN_INS, counted_as(request))
    by = stranger_of(request)
    user, organization = await platform.services.signing_up(by=by).sign_up(
        body.email,
        body.password,
        body.organization,
        language=body.language,
        referral_code=body.referral_code,
        by=by,
    )
    tokens = await platform.services.sessions.begin(user)
    return ok({**token_body(tokens), "user": me_body(user, organization)}, 201)


@router.post("/login/", response_model=SignedIn, responses=problems(NotSignedIn))
async def login(body: Login, request: Request, platform: CurrentPlatform) -> JSONResponse:
    """Sign in.

    The eleventh wrong password within five minutes has to wait.
    """
    network = counted_as(request)
    account = f"{account_name(body.email)} {network}"
    await platform.limiter.count(SIGN_INS, network)
    await platform.limiter.count(WRONG_PASSWORDS, account)
    metrics: Metrics = request.app.state.metrics
    with metrics.sign_in():
        user, tokens = await platform.services.sessions.sign_in(
            body.email, body.password, by=stranger_of(request)
        )
    await platform.limiter.clear(WRONG_PASSWORDS, account)
    caller = await platform.services.recognising.caller(tokens.access)
    return ok({**token_body(tokens), "user": me_body(user, caller.organization)})


@router.post(
    "/refresh/",
    response_model=TokenPair,
    responses=problems(TokenInvalid, TokenReused),
    dependencies=[Anybody],
)
async def refresh(body: Refresh, request: Request, platform: CurrentPlatform) -> JSONResponse:
    """Take new tokens for a refresh token.

    One that comes twice ends its session.
    """
    by = stranger_of(request)
    return ok(token_body(await platform.services.sessions.refresh(body.refresh, by=by)))


@router.post("/logout/", status_code=204, dependencies=[Anybody])
async def logout(body: Refresh, request: Request, platform: CurrentPlatform) -> Response:
    """Sign out.

    Ends the session of a refresh token; its access token is void within five seconds.
    """
    await platform.services.sessions.sign_out(body.refresh, by=stranger_of(request))
    return Response(status_code=204)


@router.get("/key/", response_model=OwnKey)
async def key(key: CurrentKey, caller: CurrentCaller, platform: CurrentPlatform) -> JSONResponse:
    """What the API key that comes with the request opens."""
    body = own_key_body(key, caller.require_organization())
    return ok({**body, "max_upload_bytes": platform.settings.max_upload_bytes})


@router.put("/profile/", response_model=Me, name="change_profile")
async def profile(
    body: ProfileChange,
    request: Request,
    caller: CurrentCaller,
    user: CurrentUser,
    actor: CurrentActor,
    platform: CurrentPlatform,
) -> JSONResponse:
    """Change what one may change of oneself."""
    accounts = platform.services.accounts
    if body.new_password is not None:
        old = body.old_password or ""
        await accounts.change_password(user, old, body.new_password, by=actor)
    changed = await accounts.update(
        user, language=body.language, phone=body.phone, avatar=body.avatar, by=actor
    )
    platform.services.recognising.forget(credentials_of(request))
    return ok(me_body(changed, caller.organization))


def account_name(email: str) -> str:
    """By which tries are counted: one account, however its address is spelled."""
    try:
        return normalised_email(email)
    except InvalidInput:
        return email
