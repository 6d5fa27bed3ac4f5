"""Answers with quotations alone: no model, no key, no network."""

from collections.abc import AsyncIterator

import anyio.to_thread

from sloth_agent.agent.extraction import CONFIDENT, Extract, extract
from sloth_agent.agent.following import leant_on
from sloth_agent.agent.languages import detect
from sloth_agent.agent.models import Speaker
from sloth_agent.agent.ports import ChatRequest, Completion, Delta
from sloth_agent.settings import Settings


class ExtractiveModel:
    """Quotes the sentences or table rows that answer; says nothing where none does."""

    name = "extractive"

    async def answer(self, request: ChatRequest) -> AsyncIterator[Delta | Completion]:
        found = await anyio.to_thread.run_sync(_extract, request)
        if found is None or found.confidence < CONFIDENT:
            yield Completion(text="", quotes=())
            return
        yield Delta(text=found.text)
        yield Completion(text=found.text, quotes=found.quotes)


def _extract(request: ChatRequest) -> Extract | None:
    language = detect(request.question)
    earlier = [turn.text for turn in request.history if turn.speaker is Speaker.USER]
    return extract(
        request.question,
        request.passages,
        request.term_weights,
        language=language,
        after=leant_on(request.question, earlier, language),
    )


def from_settings(settings: Settings) -> ExtractiveModel:  # noqa: ARG001 - it has no settings
    return ExtractiveModel()
