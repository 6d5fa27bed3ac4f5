"""The one place where the core learns what time it is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment, aware, in UTC."""


def system_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SetClock:
    """A `Clock` that somebody has set to another moment than the present one."""

    shows: datetime

    def __call__(self) -> datetime:
        return self.shows
