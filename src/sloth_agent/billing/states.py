"""In which states subscriptions and codes may be, and how firms pay."""

from enum import StrEnum


class BillingCycle(StrEnum):
    MONTHLY = "monthly"
    YEARLY = "yearly"

    @property
    def months(self) -> int:
        return 12 if self is BillingCycle.YEARLY else 1


class SubscriptionStatus(StrEnum):
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"  # a payment failed and is tried again
    CANCELED = "canceled"  # the firm wanted no more
    UNPAID = "unpaid"  # what was granted has run out

    @property
    def alive(self) -> bool:
        """Whether the firm is served; while a payment is tried again it still is."""
        return self not in (SubscriptionStatus.CANCELED, SubscriptionStatus.UNPAID)


class CodeStatus(StrEnum):
    UNUSED = "unused"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"
