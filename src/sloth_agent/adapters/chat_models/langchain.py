"""Answers from any LangChain chat model."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import anyio

from sloth_agent.adapters.langchain_objects import model_name, named, options
from sloth_agent.agent.citing import Screen, quotes
from sloth_agent.agent.models import Usage
from sloth_agent.agent.ports import ChatRequest, Completion, Delta
from sloth_agent.agent.prompting import PromptMessage, Role, Script, script
from sloth_agent.billing.costs import estimated_tokens
from sloth_agent.errors import MissingExtra, ModelUnavailable
from sloth_agent.settings import Settings

try:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
except ModuleNotFoundError as error:
    raise MissingExtra.named("langchain", needed_for="A LangChain chat model") from error

LONGEST_SILENCE = 20.0
"""Seconds between two pieces of one answer."""


class LangChainChat:
    """Retries, temperature and length are the model's own: not all take them with a question."""

    def __init__(self, model: BaseChatModel, *, prompt_tokens: int, begin_seconds: float) -> None:
        self._model = model
        self._prompt_tokens = prompt_tokens
        self._begin_seconds = begin_seconds
        self.name = f"langchain/{model_name(model)}"

    async def answer(self, request: ChatRequest) -> AsyncIterator[Delta | Completion]:
        if not request.passages:
            yield Completion(text="", quotes=())  # without a source no answer would be grounded
            return
        prompt = script(request, budget_tokens=self._prompt_tokens)
        screen = Screen(len(prompt.passages))
        usage, written = Usage(), ""
        try:
            async with aclosing(self._pieces(prompt)) as pieces:
                async for piece in pieces:
                    usage = _usage(piece, usage)
                    written += str(piece.text)
                    if shown := screen.feed(str(piece.text)):
                        yield Delta(text=shown)
        except BaseException:
            if written:
                request.charged(usage if usage.known else _guess(prompt, written))
            raise
        if not usage.known:
            request.charged(_guess(prompt, written))
        if rest := screen.finish():
            yield Delta(text=rest)
        if screen.refused:
            yield Completion(text=screen.text, quotes=(), usage=usage)
            return
        if not screen.text:
            request.charged(usage)
            raise self._unavailable("sent an empty answer")
        found = quotes(screen.text, prompt.passages, question=request.question)
        yield Completion(text=screen.text, quotes=found, usage=usage)

    async def _pieces(self, prompt: Script) -> AsyncGenerator[AIMessage, None]:
        stream = self._model.astream([_message(message) for message in prompt.messages])
        seconds = self._begin_seconds
        try:
            while (piece := await self._next(stream, seconds)) is not None:
                yield piece
                seconds = LONGEST_SILENCE
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()  # a reader who leaves early must not pay for the rest

    async def _next(self, stream: AsyncIterator[AIMessage], seconds: float) -> AIMessage | None:
        try:
            with anyio.fail_after(seconds):
                return await anext(stream, None)
        # LangChain passes on whatever the vendor's library raises; there is no common base.
        except Exception as error:
            raise self._unavailable(f"failed: {type(error).__name__}: {error}"[:300]) from error

    def _unavailable(self, reason: str) -> ModelUnavailable:
        return ModelUnavailable(f"{self.name} {reason}.", hint="Ask again.", backend=self.name)


def from_settings(settings: Settings) -> LangChainChat:
    model = named(
        options(settings).chat_model,
        BaseChatModel,  # type: ignore[type-abstract]  # compared with, never made
        option="chat_model",
    )
    return LangChainChat(
        model,
        prompt_tokens=settings.chat_prompt_tokens,
        begin_seconds=settings.chat_timeout_seconds,
    )


def _message(message: PromptMessage) -> BaseMessage:
    match message.role:
        case Role.SYSTEM:
            return SystemMessage(message.text)
        case Role.USER:
            return HumanMessage(message.text)
        case Role.ASSISTANT:
            return AIMessage(message.text)


def _guess(prompt: Script, written: str) -> Usage:
    return Usage(
        input_tokens=estimated_tokens(*(message.text for message in prompt.messages)),
        output_tokens=estimated_tokens(written),
        estimated=True,
    )


def _usage(piece: AIMessage, so_far: Usage) -> Usage:
    """Vendors spread the count over the pieces, or send it with the last."""
    counted = piece.usage_metadata
    if counted is None:
        return so_far
    return Usage(
        input_tokens=so_far.input_tokens + counted["input_tokens"],
        output_tokens=so_far.output_tokens + counted["output_tokens"],
    )
