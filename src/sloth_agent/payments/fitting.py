"""Whether a plan has room for what a firm has stored."""

from collections.abc import Sequence

from sloth_agent.billing.allowance import Meter, UsageReport
from sloth_agent.billing.models import Plan
from sloth_agent.errors import Conflict


def refuse_what_does_not_fit(plan: Plan, report: UsageReport) -> None:
    """Raises:
    Conflict: the firm uses more than the plan has; the hint says what to free.
    """
    too_much = [
        f"{_over(meter, plan)} {meter.room.resource.value.replace('_', ' ')}"
        for meter in _lasting(report)
        if _over(meter, plan) > 0
    ]
    if too_much:
        raise Conflict(
            f"The firm uses more than the plan {plan.slug!r} has.",
            hint=f"Free {' and '.join(too_much)} first.",
        )


def _lasting(report: UsageReport) -> Sequence[Meter]:
    """What is used up by the month is there again with the next one."""
    return [meter for meter in report.meters if not meter.room.resource.is_monthly]


def _over(meter: Meter, plan: Plan) -> int:
    limit: int | None = getattr(plan.terms.limits, meter.room.resource)
    return 0 if limit is None else meter.used - limit
