"""Sends what is to be sent in a chat, in order."""

from dataclasses import dataclass
from datetime import timedelta

from sloth_agent.channels.chats import Chat, Outgoing
from sloth_agent.channels.inbox_ports import InboxStore
from sloth_agent.channels.messages import EarlierTry
from sloth_agent.channels.ports import Line
from sloth_agent.clock import Clock
from sloth_agent.errors import (
    BackendUnavailable,
    ChannelRefused,
    ChannelUnavailable,
    InvalidInput,
    NotFound,
    Problem,
    RateLimited,
    RecipientGone,
    SlothError,
)

WORTH_SENDING = timedelta(days=1)
"""So long a vendor that is away, or that refuses us or puts us off, is waited for."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What goes out for one tenant."""

    store: InboxStore
    clock: Clock

    async def send_all(self, chat: Chat, line: Line) -> bool:
        """Send what waits; returns whether the person still takes messages.

        What was sent just before the process died is sent again, unless it can be found at the
        vendor's: better heard twice than never. What waits for longer than a day is lost.

        Raises:
            BackendUnavailable, RateLimited, ChannelRefused: the rest waits.
        """
        takes_messages = not chat.is_gone
        waiting = await self.store.take_unsent(chat.id)
        for number, outgoing in enumerate(waiting):
            if outgoing.recipient == chat.external_id and not takes_messages:
                await self._give_up(outgoing, RecipientGone("The person takes no messages."))
                continue
            if self.clock() >= outgoing.queued_at + WORTH_SENDING:
                await self._give_up(outgoing, ChannelUnavailable("It was not sent within a day."))
                continue
            try:
                reference = await line.send(
                    outgoing.recipient,
                    outgoing.part,
                    key=str(outgoing.id),
                    earlier=await self._earlier_try(outgoing) if outgoing.begun else None,
                    heard_at=None if outgoing.is_late else chat.last_heard_at,
                )
            except RecipientGone as error:
                takes_messages = takes_messages and outgoing.recipient != chat.external_id
                await self._give_up(outgoing, error)
            except (InvalidInput, NotFound) as error:
                await self._give_up(outgoing, error)
            except (BackendUnavailable, ChannelRefused, RateLimited):
                untried = waiting[number + 1 :]
                await self.store.put_back([each for each in untried if not each.begun])
                raise
            else:
                await self.store.sent(outgoing, reference, now=self.clock())
        return takes_messages

    async def _earlier_try(self, outgoing: Outgoing) -> EarlierTry:
        known = await self.store.known_around(outgoing)
        return EarlierTry(since=outgoing.queued_at, known=known)

    async def _give_up(self, outgoing: Outgoing, error: SlothError) -> None:
        await self.store.given_up(outgoing, Problem.of(error), now=self.clock())
