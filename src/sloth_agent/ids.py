"""Identifiers: one type for each kind of thing, unguessable and ordered by time."""

import os
import threading
import time
from typing import NewType
from uuid import UUID

TenantId = NewType("TenantId", UUID)
UserId = NewType("UserId", UUID)
DocumentId = NewType("DocumentId", UUID)
PhotoId = NewType("PhotoId", UUID)
ChunkId = NewType("ChunkId", UUID)
ConversationId = NewType("ConversationId", UUID)
MessageId = NewType("MessageId", UUID)
JobId = NewType("JobId", UUID)
SessionId = NewType("SessionId", UUID)
ApiKeyId = NewType("ApiKeyId", UUID)
IntegrationId = NewType("IntegrationId", UUID)
ChatId = NewType("ChatId", UUID)
ChatFileId = NewType("ChatFileId", UUID)
EventId = NewType("EventId", UUID)
OutgoingId = NewType("OutgoingId", UUID)


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562): 60 bits of time, then 62 random bits.

    Ids made by one process follow each other, so that an answer sorts after its question.
    """
    return _id(os.urandom(8))


def new_ids(count: int) -> list[UUID]:
    """As many, with one look at the source of randomness: it costs more than all the rest."""
    noise = os.urandom(8 * count)
    return [_id(noise[start : start + 8]) for start in range(0, len(noise), 8)]


def _id(noise: bytes) -> UUID:
    milliseconds, fraction = divmod(_ticks.next(), 4096)
    random = int.from_bytes(noise, "big") >> 2
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random)


class _Ticks:
    """Moments in 4096ths of a millisecond; none comes twice, even where the clock is coarse."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() * 4096 // 1_000_000)
            return self._last


_ticks = _Ticks()
