"""The people and groups that a firm talks with, and what was said and is to be said."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import uuid5

from sloth_agent.agent.models import Message
from sloth_agent.channels.messages import Part, Payload
from sloth_agent.errors import Problem
from sloth_agent.ids import ChatId, ConversationId, EventId, IntegrationId, OutgoingId
from sloth_agent.language import Language


class ChatState(StrEnum):
    """Who answers."""

    ASSISTANT = "assistant"
    WAITING = "waiting"  # nobody yet: a person was asked for
    PERSON = "person"  # somebody of the firm


def chat_id(integration: IntegrationId, external_id: str) -> ChatId:
    """The same for everybody who hears of the chat."""
    return ChatId(uuid5(integration, external_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """With one person, or one group."""

    id: ChatId
    integration: IntegrationId
    external_id: str  # the vendor's
    customer: str  # the person, as the vendor knows them; of a group, who was first
    name: str = ""  # of the person, or of the group
    conversation: ConversationId | None = None  # None: nothing was said yet, or it was erased
    language: Language | None = None  # that was asked for; None: as a question is written
    state: ChatState = ChatState.ASSISTANT
    unanswered: int = 0  # questions in a row that the assistant had no answer to
    is_gone: bool = False  # takes no messages from us
    thread: str | None = None  # the topic that was spoken in last; of staff, that they chose
    album: str | None = None  # that was answered last: what of it comes late is not answered again
    last_heard_at: datetime
    created_at: datetime

    @classmethod
    def new(
        cls,
        integration: IntegrationId,
        external_id: str,
        *,
        customer: str,
        name: str,
        now: datetime,
    ) -> Self:
        return cls(
            id=chat_id(integration, external_id),
            integration=integration,
            external_id=external_id,
            customer=customer,
            name=name,
            last_heard_at=now,
            created_at=now,
        )

    def handed_to(self, state: ChatState) -> Self:
        """Whoever comes next begins anew to count what has no answer."""
        return replace(self, state=state, unanswered=0)


class EventOutcome(StrEnum):
    ANSWERED = "answered"
    PASSED_ON = "passed_on"  # to a person
    DONE = "done"  # a command, or somebody who left
    IGNORED = "ignored"  # there is nothing to answer
    FAILED = "failed"  # it could not be handled, whatever was tried
    REFUSED = "refused"  # the firm may have no more answers at present


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a vendor told."""

    id: EventId
    integration: IntegrationId
    external_id: str  # the vendor's: the same never counts twice
    chat: ChatId
    reference: str | None = None  # the vendor's name of the message; None: it is none
    payload: Payload
    received_at: datetime
    handled_at: datetime | None = None
    outcome: EventOutcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands with the chats of an integration."""

    waiting: int  # events that nobody has answered yet
    unsent: int  # messages of ours that nobody has sent yet
    oldest: datetime | None  # since when the first of both waits
    failed: int  # events lately that could not be handled
    chats: int
    gone: int  # of the chats: they take no messages from us
    lost: int  # of our messages lately, to people who do take them
    problem: Problem | None  # of the last one that was lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What is to be sent, or was."""

    id: OutgoingId
    chat: ChatId
    recipient: str  # the vendor's name of the chat that it goes to
    part: Part
    queued_at: datetime
    begun: bool = False  # a try may have come through
    is_late: bool = False  # the vendor refused it already: the person wrote too long ago
    ended_at: datetime | None = None
    reference: str | None = None  # the vendor's; None: not sent
    problem: Problem | None = None  # why it never will be
    about: ChatId | None = None  # whose chat it tells staff of; None: it is said to the customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is done about some events of a chat, all of it or nothing."""

    chat: Chat  # as it is afterwards
    handled: tuple[EventId, ...]
    outcome: EventOutcome
    only_from: ChatState | None = None  # the state changes from this one alone; None: it stays
    said: tuple[Message, ...] = ()  # new in its conversation
    queued: tuple[Outgoing, ...] = ()
