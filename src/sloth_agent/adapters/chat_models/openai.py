"""Answers from OpenAI's chat completions, or from any server that speaks them."""

import re
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import TypeVar

import anyio

from sloth_agent.adapters.openai_service import (
    as_our_errors,
    is_openai_itself,
    knock,
    name_of,
    open_client,
)
from sloth_agent.adapters.outgoing import Line, Patience, TryAgain
from sloth_agent.agent.citing import Screen, quotes
from sloth_agent.agent.models import Usage
from sloth_agent.agent.ports import ChatRequest, Completion, Delta
from sloth_agent.agent.prompting import PromptMessage, Role, Script, script
from sloth_agent.billing.costs import estimated_tokens
from sloth_agent.errors import MissingExtra, ModelUnavailable
from sloth_agent.settings import Settings

try:
    import openai
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
except ModuleNotFoundError as error:
    raise MissingExtra.named("openai", needed_for="OpenAI chat") from error

T = TypeVar("T")

DEFAULT_MODEL = "gpt-5-mini"

LONGEST_SILENCE = 20.0
"""Seconds between two pieces of one answer; a model that has begun writes several a second."""

LONGEST_ANSWER = 180.0
"""Seconds. Slow machines write some words a second; nobody reads on after minutes."""

THINKING_TOKENS = 2_000
"""Reasoning models count their thoughts into the limit, and need some before the first word."""

USAGE = "stream_options"
MODERN_LIMIT = "max_completion_tokens"
OLD_LIMIT = "max_tokens"
TEMPERATURE = "temperature"
EFFORT = "reasoning_effort"
OPTIONAL = (USAGE, MODERN_LIMIT, OLD_LIMIT, TEMPERATURE, EFFORT)
"""Parameters that we can do without where a model or a server does not take them."""

# Models that think first; they take neither `max_tokens` nor a temperature.
_REASONING = re.compile(r"(?:^|/)(?:o\d|gpt-(?:[5-9]|\d\d)(?!.*chat))")


class OpenAIChat:
    def __init__(
        self, client: openai.AsyncOpenAI, *, model: str, prompt_tokens: int, patience: Patience
    ) -> None:
        self._client = client
        self._service = name_of(client)
        self._model = model
        self._prompt_tokens = prompt_tokens
        self._reasons = _REASONING.search(model) is not None
        # Parameters that this model or server has refused; left out from then on.
        self._refused = set() if is_openai_itself(client) or self._reasons else {MODERN_LIMIT}
        self._line = Line(
            self._service, unavailable=ModelUnavailable, patience=patience, knock=knock(client)
        )

    @property
    def name(self) -> str:
        return f"openai/{self._model}"

    async def answer(self, request: ChatRequest) -> AsyncIterator[Delta | Completion]:
        if not request.passages:
            yield Completion(text="", quotes=())  # without a source no answer would be grounded
            return
        prompt = script(request, budget_tokens=self._prompt_tokens)
        reply, piece = await self._line.call(partial(self._begun, prompt, request))
        ends = time.monotonic() + LONGEST_ANSWER
        try:
            while piece is not None:
                if piece:
                    yield Delta(text=piece)
                piece = await self._continued(reply, ends)
            completed = self._completion(reply, prompt, request)
        except BaseException:
            request.charged(reply.charges)
            raise
        finally:
            await reply.close()
        if not reply.usage.known:
            request.charged(reply.charges)
        yield completed

    async def aclose(self) -> None:
        await self._client.close()

    async def _begun(self, prompt: Script, request: ChatRequest) -> tuple["_Reply", str | None]:
        """Open the stream and read up to the first text: only until then it can be tried again."""
        with as_our_errors(self._service, ModelUnavailable):
            stream = await self._request(prompt, request)
            reply = _Reply(stream, prompt)
            try:
                return reply, await reply.read()
            except BaseException:
                request.charged(reply.charges)
                await reply.close()
                raise

    async def _continued(self, reply: "_Reply", ends: float) -> str | None:
        try:
            with (
                as_our_errors(self._service, ModelUnavailable),
                anyio.fail_after(min(LONGEST_SILENCE, ends - time.monotonic())),
            ):
                return await reply.read()
        except (TryAgain, TimeoutError) as error:
            raise self._line.gave_up("broke off in the middle of the answer") from error

    async def _request(
        self, prompt: Script, request: ChatRequest
    ) -> "openai.AsyncStream[ChatCompletionChunk]":
        limit = request.max_tokens + (THINKING_TOKENS if self._thinks else 0)
        try:
            return await self._client.chat.completions.create(
                model=self._model,
                messages=[_message(message) for message in prompt.messages],
                stream=True,
                stream_options=self._unless_refused(USAGE, {"include_usage": True}),
                max_completion_tokens=self._unless_refused(MODERN_LIMIT, limit),
                max_tokens=(
                    self._unless_refused(OLD_LIMIT, limit)
                    if MODERN_LIMIT in self._refused
                    else openai.omit
                ),
                temperature=(
                    openai.omit
                    if self._reasons
                    else self._unless_refused(TEMPERATURE, request.temperature)
                ),
                reasoning_effort=(
                    self._unless_refused(EFFORT, "low") if self._reasons else openai.omit
                ),
            )
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            self._learn_from(error)
            raise

    @property
    def _thinks(self) -> bool:
        """Whether thoughts count; a model of unknown name shows it by refusing the old limit."""
        return self._reasons or OLD_LIMIT in self._refused

    def _unless_refused(self, name: str, value: T) -> T | openai.Omit:
        return openai.omit if name in self._refused else value

    def _learn_from(self, error: openai.APIStatusError) -> None:
        """Leave out what the server does not know, and try again."""
        complaint = f"{error.param} {error.message}"
        named = re.findall(r"\w+", complaint)
        new = [name for name in OPTIONAL if name in named and name not in self._refused]
        if not new:
            return
        # A refusal of the old limit recommends the new one: the first name is the refused one.
        refused = min(new, key=named.index)
        self._refused.add(refused)
        if refused == OLD_LIMIT:
            self._refused.discard(MODERN_LIMIT)
        raise TryAgain(f"does not take {refused}", retry_after=0, down=False) from error

    def _completion(self, reply: "_Reply", prompt: Script, request: ChatRequest) -> Completion:
        text = reply.screen.text
        if reply.screen.refused:
            return Completion(text=text, quotes=(), usage=reply.usage)
        found = quotes(text, prompt.passages, question=request.question)
        return Completion(text=text, quotes=found, usage=reply.usage)


