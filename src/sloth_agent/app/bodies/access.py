"""Who comes in over the network."""

from sloth_agent.access.models import ApiKey
from sloth_agent.app.bodies.values import Body, moment_of


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
