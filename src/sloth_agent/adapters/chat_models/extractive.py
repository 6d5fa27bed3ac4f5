"""Answers with quotations alone: no model, no key, no network."""

from collections.abc import AsyncIterator

import anyio.to_thread

from sloth_agent.agent.extraction import CONFIDENT, extract
from sloth_agent.agent.ports import ChatRequest, Completion, Delta
from sloth_agent.settings import Settings


class ExtractiveModel:
    """Quotes the sentences or table rows that answer; says nothing where none does."""

    name = "extractive"

    async def answer(self, request: ChatRequest) -> AsyncIterator[Delta | Completion]:
        found = await anyio.to_thread.run_sync(
            extract, request.question, request.passages, request.term_weights
        )
        if found is None or found.confidence < CONFIDENT:
            yield Completion(text="", quotes=())
            return
        yield Delta(text=found.text)
        yield Completion(text=found.text, quotes=found.quotes)


def from_settings(settings: Settings) -> ExtractiveModel:  # noqa: ARG001 - it has no settings
    return ExtractiveModel()
