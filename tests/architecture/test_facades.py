"""`Sloth` and `AsyncSloth` are one library in two forms, and the same over HTTP."""

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from sloth_agent import AsyncSloth, Sloth
from sloth_agent.app.blocking import Tenant
from sloth_agent.app.remote import RemoteTenant
from sloth_agent.app.tenant import AsyncTenant

PAIRS: list[tuple[type, type]] = [
    (AsyncSloth, Sloth),
    (AsyncTenant, Tenant),
    (AsyncTenant, RemoteTenant),
]
ONLY_BLOCKING = {"run"}  # the way to what has no blocking method of its own
ONLY_ASYNC = {"worker"}  # a process of its own, whose event loop does nothing else


def methods(kind: type) -> dict[str, Callable[..., Any]]:
    return {
        name: member
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def in_words(annotation: object) -> str:
    """The same type in both forms reads the same."""
    return str(annotation).replace("Async", "").replace("app.tenant", "app.blocking")


@pytest.mark.parametrize(("asynchronous", "blocking"), PAIRS)
def test_the_same_methods(asynchronous: type, blocking: type) -> None:
    assert set(methods(asynchronous)) - ONLY_ASYNC == set(methods(blocking)) - ONLY_BLOCKING


@pytest.mark.parametrize(("asynchronous", "blocking"), PAIRS)
def test_the_same_parameters_and_results(asynchronous: type, blocking: type) -> None:
    for name, one in methods(asynchronous).items():
        if name in ONLY_ASYNC:
            continue
        other = methods(blocking)[name]
        there, here = inspect.signature(one), inspect.signature(other)
        shapes = [
            [(p.name, p.kind, callable(p.default) or p.default) for p in s.parameters.values()]
            for s in (there, here)
        ]
        assert shapes[0] == shapes[1], name
        hints, others = get_type_hints(one), get_type_hints(other)
        assert {key: in_words(hint) for key, hint in hints.items()} == {
            key: in_words(hint) for key, hint in others.items()
        }, name


@pytest.mark.parametrize("kind", [kind for pair in PAIRS for kind in pair])
def test_everything_public_says_what_it_does(kind: type) -> None:
    assert inspect.getdoc(kind)
    for name, method in methods(kind).items():
        assert inspect.getdoc(method), name
        assert "return" in get_type_hints(method), name
