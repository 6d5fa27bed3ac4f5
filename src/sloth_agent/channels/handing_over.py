"""Hands a chat to the people of the firm, and keeps them informed."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sloth_agent.agent.models import Message
from sloth_agent.channels.chats import Chat, ChatState, Outgoing
from sloth_agent.channels.messages import Original
from sloth_agent.channels.models import Integration
from sloth_agent.channels.notice_texts import person_wanted
from sloth_agent.channels.openings import promise
from sloth_agent.channels.small_talk import is_small_talk
from sloth_agent.channels.staff_chats import StaffChats
from sloth_agent.clock import Clock
from sloth_agent.errors import BackendUnavailable
from sloth_agent.language import Language
from sloth_agent.tenants.account_ports import Mailer
from sloth_agent.tenants.owners import Addressee
from sloth_agent.tenants.profile import Profile

UNANSWERED_UNTIL_A_PERSON = 2
"""So many questions in a row without an answer, and a person is asked for."""

MOST_WAITING = 20
"""So many people wait for somebody, and a further one is mailed to nobody."""

_log = logging.getLogger(__name__)


class Addressees(Protocol):
    """Who hears that a person is wanted."""

    async def addressees(self) -> Sequence[Addressee]:
        """None where nobody signs in, and no address was named."""


def counted(chat: Chat, question: str, answered: Message) -> Chat:
    """The chat after an answer, with how many in a row had no grounds; thanks need none."""
    if answered.citations:
        return replace(chat, unanswered=0)
    return chat if is_small_talk(question) else replace(chat, unanswered=chat.unanswered + 1)


def needs_a_person(chat: Chat) -> bool:
    return chat.unanswered >= UNANSWERED_UNTIL_A_PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class HandingOver:
    """How the people of one firm hear of their customers, and customers of them."""

    tenant: str  # its slug
    firm: Callable[[], Awaitable[str]]  # how the firm calls itself
    profile: Callable[[], Awaitable[Profile]]
    addressees: Addressees
    staff_chats: StaffChats
    mailer: Mailer | None  # None: no mail is set up
    frontend: str  # the address of the web console, without a slash at the end
    clock: Clock
    most_waiting: int = MOST_WAITING

    async def call_a_person(
        self,
        chat: Chat,
        integration: Integration,
        said: str,
        *,
        speaker: str = "",
        originals: Sequence[Original] = (),
    ) -> Sequence[Outgoing]:
        """Mail who is to hear of it; returns what goes to the staff's own chat.

        Where many wait already nobody is mailed any more: strangers could have us mail without end.

        Whoever dies after the mails mails again: better told twice than never.
        """
        waiting = await self.staff_chats.store.chats([ChatState.WAITING], limit=self.most_waiting)
        if len(waiting) < self.most_waiting:
            await self._mail(chat, integration, said, speaker)
        words = f"🔔 {name_of(chat, speaker)}: {said}"
        return await self.relayed(chat, integration, words, originals=originals)

    async def relayed(
        self,
        chat: Chat,
        integration: Integration,
        said: str,
        *,
        originals: Sequence[Original] = (),
    ) -> Sequence[Outgoing]:
        """For the staff's own chat, where there is one; an answer to it goes to the person."""
        if not await self._staff_chat_is_wanted():
            return ()
        return await self.staff_chats.told(chat, integration, said, originals=originals)

    async def promise(self, language: Language) -> str:
        """What the customer hears: that somebody comes, or when."""
        return promise(await self.profile(), await self.firm(), language, now=self.clock())

    async def _staff_chat_is_wanted(self) -> bool:
        """Where nobody hears by mail it is the only way."""
        if (await self.profile()).notify_by_telegram or self.mailer is None:
            return True
        return not await self.addressees.addressees()

    async def _mail(self, chat: Chat, integration: Integration, said: str, speaker: str) -> None:
        if self.mailer is None:
            return
        values = {
            "firm": await self.firm(),
            "name": name_of(chat, speaker),
            "channel": integration.type,
            "said": said,
            "url": f"{self.frontend}/inbox/{chat.id}",
            "chat": chat.id,
            "tenant": self.tenant,
        }
        for addressee in await self.addressees.addressees():
            subject, text = person_wanted(addressee.language, **values)
            try:
                await self.mailer.send(to=addressee.email, subject=subject, text=text)
            except BackendUnavailable as error:
                # The staff's chat and the list of chats tell it too.
                _log.warning("Nobody was told by mail that a person is wanted: %s", error.message)


def name_of(chat: Chat, speaker: str = "") -> str:
    """Of whoever speaks there, else of the chat.

    In one line, whatever people call themselves: it stands in the heads of mails.
    """
    return _in_one_line(speaker) or _in_one_line(chat.name) or chat.customer


def _in_one_line(name: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())
