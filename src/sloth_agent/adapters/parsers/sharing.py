"""Pages of one long document shared by two processes, each with limits of its own.

Both run the same parser on the same content. Where it comes to the pages, the second process sends
every other one to the first and ends; the first goes on with all of them.
"""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn, Protocol, TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")
_STEP = 1 << 20


class Share(Protocol):
    """The part of one process."""

    def each(
        self,
        work: Callable[[Item], Done],
        items: Sequence[Item],
        *,
        arrived: Callable[[Any], Done],
    ) -> list[Done]:
        """What `work` makes of each item. `arrived` makes whole again what came as JSON."""


class Alone:
    def each(
        self,
        work: Callable[[Item], Done],
        items: Sequence[Item],
        *,
        arrived: Callable[[Any], Done],  # noqa: ARG002 - nothing travels
    ) -> list[Done]:
        return [work(item) for item in items]


class First:
    """Does half of the work, and all of it where the second process does not deliver."""

    def __init__(self, deliveries: int) -> None:
        self._deliveries = deliveries

    def each(
        self,
        work: Callable[[Item], Done],
        items: Sequence[Item],
        *,
        arrived: Callable[[Any], Done],
    ) -> list[Done]:
        own = [work(item) for item in items[::2]]
        others = self._delivered(arrived)
        if others is None or len(others) != len(items[1::2]):
            others = [work(item) for item in items[1::2]]
        done = [*own, *others]
        done[::2], done[1::2] = own, others
        return done

    def _delivered(self, arrived: Callable[[Any], Done]) -> list[Done] | None:
        pieces = []
        while piece := os.read(self._deliveries, _STEP):
            pieces.append(piece)
        with suppress(ValueError, TypeError):  # it was ended, or is out of its mind
            return [arrived(one) for one in json.loads(b"".join(pieces))]
        return None


class Second:
    """Does the other half, and nothing after it."""

    def __init__(self, deliveries: int) -> None:
        self._deliveries = deliveries

    def each(
        self,
        work: Callable[[Item], Done],
        items: Sequence[Item],
        *,
        arrived: Callable[[Any], Done],  # noqa: ARG002 - nothing comes back
    ) -> NoReturn:
        done = [work(item) for item in items[1::2]]
        send(self._deliveries, json.dumps(done, separators=(",", ":"), ensure_ascii=False).encode())
        os._exit(0)


ALONE = Alone()


def send(results: int, message: bytes) -> None:
    rest = memoryview(message)
    while rest:
        rest = rest[os.write(results, rest) :]
