"""Checks requests against a service's own description of itself."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator


class RequestContract:
    """The request bodies of an OpenAPI 3.1 document."""

    def __init__(self, path: Path) -> None:
        self._document = _document(path)

    def problems(self, path: str, body: object) -> list[str]:
        """What is wrong with the body of a POST to `/v1...`; nothing where all is well."""
        operation = self._document["paths"][path.removeprefix("/v1")]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        rooted = {**schema, "components": self._document["components"]}
        return [
            f"{path} {error.json_path}: {error.message[:300]}"
            for error in Draft202012Validator(rooted).iter_errors(body)
        ]


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
