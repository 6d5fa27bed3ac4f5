"""What each firm has, from now on and later."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sloth_agent.billing.granting import granted, length_in_days
from sloth_agent.billing.lifecycle import (
    Plans,
    advanced,
    canceled,
    grant_of,
    is_due,
    length_of,
    resumed,
    trial_of,
)
from sloth_agent.billing.models import Subscription
from sloth_agent.billing.plans import on_sale, to_begin_with
from sloth_agent.billing.ports import Change, Decide, Subscribed, SubscriptionStore
from sloth_agent.billing.states import BillingCycle, SubscriptionStatus
from sloth_agent.clock import Clock
from sloth_agent.errors import InvalidInput, NotFound
from sloth_agent.ids import TenantId
from sloth_agent.tenants.audit import SYSTEM, Actor, AuditEvent

MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The subscriptions of all firms."""

    store: SubscriptionStore
    clock: Clock

    async def current(self, organization: TenantId) -> Subscription | None:
        """What a firm has at this moment; None: no subscription, and therefore no limits."""
        subscription = await self.store.find(organization)
        if subscription is None or not is_due(subscription, self.clock()):
            return subscription
        return await self._follow_up(organization)

    async def activate(
        self,
        organization: TenantId,
        plan: str,
        *,
        days: int | None = None,
        cycle: BillingCycle | None = None,
        by: Actor,
    ) -> Subscription:
        """Give a firm time on a plan, such as after a bank transfer: it is taken to be paid.

        0 days are without end, and not paid; None is one month of the calendar, or one year if that
        is the cycle. What the firm has already gets no shorter: see `lifecycle.with_grant`.

        Raises:
            InvalidInput: days out of range.
            NotFound: no such organization or plan.
            Conflict: the plan is no longer sold, or the firm has it without end already.
        """
        now = self.clock()
        event = AuditEvent.of("subscription.activated", by=by, at=now, organization=organization)

        def decide(before: Subscription | None, plans: Plans) -> Change:
            bought = on_sale(plans, plan)
            present = advanced(before, plans=plans, now=now) if before else None
            wanted = cycle or (present.billing_cycle if present else BillingCycle.MONTHLY)
            if days is not None:
                time = length_in_days(days)
            else:
                time = length_of(wanted, bought, after=present, now=now)
            return granted(
                present,
                grant_of(bought, time, paid=time is not None),
                organization=organization,
                plans=plans,
                event=event,
                cycle=wanted,
            )

        return _present(await self.store.change(organization, decide))

    async def cancel(
        self, organization: TenantId, *, at_period_end: bool = True, by: Actor
    ) -> Subscription:
        """End it at once, or let what has been granted run out and nothing begin anew.

        Raises:
            NotFound: no such organization, or it has no subscription.
            Conflict: it has ended already, or has no end to wait for.
        """
        now = self.clock()
        event = AuditEvent.of("subscription.canceled", by=by, at=now, organization=organization)

        def decide(before: Subscription | None, plans: Plans) -> Change:
            present = advanced(_present(before), plans=plans, now=now)
            after = canceled(present, at_period_end=at_period_end, now=now)
            return Change.of(present, after, event)

        return _present(await self.store.change(organization, decide))

    async def resume(self, organization: TenantId, *, by: Actor) -> Subscription:
        """Take the end of a trial, or of time that was given, back before it has come.

        Raises:
            NotFound: no such organization, or it has no subscription.
            Conflict: it was not canceled, or has ended.
        """
        now = self.clock()
        event = AuditEvent.of("subscription.resumed", by=by, at=now, organization=organization)

        def decide(before: Subscription | None, plans: Plans) -> Change:
            present = advanced(_present(before), plans=plans, now=now)
            return Change.of(present, resumed(present), event)

        return _present(await self.store.change(organization, decide))

    async def list(
        self,
        *,
        status: SubscriptionStatus | None = None,
        plan: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Sequence[Subscribed]:
        """Firms with a subscription, by slug; `after` is the last slug of the page before.

        Raises:
            InvalidInput: a limit out of range.
        """
        if not 1 <= limit <= MOST_AT_ONCE:
            raise InvalidInput(f"The limit is 1 to {MOST_AT_ONCE}.", field="limit")
        await self.settle()
        return await self.store.all(status=status, plan=plan, after=after, limit=limit)

    async def settle(self) -> int:
        """Follow up all periods that have ended: renew, go on to what comes next, or end.

        Nobody has to wait for it, since `current` does the same for one firm. Returns how many.
        """
        settled = 0
        while due := await self.store.due(self.clock(), limit=MOST_AT_ONCE):
            for organization in due:
                with suppress(NotFound):  # the tenant was deleted meanwhile
                    await self._follow_up(organization)
            settled += len(due)
        return settled

    def beginning(self, plan: str | None, *, by: Actor) -> Callable[[TenantId], Decide]:
        """How a new firm begins on a plan: with its trial, or with what costs nothing.

        Without one it begins on the smallest that has a trial.
        """

        def of(organization: TenantId) -> Decide:
            event = AuditEvent.of(
                "subscription.began", by=by, at=self.clock(), organization=organization
            )

            def decide(before: Subscription | None, plans: Plans) -> Change:
                first = to_begin_with(plans) if plan is None else on_sale(plans, plan)
                return granted(
                    before,
                    trial_of(first),
                    organization=organization,
                    plans=plans,
                    event=event,
                )

            return decide

        return of

    async def _follow_up(self, organization: TenantId) -> Subscription | None:
        now = self.clock()
        event = AuditEvent.of(
            "subscription.advanced", by=SYSTEM, at=now, organization=organization
        ).by_clock(self.clock)

        def decide(before: Subscription | None, plans: Plans) -> Change | None:
            if before is None or not is_due(before, now):
                return None  # somebody else was first
            return Change.of(before, advanced(before, plans=plans, now=now), event)

        return await self.store.change(organization, decide)


def _present(subscription: Subscription | None) -> Subscription:
    if subscription is None:
        raise NotFound(
            "The tenant has no subscription.",
            hint="Give it one with `sloth admin subscriptions activate`.",
        )
    return subscription
