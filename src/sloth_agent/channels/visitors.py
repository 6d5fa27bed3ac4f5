"""People who ask on a firm's web site: nobody knows them but by the token that they were given."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sloth_agent.access.ports import Sealer
from sloth_agent.agent.models import ConversationSource, Customer
from sloth_agent.clock import Clock
from sloth_agent.errors import CredentialUnreadable, TokenInvalid
from sloth_agent.ids import ConversationId, IntegrationId, new_id

VISIT_LASTS = timedelta(days=30)

LONGEST_TOKEN = 200

_ID_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody on one firm's web site."""

    id: UUID
    integration: IntegrationId

    @property
    def customer(self) -> Customer:
        return Customer(source=ConversationSource.WEB, external_id=str(self.id))

    @property
    def conversation(self) -> ConversationId:
        """The only one, so that whoever comes back finds it."""
        return ConversationId(self.id)


@dataclass(frozen=True, slots=True)
class Visitors:
    """Lets visitors in, and knows them again. Nothing is stored before they ask."""

    sealer: Sealer
    clock: Clock

    def admit(self, integration: IntegrationId) -> tuple[Visitor, str]:
        """Somebody new, and the token by which they are known for 30 days."""
        visitor = Visitor(id=new_id(), integration=integration)
        until = int((self.clock() + VISIT_LASTS).timestamp())
        content = visitor.id.bytes + until.to_bytes(8, "big")
        sealed = self.sealer.seal(content, bound_to=_place(integration))
        return visitor, base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def recognise(self, token: str, integration: IntegrationId) -> Visitor:
        """Raises:
        TokenInvalid: forged, of another integration, or out of date.
        """
        try:
            content = self.sealer.open(_bytes(token), bound_to=_place(integration))
        except (binascii.Error, ValueError, CredentialUnreadable) as error:
            raise _unknown() from error
        id, until = content[:_ID_BYTES], int.from_bytes(content[_ID_BYTES:], "big")
        if self.clock() >= datetime.fromtimestamp(until, UTC):
            raise _unknown()
        return Visitor(id=UUID(bytes=id), integration=integration)


def _place(integration: IntegrationId) -> str:
    return f"visitor of {integration}"


def _bytes(token: str) -> bytes:
    if len(token) > LONGEST_TOKEN:
        raise ValueError("no token of ours is so long")
    padded = token + "=" * (-len(token) % 4)
    return base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)


def _unknown() -> TokenInvalid:
    return TokenInvalid("The visitor's token is not valid.", hint="Begin a new visit.")
