"""What an operation accepts, and the values read from a form.

A shape is `str`, `int`, `bool`, a `Choice` of words, an `Either`, a list of one shape, or a dict of
names to shapes; `METADATA` is any words under any names. What a shape does not name is refused as
unknown, so nothing is accepted that the simulation would then leave out.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from fakes.stripe_server.forms import Form, Tree
from fakes.stripe_server.refusals import Refused, missing

Values: TypeAlias = dict[str, Any]
METADATA = object()  # texts under names of the caller's choice; "" takes them all away


class Choice(tuple[str, ...]):
    """One of these words."""

    __slots__ = ()

    def __new__(cls, *words: str) -> "Choice":
        return super().__new__(cls, words)


@dataclass(frozen=True)
class Either:
    """A number, or a word, or a range: the first that fits."""

    shapes: tuple[Any, ...]


TIME_RANGE = Either((int, {"gt": int, "gte": int, "lt": int, "lte": int}))


def read(form: Form, shape: dict[str, Any], *required: str) -> Values:
    """The values by name, only of what was sent; an empty text, which unsets, becomes None."""
    values: Values = _object(form, shape, "")
    for name in required:
        if values.get(name) in (None, [], {}):
            raise missing(name)
    return values


def _read(tree: Tree, shape: Any, name: str) -> Any:
    if shape is METADATA:
        return _metadata(tree, name)
    if isinstance(shape, Either):
        return _either(tree, shape, name)
    if tree == "" and not isinstance(shape, dict):
        return [] if isinstance(shape, list) else None
    if isinstance(shape, dict):
        return _object(tree, shape, name)
    if isinstance(shape, list):
        return _list(tree, shape[0], name)
    return _leaf(tree, shape, name)


def _either(tree: Tree, shape: Either, name: str) -> Any:
    refusal = Refused(f"Invalid {name}", param=name)
    for each in shape.shapes:
        try:
            return _read(tree, each, name)
        except Refused as error:
            refusal = error
    raise refusal


def _object(tree: Tree, shape: dict[str, Any], name: str) -> Values:
    if isinstance(tree, str):
        raise Refused(f"Invalid object: {name}", code="parameter_invalid", param=name)
    values: Values = {}
    for key, inner in tree.items():
        whole = f"{name}[{key}]" if name else key
        if key not in shape:
            message = f"Received unknown parameter: {whole}"
            raise Refused(message, code="parameter_unknown", param=whole)
        values[key] = _read(inner, shape[key], whole)
    return values


def _list(tree: Tree, shape: Any, name: str) -> list[Any]:
    if isinstance(tree, str):
        raise Refused(f"Invalid array: {name}", code="parameter_invalid", param=name)
    return [_read(inner, shape, f"{name}[{key}]") for key, inner in tree.items()]


def _metadata(tree: Tree, name: str) -> dict[str, str] | None:
    if tree == "":
        return None
    if isinstance(tree, str) or not all(isinstance(text, str) for text in tree.values()):
        raise Refused(f"Invalid {name}: names and texts.", param=name)
    return {key: str(text) for key, text in tree.items()}


def _leaf(tree: Tree, shape: Any, name: str) -> Any:
    if not isinstance(tree, str):
        raise Refused(f"Invalid {name}: one value.", code="parameter_invalid", param=name)
    if shape is int:
        if not tree.removeprefix("-").isdecimal():
            message = f"Invalid integer: {tree}"
            raise Refused(message, code="parameter_invalid_integer", param=name)
        return int(tree)
    if shape is bool:
        if tree not in ("true", "false"):
            raise Refused(f"Invalid boolean: {tree}", code="parameter_invalid", param=name)
        return tree == "true"
    if isinstance(shape, Choice) and tree not in shape:
        raise Refused(f"Invalid {name}: must be one of {', '.join(shape)}", param=name)
    return tree
