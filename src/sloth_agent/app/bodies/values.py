"""Values that many bodies hold."""

from datetime import datetime
from typing import Any

from sloth_agent.agent.models import Usage
from sloth_agent.errors import Problem

Body = dict[str, Any]
"""The JSON that people's scripts rely on: the command line prints it, the server sends it."""


def tokens(usage: Usage) -> Body:
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}


def error_of(problem: Problem | None) -> Body | None:
    return {"code": problem.code, "message": problem.message} if problem else None


def moment_of(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def rounded(timings_ms: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in timings_ms.items()}


def milliseconds(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
