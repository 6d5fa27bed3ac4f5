"""Stripe's forms: `items[0][price]=price_1&metadata[firm]=7` is a tree of names."""

from typing import TypeAlias
from urllib.parse import parse_qsl

from fakes.stripe_server.refusals import Refused

Tree: TypeAlias = "str | dict[str, Tree]"
Form: TypeAlias = dict[str, Tree]


def decoded(*encoded: str) -> Form:
    """A list is a dict of its positions: only who knows the parameter can tell them apart."""
    form: Form = {}
    for part in encoded:
        for name, value in parse_qsl(part, keep_blank_values=True):
            _put(form, _steps(name), value)
    return form


def _steps(name: str) -> list[str]:
    first, *rest = name.split("[")
    return [first, *(step.removesuffix("]") for step in rest)]


def _put(form: Form, steps: list[str], value: str) -> None:
    here = form
    for step in steps[:-1]:
        inner = here.setdefault(step or str(len(here)), {})
        if isinstance(inner, str):
            raise Refused(f"Invalid hash: {step} is a value, too.", param=steps[0])
        here = inner
    here[steps[-1] or str(len(here))] = value
