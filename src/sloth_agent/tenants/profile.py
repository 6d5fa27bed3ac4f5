"""What a firm says of itself: its assistant and its calendar go by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Protocol
from zoneinfo import ZoneInfo

from sloth_agent.errors import InvalidInput
from sloth_agent.tenants.audit import Actor, TenantLog
from sloth_agent.tenants.hours import Week, checked_week
from sloth_agent.tenants.models import checked_name
from sloth_agent.tenants.users import normalised_email

LONGEST_AWAY_TEXT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One tenant's; every tenant begins with an empty one."""

    business_name: str = ""
    business_type: str = ""  # in the firm's own words, such as `hair salon`
    timezone: str = "UTC"  # IANA name; opening hours and bookings are meant in it
    notification_email: str | None = None  # None: the owner's
    notify_by_telegram: bool = False
    office_hours: Week = field(default_factory=dict)  # in its time zone; empty: always open
    away_text: str = ""  # what customers hear outside those hours; empty: our own words


class ProfileStore(Protocol):
    """The profile of one tenant."""

    async def find(self) -> Profile | None: ...

    async def save(self, profile: Profile) -> None: ...


@dataclass(frozen=True, slots=True)
class Profiles:
    """Shows and changes the profile of one tenant."""

    store: ProfileStore
    log: TenantLog

    async def show(self) -> Profile:
        return await self.store.find() or Profile()

    async def change(
        self,
        *,
        business_name: str | None = None,
        business_type: str | None = None,
        timezone: str | None = None,
        notification_email: str | None = None,
        notify_by_telegram: bool | None = None,
        by: Actor,
    ) -> Profile:
        """What is not given stays as it is; an empty e-mail address means the owner's again.

        Raises:
            InvalidInput: no time zone, no address, a name too long.
        """
        before = await self.show()
        profile = replace(
            before,
            business_name=_text(business_name, "business_name", before.business_name),
            business_type=_text(business_type, "business_type", before.business_type),
            timezone=before.timezone if timezone is None else checked_timezone(timezone),
            notification_email=_address(notification_email, before.notification_email),
            notify_by_telegram=(
                before.notify_by_telegram if notify_by_telegram is None else notify_by_telegram
            ),
        )
        return await self._changed(before, profile, by=by)

    async def change_hours(
        self,
        *,
        office_hours: Mapping[str, Sequence[Sequence[str]]] | None = None,
        away_text: str | None = None,
        by: Actor,
    ) -> Profile:
        """What is not given stays as it is; without any hours it is always open.

        Raises:
            InvalidInput: no hours, or a text that is too long.
        """
        before = await self.show()
        hours = before.office_hours if office_hours is None else checked_week(office_hours)
        text = before.away_text if away_text is None else checked_away_text(away_text)
        return await self._changed(
            before, replace(before, office_hours=hours, away_text=text), by=by
        )

    async def _changed(self, before: Profile, profile: Profile, *, by: Actor) -> Profile:
        changed = [
            field.name
            for field in fields(Profile)
            if getattr(profile, field.name) != getattr(before, field.name)
        ]
        if changed:
            await self.store.save(profile)
            await self.log.write("profile.changed", by=by, fields=changed)
        return profile


def checked_timezone(name: str) -> str:
    """Raises:
    InvalidInput: the world has no such time zone.
    """
    if not _is_timezone(name):
        raise InvalidInput(
            f"{name!r} is no time zone.", hint="Write it as Europe/Warsaw.", field="timezone"
        )
    return name


def checked_away_text(text: str) -> str:
    """Without space at its ends.

    Raises:
        InvalidInput: too long, or with control characters.
    """
    text = text.strip()
    if len(text) > LONGEST_AWAY_TEXT or not all(line.isprintable() for line in text.splitlines()):
        raise InvalidInput(
            f"The away text has at most {LONGEST_AWAY_TEXT} characters, and is nothing but text.",
            hint="Shorten it, and leave out control characters.",
            field="away_text",
        )
    return text


def _is_timezone(name: str) -> bool:
    """Names in lower case, such as `localtime`, mean what a machine happens to be set to."""
    try:
        return name[:1].isupper() and ZoneInfo(name).key == name
    except (KeyError, ValueError, OSError):  # unknown, a path, a folder
        return False


def _text(given: str | None, field: str, before: str) -> str:
    if given is None:
        return before
    return checked_name(given, field=field) if given else ""


def _address(given: str | None, before: str | None) -> str | None:
    if given is None:
        return before
    return normalised_email(given, field="notification_email") if given else None
