"""What is done again and again, and when: the one table."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from sloth_agent.app.tenant_services import TenantServices
from sloth_agent.app.wiring import Services
from sloth_agent.clock import Clock
from sloth_agent.tasks.models import Done, PeriodicTask
from sloth_agent.tasks.running import Tasks, in_words
from sloth_agent.tasks.schedules import HOURLY, Schedule, daily, sundays
from sloth_agent.tenants.audit import SYSTEM
from sloth_agent.tenants.models import Stage

JOBS_KEPT_FOR = timedelta(days=7)
"""Records of completed jobs."""

CHANNEL_RECORDS_KEPT_FOR = timedelta(days=30)
"""What messengers told and were given. What was said in conversations is kept."""

_log = logging.getLogger(__name__)


async def follow_up_periods(services: Services) -> Done:
    """Trials, and whatever else was granted: what follows them begins, or the subscription ends."""
    return Done({"subscriptions": await services.subscriptions.settle()})


async def reconcile_payments(services: Services) -> Done:
    """Where nobody takes payments there is nothing to compare."""
    if services.backends.payments is None:
        return Done({"firms": 0})
    found = await services.paying.reconciling.reconcile(dry_run=False, by=SYSTEM)
    outcome = {
        "firms": found.firms,
        "differences": len(found.differences),
        "for_somebody": sum(each.about.needs_somebody for each in found.differences),
        "failed_tenants": len(found.failed),
    }
    return Done(outcome, found.failed)


async def remind_owners(services: Services) -> Done:
    return Done({"reminders": await services.reminding.remind()})


async def reward_referrals(services: Services) -> Done:
    return Done({"rewards": await services.referrals.reward()})


async def count_referrals(services: Services) -> Done:
    return Done({"referrals": await services.referrals.follow_up()})


async def watch_limits(services: Services) -> Done:
    notices, failed = await _in_every_tenant(services, _watch_limits_of)
    return Done({"notices": notices, "failed_tenants": len(failed)}, failed)


async def _watch_limits_of(tenant: TenantServices) -> int:
    await tenant.metering.free_expired()
    return await tenant.notices.give()


async def clean_up(services: Services) -> Done:
    files, failed = await _in_every_tenant(services, lambda tenant: tenant.leftovers.remove())
    said, failed_to_forget = await _in_every_tenant(services, _forget_what_was_said)
    failed = {**failed_to_forget, **failed}
    outcome = {
        "files": files,
        "channel_records": said,
        "folders": await services.orphans.remove(),
        "jobs": await services.job_board.forget_completed(
            before=services.backends.clock() - JOBS_KEPT_FOR
        ),
        "vacant_spaces": await services.restoring.remove_leftovers(),
        "failed_tenants": len(failed),
    }
    return Done(outcome, failed)


async def _forget_what_was_said(tenant: TenantServices) -> int:
    before = tenant.backends.clock() - CHANNEL_RECORDS_KEPT_FOR
    return await tenant.inbox_store.forget(before=before)


async def forget_expired(services: Services) -> Done:
    return Done(
        {
            "sessions": await services.sessions.clean_up(),
            "replies": await services.replies.clean_up(),
        }
    )


async def _in_every_tenant(
    services: Services, work: Callable[[TenantServices], Awaitable[int]]
) -> tuple[int, Mapping[str, str]]:
    """How much was done in all, and which tenants failed, and why: one that does stops no other.

    Firms whose making was cut short are completed on the way.
    """
    done = 0
    failed: dict[str, str] = {}
    for organization in await services.organizations.list():
        if organization.stage is not Stage.LIVE:
            continue
        try:
            await services.organizations.make_space(organization)
            done += await work(await services.of(organization))
        except Exception as error:  # noqa: BLE001 - an outer edge: whatever is wrong with this tenant
            _log.exception("A periodic task failed in the tenant %s.", organization.slug)
            failed[organization.slug] = in_words(error)
    return done, failed


_TABLE: Sequence[tuple[str, Schedule, Callable[[Services], Awaitable[Done]], str]] = (
    ("trial-expirations", daily(0), follow_up_periods, "ends trials and periods that are over"),
    (
        "billing-reconciliation",
        daily(1),
        reconcile_payments,
        "compares firms with the payment provider",
    ),
    (
        "billing-reminders",
        HOURLY,
        remind_owners,
        "tells owners that a trial ends or a payment failed",
    ),
    ("usage-limits", HOURLY, watch_limits, "tells firms that a limit is near or reached"),
    ("referral-rewards", daily(2), reward_referrals, "lifts firms that brought enough others"),
    ("referral-statistics", HOURLY, count_referrals, "finds out which referrals are active now"),
    ("access-expirations", daily(4), forget_expired, "forgets sign-ins and replies that are over"),
    ("clean-up", sundays(3), clean_up, "removes files that nothing names any more"),
)


def periodic_tasks(services: Services) -> Tasks:
    """All tasks of an install. One that is run at another time sees that time everywhere."""

    def bound(
        work: Callable[[Services], Awaitable[Done]],
    ) -> Callable[[Clock], Awaitable[Done]]:
        return lambda clock: work(services.at(clock))

    tasks = [
        PeriodicTask(name=name, schedule=schedule, does=does, work=bound(work))
        for name, schedule, work, does in _TABLE
    ]
    return Tasks(tasks, services.task_runs, services.backends.clock)
