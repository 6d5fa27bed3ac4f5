"""Deadlines, tries and rests of outgoing calls."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from sloth_agent.adapters.openai_service import seconds_to_wait
from sloth_agent.adapters.outgoing import (
    FAILED_CALLS_UNTIL_REST,
    TRIES,
    Circuit,
    Line,
    Patience,
    TryAgain,
    unequal,
)
from sloth_agent.errors import ConfigurationError, EmbedderUnavailable

pytestmark = pytest.mark.anyio

HASTE = Patience(call_seconds=2, try_seconds=0.2, pause_seconds=0.001, rest_seconds=0.1)


class Service:
    """Fails as long as it is told to, and counts what it is asked."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.asked = 0
        self.knocked = 0

    async def attempt(self) -> str:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return "answer"

    async def knock(self) -> None:
        self.knocked += 1
        if self.failure is not None:
            raise self.failure


def line(knock: Callable[[], Awaitable[None]], patience: Patience = HASTE) -> Line:
    return Line("It", unavailable=EmbedderUnavailable, patience=patience, knock=knock)


async def fail(to: Line, service: Service, times: int) -> None:
    for _ in range(times):
        with pytest.raises(EmbedderUnavailable):
            await to.call(service.attempt)


async def test_three_tries_then_the_reason() -> None:
    service = Service(TryAgain("is moody"))
    with pytest.raises(EmbedderUnavailable, match="It is moody") as raised:
        await line(service.knock).call(service.attempt)
    assert service.asked == TRIES
    assert raised.value.details == {"backend": "It"}


async def test_what_is_not_said_to_pass_is_not_tried_again() -> None:
    service = Service(ConfigurationError("No key."))
    with pytest.raises(ConfigurationError):
        await line(service.knock).call(service.attempt)
    assert service.asked == 1


async def test_silence_counts_as_a_failed_try() -> None:
    async def silent() -> None:
        await anyio.sleep(10)

    patience = Patience(call_seconds=0.3, try_seconds=0.2, pause_seconds=0.001)
    with anyio.fail_after(1), pytest.raises(EmbedderUnavailable, match="in time"):
        await line(silent, patience).call(silent)


async def test_a_limit_of_rate_does_not_make_the_service_rest() -> None:
    service = Service(TryAgain("limits our rate", down=False))
    calls = line(service.knock)
    await fail(calls, service, 5)
    assert service.asked == 5 * TRIES


async def test_one_success_forgets_the_failures_before() -> None:
    service = Service(TryAgain("is moody"))
    calls = line(service.knock)
    for _ in range(3):
        service.failure = TryAgain("is moody")
        await fail(calls, service, FAILED_CALLS_UNTIL_REST - 1)
        service.failure = None
        assert await calls.call(service.attempt) == "answer"


async def test_after_the_rest_one_caller_looks_and_the_others_are_refused() -> None:
    service = Service(TryAgain("is down"))
    calls = line(service.knock)
    await fail(calls, service, FAILED_CALLS_UNTIL_REST)
    await anyio.sleep(HASTE.rest_seconds)
    asked = service.asked
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(fail, calls, service, 1)
    assert (service.knocked, service.asked) == (1, asked)
    service.failure = None
    await anyio.sleep(HASTE.rest_seconds)
    assert await calls.call(service.attempt) == "answer"
    assert await calls.call(service.attempt) == "answer"
    assert service.knocked == 2


async def test_a_look_that_was_cancelled_does_not_block_the_next() -> None:
    service = Service(TryAgain("is down"))
    calls = line(anyio.sleep_forever)
    await fail(calls, service, FAILED_CALLS_UNTIL_REST)
    await anyio.sleep(HASTE.rest_seconds)
    with anyio.move_on_after(0.05) as scope:
        await calls.call(service.attempt)
    assert scope.cancelled_caught
    now = 0.0
    circuit = Circuit(10, lambda: now)
    with circuit.chance() as first, circuit.chance() as second:
        assert (first, second) == (True, False)
    with circuit.chance() as third:
        assert third


def test_pauses_differ_and_are_never_shorter_than_asked() -> None:
    pauses = {unequal(0.4, None) for _ in range(50)}
    assert len(pauses) > 10
    assert all(0.2 <= pause <= 0.4 for pause in pauses)
    assert all(unequal(0.4, 7) >= 7 for _ in range(50))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "nan"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 30),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0),
    ],
)
def test_retry_after_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_to_wait(headers, lambda: 30.0) == seconds
