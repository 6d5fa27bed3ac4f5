"""Who sends a request, for whom, and how often they may."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
from fastapi import Depends, Request
from fastapi.routing import APIRoute
from fastapi.security.utils import get_authorization_scheme_param

from sloth_agent.access.callers import Caller
from sloth_agent.access.models import ApiKey, Scope
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import NotSignedIn, RateLimited, TokenInvalid
from sloth_agent.server.addresses import network_of
from sloth_agent.server.edge import arrival_of
from sloth_agent.server.limiting import Left
from sloth_agent.server.platform import Door, Platform
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.users import Role, User

CALLER = "sloth_agent.caller"

REFUSED_SECONDS = 1.0
"""So much later somebody is told that they ask too often: who does not stop at that has to wait,
and the server has time for others."""


async def platform_of(request: Request) -> Platform:
    door: Door = request.app.state.door
    return await door.platform()


async def caller_of(request: Request) -> Caller:
    """Whoever signed in, or the program whose key came; counted as a request of theirs.

    Raises:
        NotSignedIn, TokenInvalid: neither.
        RateLimited: they, or their whole firm, asked too often.
    """
    known: Caller | None = request.scope.get(CALLER)
    if known is not None:
        return known
    platform = await platform_of(request)
    try:
        caller = await platform.services.recognising.caller(credentials_of(request))
    except (NotSignedIn, TokenInvalid):
        await count_by_address(request)
        raise
    if caller.organization is not None:
        arrival_of(request.scope).tenant = str(caller.organization.id)
    try:
        left = await _counted(platform, caller)
    except RateLimited:
        await anyio.sleep(REFUSED_SECONDS)
        raise
    if caller.user is not None:
        arrival_of(request.scope).user = str(caller.user.id)
    _tell(request, left)
    request.scope[CALLER] = caller
    return caller


async def _counted(platform: Platform, caller: Caller) -> Left:
    left = await platform.limiter.count(platform.rates.caller, caller.name)
    if caller.organization is not None:
        firm = str(caller.organization.id)
        await platform.limiter.take(platform.rates.tenant, firm)
        await platform.pace.turn(firm)
    return left


async def count_by_address(request: Request) -> None:
    """Count a request of somebody who has not signed in.

    Raises:
        RateLimited: too many came from the same address.
    """
    platform = await platform_of(request)
    _tell(request, await platform.limiter.count(platform.rates.address, counted_as(request)))


def address_of(request: Request) -> str:
    return arrival_of(request.scope).address or "local"


def counted_as(request: Request) -> str:
    """For limits: the network of somebody who has not signed in."""
    return network_of(address_of(request))


def actor_of(request: Request, caller: Caller) -> Actor:
    arrival = arrival_of(request.scope)
    return caller.actor(address=arrival.address, request_id=arrival.id)


def stranger_of(request: Request, name: str = "anonymous") -> Actor:
    """For the audit log: somebody who has not signed in."""
    arrival = arrival_of(request.scope)
    return Actor(name=name, address=arrival.address, request_id=arrival.id)


CurrentPlatform = Annotated[Platform, Depends(platform_of)]
CurrentCaller = Annotated[Caller, Depends(caller_of)]


async def person(caller: CurrentCaller) -> User:
    return caller.require_person()


async def superuser(caller: CurrentCaller) -> User:
    return caller.require_superuser()


async def administered(caller: CurrentCaller) -> Organization:
    return caller.require_role(Role.ADMIN)


async def program(caller: CurrentCaller) -> ApiKey:
    return caller.require_program()


async def _actor(request: Request, caller: CurrentCaller) -> Actor:
    return actor_of(request, caller)


CurrentUser = Annotated[User, Depends(person)]
CurrentKey = Annotated[ApiKey, Depends(program)]
Superuser = Annotated[User, Depends(superuser)]
Administered = Annotated[Organization, Depends(administered)]
CurrentActor = Annotated[Actor, Depends(_actor)]
Anybody = Depends(count_by_address)


@dataclass(frozen=True, slots=True)
class TenantOf:
    """The tenant of a person with a role, or of a program whose key has the scope.

    It comes from what was signed or stored, never from a header or the body.
    """

    scope: Scope | None  # None: no key opens it
    least: Role

    async def __call__(self, caller: CurrentCaller, platform: CurrentPlatform) -> AsyncTenant:
        organization = (
            caller.require_role(self.least)
            if self.scope is None
            else caller.require(self.scope, least=self.least)
        )
        return AsyncTenant(organization, await platform.tenants.of(organization))


def tenant_of(scope: Scope | None = None, *, least: Role = Role.MEMBER) -> TenantOf:
    return TenantOf(scope, least)


def asked_for(route: APIRoute) -> Iterator[Callable[..., Any]]:
    """Whatever the framework calls before a route: `caller_of`, `superuser`, a `TenantOf`."""
    waiting = list(route.dependant.dependencies)
    while waiting:
        dependant = waiting.pop()
        waiting += dependant.dependencies
        if dependant.call is not None:
            yield dependant.call


def credentials_of(request: Request) -> str:
    scheme, credentials = get_authorization_scheme_param(request.headers.get("Authorization"))
    return credentials.strip() if scheme.lower() == "bearer" else ""


def _tell(request: Request, left: Left) -> None:
    arrival_of(request.scope).headers.update(left.headers)
