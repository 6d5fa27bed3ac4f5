"""When a periodic task becomes due: evenly spaced moments, in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Schedule:
    words: str  # as people read it
    first: datetime  # any one of the moments
    every: timedelta

    def latest(self, now: datetime) -> datetime:
        """The last moment that is not in the future."""
        return now - (now - self.first) % self.every

    def following(self, moment: datetime) -> datetime:
        """The first moment after this one."""
        return self.latest(moment) + self.every


_A_SUNDAY = datetime(2023, 1, 1, tzinfo=UTC)

HOURLY = Schedule("hourly", _A_SUNDAY, timedelta(hours=1))


def daily(hour: int) -> Schedule:
    return Schedule(f"daily {hour:02}:00", _A_SUNDAY + timedelta(hours=hour), timedelta(days=1))


def sundays(hour: int) -> Schedule:
    return Schedule(f"Sundays {hour:02}:00", _A_SUNDAY + timedelta(hours=hour), timedelta(days=7))
