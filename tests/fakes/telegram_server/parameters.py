"""What a call gives, whichever way it came: in the address, a form, JSON, a form with files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from fakes.telegram_server.multipart import Upload, parts
from fakes.telegram_server.refusals import Refused


@dataclass(frozen=True)
class Values:
    """Texts of a form or values of JSON, read as what they should be."""

    given: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)

    def __contains__(self, name: object) -> bool:
        return name in self.given or name in self.files

    def text(self, name: str, default: str = "") -> str:
        value = self.given.get(name, default)
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        try:
            return int(self.given.get(name, default))
        except (TypeError, ValueError) as error:
            raise Refused(f'invalid parameter "{name}" specified') from error

    def number(self, name: str) -> float:
        try:
            return float(self.given[name])
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(f'invalid parameter "{name}" specified') from error

    def flag(self, name: str) -> bool:
        return str(self.given.get(name, "")).lower() in ("true", "yes", "1")

    def json(self, name: str) -> Any:
        """None: not given."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError as error:
            raise Refused(f"can't parse {name} JSON object") from error

    def array(self, name: str) -> list[Any]:
        value = self.json(name) or []
        if not isinstance(value, list):
            raise Refused(f"can't parse {name}: expected an Array")
        return value

    def object(self, name: str) -> dict[str, Any]:
        """An empty one, where none is given."""
        value = self.json(name) or {}
        if not isinstance(value, dict):
            raise Refused(f"can't parse {name}: expected an Object")
        return value

    def objects(self, name: str) -> Sequence[dict[str, Any]]:
        value = self.array(name)
        if not all(isinstance(each, dict) for each in value):
            raise Refused(f"can't parse {name}: expected an Array of Object")
        return value

    def need(self, *names: str) -> None:
        for name in names:
            if self.given.get(name) in (None, "") and name not in self.files:
                raise Refused(EMPTY.get(name, f'parameter "{name}" is required'))


EMPTY = {
    "chat_id": "chat_id is empty",
    "text": "message text is empty",
    "message_id": "message identifier is not specified",
    "file_id": "invalid file_id",
    "photo": "there is no photo in the request",
    "document": "there is no document in the request",
    "voice": "there is no voice in the request",
}


def read(query: str, content_type: str, body: bytes) -> Values:
    """Raises:
    Refused: the body is not what its type says, or its text is no UTF-8.
    """
    given: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    files: dict[str, Upload] = {}
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        for name, value in parts(content_type, body):
            if isinstance(value, Upload):
                files[name] = value
            else:
                given[name] = value
    elif kind == "application/json":
        given |= _json(body)
    elif body:
        given |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    _refuse_surrogates(given)
    return Values(given, files)


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise Refused("can't parse JSON object") from error
    if not isinstance(found, dict):
        raise Refused("can't parse JSON object: expected an Object")
    return found


def _refuse_surrogates(given: Mapping[str, Any]) -> None:
    for value in given.values():
        try:
            str(value).encode()
        except UnicodeEncodeError as error:
            raise Refused("strings must be encoded in UTF-8") from error
