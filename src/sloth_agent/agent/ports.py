"""What answering needs from outside."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sloth_agent.agent.models import Conversation, Customer, Message, Prompt, Reply, Speaker, Usage
from sloth_agent.billing.allowance import Hold
from sloth_agent.billing.costs import NO_BILL, Bill
from sloth_agent.ids import ConversationId, MessageId
from sloth_agent.knowledge.models import Passage
from sloth_agent.language import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An earlier message of the conversation."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One question with all that the model may know."""

    question: str
    language: Language
    passages: Sequence[Passage]  # best first; cited by number, from 1
    instructions: str  # the tenant's role, instructions and context, as one text
    # How rare each term of the question is among the tenant's chunks: ln((chunks + 1) / (df + 1)),
    # keyed as by `knowledge.lexical.terms`; a term found nowhere has the highest weight.
    term_weights: Mapping[str, float] = field(default_factory=dict)
    history: Sequence[Turn] = ()  # oldest first
    temperature: float = 0.7
    max_tokens: int = 500
    # Hears of tokens that are paid for beside those of the `Completion`: of tries that came to
    # nothing, of an answer that breaks off or that nobody waits for.
    charged: Callable[[Usage], None] = field(default=lambda _usage: None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A piece of the answer, to be shown at once."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A sentence or row taken word for word from a passage."""

    passage: int  # index into `ChatRequest.passages`
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The end of an answer: all its text, the passages it used, and what it cost.

    `quotes` names the sources; none means that the passages do not answer the question. The text
    is then empty where the model has no words of its own: the caller refuses politely.
    """

    text: str
    quotes: tuple[Quote, ...]
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A reply that nobody keeps, and what the model was given for it."""

    reply: Reply
    request: ChatRequest


class ChatModel(Protocol):
    """Answers a question from numbered passages."""

    @property
    def name(self) -> str:
        """For people and for the record, such as `openai/gpt-5-mini` or `extractive`."""

    def answer(self, request: ChatRequest) -> AsyncIterator[Delta | Completion]:
        """Yield the text piece by piece, then exactly one `Completion`.

        Raises:
            ModelUnavailable: no whole answer after the adapter's own tries. Safe to retry.
        """


class PromptStore(Protocol):
    """The prompts of one tenant, version by version. Each method is one transaction."""

    async def active(self) -> Prompt | None:
        """None: the tenant never changed its prompt."""

    async def all(self) -> Sequence[Prompt]:
        """Newest first."""

    async def add(self, prompt: Prompt) -> Prompt:
        """Store a prompt as the next version, whatever its number says, and make it active."""


class ConversationStore(Protocol):
    """The conversations of one tenant. Each method is one transaction."""

    async def start(self, conversation: Conversation) -> None:
        """Nothing happens where it has begun already."""

    async def find(self, id: ConversationId) -> Conversation | None: ...

    async def all(self, *, limit: int, before: ConversationId | None = None) -> list[Conversation]:
        """Newest first, `before` not included."""

    async def messages(
        self, id: ConversationId, *, last: int, after: MessageId | None = None
    ) -> list[Message]:
        """The newest messages of a conversation, those after one of them alone; oldest first."""

    async def append(
        self,
        id: ConversationId,
        messages: Sequence[Message],
        *,
        hold: Hold,
        bill: Bill = NO_BILL,
    ) -> None:
        """Add messages that belong together, a question and its answer, and count them as one.

        What the answer cost is stored with it.

        Raises:
            Conflict: the place was kept beyond its time, or the conversation is erased; nothing is
                stored.
        """


class Keep(Protocol):
    """Stores a question with its answer in the place of `ConversationStore.append`."""

    async def __call__(
        self,
        id: ConversationId,
        messages: Sequence[Message],
        *,
        hold: Hold,
        bill: Bill = NO_BILL,
    ) -> None:
        """Raises as `ConversationStore.append`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A conversation from its beginning to its end."""

    conversation: Conversation
    messages: Sequence[Message]  # oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldByChannel:
    """What a messenger told, as it told it; empty once it is forgotten."""

    received_at: datetime
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SentByChannel:
    """What was given to a messenger, or waits for that: to the customer, or about them to staff."""

    queued_at: datetime
    ended_at: datetime | None  # None: it waits
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTrace:
    """What a chat with a customer leaves beside its conversation."""

    id: UUID
    name: str  # what they call themselves
    state: str
    language: str | None
    first_heard_at: datetime
    last_heard_at: datetime
    told: Sequence[ToldByChannel]  # oldest first, as is what was sent
    sent: Sequence[SentByChannel]


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A photo or document that the customer sent, whatever became of the chat."""

    id: UUID
    name: str
    media_type: str
    size_bytes: int
    created_at: datetime
    file_key: str  # of its bytes in the file store


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFiles:
    """Oldest first."""

    photos: Sequence[SentFile] = ()
    documents: Sequence[SentFile] = ()

    @property
    def file_keys(self) -> Sequence[str]:
        return [file.file_key for file in (*self.photos, *self.documents)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How much there is of a customer."""

    conversations: int
    messages: int
    chats: int = 0  # in messengers
    photos: int = 0  # that they sent
    documents: int = 0


class CustomerStore(Protocol):
    """What one tenant holds about the people who ask. Each method is one transaction."""

    async def transcripts(self, customer: Customer) -> Sequence[Transcript]:
        """All of them as they are at one moment, oldest first."""

    async def chats(self, customer: Customer) -> Sequence[ChatTrace]:
        """Those in messengers; of a group, where the customer was first."""

    async def files(self, customer: Customer) -> SentFiles:
        """What the customer sent, in groups of others too."""

    async def held(self, customer: Customer) -> Held: ...

    async def erase(self, customer: Customer) -> tuple[Held, Sequence[str]]:
        """Erase all that is held at once; who writes meanwhile comes before it, or is refused.

        Returns how much it was, and the keys of the files whose records are gone.
        """
