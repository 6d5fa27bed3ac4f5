"""Asking a model, and what that costs, however it ends."""

from collections.abc import AsyncGenerator
from dataclasses import replace

from sloth_agent.agent.models import Usage
from sloth_agent.agent.ports import ChatModel, ChatRequest, Completion, Delta
from sloth_agent.billing.costs import Tally, estimated_tokens
from sloth_agent.billing.prices import CostKind


async def ask(
    model: ChatModel, request: ChatRequest, tally: Tally
) -> AsyncGenerator[Delta | Completion, None]:
    """The model's answer. What it cost is in the tally once this is closed, at any point.

    Where a model has written something and counts nothing, its tokens are estimated.
    """
    heard: list[Usage] = []
    said: list[str] = []
    answer = model.answer(replace(request, charged=heard.append))
    try:
        async for part in answer:
            if isinstance(part, Completion):
                heard.append(part.usage)
            else:
                said.append(part.text)
            yield part
    finally:
        if isinstance(answer, AsyncGenerator):
            await answer.aclose()  # who leaves early does not pay for the rest
        counted = [usage for usage in heard if usage.known]
        if said and not counted:
            counted.append(_estimate(request, "".join(said)))
        for usage in counted:
            tally.charge(
                CostKind.CHAT,
                model.name,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                estimated=usage.estimated,
            )


def _estimate(request: ChatRequest, said: str) -> Usage:
    read = (
        request.instructions,
        request.question,
        *(turn.text for turn in request.history),
        *(passage.text for passage in request.passages),
    )
    return Usage(
        input_tokens=estimated_tokens(*read),
        output_tokens=estimated_tokens(said),
        estimated=True,
    )
