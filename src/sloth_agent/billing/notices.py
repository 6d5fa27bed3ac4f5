"""Tells a firm that a limit is near, or reached."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sloth_agent.billing.allowance import Meter, Resource, UsageReport
from sloth_agent.billing.usage import Metering
from sloth_agent.clock import Clock
from sloth_agent.errors import BackendUnavailable
from sloth_agent.tenants.account_ports import Mailer

PERCENTS = (100, 80)
"""Of the limit: the highest that is reached is told."""

MAILING_TIME = timedelta(minutes=10)
"""Who has not finished a mail after that died over it: somebody else may try."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """So much of one thing was used when somebody looked."""

    resource: Resource
    period_start: datetime
    percent: int  # 80 or 100
    used: int
    limit: int
    noticed_at: datetime


class NoticeStore(Protocol):
    """The notices of one tenant. Each method is one transaction."""

    async def add(self, notice: Notice) -> bool:
        """False: this was told in this period already."""

    async def all(self, *, limit: int) -> Sequence[Notice]:
        """Newest first."""

    async def claim_mails(
        self, *, period_start: datetime, now: datetime, until: datetime
    ) -> Sequence[Notice]:
        """Notices of a period that were not mailed yet; until then nobody else gets them."""

    async def mailed(self, notices: Sequence[Notice], *, at: datetime) -> None: ...


class Addressees(Protocol):
    """Who hears of one firm's limits."""

    async def addresses(self) -> Sequence[str]:
        """E-mail addresses; none where nobody signs in."""


@dataclass(frozen=True, slots=True)
class LimitNotices:
    """Notices for one tenant's owner: kept, and mailed where a mail server is configured."""

    metering: Metering
    store: NoticeStore
    addressees: Addressees
    mailer: Mailer | None
    clock: Clock

    async def list(self, *, limit: int = 50) -> Sequence[Notice]:
        """Newest first."""
        return await self.store.all(limit=limit)

    async def give(self) -> int:
        """Leave a notice for each limit that is near or reached, once in each month.

        Returns how many are new. Running it again, or beside itself, tells nothing twice.
        """
        report = await self.metering.report()
        notices = [
            _notice(meter, percent, report, now=self.clock())
            for meter in report.meters
            if (percent := _reached(meter)) is not None
        ]
        added = [await self.store.add(notice) for notice in notices]
        await self._mail(report)
        return sum(added)

    async def _mail(self, report: UsageReport) -> None:
        if self.mailer is None:
            return
        now = self.clock()
        claimed = await self.store.claim_mails(
            period_start=report.month.start, now=now, until=now + MAILING_TIME
        )
        addresses = await self.addressees.addresses() if claimed else ()
        if not addresses:
            return
        text = "\n\n".join(_words(notice, report) for notice in claimed)
        try:
            for address in addresses:
                await self.mailer.send(address, subject="Your plan's limits", text=text)
        except BackendUnavailable as error:
            _log.warning("A notice waits for the next hour: %s", error.message)
            return
        await self.store.mailed(claimed, at=now)


def _reached(meter: Meter) -> int | None:
    return next((percent for percent in PERCENTS if meter.reached(percent)), None)


def _notice(meter: Meter, percent: int, report: UsageReport, *, now: datetime) -> Notice:
    assert meter.room.limit is not None, "where there is no limit, none is near"
    return Notice(
        resource=meter.room.resource,
        period_start=report.month.start,
        percent=percent,
        used=meter.used,
        limit=meter.room.limit,
        noticed_at=now,
    )


def _words(notice: Notice, report: UsageReport) -> str:
    """For the owner: what is used, and what happens now."""
    name = notice.resource.value.replace("_", " ")
    used = f"{notice.used} of {notice.limit} {name} are used."
    if notice.percent < 100:
        return f"{used} When all are, no more are taken; a higher plan has more."
    if notice.resource.is_monthly:
        return f"{used} No more are taken before {report.month.end:%Y-%m-%d %H:%M} UTC."
    return f"{used} No more are taken until some are deleted; a higher plan has more."
