"""Billing periods and shares of them."""

from calendar import monthrange
from datetime import UTC, datetime

DAY = 24 * 3600
SECONDS = {"day": DAY, "week": 7 * DAY}
MONTHS = {"month": 1, "year": 12}


def next_after(start: int, anchor: int, rhythm: tuple[str, int]) -> int:
    """The first end of a period after `start`; 31 January, 28 February, 31 March."""
    interval, count = rhythm
    if interval in SECONDS:
        length = SECONDS[interval] * count
        return anchor + ((start - anchor) // length + 1) * length
    length = MONTHS[interval] * count
    periods = max(_months_between(anchor, start) // length, 0)
    while (end := _months_later(anchor, periods * length)) <= start:
        periods += 1
    return end


def share(amount: int, *, of: tuple[int, int], since: int) -> int:
    """Of an amount for a period, what the time since a moment is worth; half a cent is one."""
    start, end = of
    rest = max(min(end - since, end - start), 0)
    return (2 * amount * rest + (end - start)) // (2 * (end - start))


def _months_between(first: int, second: int) -> int:
    one, two = datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(second, UTC)
    return (two.year - one.year) * 12 + two.month - one.month


def _months_later(anchor: int, months: int) -> int:
    moment = datetime.fromtimestamp(anchor, UTC)
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    day = min(moment.day, monthrange(year, month + 1)[1])
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())
