"""When a firm is open, by its own clock: also on days on which that is changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.errors import InvalidInput
from sloth_agent.tenants.hours import (
    DAYS,
    Week,
    checked_week,
    is_open,
    next_opening,
    read_week,
)

WARSAW = ZoneInfo("Europe/Warsaw")
WEEKDAYS = read_week("mon-fri 09:00-18:00, sat 10:00-14:00 15:00-17:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("local", "is_it"),
    [
        ("2026-11-30T08:59:59", False),  # a Monday
        ("2026-11-30T09:00:00", True),
        ("2026-11-30T17:59:59", True),
        ("2026-11-30T18:00:00", False),
        ("2026-12-05T14:30:00", False),
        ("2026-12-05T15:00:00", True),
        ("2026-12-06T12:00:00", False),
    ],
)
def test_hours_are_those_of_the_firms_clock(local: str, is_it: bool) -> None:
    assert is_open(WEEKDAYS, WARSAW, datetime.fromisoformat(local).replace(tzinfo=WARSAW)) is is_it


def test_without_hours_it_is_always_open() -> None:
    now = at("2026-11-29T03:00+00:00")
    assert is_open({}, WARSAW, now)
    assert next_opening({}, WARSAW, now) == now


def test_the_next_opening() -> None:
    friday_evening = at("2026-12-04T18:00+01:00")
    assert next_opening(WEEKDAYS, WARSAW, friday_evening) == at("2026-12-05T10:00+01:00")
    assert next_opening(WEEKDAYS, WARSAW, at("2026-12-05T17:00+01:00")) == at(
        "2026-12-07T09:00+01:00"
    )
    only_mondays = read_week("mon 09:00-10:00")
    assert next_opening(only_mondays, WARSAW, at("2026-11-30T10:00+01:00")) == at(
        "2026-12-07T09:00+01:00"
    )


def test_past_midnight() -> None:
    bar = read_week("fri-sat 20:00-02:00")
    assert is_open(bar, WARSAW, at("2026-12-05T01:59+01:00"))  # of Friday
    assert not is_open(bar, WARSAW, at("2026-12-05T02:00+01:00"))
    assert is_open(bar, WARSAW, at("2026-12-06T00:00+01:00"))
    assert not is_open(bar, WARSAW, at("2026-12-07T01:00+01:00"))
    whole_day = read_week("sun 00:00-24:00")
    assert is_open(whole_day, WARSAW, at("2026-12-06T23:59:59+01:00"))
    assert not is_open(whole_day, WARSAW, at("2026-12-07T00:00+01:00"))


def test_where_the_clock_is_put_on() -> None:
    """On 29 March 2026 in Warsaw 02:00 to 03:00 does not come."""
    early = read_week("sun 02:30-05:00")
    opens = next_opening(early, WARSAW, at("2026-03-28T12:00+01:00"))
    assert opens == at("2026-03-29T03:00+02:00"), "as soon as the clock shows more than 02:30"
    ends = read_week("sat 22:00-02:30")
    assert is_open(ends, WARSAW, at("2026-03-29T01:59:59+01:00"))
    assert not is_open(ends, WARSAW, at("2026-03-29T03:00+02:00"))
    swallowed = read_week("sun 02:10-02:50")
    assert next_opening(swallowed, WARSAW, at("2026-03-28T12:00+01:00")) == at(
        "2026-04-05T02:10+02:00"
    )


def test_where_the_clock_is_put_back() -> None:
    """On 25 October 2026 in Warsaw 02:00 to 03:00 comes twice."""
    night = read_week("sun 01:00-02:30")
    first, second = at("2026-10-25T02:45+02:00"), at("2026-10-25T02:15+01:00")
    assert is_open(night, WARSAW, first)
    assert is_open(night, WARSAW, second)
    assert not is_open(night, WARSAW, at("2026-10-25T02:30+01:00"))
    late = read_week("sun 02:15-04:00")
    assert next_opening(late, WARSAW, at("2026-10-25T01:00+02:00")) == at("2026-10-25T02:15+02:00")


def test_where_a_whole_day_does_not_come() -> None:
    """Samoa had no 30 December in 2011, a Friday."""
    apia = ZoneInfo("Pacific/Apia")
    fridays = read_week("fri 09:00-17:00")
    opens = next_opening(fridays, apia, datetime(2011, 12, 29, 12, tzinfo=apia))
    assert opens == datetime(2012, 1, 6, 9, tzinfo=apia)


CLOCKS = st.integers(0, 24 * 60 - 1).map(lambda m: f"{m // 60:02}:{m % 60:02}")
HOURS = st.tuples(CLOCKS, CLOCKS).filter(lambda pair: pair[0] != pair[1])
WEEKS = st.dictionaries(st.sampled_from(DAYS), st.lists(HOURS, min_size=1, max_size=3), min_size=1)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of hypothesis are naive
ZONES = st.sampled_from(["Europe/Warsaw", "Europe/Kyiv", "America/New_York", "Australia/Lord_Howe"])


@given(week=WEEKS, moment=MOMENTS, zone=ZONES.map(ZoneInfo))
def test_it_opens_at_the_next_opening_and_not_before(
    week: Week, moment: datetime, zone: ZoneInfo
) -> None:
    opens = next_opening(checked_week(week), zone, moment)
    assert is_open(week, zone, opens)
    assert moment <= opens <= moment + timedelta(days=15)
    if opens > moment:
        assert not is_open(week, zone, moment)
        assert not is_open(week, zone, opens - timedelta(seconds=1))


def test_what_is_written_is_read() -> None:
    assert read_week("") == {}
    assert read_week("sat-mon 10:00-12:00") == {
        "mon": [("10:00", "12:00")],
        "sat": [("10:00", "12:00")],
        "sun": [("10:00", "12:00")],
    }
    assert list(read_week("Sun 10:00-12:00, MON 09:00-10:00")) == ["mon", "sun"]


@pytest.mark.parametrize(
    "text",
    ["mon", "mon 9-18", "mon 09:00", "montag 09:00-18:00", "mon 24:00-25:00", "mon 09:00-09:00",
     "mon 09:60-10:00", "mon-xyz 09:00-10:00", "mon ٠٩:٠٠-10:00",
     "mon " + " ".join(["09:00-10:00"] * 9)],
)  # fmt: skip
def test_what_are_no_hours(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_week(text)
    assert refused.value.details == {"field": "office_hours"}


@pytest.mark.parametrize(
    "week", [{"monday": []}, {"mon": [["09:00"]]}, {"mon": [["9:00", "10:00"]]}]
)
def test_what_is_no_week(week: dict[str, list[list[str]]]) -> None:
    with pytest.raises(InvalidInput):
        checked_week(week)