class _Reply:
    """One streamed answer as it comes in."""

    def __init__(self, stream: "openai.AsyncStream[ChatCompletionChunk]", prompt: Script) -> None:
        self.screen = Screen(len(prompt.passages))
        self.usage = Usage()
        self._prompt = prompt
        self._written = ""
        self._stream = stream
        self._finished = False  # the model said that this is all
        self._ended = False

    async def read(self) -> str | None:
        """The next text to show; empty at the very end, then None.

        Raises:
            TryAgain: the stream ended before the answer did, or gave none.
        """
        if self._ended:
            return None
        while (chunk := await anext(self._stream, None)) is not None:
            try:
                shown = self.screen.feed(self._text_of(chunk))
            except (AttributeError, TypeError) as error:
                raise TryAgain("sent an answer that cannot be read") from error
            if shown:
                return shown
        self._ended = True
        if not self._finished:
            raise TryAgain("broke off before the answer was whole")
        rest = self.screen.finish()
        if not self.screen.text and not self.screen.refused:
            raise TryAgain("sent an empty answer", down=False)
        return rest

    @property
    def charges(self) -> Usage:
        """What has to be paid so far; servers count at the very end, until then it is a guess."""
        if self.usage.known:
            return self.usage
        return Usage(
            input_tokens=estimated_tokens(*(message.text for message in self._prompt.messages)),
            output_tokens=estimated_tokens(self._written),
            estimated=True,
        )

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):  # the connection must go even when we are cancelled
            await self._stream.close()

    def _text_of(self, chunk: ChatCompletionChunk) -> str:
        if chunk.usage is not None:
            self.usage = Usage(
                input_tokens=chunk.usage.prompt_tokens, output_tokens=chunk.usage.completion_tokens
            )
        text = ""
        for choice in chunk.choices[:1]:
            text = choice.delta.content or ""
            self._written += text
            self._finished = self._finished or choice.finish_reason is not None
            if choice.finish_reason == "content_filter" or choice.delta.refusal:
                self.screen.refused = True
        return text


def from_settings(settings: Settings) -> OpenAIChat:
    seconds = settings.chat_timeout_seconds
    return OpenAIChat(
        open_client(settings, read_seconds=seconds),
        model=settings.chat_model or DEFAULT_MODEL,
        prompt_tokens=settings.chat_prompt_tokens,
        patience=Patience(call_seconds=seconds, try_seconds=seconds / 2),
    )


def _message(message: PromptMessage) -> ChatCompletionMessageParam:
    match message.role:
        case Role.SYSTEM:
            return {"role": "system", "content": message.text}
        case Role.USER:
            return {"role": "user", "content": message.text}
        case Role.ASSISTANT:
            return {"role": "assistant", "content": message.text}
