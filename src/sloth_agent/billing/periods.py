"""Calendar arithmetic: months and years as people count them, in UTC."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to, and not including, `end`."""

    start: datetime
    end: datetime


def months_after(start: datetime, months: int) -> datetime:
    """The same day of a later month, or its last day: 31 January + 1 month is 28 or 29 February."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    month += 1
    return start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1]))


def continued(end: datetime, *, anchor: datetime, months: int) -> datetime:
    """So many months after `end`, which go on with those of the anchor if they ended there.

    What began on 31 January and ended on 28 February goes on to 31 March.
    """
    if month_around(end, anchor=anchor).start != end:
        return months_after(end, months)
    return months_after(anchor, _months_between(anchor, end) + months)


def month_around(now: datetime, *, anchor: datetime) -> Period:
    """The month that holds `now`, among those that begin on the anchor's day and hour.

    All are counted from the anchor, so that a month that began on 28 February for want of a 31st
    is followed by one that begins on 31 March.
    """
    count = _months_between(anchor, now)
    if months_after(anchor, count) > now:
        count -= 1
    return Period(months_after(anchor, count), months_after(anchor, count + 1))


def _months_between(start: datetime, end: datetime) -> int:
    """By the calendar's page, whatever the day."""
    return (end.year - start.year) * 12 + end.month - start.month
