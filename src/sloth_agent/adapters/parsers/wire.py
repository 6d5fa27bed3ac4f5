"""How a reading travels from the child that made it: compact JSON, checked on arrival.

A child has dealt with a stranger's file, so nothing it sends is taken on trust.
"""

import json
from collections.abc import Iterator
from typing import Any

from sloth_agent import errors
from sloth_agent.errors import FileDamaged, UnreadableFile
from sloth_agent.knowledge.models import Block, BlockKind, Place, Reading, Unread

_KINDS = tuple(BlockKind)


def _family(kind: type[UnreadableFile]) -> Iterator[type[UnreadableFile]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


ERRORS = {kind.code: kind for kind in _family(errors.UnreadableFile)}


def pack(reading: Reading) -> bytes:
    places: dict[Place, int] = {}
    headers: dict[str, int] = {}
    blocks = [
        (
            _KINDS.index(block.kind),
            block.text,
            places.setdefault(block.place, len(places)),
            headers.setdefault(block.header, len(headers)),
        )
        for block in reading.blocks
    ]
    message = {
        "media_type": reading.media_type,
        "pages": reading.pages,
        "unread": [(part.part, part.code, part.message) for part in reading.unread],
        "places": [(p.member, p.page, p.sheet, p.row, p.headings) for p in places],
        "headers": list(headers),
        "blocks": blocks,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def pack_error(error: UnreadableFile) -> bytes:
    message = {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "details": error.details,
    }
    return json.dumps(message, separators=(",", ":")).encode()


def unpack(message: bytes) -> Reading:
    """Raises:
    UnreadableFile: the one that was packed; `FileDamaged` where the message makes no sense.
    """
    try:
        answer = json.loads(message)
        if "code" in answer:
            raise _error(answer)
        return _reading(answer)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise nonsense() from error


def nonsense() -> FileDamaged:
    return FileDamaged("The file could not be read: what came out of it makes no sense.")


def _error(answer: dict[str, Any]) -> UnreadableFile:
    hint = None if answer["hint"] is None else _text(answer["hint"])
    return ERRORS[answer["code"]](_text(answer["message"]), hint=hint, **answer["details"])


def _reading(answer: dict[str, Any]) -> Reading:
    places = [_place(*place) for place in answer["places"]]
    headers = [_text(header) for header in answer["headers"]]
    return Reading(
        media_type=_text(answer["media_type"]),
        pages=_number(answer["pages"]),
        unread=tuple(
            Unread(part=_text(part), code=ERRORS[code].code, message=_text(message))
            for part, code, message in answer["unread"]
        ),
        blocks=tuple(
            Block(kind=_KINDS[kind], text=_text(text), place=places[place], header=headers[header])
            for kind, text, place, header in answer["blocks"]
        ),
    )


def _place(member: Any, page: Any, sheet: Any, row: Any, headings: Any) -> Place:
    return Place(
        member=None if member is None else _text(member),
        page=_number(page),
        sheet=None if sheet is None else _text(sheet),
        row=_number(row),
        headings=tuple(_text(heading) for heading in headings),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError("not a text")
    value.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError
    return value


def _number(value: Any) -> int | None:
    if value is None or (type(value) is int and 0 < value < 2**31):
        return value
    raise TypeError("not a number from 1")
