"""Checks calls of Telegram's methods, and what they answer, against its table of types."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

Json = dict[str, Any]
ARRAY = "Array of "


@cache  # one document for all servers of a run
def bot_contract(document: Path) -> "BotContract":
    return BotContract(document)


class BotContract:
    """The methods and the types of the Bot API, read once."""

    def __init__(self, document: Path) -> None:
        self._document = document

    def call_problems(
        self, method: str, given: Mapping[str, Any], files: Iterable[str] = ()
    ) -> list[str]:
        """What is wrong with a call; values may be texts, as forms have them."""
        told = self._methods.get(method.lower())
        if told is None:
            return [f"{method}: no such method"]
        fields = {field["name"]: field for field in told.get("fields", ())}
        files = set(files)
        attached = {name for name in files - fields.keys() if f"attach://{name}" in str(given)}
        wrong = [
            f"{name} is missing"
            for name, field in fields.items()
            if field["required"] and name not in given and name not in files
        ]
        wrong += [
            f"{name} is unknown" for name in [*given, *(files - attached)] if name not in fields
        ]
        for name, value in given.items():
            if name in fields:
                wrong += self._of_form(value, fields[name]["types"], name)
        return [f"{method} {problem}" for problem in wrong]

    def answer_problems(self, method: str, result: object) -> list[str]:
        told = self._methods.get(method.lower())
        if told is None:
            return []
        return [f"{method} answer {each}" for each in self._value(result, told["returns"], "")]

    def type_problems(self, type: str, value: object) -> list[str]:
        """What is wrong with an object of a type, such as an `Update`."""
        return [f"{type} {each}" for each in self._value(value, [type], "")]

    @property
    def methods(self) -> list[str]:
        return [told["name"] for told in self._methods.values()]

    def parameters(self, method: str) -> list[str]:
        return [str(each["name"]) for each in self._methods[method.lower()].get("fields", ())]

    def fields(self, type: str) -> list[Json]:
        """Of a type; none of one that is only a choice of others."""
        told: list[Json] = self._types.get(type, {}).get("fields", [])
        return told

    def choices(self, type: str) -> list[str]:
        told: list[str] = self._types.get(type, {}).get("subtypes", [])
        return told

    @cached_property
    def _whole(self) -> Json:
        whole: Json = json.loads(self._document.read_bytes())
        return whole

    @cached_property
    def _methods(self) -> dict[str, Json]:
        return {name.lower(): told for name, told in self._whole["methods"].items()}

    @cached_property
    def _types(self) -> dict[str, Json]:
        types: dict[str, Json] = self._whole["types"]
        return types

    def _of_form(self, value: object, types: list[str], name: str) -> list[str]:
        if not isinstance(value, str):
            return self._value(value, types, name)
        if any(each in FITS and FITS[each].fullmatch(value) for each in types):
            return []
        composed = [each for each in types if each not in FITS and each != "InputFile"]
        if not composed:
            return [f"{name}: {value[:80]!r} is no {' or '.join(types)}"]
        try:
            return self._value(json.loads(value), composed, name)
        except ValueError:
            return [f"{name}: {value[:80]!r} is no JSON"]

    def _value(self, value: object, types: list[str], name: str) -> list[str]:
        flat = [each for type in types for each in self._flat(type)]
        if isinstance(value, list):
            inner = [each.removeprefix(ARRAY) for each in flat if each.startswith(ARRAY)]
            if inner:
                return self._array(value, inner, name)
        elif isinstance(value, dict):
            objects = [each for each in flat if each not in PLAIN and not each.startswith(ARRAY)]
            if objects:
                # Trying each choice to its end would take for ever: choices hold each other.
                return self._object(
                    value, min(objects, key=lambda each: self._far(value, each)), name
                )
        elif any(each in PLAIN and _is_plain(value, each) for each in flat):
            return []
        return [f"{name}: {value!r:.80} is no {' or '.join(types)}"]

    def _flat(self, type: str) -> list[str]:
        choices = self.choices(type)
        return [each for choice in choices for each in self._flat(choice)] if choices else [type]

    def _array(self, value: list[Any], inner: list[str], name: str) -> list[str]:
        return [
            problem
            for place, each in enumerate(value)
            for problem in self._value(each, inner, f"{name}[{place}]")
        ]

    def _far(self, value: Json, type: str) -> int:
        """How little an object looks like a type, at first sight."""
        fields = {field["name"]: field for field in self.fields(type)}
        missing = [each for each, told in fields.items() if told["required"] and each not in value]
        return len(missing) + len(value.keys() - fields.keys())

    def _object(self, value: object, type: str, name: str) -> list[str]:
        if not isinstance(value, dict):
            return [f"{name}: {value!r:.80} is no {type}"]
        fields = {field["name"]: field for field in self.fields(type)}
        wrong = [
            f"{name}: {each} of {type} is missing"
            for each, field in fields.items()
            if field["required"] and each not in value
        ]
        for key, inner in value.items():
            if key in fields:
                wrong += self._value(inner, fields[key]["types"], f"{name}.{key}")
            else:
                wrong.append(f"{name}: {key} of {type} is unknown")
        return wrong


FITS = {
    "Integer": re.compile(r"-?\d+"),
    "Float": re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?"),
    "Boolean": re.compile("(?i)true|false|1|0"),
    "String": re.compile(".*", re.DOTALL),
}
PLAIN = {"Integer": (int,), "Float": (int, float), "Boolean": (bool,), "String": (str,)}


def _is_plain(value: object, type: str) -> bool:
    if isinstance(value, bool):
        return type == "Boolean"
    return isinstance(value, PLAIN[type])
