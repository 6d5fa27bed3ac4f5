"""What is done about what a person said, step by step."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace

import anyio

from sloth_agent.agent.answering import Answering
from sloth_agent.agent.conversations import Conversations
from sloth_agent.agent.models import Message, Speaker
from sloth_agent.billing.access import require_access
from sloth_agent.billing.allowance import Hold
from sloth_agent.billing.costs import NO_BILL, Bill
from sloth_agent.billing.usage_ports import CurrentSubscriptions
from sloth_agent.channels.chats import Chat, ChatState, EventOutcome, Outgoing, Step
from sloth_agent.channels.hand_over_words import wants_a_person
from sloth_agent.channels.handing_over import HandingOver, counted, name_of, needs_a_person
from sloth_agent.channels.inbox_ports import Announce, InboxStore
from sloth_agent.channels.keeping import Keeping
from sloth_agent.channels.messages import (
    Button,
    Capabilities,
    Inbound,
    MessageKind,
    Part,
)
from sloth_agent.channels.models import Integration
from sloth_agent.channels.ports import Line
from sloth_agent.channels.queueing import queued
from sloth_agent.channels.restraint import Restraint
from sloth_agent.channels.sending import WORTH_SENDING
from sloth_agent.channels.speaking import language_for
from sloth_agent.channels.states import Move, Mover, moved
from sloth_agent.channels.texts import OWN_NAMES, named, text, with_sources
from sloth_agent.channels.transcripts import Transcripts
from sloth_agent.channels.turns import Heard, Kept, Turn
from sloth_agent.errors import (
    BackendUnavailable,
    ConfigurationError,
    FeatureNotInPlan,
    InvalidInput,
    LimitReached,
    ModelUnavailable,
    SlothError,
    SubscriptionExpired,
)
from sloth_agent.ids import ConversationId, EventId, JobId, TenantId
from sloth_agent.jobs.models import Claim
from sloth_agent.language import Language

GIVE_UP_AFTER = 4
"""Tries of the model, or of a file, some minutes together: then the person hears that it failed."""

TYPING_SECONDS = 4.0
"""Vendors show it for five."""

_NO_MORE = (LimitReached, SubscriptionExpired, FeatureNotInPlan)


@dataclass(frozen=True, slots=True)
class Situation:
    """One chat, while somebody answers it."""

    chat: Chat
    integration: Integration
    capabilities: Capabilities
    line: Line
    claim: Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Responding:
    """How one tenant's assistant behaves in chats."""

    organization: TenantId
    firm: Callable[[], Awaitable[str]]  # how the firm calls itself
    answering: Answering
    conversations: Conversations
    keeping: Keeping
    subscriptions: CurrentSubscriptions
    handing_over: HandingOver
    restraint: Restraint
    transcripts: Transcripts
    store: InboxStore
    announce: Announce

    async def respond(self, at: Situation, turn: Turn) -> None:
        """Do all that a turn asks for, or nothing.

        Raises:
            ModelUnavailable: another try may succeed.
            ChatMoved: a person took the chat, or gave it back; nothing was done.
            ClaimLost: somebody else answers the chat.
        """
        kind = turn.inbound.kind
        if kind in (MessageKind.LEFT, MessageKind.CAME_BACK):
            chat = replace(at.chat, is_gone=kind is MessageKind.LEFT)
            await self._record(at, turn, chat, EventOutcome.DONE)
            return
        if turn.inbound.is_edit and kind is not MessageKind.TEXT:
            # Such as a caption or a command, or a place that moves: one edit after the other.
            await self._record(at, turn, at.chat, EventOutcome.IGNORED)
            return
        if await self.restraint.refuses(at.chat.id):
            await self._refuse(at, turn)
            return
        chat = await self.transcripts.begun(at.chat, at.integration.type)
        turn = turn.after(chat.album)
        album = turn.inbound.album or chat.album
        at = replace(at, chat=replace(chat, is_gone=False, thread=turn.inbound.thread, album=album))
        files = [each for each in turn.heard if self.keeping.wants(each[1], at.integration)]
        if files:
            turn = replace(turn, kept=await self._kept(at, files))
        if kind is MessageKind.COMMAND:
            await self._obey(at, turn)
        elif at.chat.state is not ChatState.ASSISTANT:
            await self._pass_on(at, turn)
        elif turn.inbound.is_edit:  # of what was answered
            await self._record(at, turn, at.chat, EventOutcome.IGNORED)
        elif files:
            await self._look_at(at, turn)
        elif kind is MessageKind.TEXT and turn.text.strip():
            await self._answer_or_hand_over(at, turn)
        else:
            await self._decline(at, turn)

    async def _refuse(self, at: Situation, turn: Turn) -> None:
        """Say so once: whoever writes without end is not written to without end."""
        if await self.restraint.has_said_so(at.chat.id):
            await self._record(at, turn, at.chat, EventOutcome.REFUSED)
            return
        words = text("too_often", await self._language(at, turn))
        queued = self._queued(at, turn, words)
        await self._record(at, turn, at.chat, EventOutcome.REFUSED, queued=queued)

    # Commands

    async def _obey(self, at: Situation, turn: Turn) -> None:
        inbound, chat = turn.inbound, at.chat
        match inbound.command:
            case "human":
                await self._hand_over(at, turn, Mover.CUSTOMER, said=inbound.text or "/human")
            case "language" if (chosen := named(inbound.text)) is not None:
                chat = replace(chat, language=chosen)
                await self._say(at, turn, text("language_is", chosen), chosen, chat=chat)
            case "language":
                language = await self._language(at, turn)
                asked = text("choose_language", language)
                buttons = tuple(
                    Button(label=name, command=f"language {each}")
                    for each, name in OWN_NAMES.items()
                )
                await self._say(at, turn, asked, language, last=Part(text=asked, buttons=buttons))
            case "start":
                await self._say_text(at, turn, "start")
            case _:
                await self._say_text(at, turn, "help")

    async def _hand_over(self, at: Situation, turn: Turn, by: Mover, *, said: str) -> None:
        chat = moved(at.chat, Move.ASK, by)
        if chat.state is at.chat.state:
            await self._pass_on(at, turn)
            return
        notices = await self.handing_over.call_a_person(
            chat, at.integration, said, speaker=turn.inbound.name, originals=turn.originals
        )
        language = await self._language(at, turn)
        promise = await self.handing_over.promise(language)
        told = [promise, *await self._told_of_document(turn, language)]
        await self._record(
            at,
            turn,
            chat,
            EventOutcome.DONE,
            said=[
                self._said(Speaker.USER, said),
                *(self._said(Speaker.ASSISTANT, words) for words in told),
            ],
            queued=[*(part for words in told for part in self._queued(at, turn, words)), *notices],
        )

    # What a person of the firm is to answer

    async def _pass_on(self, at: Situation, turn: Turn) -> None:
        said = in_words(turn)
        relayed = await self.handing_over.relayed(
            at.chat,
            at.integration,
            f"{name_of(at.chat, turn.inbound.name)}: {said}",
            originals=turn.originals,
        )
        message = self._said(Speaker.USER, said)
        step = Step(
            chat=at.chat,
            handled=turn.events,
            outcome=EventOutcome.PASSED_ON,
            only_from=at.chat.state,  # given back meanwhile, it is the assistant's to answer
            said=(message,),
            queued=tuple(relayed),
        )
        await self._tell(await self.store.record(step, at.claim, now=self.conversations.clock()))

    # What came with a message

    async def _kept(self, at: Situation, files: Sequence[Heard]) -> Mapping[EventId, Kept]:
        kept = {event.id: await self._taken(at, (event, inbound)) for event, inbound in files}
        return {event: each for event, each in kept.items() if each is not None}

    async def _taken(self, at: Situation, file: Heard) -> Kept | None:
        try:
            return await self.keeping.keep(file, at.chat, at.integration, at.line)
        except BackendUnavailable:
            if at.claim.tries < GIVE_UP_AFTER:
                raise
            return None

    async def _look_at(self, at: Situation, turn: Turn) -> None:
        if turn.kept and turn.text.strip():
            await self._answer_or_hand_over(at, turn)
        elif turn.is_late and len(turn.kept) == len(turn.heard):
            said = [self._said(Speaker.USER, in_words(turn))]
            await self._record(at, turn, at.chat, EventOutcome.DONE, said=said)
        else:
            await self._say_text(at, turn, *_what_became_of(turn))

    async def _told_of_document(self, turn: Turn, language: Language) -> Sequence[str]:
        """What to say beside the answer to its caption: nobody may think that it was read."""
        if not turn.text.strip():
            return ()
        names = [name for name in _thanks(turn) if name.startswith(MessageKind.DOCUMENT)]
        return [text(name, language, firm=await self.firm()) for name in names]

    # What the assistant answers

    async def _answer_or_hand_over(self, at: Situation, turn: Turn) -> None:
        # What lay here while the channel did not work is no question for a model any more.
        is_old = self.conversations.clock() - turn.came_at >= WORTH_SENDING
        if is_old or wants_a_person(turn.text, at.integration.settings):
            await self._hand_over(at, turn, Mover.RULE, said=in_words(turn))
        else:
            await self._answer(at, turn)

    async def _answer(self, at: Situation, turn: Turn) -> None:
        language = await self._language(at, turn)
        # A message of its own, and before the answer: no question leans on the name of a file.
        brought = [self._said(Speaker.USER, kept.words) for kept in turn.kept.values()]

        async def keep(
            id: ConversationId,  # noqa: ARG001 - the chat's own
            messages: Sequence[Message],
            *,
            hold: Hold,
            bill: Bill = NO_BILL,
        ) -> None:
            await self._keep_answer(at, turn, [*brought, *messages], language, hold, bill)

        try:
            require_access(
                await self.subscriptions.current(self.organization), at.integration.type.feature
            )
            with _away_until_mended():
                async with typing(at):
                    parts = self.answering.answer(
                        turn.text,
                        conversation=at.chat.conversation,
                        language=language,
                        keep=keep,
                    )
                    async for _ in parts:
                        pass
        except InvalidInput:
            await self._say_text(at, turn, "too_long", language=language)
        except _NO_MORE:
            await self._say_text(at, turn, "away", language=language, outcome=EventOutcome.REFUSED)
        except ModelUnavailable:
            if at.claim.tries < GIVE_UP_AFTER:
                raise
            await self._say_text(at, turn, "away", language=language, outcome=EventOutcome.REFUSED)

    async def _keep_answer(
        self,
        at: Situation,
        turn: Turn,
        messages: Sequence[Message],
        language: Language,
        hold: Hold,
        bill: Bill,
    ) -> None:
        answered = messages[-1]
        out = [*self._queued(at, turn, with_sources(answered.text, answered.citations, language))]
        chat = counted(at.chat, turn.text, answered)
        said = list(messages)
        for told in await self._told_of_document(turn, language):
            out += self._queued(at, turn, told)
            said.append(self._said(Speaker.ASSISTANT, told))
        if needs_a_person(chat):
            told = await self.handing_over.promise(language)
            out += self._queued(at, turn, told)
            out += await self.handing_over.call_a_person(
                chat, at.integration, turn.text, speaker=turn.inbound.name
            )
            said.append(self._said(Speaker.ASSISTANT, told))
            chat = moved(chat, Move.ASK, Mover.RULE)
        step = Step(
            chat=chat,
            handled=turn.events,
            outcome=EventOutcome.ANSWERED,
            only_from=ChatState.ASSISTANT,  # who is answered by a person hears no model
            said=tuple(said),
            queued=tuple(out),
        )
        now = self.conversations.clock()
        await self._tell(await self.store.record(step, at.claim, now=now, hold=hold, bill=bill))

    async def _decline(self, at: Situation, turn: Turn) -> None:
        match turn.inbound.kind:
            case _ if turn.is_late:
                await self._record(at, turn, at.chat, EventOutcome.IGNORED)
            case MessageKind.VOICE | MessageKind.DOCUMENT | MessageKind.LOCATION as kind:
                await self._say_text(at, turn, kind.value)
            case _:
                await self._record(at, turn, at.chat, EventOutcome.IGNORED)

    # Steps

    async def _say_text(
        self,
        at: Situation,
        turn: Turn,
        *names: str,
        language: Language | None = None,  # None: nobody has looked yet
        outcome: EventOutcome = EventOutcome.DONE,
    ) -> None:
        language = language or await self._language(at, turn)
        firm = await self.firm()
        words = "\n\n".join(text(name, language, firm=firm) for name in names)
        await self._say(at, turn, words, language, outcome=outcome)

    async def _say(
        self,
        at: Situation,
        turn: Turn,
        words: str,
        language: Language,
        *,
        chat: Chat | None = None,
        last: Part | None = None,
        outcome: EventOutcome = EventOutcome.DONE,
    ) -> None:
        """Without a model, and without counting it as a message of the plan."""
        worth_keeping = turn.text or turn.inbound.command or turn.kept
        asked = in_words(turn) if worth_keeping else ""
        messages = [self._said(Speaker.USER, asked)] if asked else []
        beside = await self._told_of_document(turn, language)
        await self._record(
            at,
            turn,
            chat or at.chat,
            outcome,
            said=[
                *messages,
                *(self._said(Speaker.ASSISTANT, told) for told in (words, *beside)),
            ],
            queued=[
                *self._queued(at, turn, words, last),
                *(part for told in beside for part in self._queued(at, turn, told)),
            ],
        )

    async def _record(
        self,
        at: Situation,
        turn: Turn,
        chat: Chat,
        outcome: EventOutcome,
        *,
        said: Sequence[Message] = (),
        queued: Sequence[Outgoing] = (),
    ) -> None:
        step = Step(
            chat=chat,
            handled=turn.events,
            outcome=outcome,
            only_from=at.chat.state if chat.state is not at.chat.state else None,
            said=tuple(said),
            queued=tuple(queued),
        )
        await self._tell(await self.store.record(step, at.claim, now=self.conversations.clock()))

    async def _tell(self, jobs: Sequence[JobId]) -> None:
        for job in jobs:
            await self.announce(job, self.conversations.clock())

    async def _language(self, at: Situation, turn: Turn) -> Language:
        """Of what we say by ourselves, and of what a model is asked for."""
        return await language_for(at.chat, self.conversations, turn.inbound)

    def _queued(
        self, at: Situation, turn: Turn, words: str, last: Part | None = None
    ) -> tuple[Outgoing, ...]:
        clock = self.conversations.clock
        return queued(at.chat, words, at.capabilities, clock, answered=turn.inbound, last=last)

    def _said(self, speaker: Speaker, words: str) -> Message:
        return self.transcripts.message(speaker, words)


