"""Which failures are worth another try, and after how long."""

from datetime import timedelta

from sloth_agent.errors import (
    BackendUnavailable,
    ChannelUnavailable,
    InProgress,
    JobTimeout,
    ParseMemory,
    ParseTimeout,
    SlothError,
)

MOST_LOSSES = 5
"""How often the process that does a job may end without a word."""

_PATIENCE: tuple[tuple[type[Exception], int], ...] = (
    (ChannelUnavailable, 150),  # for as long as a reply is worth sending: a day
    (BackendUnavailable, 12),  # what is away comes back: an hour and more
    (InProgress, 12),  # whoever is at it ends, or is taken to be dead
    (ParseTimeout, 2),  # the machine may have been busy
    (ParseMemory, 2),
    (JobTimeout, 2),
    (SlothError, 1),  # a bad file stays bad
    (Exception, 3),  # a bug may have had its moment
)

_FIRST_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(minutes=10)


def is_worth_another_try(error: Exception, *, tries: int) -> bool:
    """Whether a job that failed so, at its `tries`th try, is tried again."""
    return tries < next(most for kind, most in _PATIENCE if isinstance(error, kind))


def pause_after(tries: int, *, chance: float) -> timedelta:
    """Four times as long after each try, so that what is away is not kept down by those who wait.

    `chance`, from 0 to 1, spreads them: between half of the pause and all of it.
    """
    pause = min(_FIRST_PAUSE * float(4 ** min(tries - 1, 9)), _LONGEST_PAUSE)
    return pause * (0.5 + chance / 2)
