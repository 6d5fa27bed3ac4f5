"""The API's description as one page of plain HTML: no script, nothing from elsewhere."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from lxml import html  # type: ignore[import-untyped]  # lxml ships no types
from lxml.builder import E  # type: ignore[import-untyped]

from sloth_agent.server.curl_examples import curl_of
from sloth_agent.server.docs_tables import (
    Described,
    Element,
    fields_of,
    inline,
    limits_of,
    markdown,
    meaning_of,
    named,
    table,
    type_of,
)
from sloth_agent.server.problems import MEDIA_TYPE

EVERY_PROBLEM = {"type", "title", "status", "code", "detail", "request_id", "hint"}
"""What is told of any error; others tell more."""


def docs_page(document: Described) -> bytes:
    """HTML for whoever builds against the API."""
    introduction = list(markdown(document["info"]["description"]))
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
                _all_errors(document),
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
    """Closed at first where there is little room; the style sheet opens it where there is more."""
    headings = [each for each in introduction if each.tag == "h2"]
    return E.nav(
        E.p(title, {"class": "title"}),
        E.details(
            E.summary("Contents"),
            E.ul(*(E.li(E.a(each.text_content(), href=f"#{each.get('id')}")) for each in headings)),
            E.p(E.a("All errors", href="#errors-of-all"), {"class": "group"}),
            *(_entries(group) for group in groups),
            E.p(E.a("Shapes", href="#shapes"), {"class": "group"}),
        ),
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
        *markdown(operation["description"]),
        *_parameters(document, operation.get("parameters", [])),
        *_request(document, operation.get("requestBody", {})),
        E.details(E.summary("curl"), _code(curl_of(method, path, operation))),
        *_answers(operation["responses"]),
        *_errors(document, operation),
        id=id,
    )


def _to_itself(id: str) -> dict[str, str]:
    return {"class": "anchor", "aria-label": f"Link to {id}"}


def _parameters(document: Described, parameters: Sequence[Described]) -> Iterator[Element]:
    if parameters:
        yield E.h4("Parameters")
        found = [_resolved(document, each) for each in parameters]
        yield table(
            ("name", "in", "type", "meaning"),
            [
                (
                    named(each["name"], required=each["required"]),
                    each["in"],
                    type_of(each["schema"]),
                    E.span(*meaning_of({**each["schema"], **_description(each)})),
                )
                for each in found
            ],
        )


def _request(document: Described, body: Described) -> Iterator[Element]:
    for media_type, content in body.get("content", {}).items():
        schema = content["schema"]
        shape = _resolved(document, schema)
        yield E.h4("Request: ", E.code(media_type))
        if "$ref" in schema:
            yield E.p(type_of(schema), ". ", *inline(shape.get("description", "")))
        yield fields_of(shape)
        yield from _example(content)


def _answers(responses: Described) -> Iterator[Element]:
    for status, response in responses.items():
        if int(status) < 400:
            phrase = HTTPStatus(int(status)).phrase
            yield E.h4(f"Answer {status} {phrase}")
            if response["description"] != f"{phrase}.":
                yield from markdown(response["description"])
            for media_type, content in response.get("content", {}).items():
                yield E.p(E.code(media_type), ": ", type_of(content["schema"]))
                yield from _example(content)


def _errors(document: Described, operation: Described) -> Iterator[Element]:
    """Those of its own in full; of those that most operations have, the codes."""
    own, others = [], []
    for status, response in operation["responses"].items():
        for code, example in _problems(response).items():
            if code in operation["x-own-errors"]:
                meaning = _resolved(document, example)["summary"]
                own.append((status, E.code(code), E.span(*inline(meaning))))
            else:
                others.append(E.li(f"{status} ", E.code(code)))
    yield E.h4("Errors")
    if own:
        yield table(("status", "code", "meaning"), own)
    summary = E.summary(f"As with others ({len(others)})")
    told = E.p("What they mean: ", E.a("all errors", href="#errors-of-all"), ".")
    yield E.details(summary, told, E.ul(*others, {"class": "codes"}))


def _problems(response: Described) -> Described:
    content: Described = response.get("content", {}).get(MEDIA_TYPE, {})
    examples: Described = content.get("examples", {})
    return examples


def _all_errors(document: Described) -> Element:
    examples = document["components"]["examples"].values()
    rows = [
        (
            str(example["value"]["status"]),
            E.code(example["value"]["code"]),
            E.span(*inline(example["summary"])),
            E.span(*_further(example["value"])),
        )
        for example in sorted(examples, key=lambda example: int(example["value"]["status"]))
    ]
    return E.section(
        E.h2("All errors"),
        E.p("Each operation names those of its own."),
        table(("status", "code", "meaning", "tells also"), rows),
        id="errors-of-all",
    )


def _further(problem: Mapping[str, Any]) -> Iterator[Element | str]:
    names = [name for name in problem if name not in EVERY_PROBLEM]
    for number, name in enumerate(names):
        yield from (", ", E.code(name)) if number else (E.code(name),)


def _example(content: Described) -> Iterator[Element]:
    example = content.get("example")
    if example is not None:
        yield _code(example if isinstance(example, str) else json.dumps(example, indent=2))


def _code(text: str) -> Element:
    return E.pre(E.code(text), tabindex="0")


def _shapes(document: Described) -> Element:
    schemas = sorted(document["components"]["schemas"].items())
    return E.section(
        E.h2("Shapes"),
        E.p("Whatever requests and answers are made of."),
        *(_shape(name, schema) for name, schema in schemas),
        id="shapes",
    )


def _shape(name: str, schema: Described) -> Element:
    told = markdown(schema.get("description", ""))
    content = fields_of(schema) if "properties" in schema else E.p(*limits_of(schema))
    return E.article(E.h3(name), *told, content, id=f"shape-{name}")


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


def _name_headings(elements: Sequence[Element]) -> None:
    for each in elements:
        if each.tag == "h2":
            each.set("id", "-".join(re.findall(r"[a-z]+", each.text_content().lower())))
