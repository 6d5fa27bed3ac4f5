"""Holding what we have against what the provider has, firm by firm, and bringing ours to it."""

import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import anyio

from sloth_agent.billing.lifecycle import Plans
from sloth_agent.billing.ports import PlanStore
from sloth_agent.errors import InProgress, NotFound
from sloth_agent.ids import TenantId
from sloth_agent.payments.applying import applied, is_open
from sloth_agent.payments.comparing import Difference, differences, forgotten, stranger
from sloth_agent.payments.desk import CHARGES_OF, Desk
from sloth_agent.payments.models import Charge, Handled, RemoteSubscription, Said
from sloth_agent.payments.ports import PayingFirm
from sloth_agent.tasks.running import in_words
from sloth_agent.tenants.audit import Actor

PAUSE_SECONDS = 0.1
"""Between questions: whoever pays now has the provider's attention first."""

FIRMS_AT_ONCE = 500

EVENTS_WAIT = timedelta(minutes=15)
"""What was not handled for longer than that was lost on its way to a job."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What came of it."""

    firms: int  # that were compared
    differences: Sequence[Difference]
    repaired: bool  # all those that need nobody
    failed: Mapping[str, str]  # firms, by their slugs, that could not be compared, and why
    events: Mapping[Handled | None, int]  # what became of all that we were told; None: it waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciling:
    """Compares every firm that the provider knows."""

    desk: Desk
    plans: PlanStore
    pause_seconds: float = PAUSE_SECONDS

    async def reconcile(self, *, dry_run: bool, by: Actor) -> Reconciliation:
        """Find what differs, and repair it unless a person has to decide what is right.

        Running it again, beside itself or beside customers does no harm.

        Raises:
            PaymentUnavailable: the provider does not answer; nothing was compared.
        """
        plans = {each.slug: each for each in await self.plans.all()}
        theirs = await self._subscriptions()  # first, so that whoever pays there is known here
        suspects = await self._suspects()
        firms, found, failed = 0, list[Difference](), dict[str, str]()
        async for firm in self._firms():
            firms += 1
            subscriptions = theirs.pop(firm.customer, ())
            known = firm.customer not in suspects and self._charges_are_known(firm)
            if known and not self._compared(firm, self._said(subscriptions), plans):
                continue
            try:
                charges = suspects.get(firm.customer, ())
                found += await self._brought_together(firm, plans, charges, dry_run=dry_run, by=by)
            except NotFound:
                continue  # it was deleted meanwhile
            except Exception as error:  # noqa: BLE001 - an outer edge: one firm stops no other
                _log.exception("The firm %s could not be compared.", firm.slug)
                failed[firm.slug] = in_words(error)
            await anyio.sleep(self.pause_seconds)
        others = [each for every in theirs.values() for each in every if _was_made_here(each)]
        found += [await self._recognised(each, dry_run=dry_run, by=by) for each in others]
        if not dry_run:
            await self.desk.events.give_up_on_strangers(now=self.desk.clock())
        return Reconciliation(
            firms=firms,
            differences=found,
            repaired=not dry_run,
            failed=failed,
            events=await self.desk.events.counts(),
        )

    async def _recognised(
        self, remote: RemoteSubscription, *, dry_run: bool, by: Actor
    ) -> Difference:
        """Whose a subscription of an unknown customer is: a firm here may have forgotten it."""
        try:
            organization = TenantId(UUID(remote.organization))
            async with self.desk.visit(organization) as visit:
                if visit.payer.customer is not None:
                    return stranger(remote)
                if not dry_run:
                    await visit.save(replace(visit.payer, customer=remote.customer))
                    await visit.refresh(by=by)
                return forgotten(remote)
        except (NotFound, InProgress, ValueError):
            return stranger(remote)

    async def _subscriptions(self) -> dict[str, Sequence[RemoteSubscription]]:
        """All that the provider has, by customer."""
        found = defaultdict[str, list[RemoteSubscription]](list)
        async for page in self.desk.provider.all_subscriptions():
            for each in page:
                found[each.customer].append(each)
            await anyio.sleep(self.pause_seconds)
        return dict(found)

    async def _suspects(self) -> Mapping[str, Collection[str]]:
        """Customers of whom events wait, or with charges that we know not like that: which."""
        now = self.desk.clock()
        found = defaultdict[str, set[str]](set)
        for customer in await self.desk.events.overdue(before=now - EVENTS_WAIT):
            found[customer] = set()
        async for page in self.desk.provider.all_charges(since=now - CHARGES_OF):
            for charge in await self.desk.payments.unknown(page):
                found[charge.customer].add(charge.id)
            await anyio.sleep(self.pause_seconds)
        return found

    def _charges_are_known(self, firm: PayingFirm) -> bool:
        """All of them, if those of late are."""
        return firm.asked_at is not None and firm.asked_at > self.desk.clock() - CHARGES_OF

    def _said(self, subscriptions: Sequence[RemoteSubscription]) -> Said:
        return Said(self.desk.clock(), subscriptions, charges=(), events=())

    async def _firms(self) -> AsyncIterator[PayingFirm]:
        after: str | None = None
        while page := await self.desk.payments.payers(after=after, limit=FIRMS_AT_ONCE):
            for firm in page:
                yield firm
            after = page[-1].slug

    async def _brought_together(
        self,
        firm: PayingFirm,
        plans: Plans,
        charges: Collection[str],
        *,
        dry_run: bool,
        by: Actor,
    ) -> Sequence[Difference]:
        """What differs now that nobody else changes the firm's payments."""
        async with self.desk.visit(firm.organization) as visit:
            said = await visit.ask(charges=charges)
            present = await self.desk.payments.subscription(firm.organization)
            known = await self.desk.payments.charges(firm.organization)
            found = self._compared(replace(firm, subscription=present), said, plans, known)
            if not dry_run:
                await visit.apply(said, by=by)
            return found

    def _compared(
        self, firm: PayingFirm, said: Said, plans: Plans, charges: Sequence[Charge] = ()
    ) -> Sequence[Difference]:
        now = self.desk.clock()
        after = applied(
            firm.subscription,
            said.subscriptions,
            organization=firm.organization,
            plans=plans,
            grace=self.desk.grace,
            now=now,
        )
        lost = [each for each in said.events if each.created_at < now - EVENTS_WAIT]
        return differences(
            firm.slug,
            ours=firm.subscription,
            applied=after,
            our_charges={each.id: each for each in charges},
            said=replace(said, events=lost),
        )


def _was_made_here(remote: RemoteSubscription) -> bool:
    return is_open(remote) and remote.organization is not None
