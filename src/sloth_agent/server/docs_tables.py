"""What is told of fields, as parts of a page: tables, types, limits, Markdown."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from lxml import html  # type: ignore[import-untyped]  # lxml ships no types
from lxml.builder import E  # type: ignore[import-untyped]
from markdown_it import MarkdownIt

Element: TypeAlias = Any  # lxml.etree._Element
Described = Mapping[str, Any]

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")

_LIMITS = {
    "minLength": ("at least", "character"),
    "maxLength": ("at most", "character"),
    "minItems": ("at least", "entry"),
    "maxItems": ("at most", "entry"),
    "minimum": ("at least", None),
    "maximum": ("at most", None),
}


def fields_of(schema: Described) -> Element:
    required = schema.get("required", ())
    rows = [
        (
            named(name, required=name in required),
            type_of(field),
            E.span(*meaning_of(field)),
        )
        for name, field in schema["properties"].items()
    ]
    return table(("field", "type", "meaning"), rows)


def named(name: str, *, required: bool) -> Element:
    optional = [] if required else [E.small(" may be left out")]
    return E.span(E.code(name), *optional)


def type_of(schema: Described) -> Element:
    return E.span(*_type_parts(schema))


def _type_parts(schema: Described) -> Iterator[Element | str]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield E.a(name, href=f"#shape-{name}")
    elif "anyOf" in schema:
        for number, each in enumerate(schema["anyOf"]):
            yield from (" or ", type_of(each)) if number else (type_of(each),)
    elif schema.get("type") == "array":
        yield from ("list of ", type_of(schema["items"]))
    elif "additionalProperties" in schema and "properties" not in schema:
        named = schema["additionalProperties"]
        yield from ("names to ", type_of({} if named is True else named))
    else:
        yield schema.get("format") or schema.get("type") or "anything"


def meaning_of(schema: Described) -> Iterator[Element | str]:
    yield from inline(schema.get("description", ""))
    yield from limits_of(schema)


def limits_of(schema: Described) -> Iterator[Element]:
    for part in _limits(schema):
        yield E.small(f" {part}.")


def _limits(schema: Described) -> Iterator[str]:
    for each in (schema, *schema.get("anyOf", ())):
        for key, (how, noun) in _LIMITS.items():
            if key in each:
                yield f"{how} {_counted(each[key], noun)}"
        if "enum" in each:
            yield f"one of {', '.join(map(str, each['enum']))}"
    if schema.get("default") not in (None, []):
        yield f"left out: {json.dumps(schema['default'])}"


def _counted(number: float, noun: str | None) -> str:
    if noun is None:
        return str(number)
    several = noun.removesuffix("y") + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {noun if number == 1 else several}"


def table(heads: Sequence[str], rows: Sequence[Sequence[Element | str]]) -> Element:
    return E.div(
        E.table(
            E.thead(E.tr(*(E.th(head, scope="col") for head in heads))),
            E.tbody(*(E.tr(*(E.td(cell) for cell in row)) for row in rows)),
        ),
        {"class": "table"},
    )


def markdown(text: str) -> Iterator[Element]:
    if text:
        yield from html.fragments_fromstring(_MARKDOWN.render(text))


def inline(text: str) -> Iterator[Element | str]:
    if text:
        span = html.fragment_fromstring(f"<span>{_MARKDOWN.renderInline(text)}</span>")
        yield span
