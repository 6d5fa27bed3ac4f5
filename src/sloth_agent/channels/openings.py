"""What a customer hears who asks for a person: in office hours, and outside them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sloth_agent.channels.texts import text
from sloth_agent.language import Language
from sloth_agent.tenants.hours import is_open, next_opening
from sloth_agent.tenants.profile import Profile


def promise(profile: Profile, firm: str, language: Language, *, now: datetime) -> str:
    """That somebody comes, or when."""
    zone = ZoneInfo(profile.timezone)
    if is_open(profile.office_hours, zone, now):
        return text("handed_over", language, firm=firm)
    if profile.away_text:
        return profile.away_text
    opens = next_opening(profile.office_hours, zone, now).astimezone(zone)
    return text(
        "closed", language, firm=firm, opening=_opening(opens, now.astimezone(zone), language)
    )


def _opening(opens: datetime, now: datetime, language: Language) -> str:
    """Such as `on Monday at 09:00`."""
    days = text("days", language).split("|")
    day = text("today", language) if opens.date() == now.date() else days[opens.weekday()]
    return text("at", language, day=day, time=f"{opens:%H:%M}")