def in_words(turn: Turn) -> str:
    """A message as it stands in the conversation, with what came beside its words."""
    inbound = turn.inbound
    command = f"/{inbound.command}" if inbound.command else ""
    beside = [_beside(each, turn.kept.get(event.id)) for event, each in turn.heard]
    words = [each for each in (command, inbound.text, *beside) if each]
    return "\n".join(words or [f"[{inbound.kind}]"])


def _beside(inbound: Inbound, kept: Kept | None) -> str:
    if kept is not None:
        return kept.words
    if inbound.kind is MessageKind.PHOTO:
        return "[photo]"
    return f"[{inbound.kind}: {inbound.attachment.name}]" if inbound.attachment else ""


def _what_became_of(turn: Turn) -> Sequence[str]:
    """The texts that tell it, of all that came."""
    refused = [each.kind for event, each in turn.heard if event.id not in turn.kept]
    return [*_thanks(turn), *(f"{kind}_refused" for kind in dict.fromkeys(refused))]


def _thanks(turn: Turn) -> Sequence[str]:
    count = Counter(kept.kind for kept in turn.kept.values())
    return [f"{kind}s_kept" if many > 1 else f"{kind}_kept" for kind, many in count.items()]


@contextmanager
def _away_until_mended() -> Iterator[None]:
    """A key that is refused, or a model that is no more, is an outage to whoever asks."""
    try:
        yield
    except ConfigurationError as error:
        raise ModelUnavailable(error.message, hint=error.hint) from error


@asynccontextmanager
async def typing(at: Situation) -> AsyncIterator[None]:
    """Show, as long as it takes, that an answer is being written; failing is no harm."""

    async def show() -> None:
        while True:
            with suppress(SlothError):
                await at.line.show_typing(at.chat.external_id)
            await anyio.sleep(TYPING_SECONDS)

    if not at.capabilities.shows_typing:
        yield
        return
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(show)
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised below, where no group wraps it
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
