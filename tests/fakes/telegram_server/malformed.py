"""Bodies that look like updates, and are not: what a webhook must survive."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from fakes.bot_contract import ARRAY, PLAIN, BotContract
from fakes.telegram_server.records import Json

DEEPEST = 4  # types within types
MORE = 8  # fields that a type may have but need not
NESTED = 2_000  # lists within lists, more than a parser's stack may hold
WORDS = ("Привіт", "", "/start", "x" * 5_000, "\0", "🏟", "<b>", "%s", "'; drop table --", "\u202e")
NUMBERS = (0, -1, 2**31, 2**53 + 1, -(2**63), 10**400)
STRANGE: tuple[Any, ...] = (None, True, -1, 10**30, 1.5, "", "text", [], {}, [[]], {"": {}})


def malformed_updates(contract: BotContract, count: int, seed: int) -> Iterator[bytes]:
    """The same bodies for the same seed; most are JSON, some only begin like it."""
    chance = random.Random(seed)
    well_made = _WellMade(contract, chance)
    for number in range(count):
        update = well_made.update(number)
        spoil = chance.choice(SPOILING)
        yield spoil(update, chance)


class _WellMade:
    """Updates with everything that a type must have, and some of what it may have."""

    def __init__(self, contract: BotContract, chance: random.Random) -> None:
        self._contract = contract
        self._chance = chance

    def update(self, id: int) -> Json:
        kinds = [field for field in self._contract.fields("Update") if not field["required"]]
        likely = [field for field in kinds if field["name"] in ("message", "callback_query")]
        field = self._chance.choice(kinds if self._chance.random() < 0.5 else likely or kinds)
        return {"update_id": id, field["name"]: self._value(field["types"][0], 1)}

    def _value(self, type: str, depth: int) -> Any:
        if type.startswith(ARRAY):
            size = self._chance.randrange(3) if depth < DEEPEST else 0
            return [self._value(type.removeprefix(ARRAY), depth + 1) for _ in range(size)]
        if choices := self._contract.choices(type):
            return self._value(self._chance.choice(choices), depth)
        return self._plain(type) if type in PLAIN else self._object(type, depth)

    def _plain(self, type: str) -> str | float | bool:
        if type == "String":
            return self._chance.choice(WORDS)
        if type == "Integer":
            return self._chance.randrange(1, 10**10)
        return self._chance.random() if type == "Float" else self._chance.random() < 0.5

    def _object(self, type: str, depth: int) -> Json:
        fields = self._contract.fields(type)
        chosen = [field for field in fields if field["required"] and depth < 2 * DEEPEST]
        others = [field for field in fields if not field["required"] and depth < DEEPEST]
        chosen += self._chance.sample(others, min(self._chance.randrange(MORE), len(others)))
        return {field["name"]: self._value(field["types"][0], depth + 1) for field in chosen}


Spoil = Callable[[Json, random.Random], bytes]


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every object or list, with each of its keys."""
    keys = list(node) if isinstance(node, dict) else range(len(node))
    for key in keys:
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


def _replaced(new: Callable[[Any, random.Random], Any]) -> Spoil:
    def spoil(update: Json, chance: random.Random) -> bytes:
        for _ in range(chance.randint(1, 3)):
            holder, key = chance.choice(list(_places(update)))
            holder[key] = new(holder[key], chance)
        return _bytes(update)

    return spoil


def _other_type(old: Any, chance: random.Random) -> Any:
    other = [each for each in STRANGE if type(each) is not type(old)]
    return copy.deepcopy(chance.choice(other))


def _nested(_: Any, chance: random.Random) -> Any:
    node: Any = 0
    for _level in range(chance.choice((5, 50))):
        node = chance.choice(({"reply_to_message": node}, [node]))
    return node


def _missing(update: Json, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 4)):
        if places := list(_places(update)):
            holder, key = chance.choice(places)
            del holder[key]
    return _bytes(update)


def _surrogate(update: Json, chance: random.Random) -> bytes:
    """Written as JSON may write it: `\\ud800`, alone."""
    holder, key = chance.choice(list(_places(update)))
    holder[key] = "\ud800" + chance.choice(WORDS)
    return json.dumps(update).encode()


def _far_too_deep(update: Json, chance: random.Random) -> bytes:
    opening, closing = chance.choice((("[", "]"), ('{"message":', "}")))
    deep = opening * NESTED + "0" + closing * NESTED
    return f'{{"update_id": {update["update_id"]}, "message": {deep}}}'.encode()


def _cut(update: Json, chance: random.Random) -> bytes:
    body = _bytes(update)
    return body[: chance.randrange(len(body))]


def _no_object(_: Json, chance: random.Random) -> bytes:
    return chance.choice((b"", b"null", b"[]", b"0", b'"update"', b"NaN", b"\xff\xfe", b"{}{}"))


def _bytes_changed(update: Json, chance: random.Random) -> bytes:
    body = bytearray(_bytes(update))
    for _ in range(chance.randint(1, 5)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    return bytes(body)


def _bytes(update: Json) -> bytes:
    return json.dumps(update, ensure_ascii=False).encode("utf-8", "surrogatepass")


SPOILING: tuple[Spoil, ...] = (
    _replaced(_other_type),
    _replaced(_other_type),
    _replaced(lambda _, chance: chance.choice(NUMBERS)),
    _replaced(_nested),
    _missing,
    _missing,
    _surrogate,
    _far_too_deep,
    _cut,
    _no_object,
    _bytes_changed,
)
