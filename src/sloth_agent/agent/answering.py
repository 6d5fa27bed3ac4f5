"""Answers a question from what the assistant knows, with sources, or says that it cannot."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

from sloth_agent.agent.asking import ask
from sloth_agent.agent.conversations import Conversations
from sloth_agent.agent.following import leant_on
from sloth_agent.agent.languages import AWAY, REFUSALS, detect
from sloth_agent.agent.models import (
    Answer,
    Citation,
    ConversationSource,
    Customer,
    Message,
    Prompt,
    Reply,
    Speaker,
)
from sloth_agent.agent.ports import (
    ChatModel,
    ChatRequest,
    Completion,
    Delta,
    Keep,
    Quote,
    Trial,
    Turn,
)
from sloth_agent.agent.prompts import Prompts
from sloth_agent.agent.questions import bridged_text, search_text
from sloth_agent.billing.allowance import Resource
from sloth_agent.billing.costs import Costs, Tally
from sloth_agent.billing.usage import Metering
from sloth_agent.errors import ModelUnavailable
from sloth_agent.ids import ConversationId, MessageId, new_id
from sloth_agent.knowledge.models import Passage
from sloth_agent.knowledge.queries import LONGEST_QUERY, cleaned
from sloth_agent.knowledge.retrieval import Found, Retrieval
from sloth_agent.language import Language

PASSAGES = 8
"""How many passages a model gets to read."""

BRIDGED = 3
"""How many of them may be found under the names that things have in other languages."""

REMEMBERED_MESSAGES = 10
"""How far back a model can look in a conversation."""

LONGEST_FOLLOW_UP = 40
"""Characters; a longer question is taken to stand for itself."""


OnAnswer = Callable[[Answer], None]
"""Hears of each answer that was stored."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers for one tenant."""

    retrieval: Retrieval
    model: ChatModel
    prompts: Prompts
    conversations: Conversations
    metering: Metering
    costs: Costs
    on_answer: OnAnswer = lambda _answer: None

    async def answer(
        self,
        question: str,
        *,
        conversation: ConversationId | None = None,
        language: Language | None = None,
        source: ConversationSource = ConversationSource.API,
        external_id: str | None = None,
        keep: Keep | None = None,
    ) -> AsyncIterator[Delta | Answer]:
        """Yield the text piece by piece, then the whole `Answer`; question and answer are stored.

        `language` is that of a refusal and a wish to the model; None: as the question is written.
        `external_id` is whoever asks, as the source knows them; None: nobody said.
        `keep` stores them beside what else has to happen with them; None: they are stored alone.

        Raises:
            InvalidInput: an empty question, or one that is too long; no id of a person.
            NotFound: no such conversation, or it is somebody else's.
            Conflict: the conversation was erased meanwhile; nothing is stored, and nothing counted.
            ModelUnavailable: the model did not answer; nothing is stored, and nothing counted.
            MessageLimitExceeded, CostLimitExceeded, SubscriptionExpired: the model was not asked.
        """
        customer = None if external_id is None else Customer(source=source, external_id=external_id)
        history: Sequence[Message] = ()
        if conversation is not None:
            history = await self.conversations.earlier(
                conversation, of=customer, last=REMEMBERED_MESSAGES
            )
        answer: Answer | None = None
        async with (
            self.metering.held(Resource.MESSAGES) as hold,
            self.costs.counted() as tally,
            aclosing(self._replied(question, language, history, None, tally)) as parts,
        ):
            async for part in parts:
                if isinstance(part, Trial):
                    if conversation is None:
                        started = await self.conversations.start(source, external_id=external_id)
                        conversation = started.id
                    asked, answered = self._exchange(question, part.reply)
                    await (keep or self.conversations.store.append)(
                        conversation, [asked, answered], hold=hold, bill=tally.bill
                    )
                    tally.stored()
                    answer = _answer(part.reply, conversation, answered.id)
                else:
                    yield part
        assert answer is not None, "what is replied ends with a Trial"
        self.on_answer(answer)
        yield answer

    async def reply(
        self,
        question: str,
        *,
        language: Language | None = None,
        history: Sequence[Message] = (),
        prompt: Prompt | None = None,
    ) -> AsyncIterator[Delta | Trial]:
        """Like `answer`, but no message is stored or counted: for trying out, for measuring.

        `prompt` is a draft; None: the active one. What it costs is recorded all the same.
        """
        trial: Trial | None = None
        async with (
            self.costs.counted() as tally,
            aclosing(self._replied(question, language, history, prompt, tally)) as parts,
        ):
            async for part in parts:
                if isinstance(part, Trial):
                    trial = part
                else:
                    yield part
        assert trial is not None, "what is replied ends with a Trial"
        yield trial

    async def _replied(
        self,
        question: str,
        language: Language | None,
        history: Sequence[Message],
        prompt: Prompt | None,
        tally: Tally,
    ) -> AsyncGenerator[Delta | Trial, None]:
        await self.costs.require_room(tally)
        started = time.perf_counter()
        question = cleaned(question)
        language = language or detect(question)
        found = await self._found(_in_context(question, history, language), language, tally)
        retrieved = time.perf_counter()

        prompt = prompt or await self.prompts.show()
        request = _request(question, language, found, prompt, history)
        completion: Completion | None = None
        with _told_in(language):
            async with aclosing(ask(self.model, request, tally)) as parts:
                async for part in parts:
                    if isinstance(part, Completion):
                        completion = part
                    else:
                        yield part
            if completion is None:
                raise ModelUnavailable("The model broke off its answer.", hint="Ask again.")

        text = completion.text
        if not text:
            text = REFUSALS[language]
            yield Delta(text=text)
        citations = _citations(completion.quotes, found.passages) if completion.text else ()
        finished = time.perf_counter()
        reply = Reply(
            text=text,
            grounded=bool(citations),
            citations=citations,
            model=self.model.name,
            usage=completion.usage,
            chunks_used=tuple(passage.chunk_id for passage in found.passages),
            not_read=found.not_read,
            timings_ms={
                **found.timings_ms,
                "retrieve": (retrieved - started) * 1000,
                "answer": (finished - retrieved) * 1000,
                "total": (finished - started) * 1000,
            },
        )
        yield Trial(reply=reply, request=request)

    async def _found(self, question: str, language: Language, tally: Tally) -> Found:
        """The passages to answer from; without vectors also those in other languages.

        Vectors see meaning in any words. Without them the telling words alone are looked up, and
        everyday things once more under their names in the other languages.
        """
        if self.retrieval.embedder is not None:
            found = await self.retrieval.find(question, tally, limit=PASSAGES)
            if found.by_vectors:
                return found
        found = await self.retrieval.find(search_text(question, language), tally, limit=PASSAGES)
        bridge = bridged_text(question, language)
        if not bridge.strip():
            return found
        bridged = await self.retrieval.find(bridge, tally, limit=PASSAGES)
        known = {passage.chunk_id for passage in found.passages}
        more = [p for p in bridged.passages if p.chunk_id not in known][:BRIDGED]
        return Found(
            passages=(*found.passages[: PASSAGES - len(more)], *more),
            term_weights={**bridged.term_weights, **found.term_weights},
            by_vectors=False,
            not_read=found.not_read,
            timings_ms={
                name: value + bridged.timings_ms[name] for name, value in found.timings_ms.items()
            },
        )

    def _exchange(self, question: str, reply: Reply) -> tuple[Message, Message]:
        now = self.conversations.clock()
        asked = Message(
            id=MessageId(new_id()),
            speaker=Speaker.USER,
            text=cleaned(question),
            created_at=now,
        )
        answered = Message(
            id=MessageId(new_id()),
            speaker=Speaker.ASSISTANT,
            text=reply.text,
            created_at=now,
            citations=reply.citations,
            chunks_used=reply.chunks_used,
            usage=reply.usage,
            processing_ms=reply.timings_ms["total"],
        )
        return asked, answered


