"""The plans of an install: shown, and replaced by an operator's file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter

from sloth_agent.billing.lifecycle import Plans, terms_held
from sloth_agent.billing.models import Plan, Subscription
from sloth_agent.billing.plan_file import read_plans, write_plans
from sloth_agent.billing.ports import CodeStore, PlanStore, SubscriptionStore
from sloth_agent.clock import Clock
from sloth_agent.errors import Conflict, NotFound
from sloth_agent.tenants.audit import Actor, AuditEvent


class Outcome(StrEnum):
    """What became of a plan when a file was loaded."""

    ADDED = "added"
    CHANGED = "changed"
    MOVED = "moved"  # it stands elsewhere in the order of plans, and is the same
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"  # not in the file: nobody can begin it, who has it keeps it


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOutcome:
    plan: str
    outcome: Outcome
    firms_on_old_terms: int
    old_terms_until: datetime | None  # when the last of those firms has new ones; None: never
    unused_codes: int  # handed out or not, they give the new terms


@dataclass(frozen=True, slots=True)
class PlanCatalog:
    """What is on sale."""

    store: PlanStore
    subscriptions: SubscriptionStore
    codes: CodeStore
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
        now = self.clock()
        event = AuditEvent.of("plans.loaded", by=by, at=now, plans=[plan.slug for plan in plans])
        before = await self.store.replace(plans, event=event)
        outcomes = _outcomes(before, plans)
        running = await self.subscriptions.with_plans(outcomes)
        unused = await self.codes.unused(now)
        present = {**before, **{plan.slug: plan for plan in plans}}
        return [
            _told(present[slug], outcome, running, unused.get(slug, 0))
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


def to_begin_with(plans: Plans) -> Plan:
    """What a firm begins on that names no plan: the smallest with a trial, or one without a price.

    Raises:
        Conflict: nothing is on sale that a firm could begin on by itself.
    """
    sold = sorted((plan for plan in plans.values() if plan.is_active), key=attrgetter("step"))
    for plan in (*(each for each in sold if each.trial_days), *sold):
        if plan.trial_days or plan.terms.free:
            return plan
    raise Conflict("No plan on sale has a trial.", hint="See `sloth admin plans list`.")


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
    if before == plan:
        return Outcome.UNCHANGED
    return Outcome.MOVED if replace(before, step=plan.step) == plan else Outcome.CHANGED


def _told(
    plan: Plan, outcome: Outcome, running: Sequence[Subscription], unused_codes: int
) -> PlanOutcome:
    kept = [end for subscription in running for end in _ends_of_old_terms(subscription, plan)]
    ends = [end for end in kept if end is not None]
    return PlanOutcome(
        plan=plan.slug,
        outcome=outcome,
        firms_on_old_terms=len(kept),
        old_terms_until=max(ends) if ends and len(ends) == len(kept) else None,
        unused_codes=unused_codes,
    )


def _ends_of_old_terms(subscription: Subscription, plan: Plan) -> Sequence[datetime | None]:
    """One moment for a firm with terms of the plan that are not those of today, else none."""
    ends = [
        held.until
        for held in terms_held(subscription)
        if held.plan == plan.slug and held.terms != plan.terms
    ]
    return ends[-1:]
