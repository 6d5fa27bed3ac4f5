"""Checks requests with forms and queries against the service's own description of itself."""

import json
import re
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from fakes.stripe_server.forms import Form, Tree

Json = dict[str, Any]
FORM = "application/x-www-form-urlencoded"
REF = "#/components/schemas/"


@cache  # one document for all servers of a run
def form_contract(document: Path) -> "FormContract":
    return FormContract(document)


class FormContract:
    """The queries and the forms of an OpenAPI document, read once, walked by need."""

    def __init__(self, document: Path) -> None:
        self._document = document
        self._operations: dict[tuple[str, str], Json | None] = {}

    def problems(self, method: str, path: str, *, query: Form, form: Form) -> list[str]:
        """What is wrong with a request; nothing where all is well."""
        operation = self._operation(method, path)
        if operation is None:
            return [f"{method} {path}: no such operation"]
        wrong = _Walk(self._schemas).object(form, self._form_schema(operation), "form")
        wrong += _Walk(self._schemas).object(query, _query_schema(operation), "query")
        return [f"{method} {path} {problem}" for problem in wrong]

    def _operation(self, method: str, path: str) -> Json | None:
        key = (method.lower(), path)
        if key not in self._operations:
            if len(self._operations) > 5_000:  # ids in paths: a long run has many
                self._operations.clear()
            self._operations[key] = self._find(*key)
        return self._operations[key]

    def _find(self, method: str, path: str) -> Json | None:
        for pattern, operations in self._paths:
            if method in operations and pattern.fullmatch(path):
                found: Json = operations[method]
                return found
        return None

    def _form_schema(self, operation: Json) -> Json:
        content = operation.get("requestBody", {}).get("content", {})
        return {"additionalProperties": False, **content.get(FORM, {}).get("schema", {})}

    @cached_property
    def _whole(self) -> Json:
        whole: Json = json.loads(self._document.read_bytes())
        return whole

    @cached_property
    def _schemas(self) -> Json:
        schemas: Json = self._whole["components"]["schemas"]
        return schemas

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], Json]]:
        """Those without an id first: `/v1/invoices/create_preview` is no invoice."""
        paths = sorted(self._whole["paths"].items(), key=lambda item: item[0].count("{"))
        return [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), item) for path, item in paths]


def _query_schema(operation: Json) -> Json:
    inside = [each for each in operation.get("parameters", []) if each["in"] == "query"]
    return {
        "properties": {each["name"]: each["schema"] for each in inside},
        "required": [each["name"] for each in inside if each.get("required")],
        "additionalProperties": False,
    }


class _Walk:
    """Down a form and its schema together."""

    def __init__(self, schemas: Json) -> None:
        self._schemas = schemas

    def value(self, tree: Tree, schema: Json, name: str) -> list[str]:
        if reference := schema.get("$ref"):
            return self.value(tree, self._schemas[reference.removeprefix(REF)], name)
        if choices := schema.get("anyOf"):
            tries = [self.value(tree, each, name) for each in choices]
            return [] if [] in tries else max(tries, key=_depth)
        kind = schema.get("type")
        if kind == "array":
            return self._array(tree, schema, name)
        if kind == "object" or "properties" in schema:
            return self.object(tree, schema, name)
        return _leaf(tree, schema, name)

    def object(self, tree: Tree, schema: Json, name: str) -> list[str]:
        if reference := schema.get("$ref"):
            return self.object(tree, self._schemas[reference.removeprefix(REF)], name)
        if isinstance(tree, str):
            return [f"{name}: {tree!r} is no object"]
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        wrong = [
            f"{name}: {each} is missing" for each in schema.get("required", ()) if each not in tree
        ]
        for key, inner in tree.items():
            shape = known.get(key, others)
            if shape is False:
                wrong.append(f"{name}: {key} is unknown")
            elif shape is not True:
                wrong += self.value(inner, shape, f"{name}[{key}]")
        return wrong

    def _array(self, tree: Tree, schema: Json, name: str) -> list[str]:
        if isinstance(tree, str):
            return [f"{name}: {tree!r} is no list"]
        if not all(key.isdecimal() for key in tree):
            return [f"{name}: {sorted(tree)} are no places of a list"]
        items = schema["items"]
        return [
            problem
            for key, inner in tree.items()
            for problem in self.value(inner, items, f"{name}[{key}]")
        ]


def _depth(problems: list[str]) -> int:
    """The choice that fits deepest is the one that was meant."""
    return max(problem.split(":")[0].count("[") for problem in problems)


FITS = {
    "integer": re.compile(r"-?\d+"),
    "number": re.compile(r"-?\d+(\.\d+)?"),
    "boolean": re.compile("true|false"),
    "string": re.compile(".*", re.DOTALL),
}


def _leaf(tree: Tree, schema: Json, name: str) -> list[str]:
    if not isinstance(tree, str):
        return [f"{name}: an object where one value belongs"]
    if "enum" in schema and tree not in schema["enum"]:
        return [f"{name}: {tree!r} is none of {', '.join(map(str, schema['enum'][:12]))}"]
    if "pattern" in schema and not re.search(schema["pattern"], tree):
        return [f"{name}: {tree!r} is no {schema['pattern']}"]
    kind = schema.get("type", "string")
    return [] if FITS[kind].fullmatch(tree) else [f"{name}: {tree!r} is no {kind}"]
