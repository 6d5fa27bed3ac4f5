"""Examples of bodies, put together from those of their fields."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_OF_FORMAT = {
    "date-time": "2026-09-01T09:30:00Z",
    "uuid": "01a2246c-423b-748e-b112-1529baf954aa",
}

_OF_TYPE: Mapping[str, Any] = {
    "boolean": True,
    "integer": 1,
    "number": 0.5,
    "null": None,
    "string": "text",
}


def example_of(schema: Schema, named: Mapping[str, Schema]) -> Any:
    """A body that keeps to a schema; `named` are those that it refers to by name."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return example_of(named[schema["$ref"].rpartition("/")[2]], named)
    if "default" in schema and schema["default"] is not None:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], named)
    return _by_type(schema, named)


def _is_shown(name: str, schema: Schema) -> bool:
    """Not what is mostly left out: it has neither a value then, nor an example."""
    field = schema["properties"][name]
    return name in schema.get("required", ()) or "default" in field or "examples" in field


def _by_type(schema: Schema, named: Mapping[str, Schema]) -> Any:
    kind = schema.get("type", "object")
    if kind == "object" and "properties" in schema:
        shown = {
            name: field for name, field in schema["properties"].items() if _is_shown(name, schema)
        }
        return {name: example_of(field, named) for name, field in shown.items()}
    if kind == "object":
        return {"total": example_of(schema["additionalProperties"], named)}
    if kind == "array":
        return [example_of(schema["items"], named)]
    return _OF_FORMAT.get(schema.get("format", ""), _OF_TYPE[kind])
