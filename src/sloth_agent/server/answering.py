"""Answers of the assistant: whole, or as they are written."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from fastapi import Request
from starlette.responses import StreamingResponse

from sloth_agent.agent.models import Answer
from sloth_agent.agent.ports import Delta
from sloth_agent.app.bodies.values import Body
from sloth_agent.errors import SlothError
from sloth_agent.server.edge import arrival_of
from sloth_agent.server.problems import problem_response
from sloth_agent.server.streaming import close, event, unless_gone

Parts = AsyncIterator[Delta | Answer]


def as_it_is(error: SlothError) -> SlothError:
    return error


async def whole(parts: Parts) -> Answer:
    async for part in parts:
        if isinstance(part, Answer):
            return part
    raise AssertionError("an answer ends with an Answer")


async def streamed(
    request: Request,
    parts: Parts,
    body: Callable[[Answer], Body],
    *,
    told: Callable[[SlothError], SlothError] = as_it_is,
) -> StreamingResponse:
    """Events; errors before the first word are answered as any other."""
    first = await unless_gone(request, anext(parts))
    return StreamingResponse(
        _events(arrival_of(request.scope).id, first, parts, body, told),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(
    request_id: str,
    first: Delta | Answer,
    parts: Parts,
    body: Callable[[Answer], Body],
    told: Callable[[SlothError], SlothError],
) -> AsyncGenerator[bytes, None]:
    """Where the client leaves, this is closed, and the model is stopped."""
    try:
        part = first
        while not isinstance(part, Answer):
            yield event("token", {"text": part.text})
            part = await anext(parts)
        done = body(part)
        yield event("citations", {key: done[key] for key in ("grounded", "citations")})
        yield event("done", done)
    except SlothError as error:
        problem = problem_response(told(error), request_id=request_id)
        yield event("error", json.loads(bytes(problem.body)))
    finally:
        await close(parts)
