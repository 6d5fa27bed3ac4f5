"""What Telegram says of a webhook, as causes and cures."""

import pytest

from sloth_agent.adapters.channels.telegram_checks import findings
from sloth_agent.adapters.channels.telegram_sdk import telegram

URL = "https://sloth.test/hook"


def wrong_with(
    *, url: str = URL, waiting: int = 0, failure: str | None = None, public: str | None = URL
) -> dict[str, str]:
    me = telegram.User(id=7, first_name="Salon", is_bot=True, username="salon_bot")
    hook = telegram.WebhookInfo(
        url=url,
        has_custom_certificate=False,
        pending_update_count=waiting,
        last_error_message=failure,
    )
    return {
        finding.name: f"{finding.message} {finding.hint}"
        for finding in findings(me, hook, public)
        if not finding.is_well
    }


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
    [told] = wrong_with(failure=failure).values()
    assert failure in told
    assert cure in told


def test_where_it_is_told() -> None:
    assert wrong_with() == {}
    assert "connect telegram" in wrong_with(url="")["webhook"]
    assert "elsewhere.test" in wrong_with(url="https://elsewhere.test")["webhook"]
    assert "PUBLIC_URL" in wrong_with(public=None)["webhook"]
    assert wrong_with(url="", public=None) == {}


def test_what_waits() -> None:
    assert wrong_with(waiting=99) == {}
    assert "sloth serve" in wrong_with(waiting=100)["pending"]
