"""A request and its answer, and how forms are read from the wire."""

import json
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl

from fakes.stripe_server.forms import Form as Tree
from fakes.twilio_server.records import Json

Form: TypeAlias = dict[str, list[str]]
LISTS = ("MediaUrl", "PersistentAction")  # the parameters that may stand there more than once


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    query: Form
    form: Form
    authorization: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def as_json(body: Json, *, status: int = 200) -> Answer:
    headers = {"Content-Type": "application/json"}
    text = json.dumps(body, ensure_ascii=False)
    return Answer(status=status, body=text.encode(), headers=headers)


def decoded(encoded: str) -> Form:
    form: Form = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        form.setdefault(name, []).append(value)
    return form


def as_tree(form: Form) -> Tree:
    """For the contract: what may repeat is a list, and so is what did."""
    return {
        name: {str(place): value for place, value in enumerate(values)}
        if name in LISTS or len(values) > 1
        else values[0]
        for name, values in form.items()
    }
