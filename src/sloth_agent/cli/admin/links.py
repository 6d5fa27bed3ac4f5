"""`sloth admin users`: invitations, and links that let somebody in, where there is no server."""

from typing import Annotated

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.input import read_password
from sloth_agent.cli.options import Json
from sloth_agent.cli.output import note, show_fields, show_json, show_list
from sloth_agent.cli.session import opened
from sloth_agent.language import Language

INVITATIONS_EXAMPLE = "Example: sloth admin users invitations --tenant salon-anna"
WITHDRAW_EXAMPLE = "Example: sloth admin users withdraw ben@example.com"
ACCEPT_EXAMPLE = "Example: sloth admin users accept http://localhost:8000/invitations/..."
RESET_EXAMPLE = "Example: sloth admin users reset http://localhost:8000/reset/..."

IntoTenant = Annotated[
    str | None, typer.Option("--tenant", metavar="SLUG", help="Into which tenant.")
]
Link = Annotated[str, typer.Argument(metavar="LINK", help="As it was shown or sent, or its end.")]
Password = Annotated[
    str | None, typer.Option(metavar="-", help="- for stdin. Without it you are asked.")
]


def invitations(tenant: IntoTenant = None, as_json: Json = False) -> None:
    """List open invitations, oldest first."""
    from sloth_agent.app.bodies.tenants import invitation_body

    with opened() as sloth:
        organization = sloth.show_tenant(tenant).id if tenant else None
        found = sloth.run(lambda sloth: sloth.invitations.list(organization))
        slugs = {each.id: each.slug for each in sloth.tenants()}
    items = [invitation_body(each, slugs.get(each.organization)) for each in found]
    show_list(items, ("email", "tenant", "role", "expires_at"), as_json=as_json)


def withdraw(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Such as ben@example.com.")],
    tenant: IntoTenant = None,
    as_json: Json = False,
) -> None:
    """Take an open invitation back; its link is void and its seat is free."""
    by = operator()
    with opened() as sloth:
        organization = sloth.show_tenant(tenant).id if tenant else None
        found = sloth.run(lambda sloth: sloth.invitations.find(email, organization))
        sloth.run(lambda sloth: sloth.invitations.withdraw(found.organization, found.id, by=by))
    if as_json:
        show_json({"email": found.email, "withdrawn": True})
    else:
        note(f"Withdrew the invitation of {found.email}.")


def accept(
    link: Link,
    password: Password = None,
    language: Annotated[Language, typer.Option(help="Of mails and pages.")] = Language.ENGLISH,
    as_json: Json = False,
) -> None:
    """Become the user that an invitation asks for, with a password."""
    from sloth_agent.app.bodies.tenants import user_body

    secret, by = read_password(password), operator()
    with opened() as sloth:
        user = sloth.run(
            lambda sloth: sloth.invitations.accept(link, secret, language=language, by=by)
        )
    show_fields(user_body(user), as_json=as_json)


def reset(link: Link, password: Password = None, as_json: Json = False) -> None:
    """Set the password that a link is for."""
    from sloth_agent.app.bodies.tenants import user_body

    secret, by = read_password(password), operator()
    with opened() as sloth:
        user = sloth.run(lambda sloth: sloth.password_resets.reset(link, secret, by=by))
    show_fields(user_body(user), as_json=as_json)
