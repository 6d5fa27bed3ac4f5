"""Who comes in over the network."""

from sloth_agent.access.models import ApiKey, Tokens
from sloth_agent.app.bodies.values import Body, moment_of
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.users import User


def api_key_body(key: ApiKey) -> Body:
    return {
        "id": str(key.id),
        "name": key.name,
        "beginning": key.beginning,
        "scopes": sorted(key.scopes),
        "created_by": str(key.created_by) if key.created_by else None,
        "created_at": key.created_at.isoformat(),
        "expires_at": moment_of(key.expires_at),
        "revoked_at": moment_of(key.revoked_at),
        "last_used_at": moment_of(key.last_used_at),
    }


def token_body(tokens: Tokens) -> Body:
    return {"access": tokens.access, "refresh": tokens.refresh}


def own_key_body(key: ApiKey, organization: Organization) -> Body:
    return {
        "name": key.name,
        "scopes": sorted(key.scopes),
        "expires_at": moment_of(key.expires_at),
        "organization": {
            "id": str(organization.id),
            "slug": organization.slug,
            "name": organization.name,
            "domain": organization.domain,
            "is_active": organization.is_active,
            "created_at": organization.created_at.isoformat(),
        },
    }


def me_body(user: User, organization: Organization | None) -> Body:
    return {
        "id": str(user.id),
        "email": user.email,
        "role": user.role.value if user.role else None,
        "is_superuser": user.is_superuser,
        "language": user.language.value,
        "phone": user.phone,
        "avatar": user.avatar,
        "organization": organization
        and {
            "slug": organization.slug,
            "name": organization.name,
            "is_active": organization.is_active,
        },
        "referral_code": user.referral_code,
    }
