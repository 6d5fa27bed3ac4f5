"""What Telegram says of a webhook, as causes and cures."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from sloth_agent.adapters.channels.telegram_checks import findings
from sloth_agent.adapters.channels.telegram_sdk import telegram
from sloth_agent.channels.messages import Finding
from sloth_agent.clock import SetClock

URL = "https://sloth.test/hook"
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


def found_with(
    *,
    url: str = URL,
    waiting: int = 0,
    failure: str | None = None,
    failed_before: timedelta = timedelta(minutes=5),
    public: str | None = URL,
) -> Sequence[Finding]:
    me = telegram.User(id=7, first_name="Salon", is_bot=True, username="salon_bot")
    hook = telegram.WebhookInfo(
        url=url,
        has_custom_certificate=False,
        pending_update_count=waiting,
        last_error_date=NOW - failed_before if failure else None,
        last_error_message=failure,
    )
    return findings(me, hook, public, clock=SetClock(NOW))


def wrong(found: Sequence[Finding]) -> dict[str, str]:
    return {each.name: f"{each.message} {each.hint}" for each in found if not each.is_well}


@pytest.mark.parametrize(
    ("failure", "cure"),
    [
        ("SSL error {error:1416F086:certificate verify failed}", "certificate"),
        ("Wrong response from the webhook: 403 Forbidden", "The secret is another one"),
        ("Wrong response from the webhook: 404 Not Found", "not this install that answers"),
        ("Failed to resolve host: Name or service not known", "not known to DNS"),
        ("Connection timed out", "Nothing answers at PUBLIC_URL"),
        ("Connection refused", "Nothing answers at PUBLIC_URL"),
        ("Wrong response from the webhook: 502 Bad Gateway", "log of `sloth serve`"),
    ],
)
def test_what_could_not_be_delivered(failure: str, cure: str) -> None:
    [told] = wrong(found_with(failure=failure)).values()
    assert failure in told
    assert cure in told


DAY = timedelta(days=1)


def test_a_failure_that_is_over_is_told_with_its_date() -> None:
    """Telegram tells the last one for ever, and after one restart nothing would be well again."""
    found = found_with(failure="Connection refused", failed_before=DAY)
    assert wrong(found) == {}
    [told] = [each.message for each in found if each.name == "delivery"]
    assert "on 2026-11-01 at 09:00 UTC: Connection refused" in told


@pytest.mark.parametrize(("failed_before", "waiting"), [(timedelta(minutes=59), 0), (DAY, 1)])
def test_a_failure_is_not_over(failed_before: timedelta, waiting: int) -> None:
    """While it is recent, or something waits for its end."""
    found = found_with(failure="Connection refused", failed_before=failed_before, waiting=waiting)
    assert "Connection refused" in wrong(found)["delivery"]


def test_where_it_is_told() -> None:
    assert wrong(found_with()) == {}
    assert "connect telegram" in wrong(found_with(url=""))["webhook"]
    assert "elsewhere.test" in wrong(found_with(url="https://elsewhere.test"))["webhook"]
    assert "PUBLIC_URL" in wrong(found_with(public=None))["webhook"]
    assert wrong(found_with(url="", public=None)) == {}


def test_what_waits() -> None:
    assert wrong(found_with(waiting=99)) == {}
    assert "sloth serve" in wrong(found_with(waiting=100))["pending"]
