"""The API's description as one page of plain HTML: no script, nothing from elsewhere."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

from lxml import html  # type: ignore[import-untyped]  # lxml ships no types
from lxml.builder import E  # type: ignore[import-untyped]
from markdown_it import MarkdownIt

from sloth_agent.server.problems import MEDIA_TYPE

Element: TypeAlias = Any  # lxml.etree._Element
Described = Mapping[str, Any]

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")

_LIMITS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
}


def docs_page(document: Described) -> bytes:
    """HTML for whoever builds against the API."""
    introduction = list(_markdown(document["info"]["description"]))
    _name_headings(introduction)
    groups = [_Group(tag, list(_operations(document, tag["name"]))) for tag in document["tags"]]
    title = f"{document['info']['title']} API"
    page = E.html(
        E.head(
            E.meta(charset="utf-8"),
            E.meta(name="viewport", content="width=device-width, initial-scale=1"),
            E.title(title),
            E.link(rel="stylesheet", href="style.css"),
        ),
        E.body(
            E.a("To the text", {"class": "skip"}, href="#text"),
            _contents(title, introduction, groups),
            E.main(
                E.h1(title),
                E.p("For programs: ", E.a("OpenAPI 3.1", href="../schema/"), "."),
                *introduction,
                *(group.section(document) for group in groups),
                _shapes(document),
                id="text",
            ),
        ),
        lang="en",
    )
    written: bytes = html.tostring(page, doctype="<!doctype html>", encoding="utf-8")
    return written


class _Group:
    """Operations about the same things."""

    def __init__(self, tag: Described, operations: Sequence[tuple[str, str, Described]]) -> None:
        self.name: str = tag["name"]
        self.told: str = tag["description"]
        self.operations = operations

    def section(self, document: Described) -> Element:
        articles = (_article(document, *operation) for operation in self.operations)
        return E.section(
            E.h2(self.name.capitalize()), E.p(self.told), *articles, id=f"group-{self.name}"
        )


def _operations(document: Described, tag: str) -> Iterator[tuple[str, str, Described]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _contents(title: str, introduction: Sequence[Element], groups: Sequence[_Group]) -> Element:
    headings = [each for each in introduction if each.tag == "h2"]
    return E.nav(
        E.p(title, {"class": "title"}),
        E.ul(*(E.li(E.a(each.text_content(), href=f"#{each.get('id')}")) for each in headings)),
        *(_entries(group) for group in groups),
        E.p(E.a("Shapes", href="#shapes"), {"class": "group"}),
        {"aria-label": "Contents"},
    )


def _entries(group: _Group) -> Element:
    entries = (
        E.li(E.a(_method(method), " ", operation["summary"], href=f"#{operation['operationId']}"))
        for method, _, operation in group.operations
    )
    return E.div(E.p(group.name.capitalize(), {"class": "group"}), E.ul(*entries))


def _article(document: Described, method: str, path: str, operation: Described) -> Element:
    id = operation["operationId"]
    return E.article(
        E.h3(_method(method), " ", E.code(path), " ", E.a("#", _to_itself(id), href=f"#{id}")),
        E.p(operation["summary"] + ".", {"class": "summary"}),
        *_markdown(operation["description"]),
        *_parameters(document, operation.get("parameters", [])),
        *_request(document, operation.get("requestBody", {})),
        *_answers(operation["responses"]),
        _errors(document, operation["responses"]),
        id=id,
    )


def _to_itself(id: str) -> dict[str, str]:
    return {"class": "anchor", "aria-label": f"Link to {id}"}


def _parameters(document: Described, parameters: Sequence[Described]) -> Iterator[Element]:
    if parameters:
        yield E.h4("Parameters")
        found = [_resolved(document, each) for each in parameters]
        yield _table(
            ("name", "in", "type", "meaning"),
            [
                (
                    _field(each["name"], required=each["required"]),
                    each["in"],
                    _type(each["schema"]),
                    E.span(*_meaning({**each["schema"], **_description(each)})),
                )
                for each in found
            ],
        )


def _request(document: Described, body: Described) -> Iterator[Element]:
    for media_type, content in body.get("content", {}).items():
        yield E.h4("Request: ", E.code(media_type))
        yield _fields(_resolved(document, content["schema"]))
        yield from _example(content)


def _answers(responses: Described) -> Iterator[Element]:
    for status, response in responses.items():
        if int(status) < 400:
            phrase = HTTPStatus(int(status)).phrase
            yield E.h4(f"Answer {status} {phrase}")
            if response["description"] != f"{phrase}.":
                yield from _markdown(response["description"])
            for media_type, content in response.get("content", {}).items():
                yield E.p(E.code(media_type), ": ", _type(content["schema"]))
                yield from _example(content)


def _errors(document: Described, responses: Described) -> Element:
    rows = [
        (status, E.code(code), E.span(*_inline(_resolved(document, example)["summary"])))
        for status, response in responses.items()
        for code, example in _problems(response).items()
    ]
    table = _table(("status", "code", "meaning"), rows)
    return E.details(E.summary(f"Errors ({len(rows)})"), table)


def _problems(response: Described) -> Described:
    content: Described = response.get("content", {}).get(MEDIA_TYPE, {})
    examples: Described = content.get("examples", {})
    return examples


def _example(content: Described) -> Iterator[Element]:
    example = content.get("example")
    if example is not None:
        text = example if isinstance(example, str) else json.dumps(example, indent=2)
        yield E.pre(E.code(text), tabindex="0")


def _shapes(document: Described) -> Element:
    schemas = sorted(document["components"]["schemas"].items())
    return E.section(
        E.h2("Shapes"),
        E.p("Whatever requests and answers are made of."),
        *(_shape(name, schema) for name, schema in schemas),
        id="shapes",
    )


def _shape(name: str, schema: Described) -> Element:
    told = _markdown(schema.get("description", ""))
    content = _fields(schema) if "properties" in schema else E.p(*_meaning(schema))
    return E.article(E.h3(name), *told, content, id=f"shape-{name}")


def _fields(schema: Described) -> Element:
    required = schema.get("required", ())
    rows = [
        (
            _field(name, required=name in required),
            _type(field),
            E.span(*_meaning(field)),
        )
        for name, field in schema["properties"].items()
    ]
    return _table(("field", "type", "meaning"), rows)


def _field(name: str, *, required: bool) -> Element:
    optional = [] if required else [E.small(" may be left out")]
    return E.span(E.code(name), *optional)


def _type(schema: Described) -> Element:
    return E.span(*_type_parts(schema))


def _type_parts(schema: Described) -> Iterator[Element | str]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield E.a(name, href=f"#shape-{name}")
    elif "anyOf" in schema:
        for number, each in enumerate(schema["anyOf"]):
            yield from (" or ", _type(each)) if number else (_type(each),)
    elif schema.get("type") == "array":
        yield from ("list of ", _type(schema["items"]))
    elif "additionalProperties" in schema and "properties" not in schema:
        named = schema["additionalProperties"]
        yield from ("names to ", _type({} if named is True else named))
    else:
        yield schema.get("format") or schema.get("type") or "anything"


def _meaning(schema: Described) -> Iterator[Element | str]:
    yield from _inline(schema.get("description", ""))
    for part in _limits(schema):
        yield E.small(f" {part}.")


def _limits(schema: Described) -> Iterator[str]:
    for each in (schema, *schema.get("anyOf", ())):
        yield from (text.format(each[key]) for key, text in _LIMITS.items() if key in each)
        if "enum" in each:
            yield f"one of {', '.join(map(str, each['enum']))}"
    if schema.get("default") not in (None, []):
        yield f"left out: {json.dumps(schema['default'])}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[Element | str]]) -> Element:
    return E.div(
        E.table(
            E.thead(E.tr(*(E.th(head, scope="col") for head in heads))),
            E.tbody(*(E.tr(*(E.td(cell) for cell in row)) for row in rows)),
        ),
        {"class": "table"},
    )


def _method(method: str) -> Element:
    return E.span(method, {"class": f"method {method.lower()}"})


def _resolved(document: Described, described: Described) -> Described:
    if "$ref" not in described:
        return described
    kind, name = described["$ref"].split("/")[-2:]
    found: Described = document["components"][kind][name]
    return found


def _description(described: Described) -> dict[str, str]:
    return {"description": described["description"]} if "description" in described else {}


def _markdown(text: str) -> Iterator[Element]:
    if text:
        yield from html.fragments_fromstring(_MARKDOWN.render(text))


def _inline(text: str) -> Iterator[Element | str]:
    if text:
        span = html.fragment_fromstring(f"<span>{_MARKDOWN.renderInline(text)}</span>")
        yield span


def _name_headings(elements: Sequence[Element]) -> None:
    for each in elements:
        if each.tag == "h2":
            each.set("id", "-".join(re.findall(r"[a-z]+", each.text_content().lower())))
