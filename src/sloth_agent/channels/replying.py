"""Answers a chat: one turn of what waits in it, and sends what that came to.

What waits after that is for the next time: who writes without end keeps nobody else waiting.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from sloth_agent.channels.chats import Chat, EventOutcome, Step
from sloth_agent.channels.inbox import Messengers
from sloth_agent.channels.inbox_ports import InboxStore
from sloth_agent.channels.integrations import Integrations
from sloth_agent.channels.models import Integration, IntegrationStatus
from sloth_agent.channels.ports import Line
from sloth_agent.channels.responding import Responding, Situation
from sloth_agent.channels.sending import Sending
from sloth_agent.channels.staff_room import StaffRoom, are_staff_in, is_for_staff
from sloth_agent.channels.turns import Heard, Turn, next_turn
from sloth_agent.clock import Clock
from sloth_agent.errors import (
    BackendUnavailable,
    ChannelRefused,
    ChatMoved,
    ClaimLost,
    Problem,
    RateLimited,
    SlothError,
)
from sloth_agent.ids import ChatId, EventId
from sloth_agent.jobs.models import Claim
from sloth_agent.jobs.ports import JobStore

READ_AT_ONCE = 50

TRIES_OF_A_BUG = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replying:
    """Answers the chats of one tenant."""

    integrations: Integrations
    messengers: Messengers
    store: InboxStore
    responding: Responding
    staff_room: StaffRoom
    sending: Sending
    jobs: JobStore
    clock: Clock

    async def reply(self, id: ChatId, claim: Claim) -> bool:
        """Returns whether the end of the job is stored.

        Raises:
            BackendUnavailable: the rest is done with the next try.
            ChannelRefused: the integration does not work any more; it says so from now on.
            ClaimLost: somebody else answers the chat.
        """
        chat = await self.store.chat(id)
        if chat is None:
            return False
        integration = await self.integrations.show(chat.integration)
        try:
            await self._reply(chat, integration, claim)
        except ChannelRefused as error:
            await self.integrations.mark(integration.id, IntegrationStatus.ERROR, Problem.of(error))
            raise
        except RateLimited as error:
            seconds = error.details["retry_after_seconds"]
            assert isinstance(seconds, int | float)
            until = self.clock() + timedelta(seconds=seconds)
            await self.jobs.put_off(claim, until=until, problem=Problem.of(error), is_try=False)
            if are_staff_in(chat, integration):  # what they said meanwhile needs no sending here
                await self.store.hasten(id, due=self.clock())
            return True
        return await self.store.end(claim, id, now=self.clock())

    async def _reply(self, chat: Chat, integration: Integration, claim: Claim) -> None:
        messenger = self.messengers(integration.type)
        credentials = await self.integrations.credentials(integration.id)
        async with messenger.open(credentials, integration.settings) as line:
            at = Situation(chat, integration, messenger.capabilities, line, claim)
            if are_staff_in(chat, integration):
                # What they are told may be more than a group takes: customers wait for them.
                await self._hear(at)
            else:
                chat = await self._sent(chat, line, claim)  # what somebody who died had left
                if not await self._hear(replace(at, chat=chat)):
                    return
            known = await self.store.chat(chat.id)
            if known is not None:  # or it was erased meanwhile
                await self._sent(known, line, claim)

    async def _hear(self, at: Situation) -> bool:
        """Handle the next turn; returns whether there was one."""
        heard = await self._heard(at.chat, at.integration, at.claim)
        turn = next_turn(heard, joined=not are_staff_in(at.chat, at.integration))
        if turn is None:
            return False
        with suppress(SlothError):  # a kindness
            await at.line.acknowledge(turn.inbound)
        with suppress(ChatMoved):  # then it is looked at once more, as it is now
            await self._handled(at, turn)
        return True

    async def _handled(self, at: Situation, turn: Turn) -> None:
        """What can never be handled is put aside: what follows it in the chat must not wait."""
        try:
            await self._handle(at, turn)
        except (BackendUnavailable, ChannelRefused, ChatMoved, ClaimLost, RateLimited):
            raise
        except Exception as error:
            if not isinstance(error, SlothError) and at.claim.tries < TRIES_OF_A_BUG:
                raise
            _log.exception("What was said in the chat %s could not be handled.", at.chat.id)
            step = Step(chat=at.chat, handled=turn.events, outcome=EventOutcome.FAILED)
            await self.store.record(step, at.claim, now=self.clock())

    async def _handle(self, at: Situation, turn: Turn) -> None:
        if is_for_staff(at.chat, at.integration, turn.inbound):
            await self.staff_room.hear(at, turn)
        else:
            await self.responding.respond(at, turn)

    async def _heard(self, chat: Chat, integration: Integration, claim: Claim) -> Sequence[Heard]:
        """What waits; what cannot be read any more is put aside."""
        messenger = self.messengers(integration.type)
        heard: list[Heard] = []
        unreadable: list[EventId] = []
        for event in await self.store.unhandled(chat.id, limit=READ_AT_ONCE):
            inbound = messenger.read(event.payload, integration.settings)
            if inbound is None:
                unreadable.append(event.id)
            else:
                heard.append((event, inbound))
        if unreadable:
            step = Step(chat=chat, handled=tuple(unreadable), outcome=EventOutcome.IGNORED)
            await self.store.record(step, claim, now=self.clock())
        return heard

    async def _sent(self, chat: Chat, line: Line, claim: Claim) -> Chat:
        """Send what waits; the chat as it is then: the person may take no messages any more."""
        takes_messages = await self.sending.send_all(chat, line)
        if takes_messages or chat.is_gone:
            return chat
        chat = replace(chat, is_gone=True)
        step = Step(chat=chat, handled=(), outcome=EventOutcome.DONE)
        await self.store.record(step, claim, now=self.clock())
        return chat
