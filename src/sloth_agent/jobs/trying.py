"""Which failures are worth another try, and after how long."""

from datetime import timedelta

from sloth_agent.errors import (
    BackendUnavailable,
    JobTimeout,
    ParseMemory,
    ParseTimeout,
    SlothError,
)

MOST_TRIES = 5

_PASSING = (BackendUnavailable, JobTimeout, ParseMemory, ParseTimeout)

_FIRST_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(minutes=10)


def may_pass(error: Exception) -> bool:
    """What is away may come back, and a bug may have had its moment; a bad file stays bad."""
    return isinstance(error, _PASSING) or not isinstance(error, SlothError)


def pause_after(tries: int, *, chance: float) -> timedelta:
    """Four times as long after each try, so that what is away is not kept down by those who wait.

    `chance`, from 0 to 1, spreads them: between half of the pause and all of it.
    """
    pause = min(_FIRST_PAUSE * float(4 ** (tries - 1)), _LONGEST_PAUSE)
    return pause * (0.5 + chance / 2)
