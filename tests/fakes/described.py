"""Holds what a server answers against its own description."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker

MAY_COME = {"hint", "errors"}
"""What a problem may tell beside what its example does."""


@dataclass(frozen=True, slots=True)
class Described:
    """Give `holds` to a client as a hook: each answer is checked when it comes."""

    document: Mapping[str, Any]
    succeeded: set[str] = field(default_factory=set)  # ids of operations

    @property
    def operations(self) -> dict[str, tuple[str, str, Mapping[str, Any]]]:
        """Methods, paths and what is told of them, by id."""
        return {
            operation["operationId"]: (method.upper(), path, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        }

    async def holds(self, response: httpx.Response) -> None:
        """Raises:
        AssertionError: the description tells otherwise.
        """
        await response.aread()
        request = response.request
        if response.status_code == httpx.codes.METHOD_NOT_ALLOWED:
            return  # by a path that looks like an operation's, and is another one's
        for id, operation in self._told(request.method, request.url.path):
            self._check(operation, response)
            if response.is_success:
                self.succeeded.add(id)

    def check(self, schema: Mapping[str, Any], body: object) -> None:
        """Raises:
        jsonschema.ValidationError: the body does not keep to the schema.
        """
        whole = {**schema, "components": self.document["components"]}
        Draft202012Validator(whole, format_checker=FormatChecker()).validate(body)

    def _told(self, method: str, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for id, (its_method, its_path, operation) in self.operations.items():
            pattern = re.sub(r"\{\w+\}", "[^/]+", its_path)
            if method == its_method and re.fullmatch(pattern, path):
                yield id, operation

    def _check(self, operation: Mapping[str, Any], response: httpx.Response) -> None:
        where = f"{operation['operationId']} answered {response.status_code}: {response.text[:500]}"
        told = operation["responses"].get(str(response.status_code))
        assert told is not None, where
        assert "x-request-id" in response.headers, where
        unknown = _own_headers(response) - {name.lower() for name in told["headers"]}
        assert not unknown, f"{unknown} in {where}"
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if "content" not in told:
            assert not response.content, where
            return
        assert media_type in told["content"], where
        if media_type.endswith("json"):
            self.check(told["content"][media_type]["schema"], response.json())
        if media_type == "application/problem+json":
            problem = response.json()
            codes = told["content"][media_type]["examples"]
            assert problem["code"] in codes, where
            example = self._example(codes[problem["code"]]["$ref"])
            assert set(problem) <= set(example) | MAY_COME, f"{example} tells less: {where}"

    def _example(self, reference: str) -> Mapping[str, Any]:
        name = reference.rpartition("/")[2]
        value: Mapping[str, Any] = self.document["components"]["examples"][name]["value"]
        return value


def _own_headers(response: httpx.Response) -> set[str]:
    ours = {"retry-after", "ratelimit", "ratelimit-policy", "idempotency-replayed"}
    return ours & set(response.headers)


def events(text: str) -> list[tuple[str, Any]]:
    """Of a stream that has ended."""
    found = []
    for event in text.strip().split("\n\n"):
        name, data = event.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found
