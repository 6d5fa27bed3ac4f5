"""What channels need from outside."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from sloth_agent.channels.messages import (
    Account,
    Attachment,
    Capabilities,
    Delivery,
    EarlierTry,
    Finding,
    Inbound,
    Part,
    Payload,
    WebhookRequest,
)
from sloth_agent.channels.models import Credentials, Integration, IntegrationStatus
from sloth_agent.errors import Problem
from sloth_agent.ids import IntegrationId


class IntegrationStore(Protocol):
    """The integrations of one tenant. Each method is one transaction.

    Credentials come sealed, and beside integrations, never in them.
    """

    async def add(self, integration: Integration, sealed: bytes | None) -> None:
        """`sealed` is None where there is nothing to keep."""

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

    async def replace(self, integration: Integration, sealed: bytes) -> bool:
        """Give it other credentials, settings and status; False: no such integration."""

    async def change_settings(self, id: IntegrationId, settings: Mapping[str, object]) -> None:
        """Those given take the place of others by their names; None removes one."""

    async def mark(
        self, id: IntegrationId, status: IntegrationStatus, problem: Problem | None
    ) -> None: ...

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


class Line(Protocol):
    """An account at a messenger, opened with its credentials.

    All methods raise:
        BackendUnavailable: the vendor does not answer, after the adapter's own tries.
        ChannelRefused: it does not take the credentials any more.
        RateLimited: it asks us to wait, for `retry_after_seconds` as the details have them.
    """

    async def introduce(self) -> Account:
        """Who it is, as the vendor says."""

    async def listen(self, url: str) -> None:
        """Have the vendor tell what happens to this address of ours, and keep what waits there."""

    async def stop_listening(self, url: str) -> None:
        """Have it told to this address of ours no more. Another install's, by now, stays."""

    async def send(
        self,
        chat: str,
        part: Part,
        *,
        key: str,
        earlier: EarlierTry | None,
        heard_at: datetime | None,
    ) -> str:
        """Send one message; returns the vendor's name of it.

        `key` is the same for every try. Of an earlier one, who can find out whether it came
        through does, and sends nothing twice; None: there was none. The person wrote last when
        they were `heard_at`; None: too long ago for this vendor, as it has said.

        Raises:
            RecipientGone: the person does not take messages from us.
            WindowClosed: not so long after the person's last message.
            InvalidInput: the vendor will never take this one.
        """

    async def show_typing(self, chat: str) -> None:
        """For some seconds."""

    async def acknowledge(self, inbound: Inbound) -> None:
        """Show the person that it was seen, where the vendor waits for that."""

    async def fetch(self, attachment: Attachment, *, max_bytes: int) -> bytes:
        """Raises:
        FileTooLarge: it is longer; no more than that was read.
        NotFound: the vendor does not have it any more.
        """

    async def examine(self, url: str | None) -> Sequence[Finding]:
        """What works and what does not; `url` is where it should listen, None: nowhere."""


class Polled(Line, Protocol):
    """A line on which we can ask for what happens, without any address of ours."""

    async def listen_here(self) -> None:
        """Have it told to no address, whoever set one: a vendor tells us in one way alone."""

    async def poll(self, after: str | None) -> tuple[Sequence[Payload], str | None]:
        """Wait some seconds for events; `after`, as the last call returned it, confirms earlier
        ones. It is returned unchanged where there was nothing.
        """


class Messenger(Protocol):
    """A vendor's messenger: what is the same for all accounts there."""

    @property
    def capabilities(self) -> Capabilities: ...

    def open(
        self, credentials: Credentials, settings: Mapping[str, object]
    ) -> AbstractAsyncContextManager[Line]:
        """Nothing is sent yet."""

    def new_secrets(self) -> Mapping[str, str]:
        """What we add to an account's credentials, such as the secret of its webhook."""

    def read_request(self, request: WebhookRequest, credentials: Credentials) -> Sequence[Payload]:
        """The events that it brings; none where it brings nothing that concerns us.

        Raises:
            Forbidden: it is not from the vendor, or not for this account.
            InvalidInput: it is not what the vendor sends.
        """

    def read(self, payload: Payload, settings: Mapping[str, object]) -> Inbound | None:
        """What an event says; None: nothing that concerns us, or nothing that we understand."""

    def read_delivery(self, payload: Payload) -> Delivery | None:
        """What became of a message of ours, where the vendor tells later; None: nothing new."""
