"""What a firm says of itself."""

import pytest

from sloth_agent.app.sloth import AsyncTenant
from sloth_agent.errors import InvalidInput
from sloth_agent.tenants.profile import Profile

pytestmark = pytest.mark.anyio


async def test_a_profile_changes_field_by_field(tenant: AsyncTenant) -> None:
    assert await tenant.profile() == Profile()
    await tenant.change_profile(business_name="Салон «Анна»", timezone="Europe/Warsaw")
    await tenant.change_profile(notification_email="Anna@Example.com", notify_by_telegram=True)
    changed = await tenant.change_profile(business_name="")
    assert changed == Profile(
        timezone="Europe/Warsaw", notification_email="anna@example.com", notify_by_telegram=True
    )
    assert await tenant.profile() == changed
    assert (await tenant.change_profile(notification_email="")).notification_email is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timezone", "Mars/Olympus"),
        ("timezone", "../etc/passwd"),
        ("timezone", "/etc/localtime"),
        ("timezone", ""),
        ("timezone", "Europe"),
        ("timezone", "UTC\0"),
        ("timezone", "localtime"),
        ("timezone", "europe/warsaw"),
        ("notification_email", "no address"),
        ("business_name", "two\nlines"),
        ("business_type", "x" * 201),
    ],
)
async def test_what_no_profile_holds(tenant: AsyncTenant, field: str, value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await tenant.change_profile(**{field: value})  # type: ignore[arg-type]  # one at a time
    assert caught.value.details == {"field": field}
    assert await tenant.profile() == Profile()