def _answer(reply: Reply, conversation: ConversationId, message: MessageId) -> Answer:
    return Answer(
        text=reply.text,
        grounded=reply.grounded,
        citations=reply.citations,
        model=reply.model,
        usage=reply.usage,
        chunks_used=reply.chunks_used,
        timings_ms=reply.timings_ms,
        not_read=reply.not_read,
        conversation_id=conversation,
        message_id=message,
    )


@contextmanager
def _told_in(language: Language) -> Iterator[None]:
    """Whoever asked is told in their language, and nothing of who did not answer."""
    try:
        yield
    except ModelUnavailable as error:
        error.details["told"] = AWAY[language]
        raise


def _in_context(question: str, history: Sequence[Message], language: Language) -> str:
    """What to search for: "And for men?" makes sense only beside the question before it."""
    asked = [message.text for message in history if message.speaker is Speaker.USER]
    if not asked or len(question) > LONGEST_FOLLOW_UP:
        return question
    before = leant_on(question, asked, language) or asked[-1]
    return f"{before[: LONGEST_QUERY // 2]}\n{question}"


def _request(
    question: str,
    language: Language,
    found: Found,
    prompt: Prompt,
    history: Sequence[Message],
) -> ChatRequest:
    return ChatRequest(
        question=question,
        language=language,
        passages=found.passages,
        instructions="\n\n".join(
            part for part in (prompt.role, prompt.instructions, prompt.context) if part
        ),
        term_weights=found.term_weights,
        history=[Turn(speaker=message.speaker, text=message.text) for message in history],
        temperature=prompt.temperature,
        max_tokens=prompt.max_tokens,
    )


def _citations(quotes: Sequence[Quote], passages: Sequence[Passage]) -> tuple[Citation, ...]:
    """One citation per quote that really stands in a passage that was sent; no model is trusted."""
    checked: dict[tuple[int, str], Citation] = {}
    for quote in quotes:
        if not 0 <= quote.passage < len(passages):
            continue
        passage = passages[quote.passage]
        snippet = quote.text.strip()
        if snippet and snippet in passage.text:
            checked[quote.passage, snippet] = _citation(passage, snippet)
    return tuple(checked.values())


def _citation(passage: Passage, snippet: str) -> Citation:
    place = passage.place
    return Citation(
        chunk_id=passage.chunk_id,
        document=passage.cited_document,
        snippet=snippet,
        score=passage.score,
        page=place.page,
        section=place.section,
        sheet=place.sheet,
        row=_row(passage, snippet),
    )


def _row(passage: Passage, snippet: str) -> int | None:
    """The number of the row that holds the snippet: under its headings, each line is a row."""
    if passage.place.row is None:
        return None
    above = passage.text[: passage.text.index(snippet)].split("\n")[:-1]
    return passage.place.row + sum(line not in passage.place.headings for line in above)
