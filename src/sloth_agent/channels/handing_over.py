"""Hands a chat to the people of the firm, and keeps them informed."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sloth_agent.agent.models import Message
from sloth_agent.channels.chats import Chat, Outgoing
from sloth_agent.channels.messages import Capabilities, Part
from sloth_agent.channels.models import Integration
from sloth_agent.channels.small_talk import is_small_talk
from sloth_agent.channels.splitting import split
from sloth_agent.clock import Clock
from sloth_agent.errors import BackendUnavailable
from sloth_agent.ids import OutgoingId, new_id
from sloth_agent.tenants.account_ports import Mailer

STAFF_CHAT = "staff_chat"
"""The setting of an integration that names the chat in which the firm's people are."""

UNANSWERED_UNTIL_A_PERSON = 2
"""So many questions in a row without an answer, and a person is asked for."""

_log = logging.getLogger(__name__)


class Addressees(Protocol):
    """Who hears that a person is wanted."""

    async def addresses(self) -> Sequence[str]:
        """E-mail addresses; none where nobody signs in."""


def counted(chat: Chat, question: str, answered: Message) -> Chat:
    """The chat after an answer, with how many in a row had no grounds; thanks need none."""
    if answered.citations:
        return replace(chat, unanswered=0)
    return chat if is_small_talk(question) else replace(chat, unanswered=chat.unanswered + 1)


def needs_a_person(chat: Chat) -> bool:
    return chat.unanswered >= UNANSWERED_UNTIL_A_PERSON


@dataclass(frozen=True, slots=True)
class HandingOver:
    """How the people of one firm hear of their customers."""

    addressees: Addressees
    mailer: Mailer | None  # None: no mail is set up
    clock: Clock

    async def call_a_person(
        self, chat: Chat, integration: Integration, said: str, capabilities: Capabilities
    ) -> Sequence[Outgoing]:
        """Mail who is to hear of it; returns what goes to the staff's own chat.

        Whoever dies after the mails mails again: better told twice than never.
        """
        await self._mail(chat, integration, said)
        return self.relayed(chat, integration, f"🔔 {_name(chat)}: {said}", capabilities)

    def relayed(
        self, chat: Chat, integration: Integration, said: str, capabilities: Capabilities
    ) -> Sequence[Outgoing]:
        """For the staff's own chat, where there is one; an answer to it goes to the person."""
        recipient = integration.settings.get(STAFF_CHAT)
        if not isinstance(recipient, str):
            return ()
        return queued(chat, said, capabilities, self.clock, recipient=recipient)

    async def _mail(self, chat: Chat, integration: Integration, said: str) -> None:
        if self.mailer is None:
            return
        subject = f"{_name(chat)} is waiting for a person ({integration.type})"
        text = (
            f"{_name(chat)} wrote by {integration.type}:\n\n{said}\n\n"
            f"The assistant is silent until somebody answers or gives the chat back:\n"
            f"sloth channels answer {chat.id} TEXT\nsloth channels give-back {chat.id}\n"
        )
        for address in await self.addressees.addresses():
            try:
                await self.mailer.send(to=address, subject=subject, text=text)
            except (
                BackendUnavailable
            ) as error:  # the staff's chat and the list of chats tell it too
                _log.warning("Nobody was told by mail that a person is wanted: %s", error.message)


def queued(
    chat: Chat,
    text: str,
    capabilities: Capabilities,
    clock: Clock,
    *,
    recipient: str | None = None,
    last: Part | None = None,
) -> tuple[Outgoing, ...]:
    """A text as what is to be sent; `last` has the buttons that belong under its end."""
    now = clock()
    buttons = last.buttons if last else ()
    pieces = split(text, capabilities)
    return tuple(
        Outgoing(
            id=OutgoingId(new_id()),
            chat=chat.id,
            recipient=recipient or chat.external_id,
            part=Part(text=piece, buttons=buttons if number == len(pieces) - 1 else ()),
            queued_at=now,
        )
        for number, piece in enumerate(pieces)
    )


def _name(chat: Chat) -> str:
    return chat.name or chat.customer
