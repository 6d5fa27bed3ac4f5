"""When a firm is open: hours of its own clock on the wall, for each day of the week."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sloth_agent.errors import InvalidInput

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Week = Mapping[str, Sequence[tuple[str, str]]]
"""`{"mon": [("09:00", "18:00")], ...}`. An end before its beginning is on the next day; `24:00` is
the end of the day. No hours at all: always open."""

MOST_A_DAY = 8

_MIDNIGHT = "24:00"
_DAY_MINUTES = 24 * 60
_LOOK_AHEAD_DAYS = 15  # a week, and one more for hours that a change of the clock swallows

_HINT = 'Write {"mon": [["09:00", "18:00"]]}, with days mon to sun.'


def checked_week(given: Mapping[str, Sequence[Sequence[str]]]) -> Week:
    """In the order of the week, without days that have no hours.

    Raises:
        InvalidInput: a day or a time that there is not, or too many.
    """
    if unknown := set(given) - set(DAYS):
        raise _wrong(f"There is no day {min(unknown)!r}.")
    if any(len(hours) > MOST_A_DAY for hours in given.values()):
        raise _wrong(f"A day has at most {MOST_A_DAY} pairs of hours.")
    return {day: [_hours(pair) for pair in given[day]] for day in DAYS if given.get(day)}


def read_week(text: str) -> Week:
    """As people write it: `mon-fri 09:00-18:00, sat 10:00-14:00 15:00-17:00`.

    Raises:
        InvalidInput: it cannot be read.
    """
    week: dict[str, list[tuple[str, str]]] = {}
    for part in filter(None, (part.strip().lower() for part in text.split(","))):
        days, *hours = part.split()
        if not hours:
            raise _unreadable(part)
        for day in _days(days):
            week.setdefault(day, []).extend(_written(each) for each in hours)
    return checked_week(week)


def is_open(week: Week, zone: ZoneInfo, at: datetime) -> bool:
    """Whether somebody is there at this moment."""
    return not week or any(start <= at < end for start, end in _spans(week, zone, at))


def next_opening(week: Week, zone: ZoneInfo, at: datetime) -> datetime:
    """The first moment from `at` on at which somebody is there, in UTC."""
    if is_open(week, zone, at):
        return at
    return min(start for start, end in _spans(week, zone, at) if at < start < end)


def _spans(week: Week, zone: ZoneInfo, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Of the days around a moment. What a change of the clock swallows whole has no length."""
    today = at.astimezone(zone).date()
    for offset in range(-2, _LOOK_AHEAD_DAYS):
        day = today + timedelta(days=offset)
        for opens, closes in week.get(DAYS[day.weekday()], ()):
            start, end = _minutes(opens), _minutes(closes)
            end += 0 if end > start else _DAY_MINUTES
            yield _moment(day, start, zone, is_end=False), _moment(day, end, zone, is_end=True)


def _moment(day: date, minutes: int, zone: ZoneInfo, *, is_end: bool) -> datetime:
    """When the clock on the wall shows that.

    What it shows twice is the first time for a beginning and the second for an end; what it never
    shows is the moment at which it jumps.
    """
    wall = datetime.combine(day, time(), zone) + timedelta(minutes=minutes)
    before, after = (wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if before > after:
        return _jump(after, before, zone)
    return after if is_end else before


def _jump(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """Between two moments, where the clock is put on."""
    offset = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def _days(text: str) -> Sequence[str]:
    first, _, last = text.partition("-")
    if first not in DAYS or (last or first) not in DAYS:
        raise _unreadable(text)
    start, end = DAYS.index(first), DAYS.index(last or first)
    return DAYS[start : end + 1] if start <= end else (*DAYS[start:], *DAYS[: end + 1])


def _written(text: str) -> tuple[str, str]:
    opens, _, closes = text.partition("-")
    return opens, closes


def _hours(pair: Sequence[str]) -> tuple[str, str]:
    if len(pair) != 2:
        raise _wrong("Hours have a beginning and an end.")
    opens, closes = pair
    if not _is_time(opens) or not (_is_time(closes) or closes == _MIDNIGHT) or opens == closes:
        raise _wrong(f"There are no hours from {opens!r} to {closes!r}.")
    return opens, closes


def _is_time(text: str) -> bool:
    hours, _, minutes = text.partition(":")
    parts = hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()
    return len(text) == 5 and parts and int(hours) < 24 and int(minutes) < 60


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _wrong(message: str) -> InvalidInput:
    return InvalidInput(message, hint=_HINT, field="office_hours")


def _unreadable(part: str) -> InvalidInput:
    return InvalidInput(
        f"{part!r} are no hours.",
        hint='Write them as "mon-fri 09:00-18:00, sat 10:00-14:00".',
        field="office_hours",
    )
