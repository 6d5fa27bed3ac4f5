"""What channels need from outside."""

from collections.abc import Sequence
from typing import Protocol

from sloth_agent.channels.models import Integration
from sloth_agent.ids import IntegrationId


class IntegrationStore(Protocol):
    """The integrations of one tenant. Each method is one transaction.

    Credentials come sealed, and beside integrations, never in them.
    """

    async def add(self, integration: Integration, sealed: bytes) -> None: ...

    async def find(self, id: IntegrationId) -> Integration | None: ...

    async def all(self, *, limit: int, after: IntegrationId | None = None) -> Sequence[Integration]:
        """Oldest first."""

    async def find_sealed(self, id: IntegrationId) -> bytes | None:
        """None: it has no credentials, or there is no such integration."""

    async def all_sealed(
        self, *, limit: int, after: IntegrationId | None = None
    ) -> Sequence[tuple[IntegrationId, bytes]]:
        """The credentials of those that have some, oldest first."""

    async def reseal(self, id: IntegrationId, *, old: bytes, new: bytes) -> bool:
        """Put `new` in the place of `old`; False: that is not what is there any more."""

    async def delete(self, id: IntegrationId) -> bool:
        """False: no such integration."""


class CredentialSealer(Protocol):
    """Keeps secrets by keys that only this install has; the newest one seals, all open."""

    def seal(self, content: bytes, *, bound_to: str) -> bytes: ...

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Raises:
        CredentialUnreadable: changed, bound to something else, or sealed with a key that is gone.
        """

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the newest key has sealed it; what does not open may say so too."""
