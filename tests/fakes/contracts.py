"""Checks requests against a service's own description of itself."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012


class RequestContract:
    """The request bodies of an OpenAPI 3.1 document."""

    def __init__(self, document: Path) -> None:
        self._document = document

    def problems(self, path: str, body: object) -> list[str]:
        """What is wrong with the body of a POST to `/v1...`; nothing where all is well."""
        validator = _validator(self._document, path.removeprefix("/v1"))
        return [
            f"{path} {error.json_path}: {error.message[:300]}"
            for error in validator.iter_errors(body)
        ]


@cache  # building one costs more than all its answers
def _validator(document: Path, path: str) -> Draft202012Validator:
    whole = _document(document)
    schema = whole["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return Draft202012Validator(
        {**schema, "components": whole["components"]},
        registry=Registry().with_resource("", DRAFT202012.create_resource(whole)).crawl(),
    )


@cache
def _document(path: Path) -> Any:
    return _without_nullable(json.loads(path.read_bytes()))


def _without_nullable(node: Any) -> Any:
    """The document mixes in a word of OpenAPI 3.0 that JSON Schema does not know."""
    if isinstance(node, list):
        return [_without_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _without_nullable(value) for key, value in node.items()}
    if plain.pop("nullable", False) is True:
        return {"anyOf": [plain, {"type": "null"}]}
    return plain


class ObjectContract:
    """The objects of Stripe's document, which name themselves by `object`."""

    def __init__(self, document: Path) -> None:
        self._document = document

    def problems(self, shown: Any) -> list[str]:
        """What an object lacks, has wrong, or has although the document does not know it."""
        kind = str(shown["object"])
        validator = _object_validator(self._document, kind)
        schema: Any = validator.schema  # not one of the two that are only true or false
        wrong = [
            f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(shown)
        ]
        unknown = [f"{name} is unknown" for name in shown if name not in schema["properties"]]
        return [f"{kind} {problem}" for problem in wrong + unknown]


@cache
def _object_validator(document: Path, kind: str) -> Draft202012Validator:
    whole = _document(document)
    [schema] = (
        each
        for each in whole["components"]["schemas"].values()
        if each.get("properties", {}).get("object", {}).get("enum") == [kind]
    )
    return Draft202012Validator(
        {**schema, "components": whole["components"]},
        registry=Registry().with_resource("", DRAFT202012.create_resource(whole)).crawl(),
    )


class ComponentContract:
    """Objects by the name under which a document describes them."""

    def __init__(self, document: Path) -> None:
        self._document = document

    def problems(self, component: str, shown: Any) -> list[str]:
        """What an object lacks, has wrong, or has although the document does not know it."""
        validator = _component_validator(self._document, component)
        schema: Any = validator.schema  # not one of the two that are only true or false
        known = schema["properties"]
        wrong = [
            f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(shown)
        ]
        wrong += [f"{name} is missing" for name in known if name not in shown]
        wrong += [f"{name} is unknown" for name in shown if name not in known]
        return [f"{component} {problem}" for problem in wrong]


@cache
def _component_validator(document: Path, component: str) -> Draft202012Validator:
    whole = _document(document)
    return Draft202012Validator(
        {**whole["components"]["schemas"][component], "components": whole["components"]},
        registry=Registry().with_resource("", DRAFT202012.create_resource(whole)).crawl(),
    )
