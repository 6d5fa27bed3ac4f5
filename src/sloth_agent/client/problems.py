"""Answers that are errors: the exception that the library raises in the server's place."""

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from sloth_agent import errors
from sloth_agent.errors import BackendUnavailable, SlothError

DETAILS = (
    "resource",
    "limit",
    "used",
    "resets_at",
    "feature",
    "plan",
    "retry_after_seconds",
    "request_id",
)
"""What a problem may tell beside its code, under the names that the exception has for it."""


def error_in(response: httpx.Response) -> SlothError:
    """Of an answer that was read and is no success."""
    problem = _json(response)
    if "code" in problem:
        return error_of(problem)
    return unreadable(response)


def unreadable(response: httpx.Response) -> SlothError:
    """Of an answer that no server of ours gives: a proxy's, or somebody else's."""
    message = f"The server answered {response.status_code} {response.reason_phrase}."
    if response.is_server_error:
        return BackendUnavailable(message, backend="server")
    return SlothError(message, hint="Is that the address of a sloth-agent server?")


def error_of(problem: Mapping[str, Any]) -> SlothError:
    """The exception that a problem's code stands for."""
    detail = str(problem.get("detail") or problem["code"])
    fields = problem.get("errors") or []
    details = {name: problem[name] for name in DETAILS if problem.get(name) is not None}
    if "resets_at" in details:
        details["resets_at"] = datetime.fromisoformat(details["resets_at"])
    if fields:
        details["field"] = fields[0]["field"]
    kind = KINDS.get(problem["code"], SlothError)
    return kind(detail, hint=problem.get("hint") or _told(fields, detail), **details)


def retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait, as the answer asks for them; None: it does not say."""
    text = response.headers.get("Retry-After", "")
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _told(fields: Sequence[Mapping[str, str]], detail: str) -> str | None:
    """What is wrong with each field, as far as the problem itself does not say it."""
    told = [f"{each['field']}: {each['message']}" for each in fields if each["message"] != detail]
    return "; ".join(told) or None


def _json(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _kinds() -> Iterator[type[SlothError]]:
    """Families before their members, which may share a code."""
    waiting: deque[type[SlothError]] = deque([SlothError])
    while waiting:
        kind = waiting.popleft()
        if kind.__module__ == errors.__name__:
            yield kind
            waiting.extend(kind.__subclasses__())


KINDS: Mapping[str, type[SlothError]] = {kind.code: kind for kind in reversed(list(_kinds()))}
"""The class of each code."""
