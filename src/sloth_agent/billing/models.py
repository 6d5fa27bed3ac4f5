"""What firms buy, and what they have bought."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sloth_agent.billing.periods import Period, month_around
from sloth_agent.billing.states import BillingCycle, CodeStatus, SubscriptionStatus
from sloth_agent.ids import TenantId

BYTES_IN_MB = 1024 * 1024


class Feature(StrEnum):
    """What a plan has or has not."""

    API = "api"
    CALENDAR = "calendar"
    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a firm may have and use; None: as much as it likes."""

    max_users: int | None
    max_documents: int | None
    max_photos_per_month: int | None
    max_messages_per_month: int | None
    max_storage_mb: int | None  # of 1,048,576 bytes

    @property
    def users(self) -> int | None:
        return self.max_users

    @property
    def documents(self) -> int | None:
        return self.max_documents

    @property
    def photos(self) -> int | None:
        return self.max_photos_per_month

    @property
    def messages(self) -> int | None:
        return self.max_messages_per_month

    @property
    def storage_bytes(self) -> int | None:
        return None if self.max_storage_mb is None else self.max_storage_mb * BYTES_IN_MB


NO_LIMITS = Limits(
    max_users=None,
    max_documents=None,
    max_photos_per_month=None,
    max_messages_per_month=None,
    max_storage_mb=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a plan gives, and its price. A firm keeps those under which it bought."""

    limits: Limits
    features: frozenset[Feature]
    price_monthly: Decimal
    price_yearly: Decimal
    currency: str  # ISO 4217, such as EUR
    max_cost_per_month: Decimal | None = None  # of models; None: whatever they cost

    @property
    def free(self) -> bool:
        """What costs nothing begins anew by itself, month by month."""
        return self.price_monthly == 0 and self.price_yearly == 0

    def price_in(self, cycle: BillingCycle) -> Decimal:
        """Of one period, in `currency`."""
        return self.price_yearly if cycle is BillingCycle.YEARLY else self.price_monthly


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What can be bought today."""

    slug: str
    name: str
    step: int  # from 1, the smallest plan; a larger step is a higher plan
    terms: Terms
    trial_days: int
    is_active: bool = True  # False: nobody can begin it any more, who has it keeps it


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Time on a plan that a firm has been given and that has not begun yet."""

    plan: str
    terms: Terms
    length: timedelta | None  # None: for ever
    trial: bool = False
    paid: bool = False  # False: a trial, or given without a payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What a firm buys through a payment provider, as it was there when we last looked."""

    id: str  # the provider's
    plan: str
    terms: Terms  # with the price that the provider charges
    status: SubscriptionStatus
    billing_cycle: BillingCycle
    anchor: datetime  # its months are counted from here
    period_start: datetime
    period_end: datetime
    serves_until: datetime  # unless the provider says something new
    trial_start: datetime | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = None

    def serves(self, now: datetime) -> bool:
        """Whether the firm has it at this moment."""
        return self.status.alive and now < self.serves_until

    @property
    def served_until(self) -> datetime:
        """When it stopped serving, of one that does not any more."""
        if self.status is SubscriptionStatus.CANCELED and self.canceled_at is not None:
            return min(self.serves_until, self.canceled_at)
        return self.serves_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What one firm has now, and what follows. Moments are in UTC."""

    organization: TenantId
    plan: str
    terms: Terms
    status: SubscriptionStatus
    billing_cycle: BillingCycle
    anchor: datetime  # when this plan began; its months are counted from here
    current_period_start: datetime
    current_period_end: datetime | None  # None: it does not end
    trial_start: datetime | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = None
    later: tuple[Grant, ...] = ()  # in the order in which they begin
    paid: bool = False  # the current period; False: a trial, or given without a payment
    purchase: Purchase | None = None  # None: nothing is bought through a provider
    bought: bool = False  # the current period is that of the purchase

    @property
    def follow_up_at(self) -> datetime | None:
        """When something else begins if nothing new is heard until then; None: never."""
        if self.bought and self.purchase is not None:
            return self.purchase.serves_until
        return self.current_period_end

    @property
    def ended_at(self) -> datetime | None:
        """When the firm was served no more; None: it is served."""
        if self.status.alive:
            return None
        if self.bought and self.purchase is not None:
            return self.purchase.served_until
        return self.current_period_end

    @property
    def leaves_what_was_given(self) -> bool:
        """Whether a trial, or time that was given, runs out since the firm wants no more."""
        return self.status.alive and self.cancel_at_period_end and not self.bought

    @property
    def is_owed(self) -> bool:
        """Whether a payment that has not come is all that keeps the firm from being served."""
        if self.status is not SubscriptionStatus.UNPAID or self.purchase is None:
            return False
        return self.purchase.status is not SubscriptionStatus.CANCELED

    @property
    def limits(self) -> Limits:
        return self.terms.limits

    def month(self, now: datetime) -> Period:
        """The month in which usage is counted now."""
        return month_around(now, anchor=self.anchor)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationCode:
    """Gives a firm time on a plan without a payment, once. The code itself is not kept."""

    id: UUID
    plan: str
    duration_days: int  # 0: without end
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None  # None: it can be used as long as the install lives
    used_by: TenantId | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def status(self, now: datetime) -> CodeStatus:
        if self.used_at is not None:
            return CodeStatus.USED
        if self.revoked_at is not None:
            return CodeStatus.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return CodeStatus.EXPIRED
        return CodeStatus.UNUSED
