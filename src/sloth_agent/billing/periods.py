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


def month_around(now: datetime, *, anchor: datetime) -> Period:
    """The month that holds `now`, among those that begin on the anchor's day and hour.

    All are counted from the anchor, so that a month that began on 28 February for want of a 31st
    is followed by one that begins on 31 March.
    """
    count = (now.year - anchor.year) * 12 + now.month - anchor.month
    if months_after(anchor, count) > now:
        count -= 1
    return Period(months_after(anchor, count), months_after(anchor, count + 1))
