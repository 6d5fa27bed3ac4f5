"""Months as people count them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.billing.periods import Period, continued, month_around, months_after

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of hypothesis are naive


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2027-01-31", 1, "2027-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2027-01-31", 2, "2027-03-31"),
        ("2027-12-15", 1, "2028-01-15"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2027-03-31", -1, "2027-02-28"),
    ],
)
def test_months_end_on_the_same_day_or_on_the_last(start: str, months: int, end: str) -> None:
    assert months_after(datetime.fromisoformat(start), months) == datetime.fromisoformat(end)


def test_a_short_month_does_not_shift_those_after_it() -> None:
    anchor = datetime(2027, 1, 31, 12, tzinfo=UTC)
    assert month_around(datetime(2027, 3, 1, tzinfo=UTC), anchor=anchor) == Period(
        datetime(2027, 2, 28, 12, tzinfo=UTC), datetime(2027, 3, 31, 12, tzinfo=UTC)
    )


def test_what_ended_for_want_of_a_31st_goes_on_to_one() -> None:
    january, february = datetime(2027, 1, 31, tzinfo=UTC), datetime(2027, 2, 28, tzinfo=UTC)
    march = datetime(2027, 3, 31, tzinfo=UTC)
    assert continued(february, anchor=january, months=1) == march
    assert continued(february, anchor=march, months=1) == datetime(2027, 3, 31, tzinfo=UTC)
    assert continued(february, anchor=february, months=1) == datetime(2027, 3, 28, tzinfo=UTC)
    elsewhere = datetime(2027, 2, 5, tzinfo=UTC)
    assert continued(elsewhere, anchor=january, months=1) == datetime(2027, 3, 5, tzinfo=UTC)


@given(anchor=MOMENTS, now=MOMENTS)
def test_every_moment_is_in_one_month(anchor: datetime, now: datetime) -> None:
    month = month_around(now, anchor=anchor)
    assert month.start <= now < month.end
    assert month_around(month.end, anchor=anchor).start == month.end
    assert timedelta(days=27) < month.end - month.start < timedelta(days=32)
