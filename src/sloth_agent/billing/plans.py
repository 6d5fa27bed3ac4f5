"""The plans of an install: shown, and replaced by an operator's file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sloth_agent.billing.lifecycle import Held, Plans, terms_held
from sloth_agent.billing.models import Plan, Subscription
from sloth_agent.billing.plan_file import read_plans, write_plans
from sloth_agent.billing.ports import PlanStore, SubscriptionStore
from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.tenants.audit import Actor, AuditEvent


class Outcome(StrEnum):
    """What became of a plan when a file was loaded."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"  # not in the file: nobody can begin it, who has it keeps it


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOutcome:
    plan: str
    outcome: Outcome
    firms_on_old_terms: int
    old_terms_until: datetime | None  # when the last of those firms has new ones; None: never


@dataclass(frozen=True, slots=True)
class PlanCatalog:
    """What is on sale."""

    store: PlanStore
    subscriptions: SubscriptionStore
    clock: Clock

    async def list(self) -> Sequence[Plan]:
        """All plans, the smallest first; those withdrawn too."""
        return await self.store.all()

    async def show(self, name: str) -> Plan:
        """By its slug, or the beginning of it.

        Raises:
            NotFound: no such plan, or several.
        """
        return known({plan.slug: plan for plan in await self.store.all()}, name)

    async def load(self, text: str, *, by: Actor) -> Sequence[PlanOutcome]:
        """Replace the plans by those of a file, whole or not at all.

        What a firm has paid for it keeps: new terms count from its next period.

        Raises:
            InvalidInput: one thing that is wrong with the file, with its line.
        """
        plans = read_plans(text)
        slugs = [plan.slug for plan in plans]
        event = AuditEvent.of("plans.loaded", by=by, at=self.clock(), plans=slugs)
        before = await self.store.replace(plans, event=event)
        outcomes = _outcomes(before, plans)
        running = await self.subscriptions.with_plans(outcomes)
        now = {plan.slug: plan for plan in plans}
        return [
            _told(slug, outcome, _on_other_terms(running, now.get(slug) or before[slug]))
            for slug, outcome in outcomes.items()
        ]

    async def export(self) -> str:
        """The file that `load` reads."""
        return write_plans(await self.store.all())


def known(plans: Plans, name: str) -> Plan:
    """By its slug, or by a beginning that no other one has: `pro` is `professional`.

    Raises:
        NotFound: no such plan, or several.
    """
    slugs = [name] if name in plans else [slug for slug in plans if slug.startswith(name)]
    if len(slugs) != 1 or not name:
        raise NotFound(f"There is no plan {name!r}.", hint=f"There are: {', '.join(plans)}.")
    return plans[slugs[0]]


def on_sale(plans: Plans, name: str) -> Plan:
    """Raises:
    NotFound: no such plan.
    Conflict: nobody can begin it any more.
    """
    plan = known(plans, name)
    if not plan.is_active:
        raise Conflict(
            f"The plan {plan.slug!r} is no longer sold.", hint="See `sloth admin plans list`."
        )
    return plan


def _outcomes(before: Mapping[str, Plan], plans: Sequence[Plan]) -> dict[str, Outcome]:
    named = {plan.slug for plan in plans}
    outcomes = {plan.slug: _outcome(before.get(plan.slug), plan) for plan in plans}
    return outcomes | {
        slug: Outcome.WITHDRAWN if plan.is_active else Outcome.UNCHANGED
        for slug, plan in before.items()
        if slug not in named
    }


def _outcome(before: Plan | None, plan: Plan) -> Outcome:
    if before is None:
        return Outcome.ADDED
    return Outcome.UNCHANGED if before == plan else Outcome.CHANGED


def _on_other_terms(running: Sequence[Subscription], plan: Plan) -> Sequence[Held]:
    """For each firm with terms of this plan that are not those of today: the last such ones."""
    held = [
        [held for held in terms_held(subscription) if _differs(held, plan)]
        for subscription in running
    ]
    return [terms[-1] for terms in held if terms]


def _differs(held: Held, plan: Plan) -> bool:
    return held.plan == plan.slug and held.terms != plan.terms


def _told(slug: str, outcome: Outcome, kept: Sequence[Held]) -> PlanOutcome:
    ends = [held.until for held in kept if held.until is not None]
    return PlanOutcome(
        plan=slug,
        outcome=outcome,
        firms_on_old_terms=len(kept),
        old_terms_until=max(ends) if ends and len(ends) == len(kept) else None,
    )
