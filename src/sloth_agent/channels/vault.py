"""How the credentials of one tenant are sealed."""

import json
from dataclasses import dataclass

from sloth_agent.channels.models import Credentials
from sloth_agent.channels.ports import CredentialSealer
from sloth_agent.ids import IntegrationId, TenantId


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens the credentials of one tenant, each for one integration alone."""

    tenant: TenantId
    sealer: CredentialSealer

    def seal(self, id: IntegrationId, credentials: Credentials) -> bytes:
        content = json.dumps(dict(credentials.values)).encode()
        return self.sealer.seal(content, bound_to=self._place(id))

    def open(self, id: IntegrationId, sealed: bytes) -> Credentials:
        """Raises:
        CredentialUnreadable: changed, another integration's, or sealed with a key that is gone.
        """
        return Credentials(json.loads(self.sealer.open(sealed, bound_to=self._place(id))))

    def resealed(self, id: IntegrationId, sealed: bytes) -> bytes | None:
        """The same by the newest key; None: it is by that one already.

        Raises:
            CredentialUnreadable: as `open`, whatever key it says it is by.
        """
        place = self._place(id)
        content = self.sealer.open(sealed, bound_to=place)
        return None if self.sealer.is_newest(sealed) else self.sealer.seal(content, bound_to=place)

    def _place(self, id: IntegrationId) -> str:
        """Tenant, integration and field: the tenant's id stays when its schema does not."""
        return f"tenant {self.tenant} integration {id} credentials"
