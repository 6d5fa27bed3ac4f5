"""Pages of firms' web sites that show the chat, and their visitors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Path, Request, Response

from sloth_agent.agent.languages import AWAY
from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.channels.models import Integration, IntegrationStatus, IntegrationType
from sloth_agent.channels.texts import text
from sloth_agent.channels.visitors import Visitor
from sloth_agent.channels.web_chat import WebChat
from sloth_agent.channels.web_pages import WebPages
from sloth_agent.errors import (
    AssistantClosed,
    BackendUnavailable,
    Conflict,
    Forbidden,
    InProgress,
    LimitReached,
    NotFound,
    NotSignedIn,
    RateLimited,
    SlothError,
    SubscriptionExpired,
)
from sloth_agent.ids import IntegrationId
from sloth_agent.language import Language
from sloth_agent.server.callers import (
    asked_for,
    count_by_address,
    counted_as,
    credentials_of,
    platform_of,
)
from sloth_agent.server.console_origins import CORS_SECONDS, EXPOSED
from sloth_agent.server.edge import arrival_of
from sloth_agent.server.platform import Platform
from sloth_agent.server.repeating import HEADER, Handler, Repeating, Sender
from sloth_agent.tenants.models import Stage

PAGE = "sloth_agent.page"
KNOWN = "sloth_agent.visitor"

DataKey = Annotated[UUID, Path(description="The `data-key` of the page's script.")]

PREFLIGHT: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": f"Authorization, Content-Type, {HEADER}",
    "Access-Control-Max-Age": str(CORS_SECONDS),
}
"""What a browser may send from a page that was let in."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a web site that shows a firm's chat."""

    integration: Integration
    tenant: AsyncTenant

    @property
    def chat(self) -> WebChat:
        return self.tenant.services.web_chat(self.integration)

    @property
    def is_open(self) -> bool:
        is_active = self.integration.status is IntegrationStatus.ACTIVE
        return self.tenant.organization.is_open and is_active


async def named_page(request: Request, key: DataKey) -> Page:
    """The page that a request comes from, as its browser says, whether the chat is open or not.

    Raises:
        NotFound: no such chat.
        Forbidden: the page is not of an origin that the firm has named.
        RateLimited: that came of too many requests from the same address.
    """
    platform = await platform_of(request)
    try:
        page = await _page(platform, IntegrationId(key))
        _let_in(request, WebPages.of(page.integration.settings))
    except (NotFound, Forbidden):
        await count_by_address(request)
        raise
    return page


async def page_of(request: Request, key: DataKey) -> Page:
    """The same, where the chat is open; counted by its address.

    Who asks for more waits for the firm's turn: see `their_turn`.

    Raises:
        NotFound, Forbidden: as `named_page`.
        AssistantClosed: the firm does not answer anybody.
        RateLimited: too many requests came from the same address.
    """
    known: Page | None = request.scope.get(PAGE)
    if known is not None:
        return known
    page = await named_page(request, key)
    await count_by_address(request)
    if not page.is_open:
        raise AssistantClosed("The firm is closed, or its chat is disconnected.")
    arrival_of(request.scope).tenant = str(page.tenant.organization.id)
    request.scope[PAGE] = page
    return page


CurrentPage = Annotated[Page, Depends(page_of)]


async def visitor_of(request: Request, page: CurrentPage) -> Visitor:
    """Raises:
    NotSignedIn, TokenInvalid: nobody whom this chat knows.
    RateLimited: too many wait for their turn already.
    """
    known: Visitor | None = request.scope.get(KNOWN)
    if known is not None:
        return known
    token = credentials_of(request)
    if not token:
        raise NotSignedIn("A visitor's token is needed.", hint="Begin a new visit.")
    platform = await platform_of(request)
    visitor = platform.services.visitors.recognise(token, page.integration.id)
    await their_turn(platform, page)
    request.scope[KNOWN] = visitor
    return visitor


async def their_turn(platform: Platform, page: Page) -> None:
    """A flood at one firm's chat is no matter of other firms.

    Raises:
        RateLimited: too many wait already.
    """
    await platform.visitors_pace.turn(str(page.tenant.organization.id))


CurrentVisitor = Annotated[Visitor, Depends(visitor_of)]


class Visiting(Repeating):
    """A route for pages of firms' web sites; what goes wrong is told in the visitor's language."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except SlothError as error:
                raise for_visitors(error, language_of(request)) from error

        return answer

    def sender(self) -> Sender:
        calls = list(asked_for(self))
        if visitor_of in calls:
            return _visitor
        return _on_page if page_of in calls else super().sender()


async def _visitor(request: Request) -> str:
    """Their address may change before they try again."""
    page = await page_of(request, request.path_params["key"])
    return f"visitor:{(await visitor_of(request, page)).id}"


async def _on_page(request: Request) -> str:
    await page_of(request, request.path_params["key"])
    return f"address:{counted_as(request)}"


def language_of(request: Request) -> Language:
    """The first of ours that the browser asks for."""
    asked = request.headers.get("accept-language", "").lower().split(",")
    ours = {language.value: language for language in Language}
    known = (ours.get(each.strip()[:2]) for each in asked)
    return next((language for language in known if language), Language.ENGLISH)


def for_visitors(error: SlothError, language: Language) -> SlothError:
    """What strangers may know: nothing of plans, limits and faults."""
    match error:
        case RateLimited():
            return RateLimited(
                error.message,
                told=text("too_often", language),
                retry_after_seconds=error.details.get("retry_after_seconds"),
                left=error.details.get("left"),
            )
        case AssistantClosed() | SubscriptionExpired() | LimitReached():
            return AssistantClosed(error.message, told=text("web_closed", language))
        case InProgress():
            return InProgress(
                error.message,
                told=text("being_answered", language),
                retry_after_seconds=error.details.get("retry_after_seconds"),
            )
        case BackendUnavailable() | Conflict():
            return BackendUnavailable(error.message, told=AWAY[language])
        case _:
            return error


async def _page(platform: Platform, key: IntegrationId) -> Page:
    services = platform.services
    owner = await services.addresses.organization_of(key)
    if owner is None:
        raise _unknown()
    organization = await services.organizations.with_id(owner)
    if organization.stage is not Stage.LIVE:
        raise _unknown()
    tenant = AsyncTenant(organization, await platform.tenants.of(organization))
    integration = await tenant.services.integrations.show(key)
    if integration.type is not IntegrationType.WEB:
        raise _unknown()
    return Page(integration, tenant)


def _let_in(request: Request, pages: WebPages) -> None:
    """A page of this server's own shows any chat: it is where a firm tries it.

    Over plain HTTP browsers say `Origin` alone, and nothing where a page reads what is its own.

    Raises:
        Forbidden: another one's, or nobody says whose.
    """
    headers = request.headers
    origin = headers.get("origin", "")
    if origin in pages.origins:
        arrival_of(request.scope).headers.update(
            {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Expose-Headers": ", ".join(EXPOSED),
                "Vary": "Origin",
            }
        )
    elif not _is_of_our_own(request, headers.get("origin")):
        raise Forbidden(
            "The chat is not shown on pages of this origin.",
            hint="Name the origin where the chat is connected.",
        )


def _is_of_our_own(request: Request, origin: str | None) -> bool:
    told = request.headers.get("sec-fetch-site")
    if told is not None:
        return told == "same-origin"
    if origin is None:
        return request.method == "GET"
    _, _, host = origin.partition("://")
    return host != "" and host == request.headers.get("host")


def _unknown() -> NotFound:
    return NotFound("There is no such chat.", hint="Look at the script's data-key.")
