"""Plans, what firms have of them, use and cost."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

from sloth_agent.app.bodies.values import Body, moment_of
from sloth_agent.billing.allowance import Meter, UsageReport
from sloth_agent.billing.lifecycle import terms_held
from sloth_agent.billing.margin import FirmMargin, MarginReport, Total
from sloth_agent.billing.models import Plan, Subscription
from sloth_agent.billing.notices import Notice
from sloth_agent.billing.plans import PlanOutcome
from sloth_agent.billing.ports import ListedCode
from sloth_agent.billing.referral_ports import ReferredFirm
from sloth_agent.billing.referrals import ReferralReward, ReferralStatus
from sloth_agent.billing.referring import ReferralStats


def plan_body(plan: Plan) -> Body:
    terms = plan.terms
    return {
        "slug": plan.slug,
        "name": plan.name,
        "price_monthly": str(terms.price_monthly),
        "price_yearly": str(terms.price_yearly),
        "currency": terms.currency,
        "limits": asdict(terms.limits),
        "features": sorted(terms.features),
        "max_cost_per_month": _amount(terms.max_cost_per_month),
        "trial_days": plan.trial_days,
        "is_active": plan.is_active,
    }


def plan_outcome_body(outcome: PlanOutcome) -> Body:
    return {
        "plan": outcome.plan,
        "outcome": outcome.outcome.value,
        "firms_on_old_terms": outcome.firms_on_old_terms,
        "old_terms_until": moment_of(outcome.old_terms_until),
        "unused_codes": outcome.unused_codes,
    }


def subscription_body(subscription: Subscription) -> Body:
    _, *following = terms_held(subscription)
    return {
        "plan": subscription.plan,
        "status": subscription.status.value,
        "billing_cycle": subscription.billing_cycle.value,
        "trial_end": moment_of(subscription.trial_end),
        "current_period_start": moment_of(subscription.current_period_start),
        "current_period_end": moment_of(subscription.current_period_end),
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "features": sorted(subscription.terms.features),
        "later": [{"plan": held.plan, "until": moment_of(held.until)} for held in following],
    }


def code_body(listed: ListedCode, *, now: datetime) -> Body:
    code = listed.code
    return {
        "id": str(code.id),
        "plan": code.plan,
        "days": code.duration_days,
        "status": code.status(now).value,
        "used_by": listed.used_by or (str(code.used_by) if code.used_by else None),
        "used_at": moment_of(code.used_at),
        "expires_at": moment_of(code.expires_at),
        "created_by": code.created_by,
        "created_at": moment_of(code.created_at),
    }


def usage_body(report: UsageReport) -> Body:
    return {
        "period_start": report.month.start.isoformat(),
        "period_end": report.month.end.isoformat(),
        **{meter.room.resource.value: _meter(meter) for meter in report.meters},
    }


def margin_body(report: MarginReport) -> Body:
    return {
        "month": f"{report.month:%Y-%m}",
        "firms": [_firm_margin(firm) for firm in report.firms],
        "totals": [_margin_total(total) for total in report.totals],
        "unread_databases": list(report.unread_databases),
    }


def _firm_margin(firm: FirmMargin) -> Body:
    payer = firm.payer
    return {
        "tenant": payer.slug,
        "plan": payer.plan,
        "status": payer.status.value if payer.status else None,
        "currency": firm.currency,
        "revenue": str(payer.revenue),
        "cost": _amount(firm.cost),
        "margin": _amount(firm.margin),
        "loss": firm.loss,
        "unpriced_calls": firm.unpriced_calls,
        "models": [
            {**asdict(spent), "cost": f"{spent.cost:f}", "currency": bill.currency}
            for bill in firm.bills
            for spent in bill.spent
        ],
    }


def _margin_total(total: Total) -> Body:
    return {
        "currency": total.currency,
        "firms": total.firms,
        "losses": total.losses,
        "revenue": str(total.revenue),
        "cost": _amount(total.cost),
        "margin": _amount(total.margin),
        "unpriced_calls": total.unpriced_calls,
    }


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def notice_body(notice: Notice) -> Body:
    return {
        "resource": notice.resource.value,
        "percent": notice.percent,
        "used": notice.used,
        "limit": notice.limit,
        "period_start": notice.period_start.isoformat(),
        "noticed_at": notice.noticed_at.isoformat(),
    }


def _meter(meter: Meter) -> Body:
    resets_at = meter.room.resets_at
    return {
        "limit": meter.room.limit,
        "used": meter.used,
        "reserved": meter.reserved,
        "resets_at": resets_at.isoformat() if resets_at else None,
    }


def referral_stats_body(stats: ReferralStats) -> Body:
    return {
        "code": stats.code,
        "signups": stats.counts.signups,
        **{status.value: stats.firms(status) for status in ReferralStatus},
        "rewards": stats.counts.rewards,
        "next_reward_at": stats.next_reward_at,
    }


def referral_body(firm: ReferredFirm) -> Body:
    referral = firm.referral
    return {
        "id": str(referral.organization),
        "tenant": firm.slug,
        "status": referral.status.value,
        "created_at": referral.created_at.isoformat(),
        "activated_at": moment_of(referral.activated_at),
    }


def referral_reward_body(reward: ReferralReward) -> Body:
    return {
        "step": reward.step,
        "old_plan": reward.old_plan,
        "new_plan": reward.new_plan,
        "granted_at": reward.granted_at.isoformat(),
    }
