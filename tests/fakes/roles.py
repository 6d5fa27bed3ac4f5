"""People with every role, who have signed in at a server."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

import anyio
import httpx

from sloth_agent import AsyncSloth, Settings
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.users import Role

PASSWORD = "stairs of another house"
"""No example of the API's description: whoever tries those shall not guess it."""


@dataclass(frozen=True, slots=True)
class People:
    """Of one new firm: what each sends to say who they are."""

    anonymous: dict[str, str]
    member: dict[str, str]
    owner: dict[str, str]
    superuser: dict[str, str]


def people_at(address: str, settings: Settings, headers: Mapping[str, str]) -> People:
    """A new firm at a server, signed up with these headers; `settings` lead to the same install."""
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        owner = _email()
        body = {"email": owner, "password": PASSWORD, "organization": "Salon Lavanda"}
        registered = client.post("/api/auth/register/", json=body).raise_for_status().json()
        slug = registered["user"]["organization"]["slug"]
        member, superuser = anyio.run(_colleagues, settings, slug)
        return People(
            anonymous={},
            member=_signed_in(client, member),
            owner=_signed_in(client, owner),
            superuser=_signed_in(client, superuser),
        )


async def _colleagues(settings: Settings, slug: str) -> tuple[str, str]:
    """A member of the organization, and an operator who belongs to it."""
    by = Actor(name="tests")
    member, superuser = _email(), _email()
    async with AsyncSloth(settings) as sloth:
        services = sloth.services
        id = (await services.organizations.show(slug)).id
        plans = services.subscriptions
        await plans.activate(id, "enterprise", days=30, cycle=None, by=by)  # room for three
        create = services.accounts.create
        await create(member, organization=id, role=Role.MEMBER, password=PASSWORD, by=by)
        await create(
            superuser,
            organization=id,
            role=Role.ADMIN,
            password=PASSWORD,
            is_superuser=True,
            by=by,
        )
    return member, superuser


def _signed_in(client: httpx.Client, email: str) -> dict[str, str]:
    body = {"email": email, "password": PASSWORD}
    tokens = client.post("/api/auth/login/", json=body).raise_for_status().json()
    return {"Authorization": f"Bearer {tokens['access']}"}


def _email() -> str:
    return f"{uuid4().hex}@example.com"
