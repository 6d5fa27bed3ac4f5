"""The updates of each bot: kept until it has taken them, by asking or by post."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fakes.telegram_server.records import Bot, Json, Update
from fakes.telegram_server.refusals import Refused

DAY = 24 * 3600
UNUSUAL = ("chat_member", "message_reaction", "message_reaction_count")  # only if asked for
TAKEN_BY_WEBHOOK = (
    "can't use getUpdates method while webhook is active;"
    " use deleteWebhook to delete the webhook first"
)
TERMINATED = (
    "terminated by other getUpdates request; make sure that only one bot instance is running"
)


@dataclass(kw_only=True)
class Box:
    """One bot's."""

    next_id: int
    waiting: deque[Update] = field(default_factory=deque)
    everything: list[Update] = field(default_factory=list)
    poller: object = None  # whoever asks last; who asked before is turned away
    poller_ends: str = TERMINATED


class Mail:
    """All boxes. Methods are called with the lock held; waiting for news gives it away."""

    def __init__(self, lock: threading.RLock, stopping: threading.Event) -> None:
        self.changed = threading.Condition(lock)
        self._boxes: dict[int, Box] = {}
        self._stopping = stopping
        self.check: Callable[[Json], None] = lambda _: None
        self.posted: Callable[[Bot, Update], None] = lambda *_: None

    def box(self, bot: Bot) -> Box:
        if bot.id not in self._boxes:
            self._boxes[bot.id] = Box(next_id=100_000_000 + bot.id % 1_000 * 1_000_000)
        return self._boxes[bot.id]

    def put(self, bot: Bot, kind: str, about: Json, lane: tuple[str, int], *, at: float) -> None:
        """Nothing, where the bot does not want this kind."""
        if kind not in bot.allowed_updates and (bot.allowed_updates or kind in UNUSUAL):
            return
        box = self.box(bot)
        shown = {"update_id": box.next_id, kind: about}
        self.check(shown)
        update = Update(id=box.next_id, kind=kind, lane=lane, at=at, shown=shown)
        box.next_id += 1
        box.everything.append(update)
        box.waiting.append(update)
        if bot.webhook.url:
            self.posted(bot, update)
        self.changed.notify_all()

    def taken(self, bot: Bot, update: Update) -> None:
        box = self.box(bot)
        if update in box.waiting:
            box.waiting.remove(update)

    def drop(self, bot: Bot) -> None:
        self.box(bot).waiting.clear()

    def interrupt(self, bot: Bot, why: str) -> None:
        """Turn away whoever waits for updates now."""
        box = self.box(bot)
        box.poller, box.poller_ends = None, why
        self.changed.notify_all()

    def poll(
        self, bot: Bot, *, offset: int, limit: int, timeout: float, clock: Callable[[], float]
    ) -> list[Update]:
        """Those from an offset on; all before it are forgotten. Waits while there are none.

        Raises:
            Refused: there is a webhook, or somebody else asks meanwhile.
        """
        if bot.webhook.url:
            raise Refused(TAKEN_BY_WEBHOOK, status=409)
        box, me = self.box(bot), object()
        box.poller, box.poller_ends = me, TERMINATED
        self.changed.notify_all()
        self._forget(box, offset, expired=clock() - DAY)
        self.changed.wait_for(
            lambda: box.waiting or box.poller is not me or self._stopping.is_set(), timeout
        )
        if box.poller is not me:
            raise Refused(box.poller_ends, status=409)
        box.poller = None
        return list(box.waiting)[:limit]

    def _forget(self, box: Box, offset: int, *, expired: float) -> None:
        if offset < 0 and box.waiting:  # counted from the end
            offset = list(box.waiting)[offset:][0].id
        while box.waiting and (box.waiting[0].id < offset or box.waiting[0].at < expired):
            box.waiting.popleft()


def of_kinds(updates: Sequence[Update], kinds: Sequence[str]) -> list[Update]:
    return [each for each in updates if not kinds or each.kind in kinds]
