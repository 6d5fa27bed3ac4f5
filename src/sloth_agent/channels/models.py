"""What a firm is reached by: accounts at messengers and calendars that it has connected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sloth_agent.billing.models import Feature
from sloth_agent.errors import Problem
from sloth_agent.ids import IntegrationId

LEFT_BEHIND = Problem(
    code="reconnect_required",
    message="Its credentials stayed behind where the assistant comes from. Connect it again.",
)
"""Of an integration that came out of an archive."""

TEMPLATE = "template"
"""The setting of an integration that names what the messenger lets through at any time."""


class IntegrationType(StrEnum):
    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"
    WEB = "web"  # a chat on the firm's own site
    GOOGLE_CALENDAR = "google_calendar"

    @property
    def feature(self) -> Feature | None:
        """What a plan must have for it; None: every plan has it."""
        return _FEATURES.get(self)

    @property
    def is_messenger(self) -> bool:
        """Whether a vendor carries its messages to and fro."""
        return self in (IntegrationType.TELEGRAM, IntegrationType.WHATSAPP)

    @property
    def needs_credentials(self) -> bool:
        """Whether there is an account at a vendor's; a web site needs none."""
        return self is not IntegrationType.WEB


_FEATURES: Mapping[IntegrationType, Feature] = {
    IntegrationType.TELEGRAM: Feature.TELEGRAM,
    IntegrationType.WHATSAPP: Feature.WHATSAPP,
    IntegrationType.GOOGLE_CALENDAR: Feature.CALENDAR,
}


class IntegrationStatus(StrEnum):
    PENDING = "pending"  # waits for a last step at the vendor's, such as a consent
    ACTIVE = "active"
    ERROR = "error"  # it was active, and the vendor refuses it
    DISABLED = "disabled"  # until somebody connects it again


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """One account, without what opens it."""

    id: IntegrationId
    type: IntegrationType
    status: IntegrationStatus
    settings: Mapping[str, object] = field(default_factory=dict)  # JSON; shown to the whole firm
    messages_in: int = 0
    messages_out: int = 0
    last_activity_at: datetime | None = None  # None: nothing came or went yet
    problem: Problem | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens an account at a vendor's, by the vendor's names; `str` and `repr` show nothing."""

    values: Mapping[str, str] = field(repr=False)


NO_CREDENTIALS = Credentials({})
"""Of what needs none."""
