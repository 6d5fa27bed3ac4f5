"""Pauses between the tries of a job."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.errors import ChannelUnavailable, EmbedderUnavailable, FileDamaged, ParseTimeout
from sloth_agent.jobs.trying import is_worth_another_try, pause_after


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_pause_grows_up_to_a_limit(tries: int, chance: float) -> None:
    pause = pause_after(tries, chance=chance)
    assert timedelta(seconds=1) <= pause <= timedelta(minutes=10)
    assert pause <= pause_after(tries + 1, chance=chance)
    assert pause_after(tries, chance=0) == pause_after(tries, chance=1) / 2


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (EmbedderUnavailable("It is away."), 12),
        (ChannelUnavailable("It is away."), 150),
        (ParseTimeout("It took too long."), 2),
        (FileDamaged("It is broken."), 1),
        (RuntimeError("A bug."), 3),
    ],
)
def test_patience_is_a_matter_of_what_went_wrong(error: Exception, tries: int) -> None:
    assert all(is_worth_another_try(error, tries=each) for each in range(1, tries))
    assert not is_worth_another_try(error, tries=tries)


def test_what_is_away_is_waited_for_more_than_an_hour() -> None:
    pauses = [pause_after(tries, chance=0) for tries in range(1, 12)]
    assert sum(pauses, timedelta()) > timedelta(minutes=35)


def test_a_messenger_that_is_away_is_waited_for_a_day() -> None:
    pauses = [pause_after(tries, chance=1) for tries in range(1, 150)]
    assert sum(pauses, timedelta()) > timedelta(days=1)
