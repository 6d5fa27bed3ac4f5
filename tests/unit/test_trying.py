"""Pauses between the tries of a job."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from sloth_agent.jobs.trying import MOST_TRIES, pause_after


@given(st.integers(1, MOST_TRIES * 3), st.floats(0, 1))
def test_a_pause_grows_up_to_a_limit(tries: int, chance: float) -> None:
    pause = pause_after(tries, chance=chance)
    assert timedelta(seconds=1) <= pause <= timedelta(minutes=10)
    assert pause <= pause_after(tries + 1, chance=chance)
    assert pause_after(tries, chance=0) == pause_after(tries, chance=1) / 2
