"""Where the people of a firm see its chats, and answer in the assistant's place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sloth_agent.agent.conversations import Conversations
from sloth_agent.agent.models import Message, Speaker
from sloth_agent.channels.chats import Chat, ChatState, EventOutcome, Outgoing, Step
from sloth_agent.channels.inbox import Messengers
from sloth_agent.channels.inbox_ports import Announce, InboxStore
from sloth_agent.channels.integrations import Integrations
from sloth_agent.channels.messages import Capabilities, Original
from sloth_agent.channels.models import TEMPLATE, Integration, IntegrationStatus, IntegrationType
from sloth_agent.channels.queueing import queued, shown
from sloth_agent.channels.speaking import language_for
from sloth_agent.channels.states import Move, Mover, moved
from sloth_agent.channels.texts import text
from sloth_agent.channels.transcripts import Transcripts
from sloth_agent.clock import Clock
from sloth_agent.errors import (
    ChatMoved,
    Conflict,
    InvalidInput,
    NotFound,
    RecipientGone,
    SlothError,
    WindowClosed,
)
from sloth_agent.ids import ChatId, MessageId
from sloth_agent.tenants.audit import Actor, TenantLog

LONGEST_ANSWER = 4000

MOST_AT_ONCE = 1000

_TRIES = 5
"""Of a move that others make at the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskChat:
    """A chat, as the people of the firm see it."""

    chat: Chat
    channel: IntegrationType
    messages: tuple[Message, ...] = ()  # the newest, oldest first; none in a list of chats


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The chats of one tenant."""

    store: InboxStore
    integrations: Integrations
    messengers: Messengers
    conversations: Conversations
    transcripts: Transcripts
    announce: Announce
    log: TenantLog
    clock: Clock

    async def list(
        self, *, state: ChatState | None = None, limit: int = 50, before: ChatId | None = None
    ) -> Sequence[DeskChat]:
        """Those that were heard of last come first; of all states if None.

        Raises:
            InvalidInput: a limit out of range.
        """
        if not 1 <= limit <= MOST_AT_ONCE:
            raise InvalidInput(f"The limit is 1 to {MOST_AT_ONCE}.", field="limit")
        states = list(ChatState) if state is None else [state]
        chats = await self.store.chats(states, limit=limit, before=before)
        channels = {each.id: each.type for each in await self.integrations.list()}
        return [
            DeskChat(chat=chat, channel=channels[chat.integration])
            for chat in chats
            if chat.integration in channels  # or it was disconnected meanwhile
        ]

    async def show(self, id: ChatId, *, last: int = 100) -> DeskChat:
        """With what was said, the newest messages.

        Raises:
            NotFound: no such chat.
        """
        chat, integration = await self._found(id)
        messages = tuple(await self._messages(chat, last))
        return DeskChat(chat=chat, channel=integration.type, messages=messages)

    async def answer(
        self,
        id: ChatId,
        words: str,
        *,
        by: Actor,
        message: MessageId | None = None,
        original: Original | None = None,
    ) -> DeskChat:
        """Say something to the person; whoever did has the chat from now on.

        With a `message` id of the caller's it is said once, however often it is tried. Of an
        `original` the words are what is kept of it.

        Raises:
            NotFound: no such chat.
            InvalidInput: nothing is said, or too much.
            RecipientGone: the person takes no messages.
            WindowClosed: the channel takes nothing any more before the person writes again.
            Conflict: the channel is not connected.
        """
        words = checked_answer(words)
        chat, integration = await self._found(id)
        self._require_reachable(chat, integration)
        await self.log.write("chat.answered", by=by, subject=str(id))

        def step(chat: Chat) -> Step:
            return self._step(
                chat,
                Move.TAKE,
                said=[self.transcripts.message(Speaker.STAFF, words, id=message)],
                queued=[shown(chat, original, self.clock)]
                if original
                else self._queued(chat, integration, words),
            )

        return await self._moved(id, step)

    async def take(self, id: ChatId, *, by: Actor) -> DeskChat:
        """Have the assistant be silent; again, nothing happens.

        Raises:
            NotFound: no such chat.
        """
        chat, integration = await self._found(id)
        if chat.state is ChatState.PERSON:
            return DeskChat(chat=chat, channel=integration.type)
        await self.log.write("chat.taken", by=by, subject=str(id))
        return await self._moved(id, lambda chat: self._step(chat, Move.TAKE))

    async def give_back(self, id: ChatId, *, by: Actor) -> DeskChat:
        """Have the assistant answer, and tell the person, if they can be told; again, nothing
        happens.

        Raises:
            NotFound: no such chat.
        """
        chat, integration = await self._found(id)
        if chat.state is ChatState.ASSISTANT:
            return DeskChat(chat=chat, channel=integration.type)
        words = text("given_back", await language_for(chat, self.conversations))
        await self.log.write("chat.given_back", by=by, subject=str(id))

        def step(chat: Chat) -> Step:
            if chat.state is ChatState.ASSISTANT or self._unreachable(chat, integration):
                return self._step(chat, Move.GIVE_BACK)
            return self._step(
                chat,
                Move.GIVE_BACK,
                said=[self.transcripts.message(Speaker.ASSISTANT, words)],
                queued=self._queued(chat, integration, words),
            )

        return await self._moved(id, step)

    async def _moved(self, id: ChatId, step_of: Callable[[Chat], Step]) -> DeskChat:
        """Look at the chat and do a step, again where somebody else was faster."""
        for tries_left in reversed(range(_TRIES)):
            chat, integration = await self._found(id)
            try:
                chat = await self.transcripts.begun(chat, integration.type)
                step = step_of(chat)
                now = self.clock()
                jobs = await self.store.put_in(step, now=now)
            except ChatMoved:
                if not tries_left:
                    raise
                continue
            for job in jobs:
                await self.announce(job, now)
            return DeskChat(chat=step.chat, channel=integration.type)
        raise AssertionError("the last try returns or raises")

    def _step(
        self,
        chat: Chat,
        move: Move,
        *,
        said: Sequence[Message] = (),
        queued: Sequence[Outgoing] = (),
    ) -> Step:
        return Step(
            chat=moved(chat, move, Mover.STAFF),
            handled=(),
            outcome=EventOutcome.DONE,
            only_from=chat.state,
            said=tuple(said),
            queued=tuple(queued),
        )

    def _queued(self, chat: Chat, integration: Integration, words: str) -> Sequence[Outgoing]:
        capabilities = self._capabilities(integration)
        # Visitors of a web site look at what was said by themselves.
        return () if capabilities is None else queued(chat, words, capabilities, self.clock)

    def _capabilities(self, integration: Integration) -> Capabilities | None:
        if integration.type is IntegrationType.WEB:
            return None
        return self.messengers(integration.type).capabilities

    def _require_reachable(self, chat: Chat, integration: Integration) -> None:
        problem = self._unreachable(chat, integration)
        if problem is not None:
            raise problem

    def _unreachable(self, chat: Chat, integration: Integration) -> SlothError | None:
        if chat.is_gone:
            return RecipientGone(
                "The person has blocked the assistant, or left.",
                hint="They have to write first.",
            )
        if integration.status is not IntegrationStatus.ACTIVE:
            why = f": {integration.problem.message}" if integration.problem else "."
            return Conflict(
                f"The channel {integration.type} is not connected{why}",
                hint=f"Connect it again: `sloth channels connect {integration.type}`.",
            )
        capabilities = self._capabilities(integration)
        window = capabilities.writes_first_within if capabilities else None
        is_over = window is not None and self.clock() - chat.last_heard_at >= window
        if is_over and not integration.settings.get(TEMPLATE):
            return WindowClosed(
                f"The person wrote too long ago: {integration.type} takes no answer any more.",
                hint="They have to write first, or be called.",
                field="text",
            )
        return None

    async def _messages(self, chat: Chat, last: int) -> Sequence[Message]:
        if chat.conversation is None:
            return ()
        return await self.conversations.messages(chat.conversation, last=last)

    async def _found(self, id: ChatId) -> tuple[Chat, Integration]:
        chat = await self.store.chat(id)
        if chat is None:
            raise NotFound(f"There is no chat {id}.", hint="See `sloth channels chats`.")
        return chat, await self.integrations.show(chat.integration)


def checked_answer(words: str) -> str:
    """Without space at its ends.

    Raises:
        InvalidInput: nothing, or too much.
    """
    words = words.strip()
    if not 1 <= len(words) <= LONGEST_ANSWER:
        raise InvalidInput(
            f"An answer has 1 to {LONGEST_ANSWER} characters.",
            hint="Say it in several.",
            field="text",
        )
    return words
