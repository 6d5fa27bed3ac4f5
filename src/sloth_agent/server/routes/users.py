"""Who belongs to an organization, and who is asked in."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field
from starlette.responses import JSONResponse

from sloth_agent.app.bodies.tenants import invitation_body, user_body
from sloth_agent.app.bodies.values import Body
from sloth_agent.errors import Conflict, NotFound, SeatLimitExceeded
from sloth_agent.ids import UserId
from sloth_agent.language import Language
from sloth_agent.server.callers import Administered, CurrentActor, CurrentCaller, CurrentPlatform
from sloth_agent.server.described_problems import problems
from sloth_agent.server.limiting import LINKS
from sloth_agent.server.repeating import Repeating
from sloth_agent.server.routes.auth import Email, account_name
from sloth_agent.server.shapes import Asked, Cursor, Id, Limit, NextCursor, Shown, ok, page_of
from sloth_agent.tenants.account_ports import Invitation
from sloth_agent.tenants.users import Role, User

router = APIRouter(prefix="/api/users", tags=["users"], route_class=Repeating)


class MemberChange(Asked):
    """What is left out stays as it is. Either ends the sessions of whom it is about."""

    role: Role | None = None
    is_active: bool | None = None


class MemberShown(Shown):
    id: Id
    email: str = Field(examples=["anna@example.com"])
    role: Role
    is_active: bool
    language: Language
    phone: str | None
    avatar: str | None
    created_at: datetime


class MemberPage(Shown):
    items: list[MemberShown]
    next_cursor: NextCursor


class Invite(Asked):
    email: Email
    role: Role = Role.MEMBER


class InvitationShown(Shown):
    id: Id
    email: str
    role: Role
    expires_at: datetime


class Invited(InvitationShown):
    sent: bool = Field(description="False: this install sends no mail; hand the `url` over.")
    url: str | None = Field(description="Null where it was sent.")


class InvitationPage(Shown):
    items: list[InvitationShown]
    next_cursor: NextCursor


@router.get("/", response_model=MemberPage, name="list")
async def members(
    firm: Administered, platform: CurrentPlatform, limit: Limit = 20, cursor: Cursor = None
) -> JSONResponse:
    """List users.

    Of the organization, oldest first.
    """
    found = await platform.services.accounts.list(
        firm.id, limit=limit + 1, after=UserId(cursor) if cursor else None
    )
    return page_of(found, limit, _member_body, cursor=lambda user: user.id)


@router.put(
    "/{id:uuid}/",
    response_model=MemberShown,
    responses=problems(NotFound, Conflict, SeatLimitExceeded),
)
async def change(
    id: UUID,
    body: MemberChange,
    firm: Administered,
    caller: CurrentCaller,
    actor: CurrentActor,
    platform: CurrentPlatform,
) -> JSONResponse:
    """Change a user.

    Give another role, keep one out, let one in again. Only owners touch owners.
    """
    accounts = platform.services.accounts
    member = await accounts.member(firm.id, UserId(id))
    caller.require_power_over(member.role, body.role)
    if member.is_superuser:
        caller.require_superuser()
    if body.is_active is not None and body.is_active is not member.is_active:
        member = await accounts.set_active(member, active=body.is_active, by=actor)
    if body.role is not None and body.role is not member.role:
        member = await accounts.set_role(member, body.role, by=actor)
    return ok(_member_body(member))


@router.post(
    "/invitations/",
    status_code=201,
    response_model=Invited,
    responses=problems(Conflict, SeatLimitExceeded),
)
async def invite(
    body: Invite,
    firm: Administered,
    caller: CurrentCaller,
    actor: CurrentActor,
    platform: CurrentPlatform,
) -> JSONResponse:
    """Invite somebody.

    It holds a seat, and sends a link; inviting an address again replaces the link.
    """
    caller.require_power_over(body.role)
    await platform.limiter.count(LINKS, f"invitation {firm.id} {account_name(body.email)}")
    invitations = platform.services.invitations
    link = await invitations.invite(firm.id, body.email, role=body.role, by=actor)
    invitation = await invitations.find(body.email, firm.id)
    url = None if link.sent else link.url
    return ok({**_invitation_body(invitation), "sent": link.sent, "url": url}, 201)


@router.get(
    "/invitations/",
    response_model=InvitationPage,
)
async def invitations(
    firm: Administered, platform: CurrentPlatform, limit: Limit = 20, cursor: Cursor = None
) -> JSONResponse:
    """List open invitations.

    Oldest first.
    """
    found = await platform.services.invitations.list(firm.id)
    later = [each for each in found if cursor is None or each.id > cursor]
    return page_of(later, limit, _invitation_body, cursor=lambda each: each.id)


@router.delete("/invitations/{id:uuid}/", status_code=204, responses=problems(NotFound))
async def withdraw(
    id: UUID, firm: Administered, actor: CurrentActor, platform: CurrentPlatform
) -> Response:
    """Withdraw an invitation.

    Its seat is free, and its link void.
    """
    await platform.services.invitations.withdraw(firm.id, id, by=actor)
    return Response(status_code=204)


def _member_body(user: User) -> Body:
    return _only(MemberShown.model_fields, user_body(user))


def _invitation_body(invitation: Invitation) -> Body:
    return _only(InvitationShown.model_fields, invitation_body(invitation, None))


def _only(names: Iterable[str], body: Body) -> Body:
    return {name: body[name] for name in names}
