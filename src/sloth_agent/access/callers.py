"""Who sends a request, and what they may do."""

from dataclasses import dataclass

from sloth_agent.access.models import ApiKey, Scope
from sloth_agent.errors import Forbidden
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.users import Role, User

_RANK = {Role.MEMBER: 0, Role.ADMIN: 1, Role.OWNER: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person who has signed in, or a program with a key."""

    organization: Organization | None  # None: an operator who belongs to none
    user: User | None = None  # None: a program
    key: ApiKey | None = None  # None: a person

    @property
    def name(self) -> str:
        """Other callers have other names."""
        return f"user:{self.user.id}" if self.user else f"key:{self.key.id}" if self.key else ""

    def actor(self, *, address: str | None, request_id: str) -> Actor:
        """As the audit log knows them."""
        name = self.user.email if self.user else f"key:{self.key.id}" if self.key else "unknown"
        return Actor(name=name, address=address, request_id=request_id)

    def require_person(self) -> User:
        """Raises:
        Forbidden: it is a program.
        """
        if self.user is None:
            raise Forbidden("An API key cannot do this.", hint="Sign in.")
        return self.user

    def require_program(self) -> ApiKey:
        """Raises:
        Forbidden: it is a person.
        """
        if self.key is None:
            raise Forbidden("You came without an API key.", hint="Send one as the bearer token.")
        return self.key

    def require_superuser(self) -> User:
        """Raises:
        Forbidden: whoever it is does not run the platform.
        """
        user = self.require_person()
        if not user.is_superuser:
            raise Forbidden("Only who runs the platform can do this.")
        return user

    def require_organization(self) -> Organization:
        """Raises:
        Forbidden: they belong to none, or it is closed.
        """
        if self.organization is None:
            raise Forbidden("You belong to no organization.")
        if not self.organization.is_open:
            raise Forbidden("The organization is deactivated.", hint="Ask who runs the platform.")
        return self.organization

    def require_role(self, least: Role) -> Organization:
        """The organization of a person with this role or a higher one.

        Raises:
            Forbidden: the role is too low, or it is a program.
        """
        user = self.require_person()
        organization = self.require_organization()
        if user.role is None or _RANK[user.role] < _RANK[least]:
            raise Forbidden(f"This takes the role {least.value}.", hint="Ask an owner.")
        return organization

    def require_power_over(self, *roles: Role | None) -> Organization:
        """The organization of an admin; where owners are concerned, of an owner.

        Raises:
            Forbidden: the role is too low, or it is a program.
        """
        return self.require_role(Role.OWNER if Role.OWNER in roles else Role.ADMIN)

    def require(self, scope: Scope, *, least: Role = Role.MEMBER) -> Organization:
        """The organization of a person with a role, or of a program with a scope.

        Raises:
            Forbidden: neither.
        """
        if self.key is None:
            return self.require_role(least)
        if scope not in self.key.scopes:
            raise Forbidden(f"The API key is not for {scope.value}.", hint="Make another one.")
        return self.require_organization()
