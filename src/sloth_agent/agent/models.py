"""What an assistant says: prompts, conversations, answers and their sources."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from sloth_agent.errors import InvalidInput
from sloth_agent.ids import ChunkId, ConversationId, MessageId

LONGEST_EXTERNAL_ID = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one answer, as the model counted them; a model that counts none reports 0."""

    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False  # nobody counted them

    @property
    def known(self) -> bool:
        return self.input_tokens + self.output_tokens > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A place in a document that the answer rests on."""

    chunk_id: ChunkId
    document: str
    snippet: str  # stands word for word in the cited chunk
    score: float
    page: int | None = None
    section: str | None = None
    sheet: str | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the assistant says to a question. Without a source `grounded` is False."""

    text: str
    grounded: bool
    citations: tuple[Citation, ...]  # empty unless grounded
    model: str
    usage: Usage
    chunks_used: tuple[ChunkId, ...]  # the passages that the model read
    timings_ms: dict[str, float]
    not_read: tuple[str, ...] = ()  # documents that it could not know yet, some of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Reply):
    """A reply that was stored as a message of a conversation."""

    conversation_id: ConversationId
    message_id: MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """How an assistant speaks. Every change is a new version; one version is active."""

    version: int  # from 1
    role: str
    instructions: str
    context: str
    temperature: float
    max_tokens: int
    active: bool
    created_at: datetime


class Speaker(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"
    STAFF = "staff"  # somebody of the firm, in the assistant's place


class ConversationSource(StrEnum):
    WEB = "web"
    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"
    CLI = "cli"
    API = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A person who asks, as one source knows them."""

    source: ConversationSource
    external_id: str  # the person's id there: a number at Telegram, a phone number at WhatsApp

    def __post_init__(self) -> None:
        """Raises:
        InvalidInput: no id that a source would give.
        """
        id = self.external_id
        if not (1 <= len(id) <= LONGEST_EXTERNAL_ID and id.isprintable()):
            raise InvalidInput(
                f"A customer's id is one line of 1 to {LONGEST_EXTERNAL_ID} characters.",
                hint="Take the one that the source gives to the person.",
                field="customer",
            )

    @classmethod
    def named(cls, name: str) -> Self:
        """Read `telegram:123456789`, as `str` writes it.

        Raises:
            InvalidInput: not the name of a customer.
        """
        source, _, external_id = name.partition(":")
        if source not in list(ConversationSource):
            raise InvalidInput(
                "A customer is a source and an id, such as telegram:123456789.",
                hint=f"Sources: {', '.join(ConversationSource)}.",
                field="customer",
            )
        return cls(source=ConversationSource(source), external_id=external_id)

    def __str__(self) -> str:
        return f"{self.source}:{self.external_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    id: ConversationId
    source: ConversationSource
    created_at: datetime
    external_id: str | None = None  # who asks, as the source knows them; None: nobody said
    messages: int = 0
    title: str | None = None  # its first question, cut to 80 characters; None: none yet
    last_message_at: datetime | None = None  # None: none yet

    @property
    def customer(self) -> Customer | None:
        if self.external_id is None:
            return None
        return Customer(source=self.source, external_id=self.external_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    id: MessageId
    speaker: Speaker
    text: str
    created_at: datetime
    citations: tuple[Citation, ...] = ()
    chunks_used: tuple[ChunkId, ...] = ()
    usage: Usage = field(default_factory=Usage)
    processing_ms: float | None = None  # None for what a person wrote
