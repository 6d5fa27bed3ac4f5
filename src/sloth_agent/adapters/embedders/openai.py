"""Vectors from OpenAI, or from any server with its `/embeddings`."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final

import anyio

from sloth_agent.adapters.embedders.vendors import sendable, unit
from sloth_agent.adapters.openai_service import (
    as_our_errors,
    is_openai_itself,
    knock,
    name_of,
    open_client,
)
from sloth_agent.adapters.outgoing import Line, Patience, TryAgain
from sloth_agent.errors import ConfigurationError, EmbedderUnavailable, MissingExtra
from sloth_agent.knowledge.models import Vector
from sloth_agent.settings import Settings

try:
    import openai
except ModuleNotFoundError as error:
    raise MissingExtra.named("openai", needed_for="The OpenAI embedder") from error

DEFAULT_MODEL = "text-embedding-3-small"
DIMENSIONS: Final = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}

LONGEST_TEXT = 8_000
"""Characters. The models take 8,191 tokens, and hardly a text has more tokens than letters."""

LARGEST_REQUEST = 200_000
"""Characters. OpenAI takes 300,000 tokens and 2,048 texts a request."""

TEXTS_AT_OPENAI = 256
TEXTS_ELSEWHERE = 64
"""A server of one's own may do a few texts a second, and must keep the deadline."""

REQUESTS_AT_ONCE = 4
PATIENCE = Patience(call_seconds=120, try_seconds=60)

Charged = Callable[[int], None]
"""Hears how many tokens a request had."""


class OpenAIEmbedder:
    """`dimensions` None: the model's own, known for OpenAI's models, else learnt by asking."""

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        *,
        model: str = DEFAULT_MODEL,
        dimensions: int | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self._client = client
        self._service = name_of(client)
        self._model = model
        self._asked_dimensions = dimensions
        self._dimensions = dimensions or DIMENSIONS.get(model)
        self._texts_at_once = TEXTS_AT_OPENAI if is_openai_itself(client) else TEXTS_ELSEWHERE
        self._slots = anyio.CapacityLimiter(REQUESTS_AT_ONCE)
        self._line = Line(
            self._service,
            unavailable=EmbedderUnavailable,
            patience=patience,
            knock=knock(client),
        )

    @property
    def space(self) -> str:
        return f"openai/{self._model}/{self.dimensions}"

    @property
    def dimensions(self) -> int:
        if self._dimensions is None:
            raise ConfigurationError(
                f"The length of the vectors of {self._model} is not known yet.",
                hint="Call prepare() first, or set SLOTH_EMBEDDING_DIMENSIONS.",
            )
        return self._dimensions

    async def prepare(self) -> None:
        """Learn what only the server knows; afterwards `space` and `dimensions` have values."""
        if self._dimensions is None:
            await self.embed(["dimensions"])

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return await self.embed_charged(texts, charged=lambda _tokens: None)

    async def embed_charged(self, texts: Sequence[str], *, charged: Charged) -> list[Vector]:
        sent = [sendable(text[:LONGEST_TEXT]) for text in texts]
        batches = list(batched(sent, self._texts_at_once))
        answers: list[list[Vector]] = [[] for _ in batches]

        async def fetch(number: int) -> None:
            async with self._slots:
                request = partial(self._request, batches[number], charged)
                answers[number] = await self._line.call(request)

        await _all_or_first_error(fetch, len(batches))
        return list(chain.from_iterable(answers))

    async def aclose(self) -> None:
        await self._client.close()

    async def _request(self, texts: list[str], charged: Charged) -> list[Vector]:
        with as_our_errors(self._service, EmbedderUnavailable):
            # The raw answer: the SDK's models check nothing and are slow on a million numbers.
            answer = await self._client.embeddings.with_raw_response.create(
                model=self._model,
                input=texts,
                encoding_format="float",  # the SDK's own choice, base64, is not known everywhere
                dimensions=self._asked_dimensions or openai.omit,
            )
            said = json.loads(answer.content)
            if tokens := tokens_in(said):
                charged(tokens)
            vectors = vectors_in(said, len(texts), self._dimensions)
        self._dimensions = len(vectors[0])
        return vectors


def from_settings(settings: Settings) -> OpenAIEmbedder:
    return OpenAIEmbedder(
        open_client(settings, read_seconds=PATIENCE.try_seconds),
        model=settings.embedding_model or DEFAULT_MODEL,
        dimensions=settings.embedding_dimensions,
    )


def batched(texts: Sequence[str], most: int) -> Iterator[list[str]]:
    batch: list[str] = []
    letters = 0
    for text in texts:
        if batch and (len(batch) == most or letters + len(text) > LARGEST_REQUEST):
            yield batch
            batch, letters = [], 0
        batch.append(text)
        letters += len(text)
    if batch:
        yield batch


def tokens_in(answer: Any) -> int:
    """How many tokens a server says that it has read; 0 where it does not."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    counted = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return counted if isinstance(counted, int) and counted > 0 else 0


def vectors_in(answer: Any, count: int, dimensions: int | None) -> list[Vector]:
    """The vectors of an answer in the order of the texts, each of unit length.

    Raises:
        TryAgain: some are missing, doubled, of a wrong length or not made of numbers.
    """
    try:
        items = {item["index"]: item["embedding"] for item in answer["data"]}
        if len(answer["data"]) != count or items.keys() != set(range(count)):
            raise TryAgain("sent vectors that do not match the texts")
        vectors: list[Vector] = [unit(items[index]) for index in range(count)]
    except (KeyError, TypeError, ValueError) as error:
        raise TryAgain("sent an answer that holds no vectors") from error
    lengths = {len(vector) for vector in vectors}
    if lengths != {dimensions or len(vectors[0])}:
        raise TryAgain(f"sent vectors of length {sorted(lengths)}, expected {dimensions}")
    return vectors


async def _all_or_first_error(work: Callable[[int], Any], count: int) -> None:
    """Run `work(0)`, `work(1)`, ... at once; the first error ends all and is raised as it is."""
    try:
        async with anyio.create_task_group() as group:
            for number in range(count):
                group.start_soon(work, number)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
