"""The chat in which the people of a firm are: there they answer its customers."""

from dataclasses import dataclass, replace

from sloth_agent.channels.chats import Chat, EventOutcome, Step
from sloth_agent.channels.desk import Desk
from sloth_agent.channels.handing_over import name_of
from sloth_agent.channels.inbox_ports import InboxStore
from sloth_agent.channels.integrations import Integrations
from sloth_agent.channels.messages import Inbound, MessageKind
from sloth_agent.channels.models import Integration
from sloth_agent.channels.queueing import queued
from sloth_agent.channels.responding import Situation
from sloth_agent.channels.speaking import language_for
from sloth_agent.channels.staff_chats import STAFF_CHAT
from sloth_agent.channels.staff_codes import StaffCodes
from sloth_agent.channels.texts import text
from sloth_agent.channels.turns import Turn
from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, InvalidInput, RecipientGone
from sloth_agent.ids import MessageId
from sloth_agent.tenants.audit import Actor
from sloth_agent.tenants.profile import Profiles

COMMAND = "staff"
OFF = "off"
DONE = "done"


def are_staff_in(chat: Chat, integration: Integration) -> bool:
    return integration.settings.get(STAFF_CHAT) == chat.external_id


def is_for_staff(chat: Chat, integration: Integration, inbound: Inbound) -> bool:
    """Whether somebody of the firm speaks here, or wants to, or did under a former name."""
    place = integration.settings.get(STAFF_CHAT)
    is_theirs = place is not None and place in (chat.external_id, inbound.moved_from)
    return inbound.command == COMMAND or is_theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffRoom:
    """Of one tenant. What is said in it is kept in customers' conversations, and nowhere else."""

    integrations: Integrations
    codes: StaffCodes
    desk: Desk
    profiles: Profiles
    store: InboxStore
    clock: Clock

    async def hear(self, at: Situation, turn: Turn) -> None:
        """Do what was said, and reply if there is something to say.

        Cut short, it is done again: nobody is answered twice by that.

        Raises:
            ClaimLost: somebody else answers the chat.
        """
        inbound = turn.inbound
        if inbound.moved_from is not None:
            told = None
            await self.integrations.change_settings(
                at.integration.id, {STAFF_CHAT: at.chat.external_id}
            )
        elif inbound.is_edit or inbound.kind is MessageKind.CAME_BACK:
            told = None
        elif inbound.command == COMMAND:
            told = await self._begin_or_end(at, inbound)
        elif inbound.kind is MessageKind.LEFT:
            told = None
            await self._end(at, inbound)
        else:
            told = await self._reply(at, turn)
        await self._record(at, turn, told)

    async def _begin_or_end(self, at: Situation, inbound: Inbound) -> str | None:
        language = await language_for(at.chat, self.desk.conversations, inbound)
        is_here = are_staff_in(at.chat, at.integration)
        if is_here and inbound.text.strip().lower() == OFF:
            await self._end(at, inbound)
            return text("staff_ends", language)
        if is_here:
            return text("staff_begins", language)
        if not await self.codes.use(at.integration.id, inbound.text, chat=at.chat.external_id):
            return text("staff_code_wrong", language)
        by = _actor(at, inbound)
        await self.integrations.log.write("staff_chat.begun", by=by, subject=str(at.integration.id))
        await self.profiles.change(notify_by_telegram=True, by=by)
        return text("staff_begins", language)

    async def _end(self, at: Situation, inbound: Inbound) -> None:
        await self.integrations.log.write(
            "staff_chat.ended", by=_actor(at, inbound), subject=str(at.integration.id)
        )
        await self.integrations.change_settings(at.integration.id, {STAFF_CHAT: None})

    async def _reply(self, at: Situation, turn: Turn) -> str | None:
        inbound = turn.inbound
        language = await language_for(at.chat, self.desk.conversations, inbound)
        customer = await self._meant(at, inbound)
        if customer is None:
            return text("staff_hint", language)
        by = _actor(at, inbound)
        try:
            if inbound.command == DONE:
                await self.desk.give_back(customer.id, by=by)
                return text("staff_gave_back", language, customer=name_of(customer))
            original = inbound.original if _shows_originals(at, customer) else None
            if inbound.kind is not MessageKind.TEXT and original is None:
                return text("staff_only_text", language)
            await self.desk.answer(
                customer.id,
                inbound.text if original is None else f"[{inbound.kind}] {inbound.text}",
                by=by,
                message=MessageId(turn.events[0]),
                original=original,
            )
        except (RecipientGone, Conflict, InvalidInput) as error:
            return text("staff_not_sent", language, problem=error.message)
        return None

    async def _meant(self, at: Situation, inbound: Inbound) -> Chat | None:
        """The customer whose message was replied to."""
        if inbound.reply_to is None:
            return None
        return await self.store.told_of(at.chat.id, inbound.reply_to)

    async def _record(self, at: Situation, turn: Turn, told: str | None) -> None:
        """Where it was said; staff hear of customers in the topic in which they said so."""
        inbound = turn.inbound
        here = replace(at.chat, is_gone=inbound.kind is MessageKind.LEFT, thread=inbound.thread)
        is_chosen = told is not None and inbound.command == COMMAND
        step = Step(
            chat=here if is_chosen else replace(here, thread=at.chat.thread),
            handled=turn.events,
            outcome=EventOutcome.DONE,
            queued=queued(here, told, at.capabilities, self.clock, answered=inbound)
            if told
            else (),
        )
        await self.store.record(step, at.claim, now=self.clock())


def _shows_originals(at: Situation, customer: Chat) -> bool:
    return at.capabilities.shows_originals and customer.integration == at.integration.id


def _actor(at: Situation, inbound: Inbound) -> Actor:
    return Actor(name=f"{at.integration.type}:{inbound.sender}")
