"""What the inbox needs from outside."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol

from sloth_agent.agent.models import Conversation
from sloth_agent.billing.allowance import Hold
from sloth_agent.billing.costs import NO_BILL, Bill
from sloth_agent.channels.chats import Chat, ChatState, Event, Outgoing, Standing, Step
from sloth_agent.channels.messages import KnownMessage
from sloth_agent.errors import Problem
from sloth_agent.ids import ChatId, EventId, IntegrationId, JobId, TenantId
from sloth_agent.jobs.models import Claim

Announce = Callable[[JobId, datetime], Awaitable[None]]
"""Tells workers of a job that is stored, and when it is due."""


class InboxStore(Protocol):
    """What came in by the channels of one tenant, and goes out. Each method is one transaction.

    Where a claim is given, nothing is written once somebody else answers the chat; `ClaimLost`.
    """

    async def receive(
        self, event: Event, chat: Chat, *, now: datetime, due: datetime
    ) -> JobId | None:
        """Keep an event once, and have its chat answered when it is due; a chat that is known stays
        what it is. None: it is being answered now, or waits as long as the vendor asked us to, and
        is looked at after that; staff's chat at once, since they can be heard meanwhile.

        Raises:
            NotFound: the integration was disconnected meanwhile.
        """

    async def chat(self, id: ChatId) -> Chat | None: ...

    async def chats(
        self, states: Collection[ChatState], *, limit: int, before: ChatId | None = None
    ) -> Sequence[Chat]:
        """Those that were heard of last come first; the firm's own staff chats are left out."""

    async def told_of(self, staff_chat: ChatId, reference: str) -> Chat | None:
        """The chat that staff were told of, by what the vendor calls the message that told it."""

    async def event(self, id: EventId) -> Event | None: ...

    async def events(self, *, limit: int, before: EventId | None = None) -> Sequence[Event]:
        """Newest first."""

    async def standing(self, integration: IntegrationId, *, since: datetime) -> Standing:
        """What failed or was lost is counted `since` then."""

    async def turns(self, chat: ChatId, *, since: datetime) -> int:
        """How often something was answered or passed on that came since then."""

    async def was_refused(self, chat: ChatId) -> bool:
        """Whether what was handled last was refused."""

    async def unhandled(self, chat: ChatId, *, limit: int) -> Sequence[Event]:
        """Oldest first."""

    async def begin_conversation(self, chat: Chat, conversation: Conversation) -> None:
        """Raises:
        Conflict: the chat was erased meanwhile.
        """

    async def open_chat(self, chat: Chat, conversation: Conversation) -> Chat:
        """Keep a chat that has no events, with its conversation; one that is known stays what it
        is, and is returned.

        Raises:
            NotFound: the integration was disconnected meanwhile.
        """

    async def note(
        self, step: Step, *, now: datetime, hold: Hold | None = None, bill: Bill = NO_BILL
    ) -> Sequence[JobId]:
        """Do a step of such a chat, where nothing is to be sent but to staff; count what was held
        for it. Returns the jobs that send it.

        Raises:
            ChatMoved: as `record`.
            Conflict: as `ConversationStore.append`.
        """

    async def record(
        self,
        step: Step,
        claim: Claim,
        *,
        now: datetime,
        hold: Hold | None = None,
        bill: Bill = NO_BILL,
    ) -> Sequence[JobId]:
        """Do a step, and count what was held for it.

        Returns the jobs that send what it queues in other chats, such as the staff's.

        Raises:
            ClaimLost: nothing is stored.
            ChatMoved: it is not in the state any more that the step is only for.
            Conflict: as `ConversationStore.append`.
        """

    async def put_in(self, step: Step, *, now: datetime) -> Sequence[JobId]:
        """Do a step from beside; returns the jobs that send what it queues.

        Whoever answers a chat now sends it, too, or will once the vendor lets us: there is no job
        of it then. A step whose messages are there already was done before, and is not done again.

        Raises:
            ChatMoved: as `record`.
            Conflict: the chat was erased meanwhile.
        """

    async def resume(self, integration: IntegrationId, *, now: datetime) -> Sequence[JobId]:
        """Have all chats answered in which something waits: what kept them from it is over."""

    async def hasten(self, chat: ChatId, *, due: datetime) -> None:
        """Have a chat answered then, and no later, if something that came in it waits."""

    async def forget(self, *, before: datetime) -> int:
        """Remove what was sent, and the content of what was handled, if it is older than that.

        That an event was handled is kept: it would count again. Returns how much it was.
        """

    async def take_unsent(self, chat: ChatId) -> Sequence[Outgoing]:
        """What is to be sent, in order; from now on it may have come through."""

    async def put_back(self, waiting: Sequence[Outgoing]) -> None:
        """It was not tried after all: none of it has come through."""

    async def known_around(self, outgoing: Outgoing) -> Sequence[KnownMessage]:
        """Messages of the same account, come in or sent at about the time that it was queued."""

    async def sent(self, outgoing: Outgoing, reference: str, *, now: datetime) -> None: ...

    async def undelivered(
        self, integration: IntegrationId, reference: str, problem: Problem
    ) -> None:
        """What was sent did not arrive, as the vendor says later."""

    async def send_late(
        self, integration: IntegrationId, reference: str, *, now: datetime
    ) -> Sequence[JobId]:
        """Have what was refused as late sent once more, in the template's place; returns the job.

        Nothing happens where it was sent so already.
        """

    async def given_up(self, outgoing: Outgoing, problem: Problem, *, now: datetime) -> None: ...

    async def end(self, claim: Claim, chat: ChatId, *, now: datetime) -> bool:
        """End the answering of a chat, or have it done again where there is more by now.

        False: the claim ended before.
        """


class IntegrationAddresses(Protocol):
    """Whose an integration is, in the whole install. Each method is one transaction."""

    async def add(self, id: IntegrationId, organization: TenantId, account: str | None) -> None:
        """Raises:
        Conflict: the account is connected already, or the id is that of another assistant, of
            which this one is a copy.
        """

    async def organization_of(self, id: IntegrationId) -> TenantId | None: ...

    async def with_account(self, account: str) -> tuple[IntegrationId, TenantId] | None: ...

    async def remove(self, id: IntegrationId, organization: TenantId) -> None: ...
