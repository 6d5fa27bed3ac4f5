"""`sloth admin users`: who signs in."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.input import read_password
from sloth_agent.cli.options import Json
from sloth_agent.cli.output import show_fields, show_list
from sloth_agent.cli.session import opened
from sloth_agent.errors import NotFound
from sloth_agent.language import Language
from sloth_agent.tenants.users import Role

if TYPE_CHECKING:
    from sloth_agent.app.blocking import Sloth
    from sloth_agent.app.sloth import AsyncSloth
    from sloth_agent.ids import TenantId, UserId
    from sloth_agent.tenants.users import User

app = typer.Typer(
    no_args_is_help=True,
    epilog="Example: sloth admin users create anna@example.com --tenant salon-anna --role owner",
)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Such as anna@example.com.")]
OfTenant = Annotated[str | None, typer.Option("--tenant", metavar="SLUG", help="Whose user.")]


@app.command(
    "create",
    epilog="Example: sloth admin users create anna@example.com --tenant salon-anna --role owner",
)
def create(  # noqa: PLR0913, PLR0917 - each option is a parameter
    email: Email,
    tenant: OfTenant = None,
    role: Annotated[
        Role | None, typer.Option(help="A firm's first user is an owner. [default: member]")
    ] = None,
    superuser: Annotated[bool, typer.Option("--superuser", help="An operator as well.")] = False,
    language: Annotated[Language, typer.Option(help="Of mails and pages.")] = Language.ENGLISH,
    password: Annotated[
        str | None,
        typer.Option(metavar="-", help="- for stdin. Without it a link to set one is made."),
    ] = None,
    referral_code: Annotated[
        str | None, typer.Option(metavar="CODE", help="Of the user who brought them here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a user; without a password, with a link to set one."""
    from sloth_agent.app.bodies.tenants import user_body

    secret = read_password(password) if password is not None else None
    by = operator()
    with opened() as sloth:
        organization = sloth.show_tenant(tenant).id if tenant else None
        user = sloth.run(
            lambda sloth: sloth.accounts.create(
                email,
                organization=organization,
                role=role or (Role.MEMBER if organization else None),
                password=secret,
                language=language,
                is_superuser=superuser,
                referral_code=referral_code,
                by=by,
            )
        )
        body = user_body(user)
        if secret is None:
            body |= _link(sloth, user.email)
    show_fields(body, as_json=as_json)


@app.command("list", epilog="Example: sloth admin users list --tenant salon-anna")
def list_users(tenant: OfTenant = None, as_json: Json = False) -> None:
    """List users, oldest first."""
    from sloth_agent.app.bodies.tenants import user_body

    with opened() as sloth:
        organization = sloth.show_tenant(tenant).id if tenant else None
        users = list(_all(sloth, organization))
        slugs = {each.id: each.slug for each in sloth.tenants()}
    items = [
        {**user_body(user), "tenant": slugs.get(user.organization) if user.organization else None}
        for user in users
    ]
    columns = ("email", "role", "is_superuser", "is_active", "tenant", "created_at")
    show_list(items, columns, as_json=as_json)


@app.command("set-role", epilog="Example: sloth admin users set-role anna@example.com admin")
def set_role(
    email: Email,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="owner, admin or member.")],
    as_json: Json = False,
) -> None:
    """Give a user another role, at once."""
    from sloth_agent.app.bodies.tenants import user_body

    by = operator()
    with opened() as sloth:
        user = sloth.run(lambda sloth: sloth.accounts.show(email))
        changed = sloth.run(lambda sloth: sloth.accounts.set_role(user, role, by=by))
    show_fields(user_body(changed), as_json=as_json)


@app.command(
    "update", epilog='Example: sloth admin users update anna@example.com --phone "+48 123 456 789"'
)
def update(
    email: Email,
    phone: Annotated[
        str | None, typer.Option(help='Such as +48 123 456 789; "" takes it away.')
    ] = None,
    language: Annotated[Language | None, typer.Option(help="Of mails and pages.")] = None,
    avatar: Annotated[
        str | None, typer.Option(help='The https address of a picture; "" takes it away.')
    ] = None,
    as_json: Json = False,
) -> None:
    """Change phone, language or avatar; what is not given stays as it is."""
    from sloth_agent.app.bodies.tenants import user_body

    if phone is None and language is None and avatar is None:
        raise typer.BadParameter("Name something to change: --phone, --language or --avatar.")
    by = operator()
    with opened() as sloth:
        user = sloth.run(lambda sloth: sloth.accounts.show(email))
        changed = sloth.run(
            lambda sloth: sloth.accounts.update(
                user, phone=phone, language=language, avatar=avatar, by=by
            )
        )
    show_fields(user_body(changed), as_json=as_json)


@app.command("deactivate", epilog="Example: sloth admin users deactivate anna@example.com")
def deactivate(email: Email, as_json: Json = False) -> None:
    """Keep a user out at once; nothing is deleted."""
    _set_active(email, active=False, as_json=as_json)


@app.command("activate", epilog="Example: sloth admin users activate anna@example.com")
def activate(email: Email, as_json: Json = False) -> None:
    """Let a user in again."""
    _set_active(email, active=True, as_json=as_json)


@app.command(
    "invite", epilog="Example: sloth admin users invite ben@example.com --tenant salon-anna"
)
def invite(
    email: Email,
    tenant: Annotated[str, typer.Option("--tenant", metavar="SLUG", help="Into which tenant.")],
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.MEMBER,
    as_json: Json = False,
) -> None:
    """Ask somebody in: by mail, or by the link that is shown."""
    by = operator()
    with opened() as sloth:
        organization = sloth.show_tenant(tenant).id
        link = sloth.run(
            lambda sloth: sloth.invitations.invite(organization, email, role=role, by=by)
        )
    body = {"email": email, "sent": link.sent, "link": None if link.sent else link.url}
    show_fields(body, as_json=as_json)


@app.command("reset-password", epilog="Example: sloth admin users reset-password anna@example.com")
def reset_password(email: Email, as_json: Json = False) -> None:
    """Send a link that sets a new password; without a mail server it is shown."""
    with opened() as sloth:
        body = {"email": email, **_link(sloth, email)}
    show_fields(body, as_json=as_json)


def _all(sloth: "Sloth", organization: "TenantId | None") -> "Iterator[User]":
    """Page by page: the library never hands over more at once."""
    last: UserId | None = None
    while page := sloth.run(partial(_page, organization, last)):
        yield from page
        last = page[-1].id


async def _page(
    organization: "TenantId | None", after: "UserId | None", sloth: "AsyncSloth"
) -> "Sequence[User]":
    return await sloth.accounts.list(organization, after=after)


def _link(sloth: "Sloth", email: str) -> dict[str, Any]:
    by = operator()
    link = sloth.run(lambda sloth: sloth.password_resets.request(email, by=by))
    if link is None:
        raise NotFound(f"There is no active user {email}.", hint="See `sloth admin users list`.")
    return {"sent": link.sent, "link": None if link.sent else link.url}


def _set_active(email: str, *, active: bool, as_json: bool) -> None:
    from sloth_agent.app.bodies.tenants import user_body

    by = operator()
    with opened() as sloth:
        user = sloth.run(lambda sloth: sloth.accounts.show(email))
        changed = sloth.run(lambda sloth: sloth.accounts.set_active(user, active=active, by=by))
    show_fields(user_body(changed), as_json=as_json)
