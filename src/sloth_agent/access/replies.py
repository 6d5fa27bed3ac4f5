"""Requests that may come again: done once, and answered the same each time."""

import hmac
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import anyio

from sloth_agent.access.models import Repeatable, Reply
from sloth_agent.access.ports import ReplyStore, Sealer
from sloth_agent.clock import Clock
from sloth_agent.errors import BackendUnavailable, IdempotencyMismatch, InProgress
from sloth_agent.ids import new_id

KEPT_FOR = timedelta(hours=24)

LEASE = timedelta(seconds=20)
"""Who does not renew it in time has died; the request may be tried again."""

RENEWED_EVERY_SECONDS = 5

RELEASE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Replies:
    """What was answered, for a day."""

    store: ReplyStore
    sealer: Sealer
    clock: Clock

    async def begin(self, request: Repeatable) -> "Reply | Held":
        """What the request was answered before; or the place for its reply.

        The place is held for 20 seconds, and for longer by whoever stays: see `Held.stay`.

        Raises:
            InProgress: the same request is being answered.
            IdempotencyMismatch: the key stands for another request.
        """
        lease, now = new_id(), self.clock()
        place = await self.store.claim(request, lease=lease, now=now, until=now + LEASE)
        if not hmac.compare_digest(place.fingerprint, request.fingerprint):
            raise IdempotencyMismatch(
                "This Idempotency-Key came with another request.", hint="Take a new key for it."
            )
        if place.sealed is not None:
            return _read(self.sealer.open(place.sealed, bound_to=_name(request)))
        if place.lease != lease:
            raise being_answered()
        return Held(self, request, lease)

    async def clean_up(self) -> int:
        """Forget what is older than a day; returns how many."""
        return await self.store.forget(now=self.clock())


@dataclass(frozen=True, slots=True)
class Held:
    """The place for a reply that somebody works out."""

    replies: Replies
    request: Repeatable
    lease: UUID

    async def stay(self) -> None:
        """Hold the place until this is cancelled."""
        store = self.replies.store
        while True:
            await anyio.sleep(RENEWED_EVERY_SECONDS)
            with suppress(BackendUnavailable):
                until = self.replies.clock() + LEASE
                await store.renew(self.request, lease=self.lease, until=until)

    async def keep(self, reply: Reply) -> None:
        """From now on the request is answered by this."""
        await self.replies.store.keep(
            self.request,
            lease=self.lease,
            status=reply.status,
            sealed=self.replies.sealer.seal(_written(reply), bound_to=_name(self.request)),
            until=self.replies.clock() + KEPT_FOR,
        )

    async def release(self) -> None:
        """Nothing came of it: let the request be tried again."""
        with anyio.move_on_after(RELEASE_SECONDS, shield=True), suppress(BackendUnavailable):
            await self.replies.store.release(self.request, lease=self.lease)


def being_answered() -> InProgress:
    """What to tell somebody who sends a request again before it is answered."""
    return InProgress(
        "The same request is being answered.", hint="Ask again.", retry_after_seconds=1
    )


def _name(request: Repeatable) -> str:
    return f"{request.caller} {request.endpoint} {request.key}"


def _written(reply: Reply) -> bytes:
    head = json.dumps({"status": reply.status, "media_type": reply.media_type}).encode()
    return head + b"\n" + reply.body


def _read(content: bytes) -> Reply:
    head, _, body = content.partition(b"\n")
    return Reply(body=body, **json.loads(head))
