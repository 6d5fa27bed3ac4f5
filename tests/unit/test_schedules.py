"""When periodic tasks are due."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.tasks.schedules import HOURLY, Schedule, daily, sundays

NOW = datetime(2026, 7, 29, 2, 30, 15, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("schedule", "latest", "following"),
    [
        (HOURLY, datetime(2026, 7, 29, 2, tzinfo=UTC), datetime(2026, 7, 29, 3, tzinfo=UTC)),
        (daily(0), datetime(2026, 7, 29, tzinfo=UTC), datetime(2026, 7, 30, tzinfo=UTC)),
        (daily(3), datetime(2026, 7, 28, 3, tzinfo=UTC), datetime(2026, 7, 29, 3, tzinfo=UTC)),
        (sundays(3), datetime(2026, 7, 26, 3, tzinfo=UTC), datetime(2026, 8, 2, 3, tzinfo=UTC)),
    ],
    ids=lambda value: value.words if isinstance(value, Schedule) else None,
)
def test_due_moments(schedule: Schedule, latest: datetime, following: datetime) -> None:
    assert schedule.latest(NOW) == latest
    assert schedule.following(NOW) == following
    assert schedule.latest(latest) == latest
    assert schedule.following(latest) == following


@given(now=st.datetimes(datetime(1900, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_every_moment_lies_between_two_due_ones(now: datetime) -> None:
    for schedule in (HOURLY, daily(0), daily(23), sundays(3)):
        latest, following = schedule.latest(now), schedule.following(now)
        assert latest <= now < following
        assert following - latest == schedule.every
        assert schedule.latest(following - timedelta(microseconds=1)) == latest
